#include "../projection.hpp"
#include "../csr_query.hpp"
#include "../spmm.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class T, class Id>
void check_sizes(const In<int64_t>& indptr, const In<Id>& indices, const MaybeIn<float>& weights,
                 const MaybeIn<float>& scale, const Out<T, 2>& y) {
    check_equal(y.shape(0), size_t(rows_of(indptr)), "y must have one row per row of the graph.");
    if (weights) check_equal(weights->size(), indices.size(), "weights must have one entry per index.");
    if (scale) check_equal(scale->size(), y.shape(0), "scale must have one entry per row.");
}

void check_projection(size_t rows, size_t stored, int64_t columns, int64_t first, const MaybeIn<float>& row_scale,
                      const MaybeIn<uint64_t>& keys, const In<double>& counts) {
    if (first < 0 || columns < 0 || first > columns - int64_t(stored))
        bad_argument("the columns that are written must lie in [0, columns).");
    if (row_scale) check_equal(row_scale->size(), rows, "row_scale must have one entry per row.");
    if (keys) check_equal(keys->size(), rows, "keys must have one entry per row.");
    check_equal(counts.size(), size_t(columns) + 1, "counts must have one entry more than there are columns.");
}

template <class T, class Id>
void bind_products_of(nb::module_& m) {
    m.def(
        "propagate",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, In<T, 2> x, Out<T, 2> y,
           float own, float before, Threads num_threads) {
            check_equal(y.shape(1), x.shape(1), "x and y must have the same number of columns.");
            if (own != 0 && x.shape(0) < y.shape(0)) bad_argument("x must have a row for each row of y.");
            check_sizes(indptr, indices, weights, scale, y);
            spmm<T, Id, float>({indptr.data(), indices.data(), pointer(weights), pointer(scale), x.data(),
                                int64_t(y.shape(0)), 1, int64_t(y.shape(1)), Reduce::sum, y.data(), nullptr,
                                int64_t(x.shape(0)), int64_t(indices.size()), own, before},
                               num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "x"_a.noconvert(), "y"_a.noconvert(), "own"_a, "before"_a, "num_threads"_a, Released());
    m.def(
        "spmm_projection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, MaybeIn<float> row_scale,
           MaybeIn<uint64_t> keys, In<double> counts, float magnitude, uint64_t seed, int64_t columns,
           int64_t first_column, Out<T, 2> y, Threads num_threads) {
            check_sizes(indptr, indices, weights, scale, y);
            const size_t nodes = keys ? keys->size() : y.shape(0);  // some of which may have no row here
            check_projection(nodes, y.shape(1), columns, first_column, row_scale, keys, counts);
            check_csr<Id>(indptr.data(), nullptr, rows_of(indptr), int64_t(indices.size()), 0, num_threads);
            spmm_projection<T, Id>(
                {columns, first_column, int64_t(y.shape(1)), counts.data(), pointer(keys), seed, magnitude},
                indptr.data(), indices.data(), pointer(weights), pointer(scale), pointer(row_scale),
                int64_t(y.shape(0)), int64_t(nodes), y.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "row_scale"_a.noconvert().none(), "keys"_a.noconvert().none(), "counts"_a.noconvert(), "magnitude"_a, "seed"_a,
        "columns"_a, "first_column"_a, "y"_a.noconvert(), "num_threads"_a, Released());
}

template <class T>
void bind_rows_of(nb::module_& m) {
    m.def(
        "fill_projection",
        [](MaybeIn<float> row_scale, MaybeIn<uint64_t> keys, In<double> counts, float magnitude, uint64_t seed,
           int64_t columns, int64_t first_column, Out<T, 2> r, Threads num_threads) {
            check_projection(r.shape(0), r.shape(1), columns, first_column, row_scale, keys, counts);
            fill_projection({columns, first_column, int64_t(r.shape(1)), counts.data(), pointer(keys), seed, magnitude},
                            pointer(row_scale), int64_t(r.shape(0)), r.data(), num_threads);
        },
        "row_scale"_a.noconvert().none(), "keys"_a.noconvert().none(), "counts"_a.noconvert(), "magnitude"_a, "seed"_a,
        "columns"_a, "first_column"_a, "r"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "accumulate_rows",
        [](In<T, 2> y, float factor, bool normalize, Out<float, 2> total, Threads num_threads) {
            if (y.shape(0) != total.shape(0) || y.shape(1) != total.shape(1))
                bad_argument("y and total must have the same shape.");
            accumulate_rows(y.data(), int64_t(y.shape(0)), int64_t(y.shape(1)), factor, normalize, total.data(),
                            num_threads);
        },
        "y"_a.noconvert(), "factor"_a, "normalize"_a, "total"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace

void bind_projection(nb::module_& m) {
    bind_products_of<float, int32_t>(m);
    bind_products_of<float, int64_t>(m);
    bind_products_of<Float16, int32_t>(m);
    bind_products_of<Float16, int64_t>(m);
    bind_rows_of<float>(m);
    bind_rows_of<Float16>(m);
}

}  // namespace graphrep
