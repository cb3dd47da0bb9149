#include "../segment.hpp"
#include "../scalars.hpp"
#include "../segment_index.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

// visit(T{}) for an element type of the segment kernels.
template <class Visit>
void with_segment_element(int scalar, Visit&& visit) {
    switch (static_cast<Scalar>(scalar)) {
        case Scalar::int32: return visit(int32_t{});
        case Scalar::int64: return visit(int64_t{});
        default: return with_float(scalar, visit);
    }
}

}  // namespace

void bind_segment(nb::module_& m) {
    m.def(
        "segment_reduce",
        [](int scalar, int reduce, uintptr_t src, uintptr_t indptr, int64_t indptr_stride, int64_t batch,
           int64_t entries, int64_t columns, int64_t groups, uintptr_t out, uintptr_t arg, int num_threads) {
            with_segment_element(scalar, [&]<class T>(T) {
                segment_reduce<T>({at<const T>(src), at<const int64_t>(indptr), indptr_stride, batch, entries, columns,
                                   groups, static_cast<Reduce>(reduce), at<T>(out), at<int64_t>(arg)},
                                  num_threads);
            });
        },
        "scalar"_a, "reduce"_a, "src"_a, "indptr"_a, "indptr_stride"_a, "batch"_a, "entries"_a, "columns"_a, "groups"_a,
        "out"_a, "arg"_a, "num_threads"_a, Released());
    m.def(
        "scatter",
        [](int scalar, int id, int reduce, uintptr_t src, uintptr_t index, int64_t index_stride, bool per_column,
           int64_t batch, int64_t entries, int64_t columns, int64_t groups, uintptr_t out, uintptr_t arg, int path,
           int num_threads) {
            int64_t bad = -1;
            with_segment_element(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    bad =
                        scatter<T, Id>({at<const T>(src), at<const Id>(index), index_stride, per_column, batch, entries,
                                        columns, groups, static_cast<Reduce>(reduce), at<T>(out), at<int64_t>(arg)},
                                       static_cast<ScatterPath>(path), num_threads);
                });
            });
            return bad;
        },
        "scalar"_a, "id"_a, "reduce"_a, "src"_a, "index"_a, "index_stride"_a, "per_column"_a, "batch"_a, "entries"_a,
        "columns"_a, "groups"_a, "out"_a, "arg"_a, "path"_a, "num_threads"_a, Released());
    m.def(
        "largest_id",
        [](int id, uintptr_t index, int64_t n, int num_threads) {
            int64_t largest = -1;
            with_id(id, [&]<class Id>(Id) { largest = largest_id<Id>(at<const Id>(index), n, num_threads); });
            return largest;
        },
        "id"_a, "index"_a, "n"_a, "num_threads"_a, Released());
    m.def(
        "wrong_offset",
        [](uintptr_t indptr, int64_t batch, int64_t groups, int64_t entries) {
            return wrong_offset(at<const int64_t>(indptr), batch, groups, entries);
        },
        "indptr"_a, "batch"_a, "groups"_a, "entries"_a, Released());
    m.def(
        "sorted_offsets",
        [](int id, uintptr_t index, int64_t batch, int64_t entries, int64_t groups, uintptr_t indptr, int num_threads) {
            int64_t bad = -1;
            with_id(id, [&]<class Id>(Id) {
                bad = sorted_offsets<Id>(at<const Id>(index), batch, entries, groups, at<int64_t>(indptr), num_threads);
            });
            return bad;
        },
        "id"_a, "index"_a, "batch"_a, "entries"_a, "groups"_a, "indptr"_a, "num_threads"_a, Released());
    m.def(
        "expand_segments",
        [](uintptr_t src, uintptr_t indptr, int64_t indptr_stride, int64_t batch, int64_t groups, int64_t entries,
           int64_t row_bytes, uintptr_t out, int num_threads) {
            expand_segments(at<const void>(src), at<const int64_t>(indptr), indptr_stride, batch, groups, entries,
                            row_bytes, at<void>(out), num_threads);
        },
        "src"_a, "indptr"_a, "indptr_stride"_a, "batch"_a, "groups"_a, "entries"_a, "row_bytes"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "gather_groups",
        [](int id, uintptr_t src, uintptr_t index, int64_t index_stride, bool per_column, int64_t batch,
           int64_t entries, int64_t columns, int64_t groups, int64_t element_bytes, uintptr_t out, int num_threads) {
            int64_t bad = -1;
            with_id(id, [&]<class Id>(Id) {
                bad = gather_groups<Id>(at<const void>(src), at<const Id>(index), index_stride, per_column, batch,
                                        entries, columns, groups, element_bytes, at<void>(out), num_threads);
            });
            return bad;
        },
        "id"_a, "src"_a, "index"_a, "index_stride"_a, "per_column"_a, "batch"_a, "entries"_a, "columns"_a, "groups"_a,
        "element_bytes"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "place_entries",
        [](uintptr_t src, uintptr_t arg, int64_t batch, int64_t groups, int64_t columns, int64_t entries,
           int64_t element_bytes, uintptr_t out, int num_threads) {
            place_entries(at<const void>(src), at<const int64_t>(arg), batch, groups, columns, entries, element_bytes,
                          at<void>(out), num_threads);
        },
        "src"_a, "arg"_a, "batch"_a, "groups"_a, "columns"_a, "entries"_a, "element_bytes"_a, "out"_a, "num_threads"_a,
        Released());
}

}  // namespace graphrep
