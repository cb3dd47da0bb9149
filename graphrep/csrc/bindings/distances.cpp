#include "../distances.hpp"

#include "bindings.hpp"

namespace graphrep {
namespace {

RowPairs pairs_of(Tensor x, Tensor y, int64_t num_x, int64_t num_y, int64_t columns, bool moduli) {
    if (moduli && columns % 2) bad_argument("complex rows must have an even number of columns.");
    return {x.at<const float>("x", product({num_x, columns})),
            y.at<const float>("y", product({num_y, columns})),
            num_x,
            num_y,
            columns,
            moduli};
}

}  // namespace

void bind_distances(nb::module_& m) {
    m.def(
        "distances",
        [](Tensor x, Tensor y, int64_t num_x, int64_t num_y, int64_t columns, bool moduli, Tensor out,
           Threads num_threads) {
            distances(pairs_of(x, y, num_x, num_y, columns, moduli), out.at<float>("out", product({num_x, num_y})),
                      num_threads);
        },
        "x"_a, "y"_a, "num_x"_a, "num_y"_a, "columns"_a, "moduli"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "distance_gradient",
        [](Tensor x, Tensor y, Tensor factor, int64_t num_x, int64_t num_y, int64_t columns, bool moduli, Tensor out,
           Threads num_threads) {
            distance_gradient(pairs_of(x, y, num_x, num_y, columns, moduli),
                              factor.at<const float>("factor", product({num_x, num_y})),
                              out.at<float>("out", product({num_x, columns})), num_threads);
        },
        "x"_a, "y"_a, "factor"_a, "num_x"_a, "num_y"_a, "columns"_a, "moduli"_a, "out"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
