// How fast this machine can fetch rows in a random order, and nothing else: one word of every cache line is read.
// Compiled and called by spmm.py.
#include <cstdint>

#include <omp.h>

extern "C" int64_t gather_probe(const char* x, int64_t row_bytes, const int32_t* rows, int64_t n, int64_t ahead,
                                int num_threads) {
    int64_t total = 0;
#pragma omp parallel for num_threads(num_threads) schedule(dynamic, 8192) reduction(+ : total)
    for (int64_t i = 0; i < n; ++i) {
        if (i + ahead < n)
            for (int64_t byte = 0; byte < row_bytes; byte += 64) __builtin_prefetch(x + rows[i + ahead] * row_bytes + byte);
        const char* row = x + rows[i] * row_bytes;
        for (int64_t byte = 0; byte < row_bytes; byte += 64) total += *reinterpret_cast<const int64_t*>(row + byte);
    }
    return total;
}
