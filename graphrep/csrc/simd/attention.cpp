// Attention over the entries of a CSR, compiled once per instruction set. The scores of a row are kept in a buffer of
// degree * heads values; the gathering of keys and values bounds the speed.
#include "../attention.hpp"

#include "csr_tasks.hpp"
#include "dot.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

// e^x for x <= 0 in float lanes, within 2 units in the last place: 2^n times a polynomial in the remainder; 0 below
// -87.
static inline Vec exp_lanes(Vec x) {
    typedef int32_t Ints __attribute__((vector_size(kWidth * 4)));
    const Ints tiny = x < splat(-87.f);
    x = tiny ? splat(-87.f) : x;
    // Adding 1.5 * 2^23 rounds to an integer.
    const Vec shifted = x * splat(1.44269504f) + splat(12582912.f);
    const Vec n = shifted - splat(12582912.f);
    const Vec r = (x - n * splat(0.693145752f)) - n * splat(1.42860677e-6f);
    Vec p = splat(1.f / 5040);
    p = p * r + splat(1.f / 720);
    p = p * r + splat(1.f / 120);
    p = p * r + splat(1.f / 24);
    p = p * r + splat(1.f / 6);
    p = p * r + splat(0.5f);
    p = p * r + splat(1.f);
    p = p * r + splat(1.f);
    const Ints power = ((Ints)shifted - (Ints)splat(12582912.f) + 127) << 23;
    const Vec result = p * (Vec)power;
    // A NaN must be kept: no comparison with it is true.
    return tiny ? Vec{} : (x == x ? result : x);
}

// value[i] = e^(value[i] - shift), in place; returns the sum.
static inline float exp_sum(float* value, int64_t n, float shift) {
    Vec total{};
    int64_t i = 0;
    for (; i + kWidth <= n; i += kWidth) {
        const Vec e = exp_lanes(load(value + i) - splat(shift));
        store(value + i, e);
        total += e;
    }
    float sum = add_lanes(total);
    if (i < n) {
        const int some = int(n - i);
        const Vec e = exp_lanes(Lanes<float>::load_some(value + i, some) - splat(shift));
        for (int k = 0; k < some; ++k) value[i + k] = e[k], sum += e[k];
    }
    return sum;
}

static inline double exp_sum(double* value, int64_t n, double shift) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += value[i] = __builtin_exp(value[i] - shift);
    return sum;
}

// Softmax of n scores in place; returns the logarithm of the denominator. A NaN makes all of them NaN.
template <class S>
static inline double softmax(S* score, int64_t n) {
    S most = score[0];
    for (int64_t i = 1; i < n; ++i) most = score[i] > most || score[i] != score[i] ? score[i] : most;
    const S sum = exp_sum(score, n, most);
    const S inverse = 1 / sum;
    for (int64_t i = 0; i < n; ++i) score[i] *= inverse;
    return double(most) + __builtin_log(double(sum));
}

// Scores of row v, head after head: score[h * degree + i]. slope[...], if not null: the derivative of leaky_relu.
template <class T, class Id, class S>
static inline void row_scores(const Attention<T, Id>& t, int64_t v, S* score, S* slope) {
    const int64_t begin = t.indptr[v], degree = t.indptr[v + 1] - begin;
    const S scale = S(t.scale);
    for (int64_t i = 0; i < degree; ++i) {
        const int64_t u = t.indices[begin + i];
        if ((i & (kEntriesBetweenPolls - 1)) == kEntriesBetweenPolls - 1) poll();
        for (int64_t h = 0; h < t.heads; ++h) {
            S& s = score[h * degree + i];
            if (t.key_columns >= 0) {
                s = scale * dot(t.query + (v * t.heads + h) * t.key_columns, t.key + (u * t.heads + h) * t.key_columns,
                                t.key_columns);
            } else {
                const S raw = S(widen(t.row_score[v * t.heads + h])) + S(widen(t.col_score[u * t.heads + h]));
                s = raw >= 0 ? raw : scale * raw;
                if (slope) slope[h * degree + i] = raw >= 0 ? S(1) : scale;
            }
        }
    }
}

template <class T, class Id>
static inline void prefetch_row(const Attention<T, Id>& t, int64_t u, const T* grad) {
    const int64_t stride = t.heads * t.columns;
    const char* row = reinterpret_cast<const char*>((grad ? grad : t.value) + u * stride);
    for (int64_t byte = 0; byte < stride * int64_t(sizeof(T)); byte += kLine) __builtin_prefetch(row + byte);
}

