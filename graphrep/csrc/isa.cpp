#include "isa.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace graphrep {
namespace {

Isa best_isa() {
#ifdef GRAPHREP_X86
    __builtin_cpu_init();
    // Every flag that CMakeLists.txt compiles the copies with.
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return Isa::avx512;
    if (avx2) return Isa::avx2;
#endif
    return Isa::baseline;
}

bool parse(const char* name, Isa& isa) {
    for (Isa candidate : {Isa::baseline, Isa::avx2, Isa::avx512})
        if (std::strcmp(name, isa_name(candidate)) == 0) {
            isa = candidate;
            return true;
        }
    return false;
}

Isa initial_isa() {
    Isa wanted;
    const Isa best = best_isa();
    const char* name = std::getenv("GRAPHREP_ISA");
    return name && parse(name, wanted) && wanted < best ? wanted : best;
}

std::atomic<Isa>& current() {
    static std::atomic<Isa> isa{initial_isa()};
    return isa;
}

}  // namespace

Isa active_isa() { return current().load(std::memory_order_relaxed); }

const char* isa_name(Isa isa) {
    switch (isa) {
        case Isa::avx512: return "avx512";
        case Isa::avx2: return "avx2";
        default: return "baseline";
    }
}

bool set_isa(const char* name) {
    Isa wanted;
    if (!parse(name, wanted) || wanted > best_isa()) return false;
    current().store(wanted);
    return true;
}

}  // namespace graphrep
