// Memory of large results, kept when a result is gone and handed to the next one of about its size. The allocator
// would give it back to the system, and touching fresh pages costs as much as the kernel that fills them.
// Callers hold a lock of their own (Python's).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <vector>

namespace graphrep {

struct Block {
    void* data;
    size_t bytes;
    int64_t released;  // when it came back, in calls of acquire()
};

class BlockCache {
   public:
    explicit BlockCache(size_t limit) : limit_(limit) {}
    BlockCache(const BlockCache&) = delete;
    ~BlockCache() { clear(); }

    // A block of at least so many bytes: the smallest kept one that is at most a quarter too large, else a new one.
    Block acquire(size_t bytes) {
        ++clock_;
        // What has not been wanted for long will not be wanted soon.
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
        const size_t whole = (bytes + kPage - 1) / kPage * kPage;
        void* data = std::aligned_alloc(kPage, whole);
        if (!data) {
            clear();
            data = std::aligned_alloc(kPage, whole);
        }
        if (!data) throw std::bad_alloc();
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
        while (total_ > limit_) drop(0, true);  // the one that was idle for longest
    }

    void clear() {
        while (!kept_.empty()) drop(kept_.size() - 1, true);
    }

    // Set how many bytes are kept at most.
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

    std::vector<Block> kept_;  // by the time they came back
    size_t limit_ = 0, total_ = 0;
    int64_t clock_ = 0;
};

}  // namespace graphrep
