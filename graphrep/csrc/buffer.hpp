// Uninitialized memory that a kernel fills and hands over. Large blocks request huge pages: page faults cost more than
// the sorting and parsing that fills the memory.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "checks.hpp"

namespace graphrep {

constexpr const char* kWorkingMemory = "the working memory of a kernel";

// Like std::malloc, but throws OutOfMemory if there is no memory. Free with std::free.
inline void* allocate(size_t bytes, const char* purpose = kWorkingMemory) {
    constexpr size_t kHugePage = size_t{1} << 21;
    void* data = nullptr;
    if (bytes >= 2 * kHugePage) {
        data = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) & ~(kHugePage - 1));
#ifdef MADV_HUGEPAGE
        if (data) madvise(data, bytes, MADV_HUGEPAGE);
#endif
    } else {
        data = std::malloc(bytes ? bytes : 1);
    }
    if (!data) out_of_memory(bytes, purpose);
    return data;
}

// For containers that grow.
template <class T>
struct Allocator {
    using value_type = T;
    Allocator() = default;
    template <class U>
    Allocator(const Allocator<U>&) {}
    T* allocate(size_t size) {
        return static_cast<T*>(
            graphrep::allocate(checked_bytes(static_cast<int64_t>(size), sizeof(T), kWorkingMemory)));
    }
    void deallocate(T* data, size_t) { std::free(data); }
    bool operator==(const Allocator&) const { return true; }
};

template <class T>
using Vector = std::vector<T, Allocator<T>>;

template <class T>
class Buffer {
   public:
    Buffer() = default;
    explicit Buffer(int64_t size, const char* purpose = kWorkingMemory)
        : data_(static_cast<T*>(allocate(checked_bytes(size, sizeof(T), purpose), purpose))), size_(size) {}
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Buffer() { std::free(data_); }

    T* data() const { return data_; }
    int64_t size() const { return size_; }
    T& operator[](int64_t i) const { return data_[i]; }
    // False only for a default-constructed buffer: one of size 0 still stands for "present".
    explicit operator bool() const { return data_ != nullptr; }
    void truncate(int64_t size) { size_ = size; }  // does not free memory
    // Transfer ownership of the memory; the new owner frees it with std::free.
    T* release() {
        size_ = 0;
        return std::exchange(data_, nullptr);
    }

   private:
    T* data_ = nullptr;
    int64_t size_ = 0;
};

}  // namespace graphrep
