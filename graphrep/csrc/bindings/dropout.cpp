#include "../dropout.hpp"
#include "../random.hpp"
#include "../scalars.hpp"
#include "bindings.hpp"

namespace graphrep {

void bind_dropout(nb::module_& m) {
    m.def(
        "dropout",
        [](int scalar, uintptr_t x, int64_t size, uint64_t seed, uint32_t threshold, double scale, bool relu,
           uintptr_t out, int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                dropout<T>(at<const T>(x), size, DropMask{stream_key(seed, 0), threshold, scale}, relu, at<T>(out),
                           num_threads);
            });
        },
        "scalar"_a, "x"_a, "size"_a, "seed"_a, "threshold"_a, "scale"_a, "relu"_a, "out"_a, "num_threads"_a,
        Released());
    m.def(
        "relu_dropout_backward",
        [](int scalar, uintptr_t y, uintptr_t grad, int64_t size, double scale, uintptr_t out, int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                relu_dropout_backward<T>(at<const T>(y), at<const T>(grad), size, scale, at<T>(out), num_threads);
            });
        },
        "scalar"_a, "y"_a, "grad"_a, "size"_a, "scale"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu",
        [](int scalar, uintptr_t x, uintptr_t weight, uintptr_t bias, int64_t rows, int64_t columns, double epsilon,
           uint64_t seed, uint32_t threshold, double scale, uintptr_t y, uintptr_t mean, uintptr_t inverse_deviation,
           int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                using S = typename Statistic<T>::Type;
                norm_dropout_relu<T>({at<const T>(x), at<const T>(weight), at<const T>(bias), rows, columns, at<T>(y),
                                      at<S>(mean), at<S>(inverse_deviation)},
                                     epsilon, DropMask{stream_key(seed, 0), threshold, scale}, num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "bias"_a, "rows"_a, "columns"_a, "epsilon"_a, "seed"_a, "threshold"_a, "scale"_a,
        "y"_a, "mean"_a, "inverse_deviation"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu_backward",
        [](int scalar, uintptr_t x, uintptr_t weight, uintptr_t mean, uintptr_t inverse_deviation, uintptr_t y,
           uintptr_t grad, int64_t rows, int64_t columns, double scale, uintptr_t grad_x, uintptr_t grad_weight,
           uintptr_t grad_bias, int num_threads) {
            with_float(scalar, [&]<class T>(T) {
                using S = typename Statistic<T>::Type;
                norm_dropout_relu_backward<T>({at<const T>(x), at<const T>(weight), nullptr, rows, columns, at<T>(y),
                                               at<S>(mean), at<S>(inverse_deviation)},
                                              at<const T>(grad), scale, at<T>(grad_x), at<T>(grad_weight),
                                              at<T>(grad_bias), num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "mean"_a, "inverse_deviation"_a, "y"_a, "grad"_a, "rows"_a, "columns"_a,
        "scale"_a, "grad_x"_a, "grad_weight"_a, "grad_bias"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
