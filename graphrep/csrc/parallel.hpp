// The one place that knows how loops are spread over threads.
#pragma once

#include <cstdint>
#include <exception>

#ifdef GRAPHREP_STD_THREADS  // for the thread sanitizer, which cannot see into GCC's OpenMP
#include <atomic>
#include <thread>
#include <vector>
#else
#include <omp.h>
#endif

namespace graphrep {

// True in a process made by fork(). GCC's OpenMP keeps its threads for the next loop; fork() does not copy them, and
// the child would wait for them forever, so it runs loops on one thread.
extern bool forked;

// The first exception of a parallel region: one that left the region would end the process. Its functions are defined
// in parallel.cpp, because inline copies of them in simd/ would be compiled for an instruction set that the CPU may
// lack.
class FirstException {
   public:
    FirstException();
    FirstException(const FirstException&) = delete;
    FirstException& operator=(const FirstException&) = delete;
    ~FirstException();

    // Call f, which may throw.
    template <class F>
    void guard(F&& f) noexcept {
        try {
            f();
        } catch (...) {
            keep();
        }
    }
    bool caught() const;
    void rethrow() const;  // after the region; does nothing if nothing was thrown

   private:
    void keep() noexcept;

    bool caught_;
    std::exception_ptr first_;
};

// Run body(thread, num_threads) once per thread. Results of kernels must not depend on num_threads. If a body throws,
// the first exception is thrown again when all threads have finished.
template <class Body>
void parallel(int num_threads, Body&& body) {
    if (num_threads <= 1 || forked) {
        body(0, 1);
        return;
    }
    FirstException exception;
#ifdef GRAPHREP_STD_THREADS
    std::vector<std::thread> threads;
    for (int thread = 0; thread < num_threads; ++thread)
        threads.emplace_back([&, thread] { exception.guard([&] { body(thread, num_threads); }); });
    for (std::thread& thread : threads) thread.join();
#else
#pragma omp parallel num_threads(num_threads)
    exception.guard([&] { body(omp_get_thread_num(), omp_get_num_threads()); });
#endif
    exception.rethrow();
}

// First index of the contiguous share of `thread` when n items are divided among num_threads threads.
static inline int64_t share_begin(int64_t n, int thread, int num_threads) {
    const int64_t base = n / num_threads, extra = n % num_threads;
    return thread * base + (thread < extra ? thread : extra);
}

// body(begin, end) over blocks of `block` items, assigned dynamically: for rows of very different cost. If a body
// throws, blocks that have not begun are skipped, and the first exception is thrown again.
template <class Body>
void parallel_blocks(int64_t n, int64_t block, int num_threads, Body&& body) {
    const int64_t blocks = (n + block - 1) / block;
    if (num_threads <= 1 || forked || blocks <= 1) {
        for (int64_t b = 0; b < blocks; ++b) body(b * block, b * block + block < n ? b * block + block : n);
        return;
    }
    FirstException exception;
    const auto run = [&](int64_t b) {
        if (exception.caught()) return;
        exception.guard([&] { body(b * block, b * block + block < n ? b * block + block : n); });
    };
#ifdef GRAPHREP_STD_THREADS
    std::atomic<int64_t> next{0};
    parallel(num_threads, [&](int, int) {
        for (int64_t b = next++; b < blocks; b = next++) run(b);
    });
#else
#pragma omp parallel for num_threads(num_threads) schedule(dynamic, 1)
    for (int64_t b = 0; b < blocks; ++b) run(b);
#endif
    exception.rethrow();
}

}  // namespace graphrep
