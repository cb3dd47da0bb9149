// Compares one entry of a with a block of b at a time, without branches on the data; compiled once per instruction set.
#include "../intersection.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace graphrep {
namespace GRAPHREP_ISA {
namespace {

constexpr int64_t kBlock = 16;

// Whether one of the kBlock ids at b is x.
template <class Id>
static inline bool holds(const Id* b, Id x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(Id) == 4) {
        return _mm512_cmpeq_epi32_mask(_mm512_loadu_si512(b), _mm512_set1_epi32(x)) != 0;
    } else {
        const __m512i all = _mm512_set1_epi64(x);
        return (_mm512_cmpeq_epi64_mask(_mm512_loadu_si512(b), all) |
                _mm512_cmpeq_epi64_mask(_mm512_loadu_si512(b + 8), all)) != 0;
    }
#elif defined(__AVX2__)
    const __m256i* at = reinterpret_cast<const __m256i*>(b);
    if constexpr (sizeof(Id) == 4) {
        const __m256i all = _mm256_set1_epi32(x);
        const __m256i low = _mm256_cmpeq_epi32(_mm256_loadu_si256(at), all);
        const __m256i high = _mm256_cmpeq_epi32(_mm256_loadu_si256(at + 1), all);
        return !_mm256_testz_si256(_mm256_or_si256(low, high), _mm256_set1_epi32(-1));
    } else {
        const __m256i all = _mm256_set1_epi64x(x);
        __m256i any = _mm256_cmpeq_epi64(_mm256_loadu_si256(at), all);
        for (int i = 1; i < 4; ++i) any = _mm256_or_si256(any, _mm256_cmpeq_epi64(_mm256_loadu_si256(at + i), all));
        return !_mm256_testz_si256(any, _mm256_set1_epi32(-1));
    }
#else
    Id any = 0;
    for (int64_t i = 0; i < kBlock; ++i) any |= b[i] == x;
    return any;
#endif
}

}  // namespace

template <bool Missing, class Id>
int64_t select_sorted(const Id* a, int64_t na, const Id* b, int64_t nb, Id* out) {
    const Id *a_end = a + na, *b_end = b + nb;
    Id* const first = out;
    while (a < a_end && b_end - b >= kBlock) {
        const Id x = *a;
        const bool skip = b[kBlock - 1] < x;  // then x is not in this block
        *out = x;
        out += Missing ? !skip && !holds(b, x) : holds(b, x);
        a += !skip;
        b += skip ? kBlock : 0;
    }
    if (a < a_end && b < b_end) {
        Id rest[kBlock];
        const Id last = b_end[-1];
        for (int64_t i = 0; i < kBlock; ++i) rest[i] = i < b_end - b ? b[i] : last;
        for (; a < a_end && *a <= last; ++a) {
            *out = *a;
            out += holds(rest, *a) != Missing;
        }
    }
    if (Missing)
        while (a < a_end) *out++ = *a++;
    return out - first;
}

#define GRAPHREP_INSTANTIATE(Id)                                                            \
    template int64_t select_sorted<false, Id>(const Id*, int64_t, const Id*, int64_t, Id*); \
    template int64_t select_sorted<true, Id>(const Id*, int64_t, const Id*, int64_t, Id*);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
