#include "segment_index.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "buffer.hpp"
#include "parallel.hpp"

namespace graphrep {
namespace {

constexpr int64_t kBlock = 1 << 16;       // ids
constexpr int64_t kBlockBytes = 1 << 18;  // of rows

void keep_first(std::atomic<int64_t>& bad, int64_t position) {
    int64_t seen = bad.load();
    while ((seen < 0 || position < seen) && !bad.compare_exchange_weak(seen, position)) {
    }
}

int64_t rows_per_block(int64_t row_bytes) { return kBlockBytes / (row_bytes + 8) + 1; }

// visit(Element{}) for an unsigned integer of that size: elements are copied, not interpreted.
template <class Visit>
void with_element(int64_t bytes, Visit&& visit) {
    switch (bytes) {
        case 1: return visit(uint8_t{});
        case 2: return visit(uint16_t{});
        case 4: return visit(uint32_t{});
        default: return visit(uint64_t{});
    }
}

// Constant sizes let the compiler move a row in registers.
inline void copy_row(char* to, const char* from, int64_t bytes) {
    switch (bytes) {
        case 4: std::memcpy(to, from, 4); break;
        case 8: std::memcpy(to, from, 8); break;
        case 16: std::memcpy(to, from, 16); break;
        case 32: std::memcpy(to, from, 32); break;
        default: std::memcpy(to, from, static_cast<size_t>(bytes));
    }
}

}  // namespace

template <class Id>
int64_t largest_id(const Id* index, int64_t n, int num_threads) {
    const int64_t blocks = (n + kBlock - 1) / kBlock;
    const auto largest = [&](int64_t first, int64_t last) {
        Id best = -1;
        for (int64_t i = first; i < last; ++i) best = index[i] > best ? index[i] : best;
        return best;
    };
    if (blocks <= 1) return largest(0, n);
    Vector<Id> best(static_cast<size_t>(blocks));
    parallel_blocks(n, kBlock, num_threads, [&](int64_t first, int64_t last) {
        best[static_cast<size_t>(first / kBlock)] = largest(first, last);
    });
    return *std::max_element(best.begin(), best.end());
}

int64_t wrong_offset(const int64_t* indptr, int64_t batch, int64_t groups, int64_t entries) {
    for (int64_t b = 0; b < batch; ++b) {
        const int64_t* row = indptr + b * (groups + 1);
        int64_t before = 0;
        for (int64_t g = 0; g <= groups; ++g) {
            if (row[g] < before || row[g] > entries) return b * (groups + 1) + g;
            before = row[g];
        }
    }
    return -1;
}

template <class Id>
int64_t sorted_offsets(const Id* index, int64_t batch, int64_t entries, int64_t groups, int64_t* indptr,
                       int num_threads) {
    std::atomic<int64_t> bad{-1};
    const int64_t blocks = std::max<int64_t>(1, (entries + kBlock - 1) / kBlock);
    parallel_blocks(batch * blocks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t b = task / blocks, block = task % blocks;
        const Id* ids = index + b * entries;
        int64_t* offsets = indptr + b * (groups + 1);
        const int64_t first = block * kBlock, last = std::min(entries, first + kBlock);
        // Every block fills the offsets of ids above the one before it up to its own last.
        int64_t before = first ? int64_t(ids[first - 1]) : -1;
        if (first && (before < 0 || before >= groups)) return;  // the block before reports it
        for (int64_t e = first; e < last; ++e) {
            const int64_t g = ids[e];
            if (g == before) continue;
            if (g < before || g >= groups) return keep_first(bad, b * entries + e);
            for (int64_t next = before + 1; next <= g; ++next) offsets[next] = e;
            before = g;
        }
        if (last == entries)
            for (int64_t next = before + 1; next <= groups; ++next) offsets[next] = entries;
    });
    return bad.load();
}

void expand_segments(const void* src, const int64_t* indptr, int64_t indptr_stride, int64_t batch, int64_t groups,
                     int64_t entries, int64_t row_bytes, void* out, int num_threads) {
    const int64_t size = rows_per_block(row_bytes), blocks = (entries + size - 1) / size;
    parallel_blocks(batch * blocks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t b = task / blocks, first = task % blocks * size, last = std::min(entries, first + size);
        const int64_t* offsets = indptr + b * indptr_stride;
        const char* from = static_cast<const char*>(src) + b * groups * row_bytes;
        char* to = static_cast<char*>(out) + b * entries * row_bytes;
        const auto clear = [&](int64_t begin, int64_t end) {
            if (begin < end) std::memset(to + begin * row_bytes, 0, static_cast<size_t>((end - begin) * row_bytes));
        };
        clear(first, std::min(last, offsets[0]));
        int64_t g = std::upper_bound(offsets, offsets + groups + 1, first) - offsets - 1;
        int64_t e = std::max(first, offsets[0]);
        for (g = std::max<int64_t>(g, 0); g < groups && e < last; ++g)
            for (const int64_t end = std::min(last, offsets[g + 1]); e < end; ++e)
                copy_row(to + e * row_bytes, from + g * row_bytes, row_bytes);
        clear(std::max(first, offsets[groups]), last);
    });
}

