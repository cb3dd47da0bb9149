#include "rmat.hpp"

#include "checks.hpp"
#include "parallel.hpp"
#include "random.hpp"

namespace graphrep {
namespace {

constexpr int64_t kEdgeBlock = 4096;
constexpr uint64_t kPermutation = ~uint64_t{0};  // the stream of the permutation; edges have small numbers

// A permutation of [0, num_nodes): rounds of invertible steps on the next power of two, repeated until the value is
// small enough.
class Permutation {
   public:
    Permutation(uint64_t seed, int64_t num_nodes) : size_(static_cast<uint64_t>(num_nodes)) {
        while (bits_ < 63 && (uint64_t{1} << bits_) < size_) ++bits_;
        mask_ = (uint64_t{1} << bits_) - 1;
        const uint64_t key = stream_key(seed, kPermutation);
        for (int round = 0; round < kRounds; ++round) {
            added_[round] = random_bits(key, static_cast<uint64_t>(2 * round));
            factor_[round] = random_bits(key, static_cast<uint64_t>(2 * round + 1)) | 1;
        }
    }
    int64_t operator()(int64_t node) const {
        uint64_t value = static_cast<uint64_t>(node);
        do {
            for (int round = 0; round < kRounds; ++round) {
                value = (value + added_[round]) * factor_[round] & mask_;
                value ^= value >> (bits_ + 1) / 2;
            }
        } while (value >= size_);
        return static_cast<int64_t>(value);
    }

   private:
    static constexpr int kRounds = 4;
    int bits_ = 1;
    uint64_t size_, mask_;
    uint64_t added_[kRounds], factor_[kRounds];
};

}  // namespace

void rmat_edges(const Rmat& model, int64_t first, int64_t count, int64_t* source, int64_t* target, int num_threads) {
    if (model.num_nodes < 1 || model.num_nodes > int64_t{1} << 62) bad_argument("num_nodes must be in [1, 2**62].");
    const Permutation permuted(model.seed, model.num_nodes);
    parallel_blocks(count, kEdgeBlock, num_threads, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const uint64_t key = stream_key(model.seed, static_cast<uint64_t>(first + i));
            int64_t row = 0, column = 0, rows = model.num_nodes, columns = model.num_nodes;
            uint64_t bits = 0;
            for (uint64_t level = 0; rows > 1 || columns > 1; ++level) {
                bits = level % 2 ? bits >> 32 : random_bits(key, level / 2);
                const uint64_t drawn = bits & 0xffffffff;
                const bool down = drawn >= model.thresholds[1];
                const bool right = down ? drawn >= model.thresholds[2] : drawn >= model.thresholds[0];
                // The first half is the larger one if a side is odd; a side of length 1 has no second half.
                const int64_t upper = (rows + 1) / 2, left = (columns + 1) / 2;
                if (rows > 1) row += down ? upper : 0, rows = down ? rows - upper : upper;
                if (columns > 1) column += right ? left : 0, columns = right ? columns - left : left;
            }
            source[i] = model.scramble ? permuted(row) : row;
            target[i] = model.scramble ? permuted(column) : column;
        }
    });
}

}  // namespace graphrep
