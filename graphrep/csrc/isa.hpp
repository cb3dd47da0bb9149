// Selects the copy of the simd/ kernels that runs.
#pragma once

namespace graphrep {

enum class Isa { baseline, avx2, avx512 };

// The best instruction set of this CPU and build, or the lower one that GRAPHREP_ISA=baseline|avx2|avx512 names.
Isa active_isa();
const char* isa_name(Isa isa);
// Choose by name; returns false if the name is unknown or the CPU lacks it. For tests.
bool set_isa(const char* name);

}  // namespace graphrep

// The body of a function that forwards to the copy of `function` compiled for the active instruction set.
#ifdef GRAPHREP_X86
#ifdef GRAPHREP_NO_AVX512  // a build without the widest copies, to save time
#define GRAPHREP_AVX512 avx2
#else
#define GRAPHREP_AVX512 avx512
#endif
#define GRAPHREP_DISPATCH(function, ...)                                             \
    switch (::graphrep::active_isa()) {                                              \
        case ::graphrep::Isa::avx512: return GRAPHREP_AVX512::function(__VA_ARGS__); \
        case ::graphrep::Isa::avx2: return avx2::function(__VA_ARGS__);              \
        default: return baseline::function(__VA_ARGS__);                             \
    }
#else
#define GRAPHREP_DISPATCH(function, ...) return baseline::function(__VA_ARGS__);
#endif
