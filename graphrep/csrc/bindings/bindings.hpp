// What the bindings share. A binding declares types, checks that the arrays are as long as the kernel takes them to be,
// releases the GIL and forwards. Kernels check the offsets and ids that they read (checks.hpp).
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>

#include "../buffer.hpp"
#include "../checks.hpp"
#include "../parallel.hpp"
#include "../scalars.hpp"

namespace graphrep {

namespace nb = nanobind;
using namespace nb::literals;

// Releases the GIL while a kernel runs.
struct Release {
    nb::gil_scoped_release released;
    Release() { start_clock(); }
};
using Released = nb::call_guard<Release>;

// A C-contiguous NumPy array of one dtype; .noconvert() at each argument forbids silent copies.
template <class T, int N = 1>
using In = nb::ndarray<const T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N = 1>
using Out = nb::ndarray<T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N = 1>
using MaybeIn = std::optional<In<T, N>>;

template <class Array>
auto pointer(const std::optional<Array>& array) {
    return array ? array->data() : nullptr;
}

// Number of rows of a CSR.
inline int64_t rows_of(const In<int64_t>& indptr) {
    if (indptr.size() == 0) bad_argument("indptr must have num_rows + 1 entries, got none.");
    return int64_t(indptr.size()) - 1;
}

// Throws unless two arrays are equally long; `sentence` says which.
inline void check_equal(size_t a, size_t b, const char* sentence) {
    if (a != b) bad_argument(sentence);
}

// The product of sizes; throws if one is negative or the product overflows.
inline int64_t product(std::initializer_list<int64_t> sizes) {
    int64_t total = 1;
    for (const int64_t size : sizes)
        if (size < 0 || __builtin_mul_overflow(total, size, &total))
            bad_argument("sizes must not be negative, and their product must fit into 64 bits.");
    return total;
}

// A contiguous torch tensor on the CPU, or None. Taken through its Python methods, which is cheaper than a conversion
// and admits 16-bit floats, which NumPy lacks.
struct Tensor {
    char* data = nullptr;
    int64_t bytes = 0;

    explicit operator bool() const { return data != nullptr; }
    template <class T>
    int64_t size() const {
        return bytes / int64_t(sizeof(T));
    }
    // The elements; throws if there are fewer than `wanted`. Null if absent.
    template <class T>
    T* at(const char* name, int64_t wanted) const {
        if (wanted > size<T>() || wanted < 0 || reinterpret_cast<uintptr_t>(data) % alignof(T))
            missing(name, wanted, sizeof(T));
        return reinterpret_cast<T*>(data);
    }
    template <class T>
    T* maybe(const char* name, int64_t wanted) const {
        return data ? at<T>(name, wanted) : nullptr;
    }
    [[noreturn]] void missing(const char* name, int64_t wanted, size_t size) const;
};

// A number of threads, at least 1.
struct Threads {
    int number = 1;
    operator int() const { return number; }
};

// Hand a kernel's memory to NumPy; None for an absent buffer.
template <class T>
nb::object to_numpy(Buffer<T> buffer) {
    if (!buffer) return nb::none();
    const size_t size = static_cast<size_t>(buffer.size());
    T* data = buffer.release();
    nb::capsule owner(data, [](void* memory) noexcept { std::free(memory); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(data, {size}, owner));
}

void bind_attention(nb::module_& m);
void bind_cache(nb::module_& m);
void bind_csr(nb::module_& m);
void bind_diffusion(nb::module_& m);
void bind_distances(nb::module_& m);
void bind_dropout(nb::module_& m);
void bind_edgelist(nb::module_& m);
void bind_neighbors(nb::module_& m);
void bind_projection(nb::module_& m);
void bind_ranking(nb::module_& m);
void bind_rmat(nb::module_& m);
void bind_sampling(nb::module_& m);
void bind_segment(nb::module_& m);
void bind_skipgram(nb::module_& m);
void bind_sparse_dense(nb::module_& m);
void bind_tall(nb::module_& m);
void bind_walkers(nb::module_& m);
void bind_walks(nb::module_& m);

// Reads a tensor's memory; false, without a Python error, if it is not a contiguous tensor on the CPU.
bool read_tensor(PyObject* object, Tensor& tensor) noexcept;

}  // namespace graphrep

namespace nanobind::detail {

template <>
struct dtype_traits<graphrep::Float16> {
    static constexpr dlpack::dtype value{static_cast<uint8_t>(dlpack::dtype_code::Float), 16, 1};
    static constexpr auto name = const_name("float16");
};

template <>
struct type_caster<graphrep::Tensor> {
    NB_TYPE_CASTER(graphrep::Tensor, const_name("Tensor"))
    bool from_python(handle source, uint8_t, cleanup_list*) noexcept {
        return graphrep::read_tensor(source.ptr(), value);
    }
};

template <>
struct type_caster<graphrep::Threads> {
    NB_TYPE_CASTER(graphrep::Threads, const_name("int"))
    bool from_python(handle source, uint8_t flags, cleanup_list* cleanup) noexcept {
        make_caster<int> caster;
        if (!caster.from_python(source, flags, cleanup) || caster.value < 1) return false;
        value.number = caster.value < graphrep::kMaxThreads ? caster.value : graphrep::kMaxThreads;
        return true;
    }
};

}  // namespace nanobind::detail
