// Which entries of one sorted list another holds.
#pragma once

#include <cstdint>

namespace graphrep {

// Entries of the ascending list a that the ascending list b holds (Missing: that it does not hold), in their order, to
// out; repeats in a stay. Returns their number. out needs room for na + 1 entries. Time O(na + nb / 16).
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
