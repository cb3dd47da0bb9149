// Attention over the entries of a CSR without materialized messages: scores, softmax over each row, weighted sum.
#pragma once

#include <cstdint>

#include "scalars.hpp"

namespace graphrep {

// For entry e of row v with column u, and head h:
//     dot product (key_columns >= 0):  s = scale * <query[v, h], key[u, h]>
//     additive (key_columns < 0):      s = leaky_relu(row_score[v, h] + col_score[u, h]), slope `scale` below 0
//     p = softmax of s over the entries of the row,   out[v, h] = sum of p * value[u, h]
// query is (num_rows, heads, key_columns), key (num_cols, heads, key_columns), value (num_cols, heads, columns).
// log_sum (num_rows, heads) receives the logarithm of the softmax's denominator, -inf in rows without entries.
template <class T, class Id>
struct Attention {
    const int64_t* indptr;
    const Id* indices;
    const T* query;
    const T* key;
    const T* row_score;
    const T* col_score;
    const T* value;
    double scale;
    int64_t num_rows;
    int64_t heads;
    int64_t key_columns;
    int64_t columns;
    T* out;
    double* log_sum;
    int64_t num_entries = -1, num_cols = -1;  // -1: indptr and indices are trusted
};

template <class T, class Id>
void attention(const Attention<T, Id>& task, int num_threads);

// The gradient with respect to the row operand: query or row_score. delta (num_rows, heads) receives the sum of p * dp,
// which the pass over columns needs as well. Scores are recomputed from log_sum.
template <class T, class Id>
void attention_backward_rows(const Attention<T, Id>& task, const T* grad, T* grad_row, double* delta, int num_threads);

// The gradients with respect to the column operands: key or col_score, and value. The task describes the transpose: its
// rows are the columns of the forward pass, and its indices the rows.
template <class T, class Id>
void attention_backward_columns(const Attention<T, Id>& task, const T* grad, const double* delta, T* grad_col,
                                T* grad_value, int num_threads);

// p[e, h] = softmax of s[e, h] over the entries of each row; the backward pass maps the gradient of p to that of s.
template <class T>
void edge_softmax(const int64_t* indptr, const T* s, int64_t num_rows, int64_t num_entries, int64_t heads, T* p,
                  int num_threads);
template <class T>
void edge_softmax_backward(const int64_t* indptr, const T* p, const T* grad, int64_t num_rows, int64_t num_entries,
                           int64_t heads, T* out, int num_threads);

#define GRAPHREP_DECLARE(isa)                                                                           \
    namespace isa {                                                                                     \
    template <class T, class Id>                                                                        \
    void attention(const Attention<T, Id>&, int);                                                       \
    template <class T, class Id>                                                                        \
    void attention_backward_rows(const Attention<T, Id>&, const T*, T*, double*, int);                  \
    template <class T, class Id>                                                                        \
    void attention_backward_columns(const Attention<T, Id>&, const T*, const double*, T*, T*, int);     \
    template <class T>                                                                                  \
    void edge_softmax(const int64_t*, const T*, int64_t, int64_t, int64_t, T*, int);                    \
    template <class T>                                                                                  \
    void edge_softmax_backward(const int64_t*, const T*, const T*, int64_t, int64_t, int64_t, T*, int); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep
