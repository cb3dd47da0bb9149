#include "../attention.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_attention(nb::module_& m) {
    m.def(
        "attention",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t query, uintptr_t key, uintptr_t row_score,
           uintptr_t col_score, uintptr_t value, double scale, int64_t num_rows, int64_t heads, int64_t key_columns,
           int64_t columns, int pass, uintptr_t grad, uintptr_t log_sum, uintptr_t delta, uintptr_t out, uintptr_t out2,
           int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const Attention<T, Id> task{at<const int64_t>(indptr),
                                                at<const Id>(indices),
                                                at<const T>(query),
                                                at<const T>(key),
                                                at<const T>(row_score),
                                                at<const T>(col_score),
                                                at<const T>(value),
                                                scale,
                                                num_rows,
                                                heads,
                                                key_columns,
                                                columns,
                                                at<T>(out),
                                                at<double>(log_sum)};
                    if (pass == 0)
                        attention<T, Id>(task, num_threads);
                    else if (pass == 1)
                        attention_backward_rows<T, Id>(task, at<const T>(grad), at<T>(out), at<double>(delta),
                                                       num_threads);
                    else
                        attention_backward_columns<T, Id>(task, at<const T>(grad), at<const double>(delta), at<T>(out),
                                                          at<T>(out2), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "query"_a, "key"_a, "row_score"_a, "col_score"_a, "value"_a,
        "scale"_a, "num_rows"_a, "heads"_a, "key_columns"_a, "columns"_a, "pass_"_a, "grad"_a, "log_sum"_a, "delta"_a,
        "out"_a, "out2"_a, "num_threads"_a, Released());
    m.def(
        "edge_softmax",
        [](int scalar, uintptr_t indptr, uintptr_t s, uintptr_t grad, int64_t num_rows, int64_t heads, uintptr_t out,
           int num_threads) {  // with a gradient, s holds probabilities, and the gradient of the scores comes out
            with_float(scalar, [&]<class T>(T) {
                if (grad)
                    edge_softmax_backward<T>(at<const int64_t>(indptr), at<const T>(s), at<const T>(grad), num_rows,
                                             heads, at<T>(out), num_threads);
                else
                    edge_softmax<T>(at<const int64_t>(indptr), at<const T>(s), num_rows, heads, at<T>(out),
                                    num_threads);
            });
        },
        "scalar"_a, "indptr"_a, "s"_a, "grad"_a, "num_rows"_a, "heads"_a, "out"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
