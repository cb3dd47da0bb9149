// A cache of the memory of large results: a freed block is reused for the next result of about its size. The allocator
// would return the block to the system, and touching new pages costs as much as the kernel that fills them.
// Not thread-safe: callers hold a lock (the GIL).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "checks.hpp"

namespace graphrep {

struct Block {
    void* data;
    size_t bytes;
    int64_t released;  // time of release, in calls of acquire()
};

class BlockCache {
   public:
    explicit BlockCache(size_t limit) : limit_(limit) {}
    BlockCache(const BlockCache&) = delete;
    ~BlockCache() { clear(); }

    // A block of at least `bytes` bytes: the smallest cached one that is at most a quarter too large, else a new one.
    Block acquire(size_t bytes) {
        ++clock_;
        // A block that has not been used for long is unlikely to be used soon.
        while (!kept_.empty() && clock_ - kept_.front().released > kPatience) drop(0, true);
        size_t best = kept_.size();
        for (size_t i = 0; i < kept_.size(); ++i) {
            const size_t size = kept_[i].bytes;
            if (size >= bytes && size - bytes <= bytes / 4 && (best == kept_.size() || size < kept_[best].bytes))
                best = i;
        }
        if (best < kept_.size()) {
            const Block found = kept_[best];
            drop(best, false);
            return found;
        }
        if (bytes > size_t{PTRDIFF_MAX} - kPage) out_of_memory(bytes, "a result");
        const size_t whole = (bytes + kPage - 1) / kPage * kPage;
        void* data = std::aligned_alloc(kPage, whole);
        if (!data) {
            clear();
            data = std::aligned_alloc(kPage, whole);
        }
        if (!data) out_of_memory(bytes, "a result");
        return {data, whole, 0};
    }

    void release(Block block) {
        if (block.bytes > limit_) {
            std::free(block.data);
            return;
        }
        block.released = clock_;
        kept_.push_back(block);
        total_ += block.bytes;
        while (total_ > limit_) drop(0, true);  // the block that was idle for the longest time
    }

    void clear() {
        while (!kept_.empty()) drop(kept_.size() - 1, true);
    }

    // Set the largest number of bytes to keep.
    void set_limit(size_t limit) {
        limit_ = limit;
        while (total_ > limit_) drop(0, true);
    }

    size_t limit() const { return limit_; }
    size_t total() const { return total_; }

   private:
    static constexpr size_t kPage = 4096;
    static constexpr int64_t kPatience = 64;

    void drop(size_t i, bool free) {
        total_ -= kept_[i].bytes;
        if (free) std::free(kept_[i].data);
        kept_.erase(kept_.begin() + static_cast<int64_t>(i));
    }

    std::vector<Block> kept_;  // in order of release
    size_t limit_ = 0, total_ = 0;
    int64_t clock_ = 0;
};

}  // namespace graphrep
