// Dropout whose mask is a function of (seed, position) only, so that no pass stores it and no thread count changes it.
#pragma once

#include <cstdint>

namespace graphrep {

// Entry i of a tensor is kept and multiplied by `scale` if its 32 random bits are at least `threshold`. The bits are
// half i % 2 (0: low) of the (i / 2)-th 64-bit word of the stream `key`. With `rows`, the tensor consists of these
// rows, of `columns` entries, of the one whose entries are counted.
struct DropMask {
    uint64_t key;
    uint32_t threshold;
    double scale;
    const int64_t* rows = nullptr;
    int64_t columns = 1;
};

// out = mask(x), or mask(max(x, 0)).
template <class T>
void dropout(const T* x, int64_t size, DropMask mask, bool relu, T* out, int num_threads);

// out = scale * grad where y > 0, else 0: the gradient of y = mask(max(x, 0)).
template <class T>
void relu_dropout_backward(const T* y, const T* grad, int64_t size, double scale, T* out, int num_threads);

// The type of means and deviations: double for double, else float.
template <class T>
struct Statistic {
    using Type = float;
};
template <>
struct Statistic<double> {
    using Type = double;
};

template <class T>
struct NormTask {
    const T* x;       // (rows, columns)
    const T* weight;  // (columns,)
    const T* bias;    // (columns,)
    int64_t rows, columns;
    T* y;                                                   // (rows, columns)
    typename Statistic<T>::Type *mean, *inverse_deviation;  // (rows,)
};

// y = mask(max(layer_norm(x), 0)); writes y, mean and inverse_deviation.
template <class T>
void norm_dropout_relu(const NormTask<T>& task, double epsilon, DropMask mask, int num_threads);

// Gradients of x (rows, columns), weight and bias (columns,); reads y, mean and inverse_deviation.
template <class T>
void norm_dropout_relu_backward(const NormTask<T>& task, const T* grad, double scale, T* grad_x, T* grad_weight,
                                T* grad_bias, int num_threads);

#define GRAPHREP_DECLARE(isa)                                                               \
    namespace isa {                                                                         \
    template <class T>                                                                      \
    void dropout(const T*, int64_t, DropMask, bool, T*, int);                               \
    template <class T>                                                                      \
    void relu_dropout_backward(const T*, const T*, int64_t, double, T*, int);               \
    template <class T>                                                                      \
    void norm_dropout_relu(const NormTask<T>&, double, DropMask, int);                      \
    template <class T>                                                                      \
    void norm_dropout_relu_backward(const NormTask<T>&, const T*, double, T*, T*, T*, int); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep
