#include <nanobind/stl/string.h>

#include <string>
#include <utility>

#include "../csr_build.hpp"
#include "../csr_query.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Index>
nb::tuple to_numpy(Csr<Index> csr) {
    return nb::make_tuple(to_numpy(std::move(csr.indptr)), to_numpy(std::move(csr.indices)),
                          to_numpy(std::move(csr.weights)));
}

template <class Index, class Id>
nb::tuple built(const In<Id>& source, const In<Id>& target, const float* weights, int64_t num_nodes,
                const BuildOptions& options) {
    Csr<Index> csr;
    {
        const Release released;
        csr = build_csr<Id, Index>(source.data(), target.data(), weights, int64_t(source.size()), num_nodes, options);
    }
    return to_numpy(std::move(csr));
}

Merge merge_of(const std::string& merge) {
    if (merge != "sum" && merge != "max" && merge != "first") bad_argument("merge must be sum, max or first.");
    return merge == "sum" ? Merge::sum : merge == "max" ? Merge::max : Merge::first;
}

template <class Index, class Id>
nb::tuple built_rows(const In<Id>& row, const In<Id>& column, const float* weights, int64_t num_forward,
                     const RowRange& range, Merge merge, int num_threads) {
    Csr<Index> csr;
    {
        const Release released;
        csr = build_rows<Id, Index>(row.data(), column.data(), weights, int64_t(row.size()), num_forward, range, merge,
                                    num_threads);
    }
    return to_numpy(std::move(csr));
}

// A square CSR whose last offset is the number of its arcs.
template <class Id>
void check_arcs(const In<int64_t>& indptr, const In<Id>& indices, const MaybeIn<float>& weights, int num_threads) {
    const int64_t rows = rows_of(indptr), arcs = int64_t(indices.size());
    if (weights) check_equal(weights->size(), indices.size(), "weights must have one entry per index.");
    if (indptr.data()[0] != 0 || indptr.data()[rows] != arcs)
        bad_offsets(0, indptr.data()[0], indptr.data()[rows], arcs);
    check_csr<Id>(indptr.data(), indices.data(), rows, arcs, rows, num_threads);
}

template <class Id>
void bind_csr_of(nb::module_& m) {
    m.def(
        "build_csr",
        [](In<Id> source, In<Id> target, MaybeIn<float> weights, int64_t num_nodes, bool symmetrize,
           const std::string& merge, bool self_loops, bool wide, Threads num_threads) {
            check_equal(source.size(), target.size(), "source and target must have the same length.");
            if (weights) check_equal(weights->size(), source.size(), "weights must have one entry per edge.");
            if (!wide && num_nodes > int64_t{1} << 31) bad_argument("num_nodes must be at most 2**31 for int32 ids.");
            const BuildOptions options{merge_of(merge), symmetrize, self_loops, num_threads};
            return wide ? built<int64_t>(source, target, pointer(weights), num_nodes, options)
                        : built<int32_t>(source, target, pointer(weights), num_nodes, options);
        },
        "source"_a.noconvert(), "target"_a.noconvert(), "weights"_a.noconvert().none(), "num_nodes"_a, "symmetrize"_a,
        "merge"_a, "self_loops"_a, "wide"_a, "num_threads"_a);
    m.def(
        "build_rows",
        [](In<Id> row, In<Id> column, MaybeIn<float> weights, int64_t num_forward, int64_t first_row, int64_t num_rows,
           int64_t num_nodes, const std::string& merge, bool wide, Threads num_threads) {
            check_equal(row.size(), column.size(), "row and column must have the same length.");
            if (weights) check_equal(weights->size(), row.size(), "weights must have one entry per arc.");
            if (!wide && num_nodes > int64_t{1} << 31) bad_argument("num_nodes must be at most 2**31 for int32 ids.");
            const RowRange range{first_row, num_rows, num_nodes};
            const Merge how = merge_of(merge);
            return wide ? built_rows<int64_t>(row, column, pointer(weights), num_forward, range, how, num_threads)
                        : built_rows<int32_t>(row, column, pointer(weights), num_forward, range, how, num_threads);
        },
        "row"_a.noconvert(), "column"_a.noconvert(), "weights"_a.noconvert().none(), "num_forward"_a, "first_row"_a,
        "num_rows"_a, "num_nodes"_a, "merge"_a, "wide"_a, "num_threads"_a);
    m.def(
        "transpose_csr",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, Threads num_threads) {
            Csr<Id> csr;
            {
                const Release released;
                check_arcs(indptr, indices, weights, num_threads);
                csr = transpose_csr(indptr.data(), indices.data(), pointer(weights), rows_of(indptr), num_threads);
            }
            return to_numpy(std::move(csr));
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a);
    m.def(
        "is_symmetric",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, Threads num_threads) {
            check_arcs(indptr, indices, weights, num_threads);
            return is_symmetric(indptr.data(), indices.data(), pointer(weights), rows_of(indptr), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a, Released());
    m.def(
        "count_loops",
        [](In<int64_t> indptr, In<Id> indices, Threads num_threads) {
            check_csr<Id>(indptr.data(), nullptr, rows_of(indptr), int64_t(indices.size()), 0, num_threads);
            return count_loops(indptr.data(), indices.data(), rows_of(indptr), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "find_arcs",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> source, In<int64_t> target, Out<int64_t> position,
           Threads num_threads) {
            check_equal(source.size(), target.size(), "source and target must have the same length.");
            check_equal(source.size(), position.size(), "position must have one entry per pair.");
            find_arcs(indptr.data(), indices.data(), rows_of(indptr), int64_t(indices.size()), source.data(),
                      target.data(), int64_t(source.size()), position.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "source"_a.noconvert(), "target"_a.noconvert(),
        "position"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "first_bad_row",
        [](In<int64_t> indptr, In<Id> indices, Threads num_threads) {
            check_csr<Id>(indptr.data(), nullptr, rows_of(indptr), int64_t(indices.size()), 0, num_threads);
            return first_bad_row(indptr.data(), indices.data(), rows_of(indptr), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a, Released());
}

}  // namespace

void bind_csr(nb::module_& m) {
    bind_csr_of<int32_t>(m);
    bind_csr_of<int64_t>(m);
}

}  // namespace graphrep
