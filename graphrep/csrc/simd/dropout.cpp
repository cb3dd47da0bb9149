// Dropout, and layer norm followed by dropout and ReLU, compiled once per instruction set. Random bits are generated
// for a chunk at a time, in a buffer that fits in the first-level cache; the compiler vectorizes the plain loops.
#include "../dropout.hpp"

#include "../random.hpp"
#include "csr_tasks.hpp"
#include "lanes.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kChunk = 512;               // elements
constexpr int64_t kBlock = int64_t{1} << 14;  // elements that a thread takes at a time

// The random bits of up to kChunk elements.
struct Bits {
    static constexpr int kLanes = kWidth / 2;
    typedef uint64_t Words __attribute__((vector_size(kLanes * 8)));
    typedef uint32_t Half __attribute__((may_alias));
    alignas(64) uint64_t words[kChunk / 2 + kLanes];

    // random_bits(key, ...) of lanes whose products with kGolden are given.
    static inline Words mixed(Words z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }

    const Half* at(uint64_t key, int64_t first, int64_t n) {
        const uint64_t begin = uint64_t(first) >> 1, count = uint64_t((first & 1) + n + 1) >> 1;
        Words z;
        for (int k = 0; k < kLanes; ++k) z[k] = key + (begin + 1 + uint64_t(k)) * kGolden;
        for (uint64_t i = 0; i < count; i += kLanes, z += kLanes * kGolden) {
            const Words bits = mixed(z);
            std::memcpy(words + i, &bits, sizeof bits);
        }
        return reinterpret_cast<const Half*>(words) + (first & 1);
    }
};

// n values in the type of computation: in place if they have it, else widened to `buffer`.
template <class T>
static inline const typename Lanes<T>::Scalar* wide(const T* from, int64_t n, typename Lanes<T>::Scalar* buffer) {
    using S = typename Lanes<T>::Scalar;
    if constexpr (sizeof(S) == sizeof(T)) {
        return from;
    } else {
        int64_t i = 0;
        for (; i + Lanes<T>::kLanes <= n; i += Lanes<T>::kLanes) Lanes<S>::store(buffer + i, Lanes<T>::load(from + i));
        for (; i < n; ++i) buffer[i] = widen(from[i]);
        return buffer;
    }
}

// body(first, n, bits) for each chunk, with its random bits, or null if nothing is dropped.
template <class Body>
static inline void for_chunks(int64_t begin, int64_t end, DropMask mask, Body&& body) {
    Bits bits;
    for (int64_t i = begin, n; i < end; i += n) {
        int64_t at = i;
        n = end - i < kChunk ? end - i : kChunk;
        if (mask.rows) {  // a chunk ends with its row
            const int64_t j = i % mask.columns, left = mask.columns - j;
            // Unsigned, so that a wrong number of a row overflows without harm.
            at = int64_t(uint64_t(mask.rows[i / mask.columns]) * uint64_t(mask.columns) + uint64_t(j));
            n = n < left ? n : left;
        }
        body(i, n, mask.threshold ? bits.at(mask.key, at, n) : nullptr);
    }
}

// Sum of body(i) over i < n in 16 strands, which become lanes; the order depends only on n.
template <class S, class Body>
static inline S strand_sum(int64_t n, Body&& body) {
    constexpr int kStrands = 16;
    S strand[kStrands] = {};
    int64_t i = 0;
    for (; i + kStrands <= n; i += kStrands)
        for (int k = 0; k < kStrands; ++k) strand[k] += body(i + k);
    for (int k = 0; i < n; ++i, ++k) strand[k] += body(i);
    for (int half = kStrands / 2; half; half /= 2)
        for (int k = 0; k < half; ++k) strand[k] += strand[k + half];
    return strand[0];
}

}  // namespace

template <class T>
void dropout(const T* x, int64_t size, DropMask mask, bool relu, T* out, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    const S scale = S(mask.scale), floor = relu ? S(0) : -S(__builtin_inf());
    parallel_blocks(size, kBlock, num_threads, [&](int64_t begin, int64_t end) {
        S buffer[kChunk];
        for_chunks(begin, end, mask, [&](int64_t first, int64_t n, const Bits::Half* bits) {
            const S* from = wide(x + first, n, buffer);
            T* to = out + first;
            if (bits) {
                for (int64_t i = 0; i < n; ++i) {
                    const S value = from[i] < floor ? floor : from[i];
                    narrow(bits[i] >= mask.threshold ? value * scale : S(0), to + i);
                }
            } else {
                for (int64_t i = 0; i < n; ++i) narrow((from[i] < floor ? floor : from[i]) * scale, to + i);
            }
        });
    });
}

