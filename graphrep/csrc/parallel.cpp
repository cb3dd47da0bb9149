#include "parallel.hpp"

#include <pthread.h>

namespace graphrep {

bool forked = false;

namespace {
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
}  // namespace

}  // namespace graphrep
