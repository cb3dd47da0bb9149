// What the bindings share. A binding declares types, releases the GIL and forwards; values are checked in Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstdint>
#include <cstdlib>
#include <optional>

#include "../buffer.hpp"

namespace graphrep {

namespace nb = nanobind;
using namespace nb::literals;
using Released = nb::call_guard<nb::gil_scoped_release>;

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
inline int64_t rows_of(const In<int64_t>& indptr) { return int64_t(indptr.size()) - 1; }

// Tensors are passed as addresses: this costs no conversion per argument and admits 16-bit floats, which NumPy lacks.
// Python has checked device, dtype, contiguity and sizes; 0 stands for an absent array.
template <class T>
T* at(uintptr_t address) {
    return reinterpret_cast<T*>(address);
}

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
void bind_dropout(nb::module_& m);
void bind_edgelist(nb::module_& m);
void bind_neighbors(nb::module_& m);
void bind_projection(nb::module_& m);
void bind_sampling(nb::module_& m);
void bind_segment(nb::module_& m);
void bind_skipgram(nb::module_& m);
void bind_sparse_dense(nb::module_& m);
void bind_walks(nb::module_& m);

}  // namespace graphrep
