#include "../tall.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_tall(nb::module_& m) {
    m.def(
        "gram",
        [](In<float, 2> x, In<float, 2> y, MaybeIn<float> scale, bool symmetric, int64_t share_rows, Out<double, 3> out,
           Threads num_threads) {
            check_equal(x.shape(0), y.shape(0), "x and y must have the same number of rows.");
            if (share_rows < 1) bad_argument("share_rows must be at least 1.");
            check_equal(out.shape(0), (x.shape(0) + size_t(share_rows) - 1) / size_t(share_rows),
                        "out must have a matrix per share of the rows.");
            check_equal(out.shape(1), x.shape(1), "out must have a row per column of x.");
            check_equal(out.shape(2), y.shape(1), "out must have a column per column of y.");
            if (symmetric) check_equal(x.shape(1), y.shape(1), "symmetric products need as many columns of x as of y.");
            if (scale) check_equal(scale->size(), x.shape(0), "scale must have one entry per row.");
            gram({x.data(), y.data(), pointer(scale), int64_t(x.shape(0)), share_rows, int64_t(x.shape(1)),
                  int64_t(y.shape(1)), symmetric, out.data()},
                 num_threads);
        },
        "x"_a.noconvert(), "y"_a.noconvert(), "scale"_a.noconvert().none(), "symmetric"_a, "share_rows"_a,
        "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "multiply_rows",
        [](In<float, 2> x, In<float, 2> matrix, MaybeIn<float> scale, Out<float, 2> out, Threads num_threads) {
            check_equal(matrix.shape(0), x.shape(1), "matrix must have a row per column of x.");
            check_equal(out.shape(0), x.shape(0), "out must have a row per row of x.");
            check_equal(out.shape(1), matrix.shape(1), "out must have a column per column of matrix.");
            if (scale) check_equal(scale->size(), x.shape(0), "scale must have one entry per row.");
            multiply_rows({x.data(), matrix.data(), pointer(scale), int64_t(x.shape(0)), int64_t(x.shape(1)),
                           int64_t(matrix.shape(1)), out.data()},
                          num_threads);
        },
        "x"_a.noconvert(), "matrix"_a.noconvert(), "scale"_a.noconvert().none(), "out"_a.noconvert(), "num_threads"_a,
        Released());
}

}  // namespace graphrep
