#include "neighbors.hpp"

#include <algorithm>

#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t pairs_per_block = 512;
constexpr int64_t gallop_ratio = 16;  // lists whose lengths differ more are searched, not merged
constexpr int64_t prefetch_distance = 8;

// Both lists once, without a branch on which side advances.
template <class Id, class Visit>
void merge(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Visit&& visit) {
    while (a < a_end && b < b_end) {
        const Id x = *a, y = *b;
        if (x == y) visit(x);
        a += x <= y;
        b += y <= x;
    }
}

// Each entry of the short list a is found in b by steps of doubling length from the last place, then bisection.
template <class Id, class Visit>
void gallop(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Visit&& visit) {
    for (; a < a_end && b < b_end; ++a) {
        const Id x = *a;
        int64_t step = 1;
        while (step < b_end - b && b[step] < x) step *= 2;
        b = std::lower_bound(b + step / 2, std::min(b + step + 1, b_end), x);
        if (b < b_end && *b == x) visit(x);
    }
}

}  // namespace

template <class Id, class Value>
void weighted_intersection(const int64_t* indptr, const Id* indices, const double* weights, const int64_t* u,
                           const int64_t* v, int64_t num_pairs, Value* out, int num_threads) {
    parallel_blocks(num_pairs, pairs_per_block, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            if (i + 2 * prefetch_distance < end) {  // rows of random pairs are nowhere near: ask for them early
                __builtin_prefetch(indptr + u[i + 2 * prefetch_distance]);
                __builtin_prefetch(indptr + v[i + 2 * prefetch_distance]);
            }
            if (i + prefetch_distance < end) {
                __builtin_prefetch(indices + indptr[u[i + prefetch_distance]]);
                __builtin_prefetch(indices + indptr[v[i + prefetch_distance]]);
            }
            const Id *a = indices + indptr[u[i]], *a_end = indices + indptr[u[i] + 1];
            const Id *b = indices + indptr[v[i]], *b_end = indices + indptr[v[i] + 1];
            if (a_end - a > b_end - b) {
                std::swap(a, b);
                std::swap(a_end, b_end);
            }
            const Id self = static_cast<Id>(u[i]), other = static_cast<Id>(v[i]);
            double sum = 0;
            const auto add = [&](Id z) {
                if (z != self && z != other) sum += weights ? weights[z] : 1.0;
            };
            if ((b_end - b) / gallop_ratio > a_end - a)
                gallop(a, a_end, b, b_end, add);
            else
                merge(a, a_end, b, b_end, add);
            out[i] = static_cast<Value>(sum);
        }
    });
}

#define GRAPHREP_INSTANTIATE(Id, Value)                                                                  \
    template void weighted_intersection<Id, Value>(const int64_t*, const Id*, const double*,          \
                                                      const int64_t*, const int64_t*, int64_t, Value*, int)
GRAPHREP_INSTANTIATE(int32_t, float);
GRAPHREP_INSTANTIATE(int32_t, double);
GRAPHREP_INSTANTIATE(int64_t, float);
GRAPHREP_INSTANTIATE(int64_t, double);
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep
