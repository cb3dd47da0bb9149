#include "parallel.hpp"

#include <pthread.h>
#include <time.h>

namespace graphrep {

bool forked = false;
bool (*interrupt_requested)() = nullptr;

namespace {
constexpr int64_t kPatience = 50'000'000;  // nanoseconds between two questions to the user

thread_local const FirstException* current = nullptr;  // of the region that this thread works for
thread_local bool is_caller = true;                    // whether this thread called the kernel
thread_local int64_t next_question = 0;

int64_t now() {
#ifdef CLOCK_MONOTONIC_COARSE
    constexpr clockid_t clock = CLOCK_MONOTONIC_COARSE;  // exact to some milliseconds, read in some nanoseconds
#else
    constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
    timespec time;
    clock_gettime(clock, &time);
    return int64_t{1'000'000'000} * time.tv_sec + time.tv_nsec;
}

[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
}  // namespace

FirstException::FirstException() : caught_(false) {}

FirstException::~FirstException() = default;

void FirstException::keep() noexcept {
    if (!__atomic_exchange_n(&caught_, true, __ATOMIC_RELAXED)) first_ = std::current_exception();
}

bool FirstException::caught() const { return __atomic_load_n(&caught_, __ATOMIC_RELAXED); }

// The end of the region ordered the write of first_ before this.
void FirstException::rethrow() const {
    if (first_) std::rethrow_exception(first_);
}

void start_clock() { next_question = now() + kPatience; }

void poll() {
    if (current && current->caught()) throw Interrupted{};
    if (!is_caller || !interrupt_requested) return;
    const int64_t time = now();
    if (time < next_question) return;
    next_question = time + kPatience;
    if (interrupt_requested()) throw Interrupted{};
}

Region::Region(const FirstException& exception, bool caller) : outer_(current), outer_caller_(is_caller) {
    current = &exception;
    is_caller = is_caller && caller;
}

Region::~Region() {
    current = outer_;
    is_caller = outer_caller_;
}

void wait_for(const int& finished, int wanted) {
    const auto done = [&] { return __atomic_load_n(&finished, __ATOMIC_ACQUIRE) == wanted; };
    for (int spin = 0; spin < 2000; ++spin) {
        if (done()) return;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
    // The pauses grow with the time waited, so that they add a few percent to it at most.
    for (int64_t pause = 10'000; !done(); pause += pause / 16) {
        if (pause > 5'000'000) pause = 5'000'000;
        const timespec time{0, static_cast<long>(pause)};
        nanosleep(&time, nullptr);
        poll();
    }
}

}  // namespace graphrep
