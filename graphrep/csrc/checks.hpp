// Checks of what a kernel is about to read, so that wrong offsets and ids are an error instead of an access outside the
// arrays, and the errors of missing memory. The functions that throw are defined in checks.cpp, because inline copies
// in simd/ would be compiled for an instruction set that the CPU may lack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace graphrep {

// Memory that could not be allocated: how many bytes, and what for.
class OutOfMemory : public std::bad_alloc {
   public:
    OutOfMemory(size_t bytes, const char* purpose) noexcept;
    const char* what() const noexcept override;

   private:
    char text_[160];
};

[[noreturn]] void out_of_memory(size_t bytes, const char* purpose);
[[noreturn]] void bad_id(const char* name, int64_t id, int64_t stop);                  // IndexError in Python
[[noreturn]] void bad_offsets(int64_t row, int64_t begin, int64_t end, int64_t stop);  // ValueError in Python
[[noreturn]] void bad_argument(const char* sentence);                                  // ValueError in Python

// bytes for `count` items of `size` bytes; throws OutOfMemory if the product overflows or count is negative.
size_t checked_bytes(int64_t count, size_t size, const char* purpose);

static inline void check_id(const char* name, int64_t id, int64_t stop) {
    if (static_cast<uint64_t>(id) >= static_cast<uint64_t>(stop)) bad_id(name, id, stop);
}

struct EntryRange {
    int64_t begin, end;
};

// The entries of a row of a CSR with num_rows rows and num_entries entries.
static inline EntryRange checked_row(const int64_t* indptr, int64_t num_rows, int64_t num_entries, int64_t row) {
    check_id("node", row, num_rows);
    const int64_t begin = indptr[row], end = indptr[row + 1];
    if (begin < 0 || end < begin || end > num_entries) bad_offsets(row, begin, end, num_entries);
    return {begin, end};
}

// The offsets of rows [first, last).
static inline void check_rows(const int64_t* indptr, int64_t first, int64_t last, int64_t num_entries) {
    for (int64_t row = first; row < last; ++row) checked_row(indptr, last, num_entries, row);
}

// ids[0 .. n), all in [0, stop). The loop over a block has no branch, so that the compiler vectorizes it.
template <class Id>
static inline void check_ids(const char* name, const Id* ids, int64_t n, int64_t stop) {
    constexpr int64_t kBlock = 4096;
    for (int64_t begin = 0; begin < n; begin += kBlock) {
        const int64_t end = begin + kBlock < n ? begin + kBlock : n;
        Id low = 0, high = -1;
        for (int64_t i = begin; i < end; ++i) {
            low = ids[i] < low ? ids[i] : low;
            high = ids[i] > high ? ids[i] : high;
        }
        if (low < 0 || static_cast<int64_t>(high) >= stop) bad_id(name, low < 0 ? low : high, stop);
    }
}

}  // namespace graphrep
