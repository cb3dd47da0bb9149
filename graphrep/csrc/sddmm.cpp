#include "sddmm.hpp"

#include "isa.hpp"

namespace graphrep {

template <class T, class Id>
void sddmm(const Sddmm<T, Id>& task, int num_threads) {
    GRAPHREP_DISPATCH(sddmm, task, num_threads)
}

#define GRAPHREP_INSTANTIATE(T)                         \
    template void sddmm(const Sddmm<T, int32_t>&, int); \
    template void sddmm(const Sddmm<T, int64_t>&, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace graphrep
