// Numbers distinct keys: by a bitmap where integer ids are dense, by hash tables otherwise. The tables of several
// threads are merged so that the numbers do not depend on which thread saw a key first.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "buffer.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {

// Number of bits set. Without -mpopcnt, std::popcount is a function call.
inline int64_t count_bits(uint64_t word) {
    word -= word >> 1 & 0x5555555555555555ULL;
    word = (word & 0x3333333333333333ULL) + (word >> 2 & 0x3333333333333333ULL);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return static_cast<int64_t>(word * 0x0101010101010101ULL >> 56);
}

// A node name: bytes of the file.
struct Name {
    const char* data;
    int64_t size;
    bool operator==(const Name& other) const {
        return size == other.size && std::memcmp(data, other.data, static_cast<size_t>(size)) == 0;
    }
};

inline uint64_t hash_key(int64_t id) { return mix64(static_cast<uint64_t>(id) + kGolden); }

inline uint64_t hash_key(const Name& name) {
    uint64_t hash = static_cast<uint64_t>(name.size) * kGolden, word;
    const char* at = name.data;
    int64_t left = name.size;
    for (; left >= 8; at += 8, left -= 8) {
        std::memcpy(&word, at, 8);
        hash = mix64(hash ^ word);
    }
    word = 0;
    for (int64_t i = 0; i < left; ++i) word |= static_cast<uint64_t>(static_cast<unsigned char>(at[i])) << (8 * i);
    return mix64(hash ^ word);
}

// Distinct keys numbered 0, 1, … in order of first insertion. Open addressing; a slot holds half the hash and the
// number.
template <class Key>
class KeyTable {
   public:
    KeyTable() : slots_(1024, 0) {}

    int64_t insert(const Key& key) { return insert(key, hash_key(key)); }
    int64_t insert(const Key& key, uint64_t hash) {
        const uint64_t mask = slots_.size() - 1, tag = hash & ~kNumber;
        for (uint64_t at = hash & mask;; at = (at + 1) & mask) {
            const uint64_t slot = slots_[at];
            if (slot == 0) {
                const int64_t number = size();
                if (static_cast<uint64_t>(number) + 1 >= kNumber) throw std::length_error("too many distinct nodes");
                slots_[at] = tag | static_cast<uint64_t>(number + 1);
                keys_.push_back(key);
                hashes_.push_back(hash);
                if (keys_.size() * 2 > slots_.size()) grow();
                return number;
            }
            if ((slot & ~kNumber) == tag) {
                const int64_t number = static_cast<int64_t>(slot & kNumber) - 1;
                if (keys_[number] == key) return number;
            }
        }
    }
    // Insert up to kBlock keys and call f(i, number) for each. Memory is prefetched, because lookups in a large table
    // miss the caches.
    static constexpr int64_t kBlock = 32;
    template <class F>
    void insert_block(const Key* keys, int64_t count, F&& f) {
        uint64_t hashes[kBlock];
        for (int64_t i = 0; i < count; ++i) {
            hashes[i] = hash_key(keys[i]);
            __builtin_prefetch(&slots_[hashes[i] & (slots_.size() - 1)]);
        }
        for (int64_t i = 0; i < count; ++i) {
            const uint64_t number = slots_[hashes[i] & (slots_.size() - 1)] & kNumber;
            if (number) __builtin_prefetch(&keys_[number - 1]);
        }
        if constexpr (std::is_same_v<Key, Name>)
            for (int64_t i = 0; i < count; ++i) {
                const uint64_t number = slots_[hashes[i] & (slots_.size() - 1)] & kNumber;
                if (number) __builtin_prefetch(keys_[number - 1].data);
            }
        for (int64_t i = 0; i < count; ++i) f(i, insert(keys[i], hashes[i]));
    }
    int64_t size() const { return static_cast<int64_t>(keys_.size()); }
    const Key& key(int64_t number) const { return keys_[number]; }
    uint64_t hash(int64_t number) const { return hashes_[number]; }

   private:
    static constexpr uint64_t kNumber = 0xffffffffULL;

    void grow() {
        slots_.assign(slots_.size() * 2, 0);
        const uint64_t mask = slots_.size() - 1;
        for (size_t number = 0; number < keys_.size(); ++number) {
            uint64_t at = hashes_[number] & mask;
            while (slots_[at]) at = (at + 1) & mask;
            slots_[at] = (hashes_[number] & ~kNumber) | (number + 1);
        }
    }

