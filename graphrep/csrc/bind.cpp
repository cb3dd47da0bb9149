// The only file that knows Python: declares types, releases the GIL, forwards. Values are checked in Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include "isa.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// A C-contiguous NumPy array of one dtype; .noconvert() at each argument forbids silent copies.
template <class T, int N = 1>
using In = nb::ndarray<const T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N = 1>
using Out = nb::ndarray<T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

}  // namespace

NB_MODULE(_core, m) {
    m.def("isa", [] { return std::string(graphrep::isa_name(graphrep::active_isa())); });
    m.def("set_isa", [](const std::string& name) { return graphrep::set_isa(name.c_str()); }, "name"_a);
}
