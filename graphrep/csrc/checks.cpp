#include "checks.hpp"

#include <cstdio>
#include <stdexcept>
#include <string>

namespace graphrep {

OutOfMemory::OutOfMemory(size_t bytes, const char* purpose) noexcept {
    const double size = static_cast<double>(bytes);
    const bool large = size >= 1e8;
    std::snprintf(text_, sizeof text_, "needs %.*f %s for %s, which cannot be allocated.", large ? 1 : 3,
                  size / (large ? 1e9 : 1e6), large ? "GB" : "MB", purpose);
}

const char* OutOfMemory::what() const noexcept { return text_; }

void out_of_memory(size_t bytes, const char* purpose) { throw OutOfMemory(bytes, purpose); }

void bad_id(const char* name, int64_t id, int64_t stop) {
    throw std::out_of_range(std::string(name) + " must lie in [0, " + std::to_string(stop) + "), got " +
                            std::to_string(id) + ".");
}

void bad_offsets(int64_t row, int64_t begin, int64_t end, int64_t stop) {
    throw std::invalid_argument("indptr must ascend from 0 to the number of entries, " + std::to_string(stop) +
                                ", but row " + std::to_string(row) + " goes from " + std::to_string(begin) + " to " +
                                std::to_string(end) + ".");
}

void bad_argument(const char* sentence) { throw std::invalid_argument(sentence); }

size_t checked_bytes(int64_t count, size_t size, const char* purpose) {
    size_t bytes = 0;
    if (count < 0 || __builtin_mul_overflow(static_cast<size_t>(count), size, &bytes) || bytes > PTRDIFF_MAX)
        out_of_memory(PTRDIFF_MAX, purpose);
    return bytes;
}

}  // namespace graphrep
