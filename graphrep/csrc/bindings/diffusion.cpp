#include "../diffusion.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_diffusion_of(nb::module_& m) {
    m.def(
        "count_walks",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> in_indptr, In<Id> in_indices, In<int64_t> sources,
           In<int64_t> offsets, In<int64_t> targets, In<double> weights, Out<double> out, int num_threads) {
            count_walks<Id>(indptr.data(), indices.data(), in_indptr.data(), in_indices.data(), rows_of(indptr),
                            {sources.data(), offsets.data(), targets.data(), int64_t(sources.size())}, weights.data(),
                            int64_t(weights.size()), out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "in_indptr"_a.noconvert(), "in_indices"_a.noconvert(),
        "sources"_a.noconvert(), "offsets"_a.noconvert(), "targets"_a.noconvert(), "weights"_a.noconvert(),
        "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "push_pagerank",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> degree, In<int64_t> sources, In<int64_t> offsets,
           In<int64_t> targets, double restart, double tolerance, Out<double> out, int num_threads) {
            push_pagerank<Id>(indptr.data(), indices.data(), degree.data(), rows_of(indptr),
                              {sources.data(), offsets.data(), targets.data(), int64_t(sources.size())}, restart,
                              tolerance, out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "degree"_a.noconvert(), "sources"_a.noconvert(),
        "offsets"_a.noconvert(), "targets"_a.noconvert(), "restart"_a, "tolerance"_a, "out"_a.noconvert(),
        "num_threads"_a, Released());
}

}  // namespace

void bind_diffusion(nb::module_& m) {
    bind_diffusion_of<int32_t>(m);
    bind_diffusion_of<int64_t>(m);
}

}  // namespace graphrep