template <class T>
static inline void narrow_row(const typename Lanes<T>::Scalar* from, int64_t n, T* to) {
    using L = Lanes<T>;
    using Wide = Lanes<typename L::Scalar>;
    int64_t j = 0;
    for (; j + L::kLanes <= n; j += L::kLanes) L::store(to + j, Wide::load(from + j));
    for (; j < n; ++j) narrow(from[j], to + j);
}

template <class T, class Id, class Body>
static inline void for_rows(const Attention<T, Id>& t, int num_threads, Body&& body) {
    const int64_t width = t.heads * (t.columns + t.key_columns) + 16;
    for_csr_rows(CsrRows<Id>{t.indptr, t.num_rows, t.num_entries, t.indices, t.num_cols}, kElementsPerTask / width + 1,
                 num_threads, body);
}

}  // namespace

template <class T, class Id>
void attention(const Attention<T, Id>& t, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)));
    for_rows(t, num_threads, [&](int64_t first, int64_t end_row) {
        Scratch<S> score, total(stride);
        for (int64_t v = first; v < end_row; ++v) {
            const int64_t begin = t.indptr[v], degree = t.indptr[v + 1] - begin;
            score.resize(degree * t.heads);
            row_scores<T, Id, S>(t, v, score.data, nullptr);
            for (int64_t h = 0; h < t.heads; ++h)
                t.log_sum[v * t.heads + h] = degree ? softmax(score.data + h * degree, degree) : -__builtin_inf();
            total.zero(stride);
            for (int64_t i = 0; i < degree; ++i) {
                if ((i & (kEntriesBetweenPolls - 1)) == kEntriesBetweenPolls - 1) poll();
                if (begin + i + ahead < last) prefetch_row<T, Id>(t, t.indices[begin + i + ahead], nullptr);
                const T* value = t.value + t.indices[begin + i] * stride;
                for (int64_t h = 0; h < t.heads; ++h)
                    add_scaled(score[h * degree + i], value + h * t.columns, t.columns, total.data + h * t.columns);
            }
            narrow_row(total.data, stride, t.out + v * stride);
        }
    });
}

template <class T, class Id>
void attention_backward_rows(const Attention<T, Id>& t, const T* grad, T* grad_row, double* delta, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)));
    for_rows(t, num_threads, [&](int64_t first, int64_t end_row) {
        const int64_t width = t.heads * (t.key_columns >= 0 ? t.key_columns : 1);
        Scratch<S> score, slope, change, total(width);
        for (int64_t v = first; v < end_row; ++v) {
            const int64_t begin = t.indptr[v], degree = t.indptr[v + 1] - begin;
            score.resize(degree * t.heads), slope.resize(degree * t.heads), change.resize(degree * t.heads);
            row_scores<T, Id, S>(t, v, score.data, slope.data);
            for (int64_t i = 0; i < degree; ++i) {
                if ((i & (kEntriesBetweenPolls - 1)) == kEntriesBetweenPolls - 1) poll();
                if (begin + i + ahead < last) prefetch_row<T, Id>(t, t.indices[begin + i + ahead], nullptr);
                const T* value = t.value + t.indices[begin + i] * stride;
                for (int64_t h = 0; h < t.heads; ++h)
                    change[h * degree + i] = dot(grad + v * stride + h * t.columns, value + h * t.columns, t.columns);
            }
            total.zero(width);
            for (int64_t h = 0; h < t.heads; ++h) {
                S* p = score.data + h * degree;
                S* dp = change.data + h * degree;
                if (degree) exp_sum(p, degree, S(t.log_sum[v * t.heads + h]));
                S sum = 0;
                for (int64_t i = 0; i < degree; ++i) sum += p[i] * dp[i];
                delta[v * t.heads + h] = sum;
                for (int64_t i = 0; i < degree; ++i) dp[i] = p[i] * (dp[i] - sum);
                for (int64_t i = 0; i < degree; ++i) {
                    if (t.key_columns >= 0)
                        add_scaled(S(t.scale) * dp[i], t.key + (t.indices[begin + i] * t.heads + h) * t.key_columns,
                                   t.key_columns, total.data + h * t.key_columns);
                    else
                        total[h] += dp[i] * slope[h * degree + i];
                }
            }
            narrow_row(total.data, width, grad_row + v * width);
        }
    });
}

