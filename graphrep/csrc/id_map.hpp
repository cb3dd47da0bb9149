// A hash map from the node ids of a batch to small numbers: its size depends on the batch, not on the graph.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "random.hpp"

namespace graphrep {

// Open addressing with linear probing. Keys must not be negative. A slot of 32-bit ids is one word.
template <class Id>
class IdMap {
   public:
    explicit IdMap(int64_t expected) {
        int bits = 6;
        while ((int64_t{1} << bits) < 2 * expected) ++bits;
        reset(bits);
    }

    // The value of key; -1 if it has none.
    Id find(Id key) const {
        for (uint64_t at = place(key);; at = (at + 1) & mask_) {
            if (slots_[at].key == key) return slots_[at].value;
            if (slots_[at].key < 0) return -1;
        }
    }

    // The value of key, which becomes `value` if it has none.
    Id insert(Id key, Id value) {
        uint64_t at = place(key);
        for (; slots_[at].key >= 0; at = (at + 1) & mask_)
            if (slots_[at].key == key) return slots_[at].value;
        slots_[at] = {key, value};
        if (++used_ > (mask_ >> 1)) grow();
        return value;
    }

    void prefetch(Id key) const { __builtin_prefetch(&slots_[place(key)]); }

   private:
    struct Slot {
        Id key;
        Id value;
    };

    uint64_t place(Id key) const { return (static_cast<uint64_t>(key) * kGolden) >> shift_; }

    void reset(int bits) {
        slots_ = Buffer<Slot>(int64_t{1} << bits);
        for (int64_t i = 0; i < slots_.size(); ++i) slots_[i] = {-1, -1};
        mask_ = (uint64_t{1} << bits) - 1;
        shift_ = 64 - bits;
        used_ = 0;
    }

    void grow() {
        const Buffer<Slot> old = std::move(slots_);
        slots_ = Buffer<Slot>();
        reset(64 - shift_ + 2);
        for (int64_t i = 0; i < old.size(); ++i)
            if (old[i].key >= 0) insert(old[i].key, old[i].value);
    }

    Buffer<Slot> slots_;
    uint64_t mask_ = 0, used_ = 0;
    int shift_ = 0;
};

}  // namespace graphrep
