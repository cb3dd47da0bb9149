// Memory of large results, kept for the next ones.
#include "../block_cache.hpp"

#include "bindings.hpp"
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace graphrep {
namespace {

// Never destroyed: results may outlive the module's statics.
BlockCache& block_cache() {
    static auto* cache = new BlockCache(0);
    return *cache;
}

// Uninitialized memory, which returns to the cache when Python drops the array. The GIL guards the cache.
nb::object cached_block(size_t bytes) {
    auto* block = new Block(block_cache().acquire(bytes));
    nb::capsule owner(block, [](void* memory) noexcept {
        auto* given = static_cast<Block*>(memory);
        block_cache().release(*given);
        delete given;
    });
    return nb::cast(nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>>(block->data, {bytes}, owner));
}

}  // namespace

void bind_cache(nb::module_& m) {
    m.def("cached_block", &cached_block, "bytes"_a);
    m.def("empty_cache", [] {
        block_cache().clear();
#if defined(__GLIBC__)
        malloc_trim(0);
#endif
    });
    m.def("set_cache_limit", [](size_t limit) { block_cache().set_limit(limit); }, "limit"_a);
    m.def("cache_size", [] { return block_cache().total(); });
}

}  // namespace graphrep
