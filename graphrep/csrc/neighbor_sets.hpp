// Set operations on sorted lists for the kernels of neighbors.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "buffer.hpp"
#include "id_map.hpp"
#include "intersection.hpp"
#include "isa.hpp"

namespace graphrep {

constexpr int64_t gallop_ratio = 128;  // a list this many times longer than the other is searched, not scanned

// First place in [b, b_end) that is not below x: steps of doubling length, then bisection.
template <class Id>
const Id* gallop_to(const Id* b, const Id* b_end, Id x) {
    int64_t step = 1;
    while (step < b_end - b && b[step] < x) step *= 2;
    return std::lower_bound(b + step / 2, std::min(b + step + 1, b_end), x);
}

template <bool Missing, class Id>
int64_t scan(const Id* a, int64_t na, const Id* b, int64_t nb, Id* out) {
    switch (active_isa()) {
#ifdef GRAPHREP_X86
        case Isa::avx512: return GRAPHREP_AVX512::select_sorted<Missing>(a, na, b, nb, out);
        case Isa::avx2: return avx2::select_sorted<Missing>(a, na, b, nb, out);
#endif
        default: return baseline::select_sorted<Missing>(a, na, b, nb, out);
    }
}

// Writes the entries of the ascending list a that are in the ascending list b (Missing: that are not in it) to out,
// which needs room for one more entry than a has; returns its end.
template <bool Missing, class Id>
Id* select(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Id* out) {
    if ((b_end - b) / gallop_ratio <= a_end - a) return out + scan<Missing>(a, a_end - a, b, b_end - b, out);
    for (; a < a_end; ++a) {
        b = gallop_to(b, b_end, *a);
        if (b == b_end) break;
        if ((*b == *a) != Missing) *out++ = *a;
    }
    return Missing ? std::copy(a, a_end, out) : out;
}

// Writes the entries that two ascending lists share to out, which needs room for one more entry than the shorter list
// has; returns its end.
template <class Id>
Id* intersect(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Id* out) {
    return a_end - a > b_end - b ? select<false>(b, b_end, a, a_end, out) : select<false>(a, a_end, b, b_end, out);
}

// Arcs by row, the columns of each row ascending.
template <class Id>
class ArcSet {
   public:
    using Range = std::pair<const Id*, const Id*>;

    ArcSet(const int64_t* rows, const int64_t* cols, int64_t n, bool both) : slot_(n) {
        if (n == 0) return;
        const int64_t arcs = both ? 2 * n : n;
        const auto row = [&](int64_t i) { return static_cast<Id>(i < n ? rows[i] : cols[i - n]); };
        const auto col = [&](int64_t i) { return static_cast<Id>(i < n ? cols[i] : rows[i - n]); };
        Vector<Id> slot(static_cast<size_t>(arcs));
        for (int64_t i = 0; i < arcs; ++i) {
            const Id found = slot_.insert(row(i), static_cast<Id>(begin_.size()));
            if (found == static_cast<Id>(begin_.size())) begin_.push_back(0);
            slot[i] = found;
            ++begin_[found];
        }
        int64_t total = 0;
        for (int64_t& begin : begin_) total += std::exchange(begin, total);
        begin_.push_back(total);
        cols_.resize(static_cast<size_t>(arcs));
        Vector<int64_t> next(begin_);
        for (int64_t i = 0; i < arcs; ++i) cols_[next[slot[i]]++] = col(i);
        for (size_t s = 0; s + 1 < begin_.size(); ++s)
            if (begin_[s + 1] - begin_[s] > 1) std::sort(cols_.begin() + begin_[s], cols_.begin() + begin_[s + 1]);
    }

    bool empty() const { return cols_.empty(); }
    void prefetch(int64_t row) const { slot_.prefetch(static_cast<Id>(row)); }

    Range row(int64_t row) const {
        const Id slot = empty() ? -1 : slot_.find(static_cast<Id>(row));
        if (slot < 0) return {nullptr, nullptr};
        return {cols_.data() + begin_[slot], cols_.data() + begin_[slot + 1]};
    }

   private:
    IdMap<Id> slot_;
    Vector<int64_t> begin_;
    Vector<Id> cols_;
};

// Remove the entries of one ascending list from another, in place; returns the new end.
template <class Id>
Id* drop(Id* begin, Id* end, std::pair<const Id*, const Id*> gone) {
    auto [g, g_end] = gone;
    if (g == g_end) return end;
    Id* out = begin;
    for (const Id* z = begin; z < end; ++z) {
        while (g < g_end && *g < *z) ++g;
        if (g == g_end || *g != *z) *out++ = *z;
    }
    return out;
}

}  // namespace graphrep
