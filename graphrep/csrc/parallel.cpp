#include "parallel.hpp"

#include <pthread.h>

namespace graphrep {

bool forked = false;

namespace {
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

}  // namespace graphrep
