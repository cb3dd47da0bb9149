#include "dropout.hpp"

#include "isa.hpp"
#include "scalars.hpp"

namespace graphrep {

template <class T>
void dropout(const T* x, int64_t size, DropMask mask, bool relu, T* out, int num_threads) {
    GRAPHREP_DISPATCH(dropout, x, size, mask, relu, out, num_threads)
}

template <class T>
void relu_dropout_backward(const T* y, const T* grad, int64_t size, double scale, T* out, int num_threads) {
    GRAPHREP_DISPATCH(relu_dropout_backward, y, grad, size, scale, out, num_threads)
}

template <class T>
void norm_dropout_relu(const NormTask<T>& task, double epsilon, DropMask mask, int num_threads) {
    GRAPHREP_DISPATCH(norm_dropout_relu, task, epsilon, mask, num_threads)
}

template <class T>
void norm_dropout_relu_backward(const NormTask<T>& task, const T* grad, double scale, T* grad_x, T* grad_weight,
                                T* grad_bias, int num_threads) {
    GRAPHREP_DISPATCH(norm_dropout_relu_backward, task, grad, scale, grad_x, grad_weight, grad_bias, num_threads)
}

#define GRAPHREP_INSTANTIATE(T)                                                        \
    template void dropout(const T*, int64_t, DropMask, bool, T*, int);                 \
    template void relu_dropout_backward(const T*, const T*, int64_t, double, T*, int); \
    template void norm_dropout_relu(const NormTask<T>&, double, DropMask, int);        \
    template void norm_dropout_relu_backward(const NormTask<T>&, const T*, double, T*, T*, T*, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace graphrep
