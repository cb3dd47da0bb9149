// Inner products at the entries of a CSR, compiled once per instruction set. Row v of x stays in the cache while the
// rows of y are gathered; the memory traffic of the gather bounds the speed.
#include "../sddmm.hpp"

#include "csr_tasks.hpp"
#include "dot.hpp"

namespace graphrep {
namespace GRAPHREP_ISA {

template <class T, class Id>
void sddmm(const Sddmm<T, Id>& t, int num_threads) {
    const int64_t stride = t.heads * t.columns, last = t.indptr[t.num_rows];
    const int64_t ahead = entries_ahead(stride * int64_t(sizeof(T)));
    for_csr_rows(CsrRows<Id>{t.indptr, t.num_rows, t.num_entries, t.indices, t.num_y},
                 kElementsPerTask / (stride + 8) + 1, num_threads, [&](int64_t first, int64_t end_row) {
                     for (int64_t v = first; v < end_row; ++v) {
                         const T* row = t.x + v * stride;
                         for (int64_t e = t.indptr[v]; e < t.indptr[v + 1]; ++e) {
                             if ((e & (kEntriesBetweenPolls - 1)) == 0) poll();
                             if (t.indices && e + ahead < last) {
                                 const char* next = reinterpret_cast<const char*>(t.y + t.indices[e + ahead] * stride);
                                 for (int64_t byte = 0; byte < stride * int64_t(sizeof(T)); byte += kLine)
                                     __builtin_prefetch(next + byte);
                             }
                             const T* other = t.y + (t.indices ? int64_t(t.indices[e]) : e) * stride;
                             for (int64_t h = 0; h < t.heads; ++h)
                                 narrow(dot(row + h * t.columns, other + h * t.columns, t.columns),
                                        t.out + e * t.heads + h);
                         }
                     }
                 });
}

#define GRAPHREP_INSTANTIATE(T)                         \
    template void sddmm(const Sddmm<T, int32_t>&, int); \
    template void sddmm(const Sddmm<T, int64_t>&, int);
GRAPHREP_INSTANTIATE(float)
GRAPHREP_INSTANTIATE(double)
GRAPHREP_INSTANTIATE(BFloat16)
GRAPHREP_INSTANTIATE(Float16)

}  // namespace GRAPHREP_ISA
}  // namespace graphrep
