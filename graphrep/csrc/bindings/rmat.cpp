#include "../rmat.hpp"
#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bindings.hpp"

namespace graphrep {

void bind_rmat(nb::module_& m) {
    m.def(
        "rmat_edges",
        [](uint64_t seed, int64_t first, int64_t num_nodes, std::tuple<uint64_t, uint64_t, uint64_t> thresholds,
           bool scramble, Out<int64_t, 2> edges, Threads num_threads) {
            check_equal(edges.shape(0), 2, "edges must have the shape (2, count).");
            const int64_t count = int64_t(edges.shape(1));
            const auto [a, ab, abc] = thresholds;
            rmat_edges({seed, num_nodes, {a, ab, abc}, scramble}, first, count, edges.data(), edges.data() + count,
                       num_threads);
        },
        "seed"_a, "first"_a, "num_nodes"_a, "thresholds"_a, "scramble"_a, "edges"_a.noconvert(), "num_threads"_a,
        Released());
}

}  // namespace graphrep
