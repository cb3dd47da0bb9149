// Selects the entries of one sorted list that are in another.
#pragma once

#include <cstdint>

namespace graphrep {

// Writes the entries of the ascending list a that are in the ascending list b (Missing: that are not in it) to out, in
// order; repeats in a are kept. Returns their number. out needs room for na + 1 entries. Time O(na + nb / 16).
#define GRAPHREP_DECLARE(isa)                                                         \
    namespace isa {                                                                   \
    template <bool Missing, class Id>                                                 \
    int64_t select_sorted(const Id* a, int64_t na, const Id* b, int64_t nb, Id* out); \
    }
GRAPHREP_DECLARE(baseline)
GRAPHREP_DECLARE(avx2)
GRAPHREP_DECLARE(avx512)
#undef GRAPHREP_DECLARE

}  // namespace graphrep
