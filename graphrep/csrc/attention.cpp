#include "attention.hpp"

#include "isa.hpp"

namespace graphrep {

template <class T, class Id>
void attention(const Attention<T, Id>& task, int num_threads) {
    GRAPHREP_DISPATCH(attention, task, num_threads)
}

template <class T, class Id>
void attention_backward_rows(const Attention<T, Id>& task, const T* grad, T* grad_row, double* delta, int num_threads) {
    GRAPHREP_DISPATCH(attention_backward_rows, task, grad, grad_row, delta, num_threads)
}

template <class T, class Id>
void attention_backward_columns(const Attention<T, Id>& task, const T* grad, const double* delta, T* grad_col,
                                T* grad_value, int num_threads) {
    GRAPHREP_DISPATCH(attention_backward_columns, task, grad, delta, grad_col, grad_value, num_threads)
}

template <class T>
void edge_softmax(const int64_t* indptr, const T* s, int64_t num_rows, int64_t num_entries, int64_t heads, T* p,
                  int num_threads) {
    GRAPHREP_DISPATCH(edge_softmax, indptr, s, num_rows, num_entries, heads, p, num_threads)
}

template <class T>
void edge_softmax_backward(const int64_t* indptr, const T* p, const T* grad, int64_t num_rows, int64_t num_entries,
                           int64_t heads, T* out, int num_threads) {
    GRAPHREP_DISPATCH(edge_softmax_backward, indptr, p, grad, num_rows, num_entries, heads, out, num_threads)
}

#define GRAPHREP_INSTANTIATE_ID(T, Id)                                                          \
    template void attention(const Attention<T, Id>&, int);                                      \
    template void attention_backward_rows(const Attention<T, Id>&, const T*, T*, double*, int); \
    template void attention_backward_columns(const Attention<T, Id>&, const T*, const double*, T*, T*, int);
#define GRAPHREP_INSTANTIATE(T)                                                               \
    GRAPHREP_INSTANTIATE_ID(T, int32_t)                                                       \
    GRAPHREP_INSTANTIATE_ID(T, int64_t)                                                       \
    template void edge_softmax(const int64_t*, const T*, int64_t, int64_t, int64_t, T*, int); \
    template void edge_softmax_backward(const int64_t*, const T*, const T*, int64_t, int64_t, int64_t, T*, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace graphrep
