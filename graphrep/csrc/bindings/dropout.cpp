#include "../dropout.hpp"

#include "../random.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

DropMask mask_of(uint64_t seed, uint32_t threshold, double scale, Tensor rows, int64_t size, int64_t columns) {
    if (columns < 1) throw std::invalid_argument("columns must be at least 1");
    if (rows.data && size % columns) throw std::invalid_argument("x must consist of rows of columns entries");
    return {stream_key(seed, 0), threshold, scale, rows.maybe<const int64_t>("rows", size / columns), columns};
}

}  // namespace

void bind_dropout(nb::module_& m) {
    m.def(
        "dropout",
        [](int scalar, Tensor x, uint64_t seed, uint32_t threshold, double scale, bool relu, Tensor positions,
           int64_t columns, Tensor out, Threads num_threads) {
            with_float(scalar, [&]<class T>(T) {
                const int64_t size = x.size<T>();
                const DropMask mask = mask_of(seed, threshold, scale, positions, size, columns);
                dropout<T>(x.at<const T>("x", size), size, mask, relu, out.at<T>("out", size), num_threads);
            });
        },
        "scalar"_a, "x"_a, "seed"_a, "threshold"_a, "scale"_a, "relu"_a, "positions"_a.none(), "columns"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "relu_dropout_backward",
        [](int scalar, Tensor y, Tensor grad, double scale, Tensor out, Threads num_threads) {
            with_float(scalar, [&]<class T>(T) {
                const int64_t size = y.size<T>();
                relu_dropout_backward<T>(y.at<const T>("y", size), grad.at<const T>("grad", size), size, scale,
                                         out.at<T>("out", size), num_threads);
            });
        },
        "scalar"_a, "y"_a, "grad"_a, "scale"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu",
        [](int scalar, Tensor x, Tensor weight, Tensor bias, int64_t rows, int64_t columns, double epsilon,
           uint64_t seed, uint32_t threshold, double scale, Tensor positions, Tensor y, Tensor mean,
           Tensor inverse_deviation, Threads num_threads) {
            const int64_t size = product({rows, columns});
            if (size == 0) return;
            with_float(scalar, [&]<class T>(T) {
                using S = typename Statistic<T>::Type;
                norm_dropout_relu<T>({x.at<const T>("x", size), weight.at<const T>("weight", columns),
                                      bias.at<const T>("bias", columns), rows, columns, y.at<T>("y", size),
                                      mean.at<S>("mean", rows), inverse_deviation.at<S>("inverse_deviation", rows)},
                                     epsilon, mask_of(seed, threshold, scale, positions, size, columns), num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "bias"_a, "rows"_a, "columns"_a, "epsilon"_a, "seed"_a, "threshold"_a, "scale"_a,
        "positions"_a.none(), "y"_a, "mean"_a, "inverse_deviation"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu_backward",
        [](int scalar, Tensor x, Tensor weight, Tensor mean, Tensor inverse_deviation, Tensor y, Tensor grad,
           int64_t rows, int64_t columns, double scale, Tensor grad_x, Tensor grad_weight, Tensor grad_bias,
           Threads num_threads) {
            const int64_t size = product({rows, columns});
            if (size == 0) return;
            with_float(scalar, [&]<class T>(T) {
                using S = typename Statistic<T>::Type;
                norm_dropout_relu_backward<T>(
                    {x.at<const T>("x", size), weight.at<const T>("weight", columns), nullptr, rows, columns,
                     y.at<T>("y", size), mean.at<S>("mean", rows), inverse_deviation.at<S>("inverse_deviation", rows)},
                    grad.at<const T>("grad", size), scale, grad_x.at<T>("grad_x", size),
                    grad_weight.at<T>("grad_weight", columns), grad_bias.at<T>("grad_bias", columns), num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "mean"_a, "inverse_deviation"_a, "y"_a, "grad"_a, "rows"_a, "columns"_a,
        "scale"_a, "grad_x"_a, "grad_weight"_a, "grad_bias"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
