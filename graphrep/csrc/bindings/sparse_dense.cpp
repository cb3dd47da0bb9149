// Products of a sparse matrix with dense ones, and the sort that turns a matrix around.
#include "../grouping.hpp"
#include "../scalars.hpp"
#include "../sddmm.hpp"
#include "../spmm.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_sparse_dense(nb::module_& m) {
    m.def(
        "spmm",
        [](int scalar, int id, int reduce, Tensor indptr, Tensor indices, Tensor values, Tensor x, int64_t num_x,
           int64_t num_rows, int64_t heads, int64_t columns, Tensor out, Tensor arg, Threads num_threads) {
            if (reduce < 0 || reduce > int(Reduce::min)) bad_argument("reduce must be sum, mean, max or min.");
            const int64_t results = product({num_rows, heads, columns});
            if (results == 0) return;
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const int64_t entries = indices.size<Id>();
                    spmm<T, Id>({indptr.at<const int64_t>("indptr", product({num_rows}) + 1),
                                 indices.at<const Id>("indices", entries),
                                 values.maybe<const T>("values", product({entries, heads})), nullptr,
                                 x.at<const T>("x", product({num_x, heads, columns})), num_rows, heads, columns,
                                 static_cast<Reduce>(reduce), out.at<T>("out", results),
                                 arg.maybe<int32_t>("arg", results), num_x, entries},
                                num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "reduce"_a, "indptr"_a, "indices"_a, "values"_a.none(), "x"_a, "num_x"_a, "num_rows"_a,
        "heads"_a, "columns"_a, "out"_a, "arg"_a.none(), "num_threads"_a, Released());
    m.def(
        "spmm_extreme_backward",
        [](int scalar, int id, Tensor indptr, Tensor indices, Tensor values, Tensor arg, Tensor grad, int64_t num_rows,
           int64_t num_x, int64_t heads, int64_t columns, Tensor out, Threads num_threads) {
            with_wide_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const int64_t entries = indices.size<Id>(), results = product({num_rows, heads, columns});
                    spmm_extreme_backward<T, Id>(
                        indptr.at<const int64_t>("indptr", product({num_rows}) + 1),
                        indices.at<const Id>("indices", entries),
                        values.maybe<const T>("values", product({entries, heads})),
                        arg.at<const int32_t>("arg", results), grad.at<const T>("grad", results), num_rows, entries,
                        num_x, heads, columns, out.at<T>("out", product({num_x, heads, columns})), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "values"_a.none(), "arg"_a, "grad"_a, "num_rows"_a, "num_x"_a,
        "heads"_a, "columns"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "sddmm",
        [](int scalar, int id, Tensor indptr, Tensor indices, Tensor x, Tensor y, int64_t num_rows, int64_t num_y,
           int64_t heads, int64_t columns, Tensor out, Threads num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    const int64_t entries = indices.size<Id>();
                    if (entries == 0 || heads == 0) return;
                    sddmm<T, Id>({indptr.at<const int64_t>("indptr", product({num_rows}) + 1),
                                  indices.at<const Id>("indices", entries),
                                  x.at<const T>("x", product({num_rows, heads, columns})),
                                  y.at<const T>("y", product({num_y, heads, columns})), num_rows, heads, columns,
                                  out.at<T>("out", product({entries, heads})), entries, num_y},
                                 num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "x"_a, "y"_a, "num_rows"_a, "num_y"_a, "heads"_a, "columns"_a,
        "out"_a, "num_threads"_a, Released());
    m.def(
        "group_by_key",
        [](int id, Tensor keys, Tensor from, int64_t num_keys, Tensor indptr, Tensor order, Threads num_threads) {
            int64_t bad = -1;
            with_id(id, [&]<class Id>(Id) {
                const int64_t n = keys.size<Id>();
                bad = group_by_key<Id>(keys.at<const Id>("keys", n), from.maybe<const int64_t>("from_order", n), n,
                                       num_keys, indptr.at<int64_t>("indptr", product({num_keys}) + 1),
                                       order.at<int64_t>("order", n), num_threads);
            });
            return bad;
        },
        "id"_a, "keys"_a, "from_order"_a.none(), "num_keys"_a, "indptr"_a, "order"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
