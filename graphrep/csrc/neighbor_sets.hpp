// Set operations on sorted lists, as the kernels of neighbors.cpp need them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "id_map.hpp"

namespace graphrep {

constexpr int64_t gallop_ratio = 16;  // lists whose lengths differ more are searched, not merged

// First place in [b, b_end) that is not below x, by steps of doubling length, then bisection.
template <class Id>
const Id* gallop_to(const Id* b, const Id* b_end, Id x) {
    int64_t step = 1;
    while (step < b_end - b && b[step] < x) step *= 2;
    return std::lower_bound(b + step / 2, std::min(b + step + 1, b_end), x);
}

// Entries of both ascending lists, to out; returns its end. Needs room for one more than the shorter list.
template <class Id>
Id* intersect(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Id* out) {
    if (a_end - a > b_end - b) {
        std::swap(a, b);
        std::swap(a_end, b_end);
    }
    if ((b_end - b) / gallop_ratio > a_end - a) {
        for (; a < a_end; ++a) {
            b = gallop_to(b, b_end, *a);
            if (b == b_end) break;
            if (*b == *a) *out++ = *a;
        }
        return out;
    }
    while (a < a_end && b < b_end) {  // without a branch on which side advances
        const Id x = *a, y = *b;
        *out = x;
        out += x == y;
        a += x <= y;
        b += y <= x;
    }
    return out;
}

// Entries of the ascending list a that b lacks, to out; returns its end. Needs room for one more than a has.
template <class Id>
Id* subtract(const Id* a, const Id* a_end, const Id* b, const Id* b_end, Id* out) {
    if ((b_end - b) / gallop_ratio > a_end - a) {
        for (; a < a_end; ++a) {
            b = gallop_to(b, b_end, *a);
            if (b == b_end) break;
            if (*b != *a) *out++ = *a;
        }
    } else {
        while (a < a_end && b < b_end) {
            const Id x = *a, y = *b;
            *out = x;
            out += x < y;
            a += x <= y;  // b stays at a match, for a may repeat
            b += y < x;
        }
    }
    return std::copy(a, a_end, out);
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
        std::vector<Id> slot(static_cast<size_t>(arcs));
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
        std::vector<int64_t> next(begin_);
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
    std::vector<int64_t> begin_;
    std::vector<Id> cols_;
};

// Take the entries of an ascending list out of another, in place; returns the new end.
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
