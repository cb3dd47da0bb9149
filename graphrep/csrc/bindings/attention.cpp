#include "../attention.hpp"

#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_attention(nb::module_& m) {
    m.def(
        "attention",
        [](int scalar, int id, Tensor indptr, Tensor indices, Tensor query, Tensor key, Tensor row_score,
           Tensor col_score, Tensor value, double scale, int64_t num_rows, int64_t num_cols, int64_t heads,
           int64_t key_columns, int64_t columns, int pass, Tensor grad, Tensor log_sum, Tensor delta, Tensor out,
           Tensor out2, Threads num_threads) {
            if (pass < 0 || pass > 2) bad_argument("pass_ must be 0, 1 or 2.");
            if (num_rows == 0 || heads == 0) return;
            // In the pass over columns the task describes the transpose, so that the operands change sides.
            const int64_t sources = pass == 2 ? num_rows : num_cols, targets = pass == 2 ? num_cols : num_rows;
            const bool dot = key_columns >= 0;
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const int64_t entries = indices.size<Id>();
                    const int64_t by_source = product({sources, heads}), by_target = product({targets, heads});
                    const int64_t width = dot ? key_columns : 1;
                    const int64_t source_keys = product({by_source, width}), target_keys = product({by_target, width});
                    const int64_t source_values = product({by_source, columns});
                    const int64_t target_values = product({by_target, columns});
                    const T* q = dot ? query.at<const T>("query", target_keys) : nullptr;
                    const T* k = dot ? key.at<const T>("key", source_keys) : nullptr;
                    const T* r = dot ? nullptr : row_score.at<const T>("row_score", by_target);
                    const T* c = dot ? nullptr : col_score.at<const T>("col_score", by_source);
                    const Attention<T, Id> task{indptr.at<const int64_t>("indptr", product({num_rows}) + 1),
                                                indices.at<const Id>("indices", entries),
                                                q,
                                                k,
                                                r,
                                                c,
                                                value.at<const T>("value", source_values),
                                                scale,
                                                num_rows,
                                                heads,
                                                key_columns,
                                                columns,
                                                out.at<T>("out", pass == 0   ? target_values
                                                                 : pass == 1 ? target_keys
                                                                             : source_keys),
                                                log_sum.at<double>("log_sum", by_target),
                                                entries,
                                                num_cols};
                    if (pass == 0) return attention<T, Id>(task, num_threads);
                    const T* g = grad.at<const T>("grad", target_values);
                    double* d = delta.at<double>("delta", by_target);
                    if (pass == 1)
                        attention_backward_rows<T, Id>(task, g, task.out, d, num_threads);
                    else
                        attention_backward_columns<T, Id>(task, g, d, task.out, out2.at<T>("out2", source_values),
                                                          num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "query"_a.none(), "key"_a.none(), "row_score"_a.none(),
        "col_score"_a.none(), "value"_a, "scale"_a, "num_rows"_a, "num_cols"_a, "heads"_a, "key_columns"_a, "columns"_a,
        "pass_"_a, "grad"_a.none(), "log_sum"_a, "delta"_a.none(), "out"_a, "out2"_a.none(), "num_threads"_a,
        Released());
    m.def(
        "edge_softmax",
        [](int scalar, Tensor indptr, Tensor s, Tensor grad, int64_t num_rows, int64_t heads, Tensor out,
           Threads num_threads) {  // with a gradient, s holds probabilities, and the gradient of the scores comes out
            if (heads < 1) bad_argument("heads must be at least 1.");
            with_float(scalar, [&]<class T>(T) {
                const int64_t entries = s.size<T>() / heads, size = entries * heads;
                if (size == 0) return;
                const int64_t* offsets = indptr.at<const int64_t>("indptr", product({num_rows}) + 1);
                const T* in = s.at<const T>("s", size);
                if (grad)
                    edge_softmax_backward<T>(offsets, in, grad.at<const T>("grad", size), num_rows, entries, heads,
                                             out.at<T>("out", size), num_threads);
                else
                    edge_softmax<T>(offsets, in, num_rows, entries, heads, out.at<T>("out", size), num_threads);
            });
        },
        "scalar"_a, "indptr"_a, "s"_a, "grad"_a.none(), "num_rows"_a, "heads"_a, "out"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
