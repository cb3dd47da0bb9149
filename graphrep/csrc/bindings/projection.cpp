#include "../projection.hpp"
#include "../spmm.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_projection_of(nb::module_& m) {
    m.def(
        "propagate",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, In<float, 2> x,
           Out<float, 2> y, int num_threads) {
            spmm<float, Id>({indptr.data(), indices.data(), pointer(weights), pointer(scale), x.data(),
                             int64_t(y.shape(0)), 1, int64_t(y.shape(1)), Reduce::sum, y.data(), nullptr},
                            num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "x"_a.noconvert(), "y"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "spmm_projection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, MaybeIn<float> row_scale,
           MaybeIn<uint64_t> keys, In<double> counts, float magnitude, uint64_t seed, Out<float, 2> y,
           int num_threads) {
            spmm_projection<Id>({int64_t(y.shape(1)), counts.data(), pointer(keys), seed, magnitude}, indptr.data(),
                                indices.data(), pointer(weights), pointer(scale), pointer(row_scale),
                                int64_t(y.shape(0)), y.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "row_scale"_a.noconvert().none(), "keys"_a.noconvert().none(), "counts"_a.noconvert(), "magnitude"_a, "seed"_a,
        "y"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace

void bind_projection(nb::module_& m) {
    bind_projection_of<int32_t>(m);
    bind_projection_of<int64_t>(m);
    m.def(
        "fill_projection",
        [](MaybeIn<float> row_scale, MaybeIn<uint64_t> keys, In<double> counts, float magnitude, uint64_t seed,
           Out<float, 2> r, int num_threads) {
            fill_projection({int64_t(r.shape(1)), counts.data(), pointer(keys), seed, magnitude}, pointer(row_scale),
                            int64_t(r.shape(0)), r.data(), num_threads);
        },
        "row_scale"_a.noconvert().none(), "keys"_a.noconvert().none(), "counts"_a.noconvert(), "magnitude"_a, "seed"_a,
        "r"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "accumulate_rows",
        [](In<float, 2> y, float factor, bool normalize, Out<float, 2> total, int num_threads) {
            accumulate_rows(y.data(), int64_t(y.shape(0)), int64_t(y.shape(1)), factor, normalize, total.data(),
                            num_threads);
        },
        "y"_a.noconvert(), "factor"_a, "normalize"_a, "total"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace graphrep
