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
        [](int scalar, int id, int reduce, uintptr_t indptr, uintptr_t indices, uintptr_t values, uintptr_t scale,
           uintptr_t x, int64_t num_x, int64_t num_rows, int64_t heads, int64_t columns, uintptr_t out, uintptr_t arg,
           int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    spmm<T, Id>({at<const int64_t>(indptr), at<const Id>(indices), at<const T>(values),
                                 at<const T>(scale), at<const T>(x), num_rows, heads, columns,
                                 static_cast<Reduce>(reduce), at<T>(out), at<int32_t>(arg), num_x},
                                num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "reduce"_a, "indptr"_a, "indices"_a, "values"_a, "scale"_a, "x"_a, "num_x"_a, "num_rows"_a,
        "heads"_a, "columns"_a, "out"_a, "arg"_a, "num_threads"_a, Released());
    m.def(
        "spmm_extreme_backward",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t values, uintptr_t arg, uintptr_t grad,
           int64_t num_rows, int64_t heads, int64_t columns, uintptr_t out, int num_threads) {
            with_wide_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    spmm_extreme_backward<T, Id>(at<const int64_t>(indptr), at<const Id>(indices), at<const T>(values),
                                                 at<const int32_t>(arg), at<const T>(grad), num_rows, heads, columns,
                                                 at<T>(out), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "values"_a, "arg"_a, "grad"_a, "num_rows"_a, "heads"_a,
        "columns"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "sddmm",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t x, uintptr_t y, int64_t num_rows,
           int64_t heads, int64_t columns, uintptr_t out, int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    sddmm<T, Id>({at<const int64_t>(indptr), at<const Id>(indices), at<const T>(x), at<const T>(y),
                                  num_rows, heads, columns, at<T>(out)},
                                 num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "x"_a, "y"_a, "num_rows"_a, "heads"_a, "columns"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "group_by_key",
        [](int id, uintptr_t keys, uintptr_t from, int64_t n, int64_t num_keys, uintptr_t indptr, uintptr_t order,
           int num_threads) {
            int64_t bad = -1;
            with_id(id, [&]<class Id>(Id) {
                bad = group_by_key<Id>(at<const Id>(keys), at<const int64_t>(from), n, num_keys, at<int64_t>(indptr),
                                       at<int64_t>(order), num_threads);
            });
            return bad;
        },
        "id"_a, "keys"_a, "from_order"_a, "n"_a, "num_keys"_a, "indptr"_a, "order"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