template <class T, class Id>
void attention_backward_columns(const Attention<T, Id>& t, const T* grad, const double* delta, T* grad_col,
                                T* grad_value, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t key_columns = t.key_columns >= 0 ? t.key_columns : 1;
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)));
    for_rows(t, num_threads, [&](int64_t first, int64_t end_row) {
        const int64_t width = t.heads * key_columns;
        Scratch<S> p, change, to_key(width), to_value(stride);
        for (int64_t u = first; u < end_row; ++u) {
            const int64_t begin = t.indptr[u], degree = t.indptr[u + 1] - begin;
            to_key.zero(width);
            to_value.zero(stride);
            p.resize(degree), change.resize(degree);
            for (int64_t h = 0; h < t.heads; ++h) {
                const int64_t at_u = u * t.heads + h;
                for (int64_t i = 0; i < degree; ++i) {
                    const int64_t at_v = t.indices[begin + i] * t.heads + h;
                    S s;
                    change[i] = 1;
                    if (t.key_columns >= 0) {
                        s = S(t.scale) * dot(t.query + at_v * key_columns, t.key + at_u * key_columns, key_columns);
                    } else {
                        const S raw = S(widen(t.row_score[at_v])) + S(widen(t.col_score[at_u]));
                        s = raw >= 0 ? raw : S(t.scale) * raw;
                        change[i] = raw >= 0 ? S(1) : S(t.scale);
                    }
                    p[i] = s - S(t.log_sum[at_v]);
                }
                if (degree) exp_sum(p.data, degree, S(0));
                for (int64_t i = 0; i < degree; ++i) {
                    if ((i & (kEntriesBetweenPolls - 1)) == kEntriesBetweenPolls - 1) poll();
                    if (begin + i + ahead < last) prefetch_row<T, Id>(t, t.indices[begin + i + ahead], grad);
                    const int64_t v = t.indices[begin + i], at_v = v * t.heads + h;
                    const T* g = grad + at_v * t.columns;
                    const S ds = p[i] * (dot(g, t.value + at_u * t.columns, t.columns) - S(delta[at_v]));
                    add_scaled(p[i], g, t.columns, to_value.data + h * t.columns);
                    if (t.key_columns >= 0)
                        add_scaled(S(t.scale) * ds, t.query + at_v * key_columns, key_columns,
                                   to_key.data + h * key_columns);
                    else
                        to_key[h] += ds * change[i];
                }
            }
            narrow_row(to_key.data, width, grad_col + u * width);
            narrow_row(to_value.data, stride, grad_value + u * stride);
        }
    });
}

template <class T>
void edge_softmax(const int64_t* indptr, const T* s, int64_t num_rows, int64_t num_entries, int64_t heads, T* p,
                  int num_threads) {
    using S = typename Lanes<T>::Scalar;
    for_csr_rows(CsrRows<int64_t>{indptr, num_rows, num_entries}, (int64_t{1} << 15) / heads + 1, num_threads,
                 [&](int64_t first, int64_t end_row) {
                     Scratch<S> score;
                     for (int64_t v = first; v < end_row; ++v) {
                         const int64_t begin = indptr[v], degree = indptr[v + 1] - begin;
                         score.resize(degree);
                         for (int64_t h = 0; h < heads && degree; ++h) {
                             if (degree >= kEntriesBetweenPolls) poll();
                             for (int64_t i = 0; i < degree; ++i) score[i] = widen(s[(begin + i) * heads + h]);
                             softmax(score.data, degree);
                             for (int64_t i = 0; i < degree; ++i) narrow(score[i], p + (begin + i) * heads + h);
                         }
                     }
                 });
}

template <class T>
void edge_softmax_backward(const int64_t* indptr, const T* p, const T* grad, int64_t num_rows, int64_t num_entries,
                           int64_t heads, T* out, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    for_csr_rows(CsrRows<int64_t>{indptr, num_rows, num_entries}, (int64_t{1} << 15) / heads + 1, num_threads,
                 [&](int64_t first, int64_t end_row) {
                     for (int64_t v = first; v < end_row; ++v)
                         for (int64_t h = 0; h < heads; ++h) {
                             S sum = 0;
                             for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e)
                                 sum += widen(p[e * heads + h]) * widen(grad[e * heads + h]);
                             for (int64_t e = indptr[v]; e < indptr[v + 1]; ++e)
                                 narrow(S(widen(p[e * heads + h]) * (widen(grad[e * heads + h]) - sum)),
                                        out + e * heads + h);
                         }
                 });
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

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
