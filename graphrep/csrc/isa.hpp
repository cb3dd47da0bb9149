// Which copy of the simd/ kernels runs.
#pragma once

namespace graphrep {

enum class Isa { baseline, avx2, avx512 };

// The best instruction set that this processor and build have, lowered by GRAPHREP_ISA=baseline|avx2|avx512 if set.
Isa active_isa();
const char* isa_name(Isa isa);
// Choose by name; false if the name is unknown or this processor lacks it. For tests.
bool set_isa(const char* name);

}  // namespace graphrep

// Define `name` as a function that forwards to the copy compiled for the active instruction set.
#ifdef GRAPHREP_X86
#define GRAPHREP_DISPATCH(function, ...)                                    \
    switch (::graphrep::active_isa()) {                                     \
        case ::graphrep::Isa::avx512: return avx512::function(__VA_ARGS__); \
        case ::graphrep::Isa::avx2: return avx2::function(__VA_ARGS__);     \
        default: return baseline::function(__VA_ARGS__);                    \
    }
#else
#define GRAPHREP_DISPATCH(function, ...) return baseline::function(__VA_ARGS__);
#endif
