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

Reduce reduction(int reduce, const Tensor& arg) {
    if (reduce < 0 || reduce > int(Reduce::mul)) bad_argument("reduce must be sum, mean, max, min or mul.");
    const Reduce how = static_cast<Reduce>(reduce);
    if (arg && how != Reduce::max && how != Reduce::min) bad_argument("arg is for max and min.");
    return how;
}

int64_t element_size(int64_t bytes) {
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) bad_argument("element_bytes must be 1, 2, 4 or 8.");
    return bytes;
}

// Elements that `batch` arrays of `size` elements take, `stride` elements apart; 0: they share one.
int64_t strided(int64_t batch, int64_t stride, int64_t size) {
    if (stride != 0 && stride != size) bad_argument("a stride must be 0 or the size of what it steps over.");
    return stride ? product({batch, size}) : product({size});
}

}  // namespace

void bind_segment(nb::module_& m) {
    m.def(
        "segment_reduce",
        [](int scalar, int reduce, Tensor src, Tensor indptr, int64_t indptr_stride, int64_t batch, int64_t entries,
           int64_t columns, int64_t groups, Tensor out, Tensor arg, Threads num_threads) {
            const int64_t offsets = strided(batch, indptr_stride, product({groups}) + 1);
            const int64_t results = product({batch, groups, columns});
            if (results == 0) return;
            with_segment_element(scalar, [&]<class T>(T) {
                segment_reduce<T>(
                    {src.at<const T>("src", product({batch, entries, columns})),
                     indptr.at<const int64_t>("indptr", offsets), indptr_stride, batch, entries, columns, groups,
                     reduction(reduce, arg), out.at<T>("out", results), arg.maybe<int64_t>("arg", results)},
                    num_threads);
            });
        },
        "scalar"_a, "reduce"_a, "src"_a, "indptr"_a, "indptr_stride"_a, "batch"_a, "entries"_a, "columns"_a, "groups"_a,
        "out"_a, "arg"_a.none(), "num_threads"_a, Released());
    m.def(
        "scatter",
        [](int scalar, int id, int reduce, Tensor src, Tensor index, int64_t index_stride, bool per_column,
           int64_t batch, int64_t entries, int64_t columns, int64_t groups, Tensor out, Tensor arg, int path,
           Threads num_threads) {
            int64_t bad = -1;
            if (path < 0 || path > int(ScatterPath::grouped)) bad_argument("path must be 0, 1 or 2.");
            const int64_t ids = strided(batch, index_stride, product({entries, per_column ? columns : 1}));
            const int64_t results = product({batch, groups, columns});
            if (results == 0) return bad;
            with_segment_element(scalar, [&]<class T>(T) {
                with_id(id, [&]<class Id>(Id) {
                    bad = scatter<T, Id>(
                        {src.at<const T>("src", product({batch, entries, columns})), index.at<const Id>("index", ids),
                         index_stride, per_column, batch, entries, columns, groups, reduction(reduce, arg),
                         out.at<T>("out", results), arg.maybe<int64_t>("arg", results)},
                        static_cast<ScatterPath>(path), num_threads);
                });
            });
            return bad;
        },
        "scalar"_a, "id"_a, "reduce"_a, "src"_a, "index"_a, "index_stride"_a, "per_column"_a, "batch"_a, "entries"_a,
        "columns"_a, "groups"_a, "out"_a, "arg"_a.none(), "path"_a, "num_threads"_a, Released());
    m.def(
        "largest_id",
        [](int id, Tensor index, Threads num_threads) {
            int64_t largest = -1;
            with_id(id, [&]<class Id>(Id) {
                const int64_t n = index.size<Id>();
                largest = largest_id<Id>(index.at<const Id>("index", n), n, num_threads);
            });
            return largest;
        },
        "id"_a, "index"_a, "num_threads"_a, Released());
    m.def(
        "wrong_offset",
        [](Tensor indptr, int64_t batch, int64_t groups, int64_t entries) {
            return wrong_offset(indptr.at<const int64_t>("indptr", product({batch, product({groups}) + 1})), batch,
                                groups, entries);
        },
        "indptr"_a, "batch"_a, "groups"_a, "entries"_a, Released());
    m.def(
        "sorted_offsets",
        [](int id, Tensor index, int64_t batch, int64_t entries, int64_t groups, Tensor indptr, Threads num_threads) {
            int64_t bad = -1;
            const int64_t offsets = product({batch, product({groups}) + 1});
            with_id(id, [&]<class Id>(Id) {
                bad = sorted_offsets<Id>(index.at<const Id>("index", product({batch, entries})), batch, entries, groups,
                                         indptr.at<int64_t>("indptr", offsets), num_threads);
            });
            return bad;
        },
        "id"_a, "index"_a, "batch"_a, "entries"_a, "groups"_a, "indptr"_a, "num_threads"_a, Released());
    m.def(
        "expand_segments",
        [](Tensor src, Tensor indptr, int64_t indptr_stride, int64_t batch, int64_t groups, int64_t entries,
           int64_t row_bytes, Tensor out, Threads num_threads) {
            const int64_t offsets = strided(batch, indptr_stride, product({groups}) + 1);
            expand_segments(src.at<const char>("src", product({batch, groups, row_bytes})),
                            indptr.at<const int64_t>("indptr", offsets), indptr_stride, batch, groups, entries,
                            row_bytes, out.at<char>("out", product({batch, entries, row_bytes})), num_threads);
        },
        "src"_a, "indptr"_a, "indptr_stride"_a, "batch"_a, "groups"_a, "entries"_a, "row_bytes"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "gather_groups",
        [](int id, Tensor src, Tensor index, int64_t index_stride, bool per_column, int64_t batch, int64_t entries,
           int64_t columns, int64_t groups, int64_t element_bytes, Tensor out, Threads num_threads) {
            int64_t bad = -1;
            const int64_t size = element_size(element_bytes);
            product({columns, size});  // alone, as the others may be 0
            const int64_t ids = strided(batch, index_stride, product({entries, per_column ? columns : 1}));
            const char* from = src.at<const char>("src", product({batch, groups, columns, size}));
            char* to = out.at<char>("out", product({batch, entries, columns, size}));
            with_id(id, [&]<class Id>(Id) {
                bad = gather_groups<Id>(from, index.at<const Id>("index", ids), index_stride, per_column, batch,
                                        entries, columns, groups, size, to, num_threads);
            });
            return bad;
        },
        "id"_a, "src"_a, "index"_a, "index_stride"_a, "per_column"_a, "batch"_a, "entries"_a, "columns"_a, "groups"_a,
        "element_bytes"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "place_entries",
        [](Tensor src, Tensor arg, int64_t batch, int64_t groups, int64_t columns, int64_t entries,
           int64_t element_bytes, Tensor out, Threads num_threads) {
            const int64_t size = element_size(element_bytes), results = product({batch, groups, columns});
            product({columns, size});  // alone, as the others may be 0
            if (groups < 1) bad_argument("groups must be at least 1.");
            place_entries(src.at<const char>("src", product({results, size})), arg.at<const int64_t>("arg", results),
                          batch, groups, columns, entries, size,
                          out.at<char>("out", product({batch, entries, columns, size})), num_threads);
        },
        "src"_a, "arg"_a, "batch"_a, "groups"_a, "columns"_a, "entries"_a, "element_bytes"_a, "out"_a, "num_threads"_a,
        Released());
}

}  // namespace graphrep
