// The only file that knows Python: declares types, releases the GIL, forwards. Values are checked in Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>

#include "buffer.hpp"
#include "csr_build.hpp"
#include "csr_query.hpp"
#include "isa.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// A C-contiguous NumPy array of one dtype; .noconvert() at each argument forbids silent copies.
template <class T, int N = 1>
using In = nb::ndarray<const T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, int N = 1>
using Out = nb::ndarray<T, nb::numpy, nb::ndim<N>, nb::c_contig, nb::device::cpu>;

template <class T>
const T* data_or_null(const std::optional<In<T>>& array) {
    return array ? array->data() : nullptr;
}

// Hand a kernel's memory to NumPy; None for a buffer that is absent.
template <class T>
nb::object to_numpy(graphrep::Buffer<T> buffer) {
    if (!buffer) return nb::none();
    const size_t size = static_cast<size_t>(buffer.size());
    T* data = buffer.release();
    nb::capsule owner(data, [](void* memory) noexcept { std::free(memory); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(data, {size}, owner));
}

template <class Index>
nb::tuple to_numpy(graphrep::Csr<Index> csr) {
    return nb::make_tuple(to_numpy(std::move(csr.indptr)), to_numpy(std::move(csr.indices)),
                          to_numpy(std::move(csr.weights)));
}

template <class Index, class Id>
nb::tuple build_csr(const In<Id>& source, const In<Id>& target, const float* weights, int64_t num_nodes,
                    const graphrep::BuildOptions& options) {
    graphrep::Csr<Index> csr;
    {
        nb::gil_scoped_release release;
        csr = graphrep::build_csr<Id, Index>(source.data(), target.data(), weights,
                                             static_cast<int64_t>(source.size()), num_nodes, options);
    }
    return to_numpy(std::move(csr));
}

template <class Id>
void bind_build(nb::module_& m) {
    m.def(
        "build_csr",
        [](In<Id> source, In<Id> target, std::optional<In<float>> weights, int64_t num_nodes, bool symmetrise,
           const std::string& merge, bool self_loops, bool wide, int num_threads) {
            using graphrep::Merge;
            const graphrep::BuildOptions options{merge == "sum"   ? Merge::sum
                                                 : merge == "max" ? Merge::max
                                                                  : Merge::first,
                                                 symmetrise, self_loops, num_threads};
            return wide ? build_csr<int64_t>(source, target, data_or_null(weights), num_nodes, options)
                        : build_csr<int32_t>(source, target, data_or_null(weights), num_nodes, options);
        },
        "source"_a.noconvert(), "target"_a.noconvert(), "weights"_a.noconvert().none(), "num_nodes"_a, "symmetrise"_a,
        "merge"_a, "self_loops"_a, "wide"_a, "num_threads"_a);
}

template <class Index>
void bind_csr(nb::module_& m) {
    using Ptr = In<int64_t>;
    using Indices = In<Index>;
    using Weights = std::optional<In<float>>;
    m.def(
        "transpose_csr",
        [](Ptr indptr, Indices indices, Weights weights, int num_threads) {
            graphrep::Csr<Index> csr;
            {
                nb::gil_scoped_release release;
                csr = graphrep::transpose_csr(indptr.data(), indices.data(), data_or_null(weights),
                                              static_cast<int64_t>(indptr.size()) - 1, num_threads);
            }
            return to_numpy(std::move(csr));
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a);
    m.def(
        "is_symmetric",
        [](Ptr indptr, Indices indices, Weights weights, int num_threads) {
            nb::gil_scoped_release release;
            return graphrep::is_symmetric(indptr.data(), indices.data(), data_or_null(weights),
                                          static_cast<int64_t>(indptr.size()) - 1, num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a);
    m.def(
        "count_loops",
        [](Ptr indptr, Indices indices, int num_threads) {
            nb::gil_scoped_release release;
            return graphrep::count_loops(indptr.data(), indices.data(), static_cast<int64_t>(indptr.size()) - 1,
                                         num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a);
    m.def(
        "find_arcs",
        [](Ptr indptr, Indices indices, In<int64_t> source, In<int64_t> target, Out<int64_t> position,
           int num_threads) {
            nb::gil_scoped_release release;
            graphrep::find_arcs(indptr.data(), indices.data(), source.data(), target.data(),
                                static_cast<int64_t>(source.size()), position.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "source"_a.noconvert(), "target"_a.noconvert(),
        "position"_a.noconvert(), "num_threads"_a);
    m.def(
        "first_bad_row",
        [](Ptr indptr, Indices indices, int num_threads) {
            nb::gil_scoped_release release;
            return graphrep::first_bad_row(indptr.data(), indices.data(), static_cast<int64_t>(indptr.size()) - 1,
                                           num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a);
}

}  // namespace

NB_MODULE(_core, m) {
    m.def("isa", [] { return std::string(graphrep::isa_name(graphrep::active_isa())); });
    m.def("set_isa", [](const std::string& name) { return graphrep::set_isa(name.c_str()); }, "name"_a);
    bind_build<int32_t>(m);
    bind_build<int64_t>(m);
    bind_csr<int32_t>(m);
    bind_csr<int64_t>(m);
}
