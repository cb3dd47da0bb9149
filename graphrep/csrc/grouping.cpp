#include "grouping.hpp"

#include <algorithm>
#include <atomic>

#include "buffer.hpp"
#include "parallel.hpp"

namespace graphrep {

template <class Id>
int64_t group_by_key(const Id* keys, const int64_t* from, int64_t n, int64_t num_keys, int64_t* indptr, int64_t* order,
                     int num_threads) {
    checked_bytes(num_keys, 8 * static_cast<size_t>(kMaxThreads), "the counts of the keys");
    // Each thread counts and places its own share of the input. With more threads than this, handling the counters
    // costs more than the threads save.
    const int64_t useful = std::max<int64_t>(1, n / (num_keys / 4 + 4096));
    const int parts = static_cast<int>(std::min<int64_t>(std::max(1, num_threads), useful));
    const Buffer<int64_t> slots(parts * num_keys, "the counts of the keys");
    std::fill(slots.data(), slots.data() + slots.size(), int64_t{0});
    std::atomic<int64_t> bad{-1};
    const auto at = [&](int64_t i) { return from ? from[i] : i; };
    const auto watch = [](int64_t i) {
        if (i % (int64_t{1} << 18) == 0) poll();
    };
    parallel_blocks(parts, 1, parts, [&](int64_t part, int64_t) {
        int64_t* count = slots.data() + part * num_keys;
        const int64_t end = share_begin(n, int(part) + 1, parts);
        for (int64_t i = share_begin(n, int(part), parts); i < end; ++i) {
            watch(i);
            check_id("order", at(i), n);
            const int64_t key = keys[at(i)];
            if (key < 0 || key >= num_keys) {
                int64_t seen = bad.load();
                while ((seen < 0 || at(i) < seen) && !bad.compare_exchange_weak(seen, at(i))) {
                }
                return;
            }
            ++count[key];
        }
    });
    if (bad.load() >= 0) return bad.load();
    int64_t total = 0;
    for (int64_t key = 0; key < num_keys; ++key) {
        watch(key);
        indptr[key] = total;
        for (int part = 0; part < parts; ++part) {
            int64_t& slot = slots[part * num_keys + key];
            const int64_t count = slot;
            slot = total;
            total += count;
        }
    }
    indptr[num_keys] = total;
    parallel_blocks(parts, 1, parts, [&](int64_t part, int64_t) {
        int64_t* slot = slots.data() + part * num_keys;
        const int64_t end = share_begin(n, int(part) + 1, parts);
        for (int64_t i = share_begin(n, int(part), parts); i < end; ++i) {
            watch(i);
            order[slot[keys[at(i)]]++] = at(i);
        }
    });
    return -1;
}

template int64_t group_by_key(const int32_t*, const int64_t*, int64_t, int64_t, int64_t*, int64_t*, int);
template int64_t group_by_key(const int64_t*, const int64_t*, int64_t, int64_t, int64_t*, int64_t*, int);

}  // namespace graphrep
