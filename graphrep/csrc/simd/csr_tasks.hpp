// Deals the rows of a CSR to threads in tasks of about equal work. Only for files under simd/.
#pragma once

#include <cstdint>

#include "../parallel.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

constexpr int64_t kElementsPerTask = 1 << 21;  // elements that a task gathers
constexpr int64_t kLine = 64;                  // bytes of a cache line

// How many entries ahead the rows that will be gathered are asked for: far enough for memory to answer, not so far that
// they are gone from the cache when their turn comes.
static inline int64_t entries_ahead(int64_t row_bytes) {
    constexpr int64_t kBytes = 16384, kEntries = 64;
    const int64_t entries = kBytes / (row_bytes + 1);
    return (entries < kEntries ? entries : kEntries) + 2;
}

// body(row_begin, row_end) over tasks of about `entries_per_task` entries; a row is never split, so that a result does
// not depend on the number of threads.
template <class Body>
static inline void for_csr_rows(const int64_t* indptr, int64_t num_rows, int64_t entries_per_task, int num_threads,
                                Body&& body) {
    const int64_t base = indptr[0];  // a part of a longer CSR starts behind 0
    const int64_t rows_and_entries = indptr[num_rows] - base + num_rows;  // rows cost, too: an empty one is still written
    const int64_t tasks = rows_and_entries / entries_per_task + 1;
    if (tasks == 1 || num_threads <= 1) return body(int64_t{0}, num_rows);
    const auto first_row = [&](int64_t share) {
        int64_t low = 0, high = num_rows;  // smallest row with indptr[row] + row >= share
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (indptr[middle] - base + middle < share) low = middle + 1;
            else high = middle;
        }
        return low;
    };
    parallel_blocks(tasks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t begin = task == 0 ? 0 : first_row(task * entries_per_task);
        const int64_t end = task + 1 == tasks ? num_rows : first_row((task + 1) * entries_per_task);
        if (begin < end) body(begin, end);
    });
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
