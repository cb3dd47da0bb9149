// The one place that knows how loops are spread over threads, and how they are interrupted.
#pragma once

#include <cstdint>
#include <exception>

#ifdef GRAPHREP_STD_THREADS  // for the thread sanitizer, which cannot see into GCC's OpenMP
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

// What a kernel throws if the user interrupts it.
struct Interrupted {};

// Asks whether the user wants the running kernel to end; called on the thread that called the kernel, some times per
// second. Null: nobody asks. The bindings set it.
extern bool (*interrupt_requested)();

// A call begins: the user is first asked some time from now, so that short calls do not ask at all.
void start_clock();

// Throw Interrupted if the user interrupts or another thread of the region has thrown. Loops over blocks call it before
// each block; a body that can take longer than a fraction of a second calls it, too. Takes some nanoseconds.
void poll();

// On threads that work for a region: while it exists, poll() answers for this region.
class Region {
   public:
    Region(const FirstException& exception, bool caller);
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;
    ~Region();

   private:
    const FirstException* outer_;
    bool outer_caller_;
};

// On the calling thread, when it has nothing left to do: poll until `finished` is `wanted`.
void wait_for(const int& finished, int wanted);

// More threads than this are never started; the system would refuse them.
constexpr int kMaxThreads = 1024;

// Run body(thread, num_threads) once per thread. Results of kernels must not depend on num_threads. If a body throws,
// the first exception is thrown again when all threads have finished.
template <class Body>
void parallel(int num_threads, Body&& body) {
    if (num_threads <= 1 || forked) {
        body(0, 1);
        return;
    }
    if (num_threads > kMaxThreads) num_threads = kMaxThreads;
    FirstException exception;
    const auto run = [&](int thread, int threads) {
        const Region region(exception, thread == 0);
        exception.guard([&] { body(thread, threads); });
    };
#ifdef GRAPHREP_STD_THREADS
    std::vector<std::thread> threads;
    for (int thread = 0; thread < num_threads; ++thread)
        threads.emplace_back([&, thread] { run(thread, num_threads); });
    for (std::thread& thread : threads) thread.join();
#else
    int finished = 0;
#pragma omp parallel num_threads(num_threads)
    {
        const int thread = omp_get_thread_num(), threads = omp_get_num_threads();
        run(thread, threads);
        if (thread > 0)
            __atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
        else
            exception.guard([&] { wait_for(finished, threads - 1); });
    }
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
    const auto run = [&](int64_t b) {
        poll();
        body(b * block, b * block + block < n ? b * block + block : n);
    };
    if (num_threads <= 1 || forked || blocks <= 1) {
        for (int64_t b = 0; b < blocks; ++b) run(b);
        return;
    }
    int64_t next = 0;
    parallel(num_threads < blocks ? num_threads : static_cast<int>(blocks), [&](int, int) {
        for (;;) {
            const int64_t b = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED);
            if (b >= blocks) return;
            run(b);
        }
    });
}

}  // namespace graphrep