template <class T>
void relu_dropout_backward(const T* y, const T* grad, int64_t size, double scale, T* out, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    parallel_blocks(size, kBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const S g = widen(grad[i]) * S(scale);
            narrow(widen(y[i]) <= S(0) ? S(0) : g, out + i);
        }
    });
}

template <class T>
void norm_dropout_relu(const NormTask<T>& t, double epsilon, DropMask mask, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    const int64_t d = t.columns, rows_at_once = kBlock / d + 1;
    const S scale = S(mask.scale);
    parallel_blocks(t.rows, rows_at_once, num_threads, [&](int64_t begin, int64_t end) {
        Scratch<S> row(d), weights(d), biases(d);
        const S *weight = wide(t.weight, d, weights.data), *bias = wide(t.bias, d, biases.data);
        for (int64_t r = begin; r < end; ++r) {
            const S* x = wide(t.x + r * d, d, row.data);
            const S mean = strand_sum<S>(d, [&](int64_t i) { return x[i]; }) / S(d);
            const S variance = strand_sum<S>(d, [&](int64_t i) { return (x[i] - mean) * (x[i] - mean); }) / S(d);
            const S inverse = S(1) / S(__builtin_sqrt(double(variance) + epsilon));
            t.mean[r] = mean, t.inverse_deviation[r] = inverse;
            for_chunks(r * d, (r + 1) * d, mask, [&](int64_t first, int64_t n, const Bits::Half* bits) {
                const int64_t j = first - r * d;
                T* to = t.y + first;
                for (int64_t i = 0; i < n; ++i) {
                    const S value = ((x[j + i] - mean) * inverse * weight[j + i] + bias[j + i]) * scale;
                    const S positive = value < S(0) ? S(0) : value;
                    narrow(bits && bits[i] < mask.threshold ? S(0) : positive, to + i);
                }
            });
        }
    });
}

template <class T>
void norm_dropout_relu_backward(const NormTask<T>& t, const T* grad, double scale, T* grad_x, T* grad_weight,
                                T* grad_bias, int num_threads) {
    using S = typename Lanes<T>::Scalar;
    // Rows are summed per block and then over at most 64 blocks, so that the order depends only on the shape.
    const int64_t d = t.columns, rows_at_once = t.rows / 64 < 32 ? 32 : t.rows / 64 + 1;
    const int64_t blocks = (t.rows + rows_at_once - 1) / rows_at_once;
    Scratch<S> sums(blocks * 2 * d + 1);
    sums.zero(blocks * 2 * d);
    parallel_blocks(t.rows, rows_at_once, num_threads, [&](int64_t begin, int64_t end) {
        Scratch<S> row(d), weights(d), passed(d);
        const S* weight = wide(t.weight, d, weights.data);
        S *of_weight = sums.data + begin / rows_at_once * 2 * d, *of_bias = of_weight + d, *g = passed.data;
        for (int64_t r = begin; r < end; ++r) {
            const S *x = wide(t.x + r * d, d, row.data), mean = t.mean[r], inverse = t.inverse_deviation[r];
            const T *y = t.y + r * d, *from = grad + r * d;
            for (int64_t i = 0; i < d; ++i) {
                const S value = widen(from[i]) * S(scale);
                const S through = widen(y[i]) <= S(0) ? S(0) : value;
                of_bias[i] += through;
                of_weight[i] += through * ((x[i] - mean) * inverse);
                g[i] = through * weight[i];
            }
            const S average = strand_sum<S>(d, [&](int64_t i) { return g[i]; }) / S(d);
            const S slope =
                strand_sum<S>(d, [&](int64_t i) { return g[i] * (x[i] - mean); }) * inverse * inverse / S(d);
            T* to = grad_x + r * d;
            for (int64_t i = 0; i < d; ++i) narrow((g[i] - average - (x[i] - mean) * slope) * inverse, to + i);
        }
    });
    for (int64_t i = 0; i < d; ++i) {
        S of_weight = 0, of_bias = 0;
        for (int64_t b = 0; b < blocks; ++b) of_weight += sums[b * 2 * d + i], of_bias += sums[b * 2 * d + d + i];
        narrow(of_weight, grad_weight + i), narrow(of_bias, grad_bias + i);
    }
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

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
