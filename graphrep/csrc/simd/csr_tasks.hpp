// Divides the rows of a CSR into tasks of about equal work. Only for files under simd/.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "../checks.hpp"
#include "../parallel.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

constexpr int64_t kElementsPerTask = 1 << 21;      // elements that a task gathers
constexpr int64_t kEntriesBetweenPolls = 1 << 16;  // of one row
constexpr int64_t kLine = 64;                      // bytes of a cache line

// How many entries ahead gathered rows are prefetched: far enough to hide the latency of memory, but not so far that
// they are evicted from the first-level cache before their use. The latency is shorter for a table that fits in the
// last-level cache (num_rows < 0: unknown).
static inline int64_t entries_ahead(int64_t row_bytes, int64_t num_rows = -1) {
    constexpr int64_t kNear = 16 << 20;
    const bool near = num_rows >= 0 && num_rows * row_bytes <= kNear;
    const int64_t entries = (near ? 8192 : 16384) / (row_bytes + 1), most = near ? 48 : 64;
    return (entries < most ? entries : most) + (near ? 4 : 2);
}

// A buffer of one thread. Not std::vector: its functions would be compiled for this instruction set, and the linker may
// choose these copies for code that runs without it.
template <class S>
struct Scratch {
    S* data = nullptr;
    int64_t size = 0;

    Scratch() = default;
    explicit Scratch(int64_t n) { resize(n); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() { std::free(data); }

    // Contents are lost.
    void resize(int64_t n) {
        if (n <= size) return;
        std::free(data);
        data = nullptr;
        size = 0;
        const size_t bytes = checked_bytes(2 * n, sizeof(S), "the entries of a row");
        data = static_cast<S*>(std::malloc(bytes));
        if (!data) out_of_memory(bytes, "the entries of a row");
        size = 2 * n;
    }
    void zero(int64_t n) { std::memset(static_cast<void*>(data), 0, size_t(n) * sizeof(S)); }
    S& operator[](int64_t i) { return data[i]; }
};

// The offsets of a CSR and, where the rows gather, the ids of its columns. Both are checked before they are used: the
// ids of a task are about to be read anyway. num_entries or num_cols < 0: trusted.
template <class Id>
struct CsrRows {
    const int64_t* indptr;
    int64_t num_rows;
    int64_t num_entries = -1;
    const Id* indices = nullptr;
    int64_t num_cols = -1;
};

// body(row_begin, row_end) over tasks of about `entries_per_task` entries; a row is never split, so that a result does
// not depend on the number of threads.
template <class Id, class Body>
static inline void for_csr_rows(const CsrRows<Id>& csr, int64_t entries_per_task, int num_threads, Body&& body) {
    const int64_t* indptr = csr.indptr;
    const int64_t num_rows = csr.num_rows;
    const bool check = csr.num_entries >= 0;
    const int64_t base = indptr[0], last = indptr[num_rows];  // a part of a longer CSR does not start at 0
    if (check && (base < 0 || last < base || last > csr.num_entries)) bad_offsets(0, base, last, csr.num_entries);
    const int64_t rows_and_entries = last - base + num_rows;  // an empty row costs time, too: it is written
    const int64_t tasks = rows_and_entries / entries_per_task + 1;
    const auto first_row = [&](int64_t share) {
        int64_t low = 0, high = num_rows;  // smallest row with indptr[row] + row >= share
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (indptr[middle] - base + middle < share)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    };
    parallel_blocks(tasks, 1, num_threads, [&](int64_t task, int64_t) {
        const int64_t begin = task == 0 ? 0 : first_row(task * entries_per_task);
        const int64_t end = task + 1 == tasks ? num_rows : first_row((task + 1) * entries_per_task);
        if (begin >= end) return;
        if (check) {
            check_rows(indptr, begin, end, csr.num_entries);
            if (csr.indices && csr.num_cols >= 0)
                check_ids("indices", csr.indices + indptr[begin], indptr[end] - indptr[begin], csr.num_cols);
        }
        body(begin, end);
    });
}

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