template <class Id>
int64_t gather_groups(const void* src, const Id* index, int64_t index_stride, bool per_column, int64_t batch,
                      int64_t entries, int64_t columns, int64_t groups, int64_t element_bytes, void* out,
                      int num_threads) {
    constexpr int64_t kAhead = 8;
    const int64_t row_bytes = columns * element_bytes;
    const int64_t size = rows_per_block(row_bytes), blocks = (entries + size - 1) / size;
    std::atomic<int64_t> bad{-1};
    parallel_blocks(batch * blocks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t b = task / blocks, first = task % blocks * size, last = std::min(entries, first + size);
        const Id* ids = index + b * index_stride;
        const char* from = static_cast<const char*>(src) + b * groups * row_bytes;
        char* to = static_cast<char*>(out) + b * entries * row_bytes;
        const auto outside = [&](int64_t g) { return static_cast<uint64_t>(g) >= static_cast<uint64_t>(groups); };
        if (!per_column) {
            for (int64_t e = first; e < last; ++e) {
                if (outside(ids[e])) return keep_first(bad, b * index_stride + e);
                if (e + kAhead < last) {
                    const auto next =
                        reinterpret_cast<uintptr_t>(from) + uint64_t(ids[e + kAhead]) * uint64_t(row_bytes);
                    for (int64_t byte = 0; byte < row_bytes && byte < 256; byte += 64)
                        __builtin_prefetch(reinterpret_cast<const void*>(next + uint64_t(byte)));
                }
                copy_row(to + e * row_bytes, from + int64_t(ids[e]) * row_bytes, row_bytes);
            }
            return;
        }
        with_element(element_bytes, [&]<class Element>(Element) {
            const Element* x = reinterpret_cast<const Element*>(from);
            Element* y = reinterpret_cast<Element*>(to);
            for (int64_t e = first; e < last; ++e)
                for (int64_t k = 0; k < columns; ++k) {
                    const int64_t g = ids[e * columns + k];
                    if (outside(g)) return keep_first(bad, b * index_stride + e * columns + k);
                    y[e * columns + k] = x[g * columns + k];
                }
        });
    });
    return bad.load();
}

void place_entries(const void* src, const int64_t* arg, int64_t batch, int64_t groups, int64_t columns, int64_t entries,
                   int64_t element_bytes, void* out, int num_threads) {
    const int64_t row_bytes = columns * element_bytes, size = rows_per_block(row_bytes);
    parallel_blocks(batch * entries, size, num_threads, [&](int64_t first, int64_t last) {
        std::memset(static_cast<char*>(out) + first * row_bytes, 0, static_cast<size_t>((last - first) * row_bytes));
    });
    with_element(element_bytes, [&]<class Element>(Element) {
        const Element* from = static_cast<const Element*>(src);
        Element* to = static_cast<Element*>(out);
        parallel_blocks(batch * groups, size, num_threads, [&](int64_t first, int64_t last) {
            for (int64_t row = first; row < last; ++row) {
                Element* y = to + row / groups * entries * columns;
                for (int64_t k = 0; k < columns; ++k) {
                    const int64_t e = arg[row * columns + k];
                    if (static_cast<uint64_t>(e) < static_cast<uint64_t>(entries))
                        y[e * columns + k] = from[row * columns + k];
                }
            }
        });
    });
}

#define GRAPHREP_INSTANTIATE(Id)                                                                                       \
    template int64_t largest_id(const Id*, int64_t, int);                                                              \
    template int64_t sorted_offsets(const Id*, int64_t, int64_t, int64_t, int64_t*, int);                              \
    template int64_t gather_groups(const void*, const Id*, int64_t, bool, int64_t, int64_t, int64_t, int64_t, int64_t, \
                                   void*, int);
GRAPHREP_INSTANTIATE(int32_t)
GRAPHREP_INSTANTIATE(int64_t)
#undef GRAPHREP_INSTANTIATE

}  // namespace graphrep
