#include "../diffusion.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

Readings checked_readings(const In<int64_t>& sources, const In<int64_t>& offsets, const In<int64_t>& targets,
                          const Out<double>& out) {
    check_equal(offsets.size(), sources.size() + 1, "offsets must have one entry more than sources.");
    check_equal(out.size(), targets.size(), "out must have one entry per target.");
    return {sources.data(), offsets.data(), targets.data(), int64_t(sources.size()), int64_t(targets.size())};
}

template <class Id>
void bind_diffusion_of(nb::module_& m) {
    m.def(
        "count_walks",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> in_indptr, In<Id> in_indices, In<int64_t> sources,
           In<int64_t> offsets, In<int64_t> targets, In<double> weights, Out<double> out, Threads num_threads) {
            check_equal(indptr.size(), in_indptr.size(), "indptr and in_indptr must have the same length.");
            const Readings readings = checked_readings(sources, offsets, targets, out);
            count_walks<Id>({indptr.data(), indices.data(), int64_t(indices.size())},
                            {in_indptr.data(), in_indices.data(), int64_t(in_indices.size())}, rows_of(indptr),
                            readings, weights.data(), int64_t(weights.size()), out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "in_indptr"_a.noconvert(), "in_indices"_a.noconvert(),
        "sources"_a.noconvert(), "offsets"_a.noconvert(), "targets"_a.noconvert(), "weights"_a.noconvert(),
        "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "push_pagerank",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> degree, In<int64_t> sources, In<int64_t> offsets,
           In<int64_t> targets, double restart, double tolerance, Out<double> out, Threads num_threads) {
            check_equal(degree.size(), size_t(rows_of(indptr)), "degree must have one entry per node.");
            if (!(restart >= 1e-6 && restart < 1 && tolerance >= 1e-100))  // else it would hardly end
                bad_argument("restart must lie in [1e-6, 1), and tolerance must be at least 1e-100.");
            const Readings readings = checked_readings(sources, offsets, targets, out);
            push_pagerank<Id>({indptr.data(), indices.data(), int64_t(indices.size())}, degree.data(), rows_of(indptr),
                              readings, restart, tolerance, out.data(), num_threads);
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