    std::vector<uint64_t, Allocator<uint64_t>> slots_;
    std::vector<Key, Allocator<Key>> keys_;
    std::vector<uint64_t, Allocator<uint64_t>> hashes_;
};

// One numbering for the keys of several tables, in order of first appearance: table by table, each in its own order.
template <class Key>
class MergedTables {
   public:
    MergedTables(const std::vector<KeyTable<Key>>& tables, int num_threads) {
        offset_.assign(1, 0);
        for (const auto& table : tables) offset_.push_back(offset_.back() + table.size());
        number_ = Buffer<int64_t>(offset_.back());
        find_first(tables, num_threads);
        for (size_t t = 0; t < tables.size(); ++t)
            for (int64_t i = 0; i < tables[t].size(); ++i) {
                const int64_t at = offset_[t] + i, first = number_[at];
                if (first != at) {
                    number_[at] = number_[first];
                } else {
                    number_[at] = size();
                    keys_.push_back(tables[t].key(i));
                }
            }
    }
    int64_t size() const { return static_cast<int64_t>(keys_.size()); }
    int64_t total() const { return number_.size(); }  // number of keys in all tables, with repetitions
    const std::vector<Key>& keys() const { return keys_; }
    // numbers(t)[i] is the number of key i of table t.
    const int64_t* numbers(int64_t table) const { return number_.data() + offset_[table]; }

   private:
    // number_[at] = where the key at `at` (counted over all tables) appears first. A thread owns a share of the hashes.
    void find_first(const std::vector<KeyTable<Key>>& tables, int num_threads) {
        const int64_t shares = tables.size() > 1 ? std::max(1, num_threads) : 1;
        parallel_blocks(shares, 1, num_threads, [&](int64_t share, int64_t) {
            KeyTable<Key> seen;
            std::vector<int64_t> first;
            for (size_t t = 0; t < tables.size(); ++t)
                for (int64_t i = 0; i < tables[t].size(); ++i) {
                    const uint64_t hash = tables[t].hash(i);
                    if (static_cast<int64_t>((hash >> 32) % static_cast<uint64_t>(shares)) != share) continue;
                    const int64_t at = offset_[t] + i;
                    const size_t number =
                        static_cast<size_t>(tables.size() > 1 ? seen.insert(tables[t].key(i), hash) : first.size());
                    if (number == first.size()) first.push_back(at);
                    number_[at] = first[number];
                }
        });
    }

    std::vector<int64_t> offset_;
    Buffer<int64_t> number_;
    std::vector<Key> keys_;
};

// The rank of each integer among the marked ones, for integers in a narrow range.
class DenseRanks {
   public:
    DenseRanks(int64_t low, int64_t high) : low_(static_cast<uint64_t>(low)) {
        const uint64_t range = static_cast<uint64_t>(high) - low_ + 1;
        words_ = Buffer<Word>(static_cast<int64_t>(range / 64 + 1));
        std::memset(static_cast<void*>(words_.data()), 0, static_cast<size_t>(words_.size()) * sizeof(Word));
    }
    // May be called by several threads at once.
    void mark(int64_t id) {
        const uint64_t at = static_cast<uint64_t>(id) - low_, bit = uint64_t{1} << (at & 63);
        std::atomic_ref<uint64_t> bits(words_[static_cast<int64_t>(at >> 6)].bits);
        if (!(bits.load(std::memory_order_relaxed) & bit)) bits.fetch_or(bit, std::memory_order_relaxed);
    }
    // After all marks and before the first rank. Returns the marked integers, ascending.
    Buffer<int64_t> finish() {
        int64_t total = 0;
        for (int64_t w = 0; w < words_.size(); ++w) {
            words_[w].before = total;
            total += count_bits(words_[w].bits);
        }
        Buffer<int64_t> marked(total);
        for (int64_t w = 0, out = 0; w < words_.size(); ++w)
            for (uint64_t bits = words_[w].bits; bits; bits &= bits - 1)
                marked[out++] = static_cast<int64_t>(low_ + static_cast<uint64_t>(w) * 64 +
                                                     static_cast<uint64_t>(std::countr_zero(bits)));
        return marked;
    }
    int64_t rank(int64_t id) const {
        const uint64_t at = static_cast<uint64_t>(id) - low_;
        const Word& word = words_[static_cast<int64_t>(at >> 6)];
        return word.before + count_bits(word.bits & ((uint64_t{1} << (at & 63)) - 1));
    }

   private:
    struct Word {
        uint64_t bits;
        int64_t before;
    };
    uint64_t low_;
    Buffer<Word> words_;
};

}  // namespace graphrep
