// The only file that knows Python: declares types, releases the GIL, forwards. Values are checked in Python.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <optional>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "attention.hpp"
#include "block_cache.hpp"
#include "buffer.hpp"
#include "csr_build.hpp"
#include "csr_query.hpp"
#include "diffusion.hpp"
#include "dropout.hpp"
#include "edgelist.hpp"
#include "grouping.hpp"
#include "isa.hpp"
#include "neighbors.hpp"
#include "projection.hpp"
#include "random.hpp"
#include "sampling.hpp"
#include "scalars.hpp"
#include "sddmm.hpp"
#include "segment.hpp"
#include "segment_index.hpp"
#include "skipgram.hpp"
#include "spmm.hpp"
#include "walks.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using Released = nb::call_guard<nb::gil_scoped_release>;

namespace {

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

template <class Id>
void bind_walks(nb::module_& m) {
    m.def(
        "build_alias_tables",
        [](In<int64_t> indptr, In<float> weights, Out<float> keep, Out<Id> alias, int num_threads) {
            graphrep::build_alias_tables<Id>(indptr.data(), weights.data(), int64_t(indptr.size()) - 1, keep.data(),
                                             alias.data(), num_threads);
        },
        "indptr"_a.noconvert(), "weights"_a.noconvert(), "keep"_a.noconvert(), "alias"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "build_edge_filter",
        [](In<int64_t> indptr, In<Id> indices, bool directed, Out<uint64_t> words, int num_threads) {
            graphrep::build_edge_filter<Id>(indptr.data(), indices.data(), int64_t(indptr.size()) - 1, directed,
                                            words.data(), int64_t(words.size()), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "directed"_a, "words"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "random_walks",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> alias_keep,
           MaybeIn<Id> alias_slot, MaybeIn<double> row_sums, MaybeIn<uint64_t> filter, bool directed, double p,
           double q, uint64_t seed, MaybeIn<int64_t> walk_ids, int64_t first_walk, MaybeIn<int64_t> starts,
           Out<Id, 2> out, int num_threads) {
            const graphrep::WalkGraph<Id> graph{indptr.data(),
                                                indices.data(),
                                                pointer(weights),
                                                pointer(alias_keep),
                                                pointer(alias_slot),
                                                pointer(row_sums),
                                                pointer(filter),
                                                filter ? int64_t(filter->size()) : 0,
                                                int64_t(indptr.size()) - 1,
                                                directed};
            graphrep::random_walks<Id>(graph, {int64_t(out.shape(1)), p, q, seed}, pointer(walk_ids), first_walk,
                                       int64_t(out.shape(0)), pointer(starts), starts ? int64_t(starts->size()) : 0,
                                       out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(),
        "alias_keep"_a.noconvert().none(), "alias_slot"_a.noconvert().none(), "row_sums"_a.noconvert().none(),
        "filter"_a.noconvert().none(), "directed"_a, "p"_a, "q"_a, "seed"_a, "walk_ids"_a.noconvert().none(),
        "first_walk"_a, "starts"_a.noconvert().none(), "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "count_visits",
        [](In<Id, 2> walks, Out<int64_t> counts, int num_threads) {
            graphrep::count_visits<Id>(walks.data(), int64_t(walks.size()), int64_t(counts.size()), counts.data(),
                                       num_threads);
        },
        "walks"_a.noconvert(), "counts"_a.noconvert(), "num_threads"_a, Released());
}

template <class Id>
void bind_skipgram(nb::module_& m) {
    m.def(
        "train_skipgram",
        [](In<Id, 2> walks, MaybeIn<int64_t> walk_ids, int64_t first_position, int64_t total_positions,
           Out<float, 2> input, Out<float, 2> output, int64_t dimensions, In<float> noise_keep, In<Id> noise_alias,
           MaybeIn<float> keep_probability, int window, int negatives, int noise_rows, double start_rate,
           double end_rate, uint64_t seed, int num_threads) {
            const graphrep::SkipGram<Id> task{walks.data(),
                                              int64_t(walks.shape(0)),
                                              int64_t(walks.shape(1)),
                                              pointer(walk_ids),
                                              first_position,
                                              total_positions,
                                              input.data(),
                                              output.data(),
                                              int64_t(input.shape(0)),
                                              dimensions,
                                              int64_t(input.shape(1)),
                                              noise_keep.data(),
                                              noise_alias.data(),
                                              pointer(keep_probability),
                                              window,
                                              negatives,
                                              noise_rows,
                                              start_rate,
                                              end_rate,
                                              seed};
            graphrep::train_skipgram<Id>(task, num_threads);
        },
        "walks"_a.noconvert(), "walk_ids"_a.noconvert().none(), "first_position"_a, "total_positions"_a,
        "input"_a.noconvert(), "output"_a.noconvert(), "dimensions"_a, "noise_keep"_a.noconvert(),
        "noise_alias"_a.noconvert(), "keep_probability"_a.noconvert().none(), "window"_a, "negatives"_a, "noise_rows"_a,
        "start_rate"_a, "end_rate"_a, "seed"_a, "num_threads"_a, Released());
    m.def(
        "build_noise_table",
        [](In<int64_t> counts, double power, Out<float> keep, Out<Id> alias) {
            graphrep::build_noise_table<Id>(counts.data(), int64_t(counts.size()), power, keep.data(), alias.data());
        },
        "counts"_a.noconvert(), "power"_a, "keep"_a.noconvert(), "alias"_a.noconvert(), Released());
}

// Tensors come as addresses: no conversion per argument, and 16-bit floats, which NumPy lacks, come along. Python has
// checked device, dtype, contiguity and sizes; 0 stands for an absent array.
template <class T>
T* at(uintptr_t address) {
    return reinterpret_cast<T*>(address);
}

void bind_tensor_ops(nb::module_& m) {
    m.def(
        "spmm",
        [](int scalar, int id, int reduce, uintptr_t indptr, uintptr_t indices, uintptr_t values, uintptr_t scale,
           uintptr_t x, int64_t num_x, int64_t num_rows, int64_t heads, int64_t columns, uintptr_t out, uintptr_t arg,
           int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::with_id(id, [&]<class Id>(Id) {
                    graphrep::spmm<T, Id>({at<const int64_t>(indptr), at<const Id>(indices), at<const T>(values),
                                           at<const T>(scale), at<const T>(x), num_rows, heads, columns,
                                           static_cast<graphrep::Reduce>(reduce), at<T>(out), at<int32_t>(arg), num_x},
                                          num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "reduce"_a, "indptr"_a, "indices"_a, "values"_a, "scale"_a, "x"_a, "num_x"_a, "num_rows"_a,
        "heads"_a, "columns"_a, "out"_a, "arg"_a, "num_threads"_a, Released());
    m.def(
        "spmm_extreme_backward",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t values, uintptr_t arg, uintptr_t grad,
           int64_t num_rows, int64_t heads, int64_t columns, uintptr_t out, int num_threads) {
            graphrep::with_wide_float(scalar, [&]<class T>(T) {
                graphrep::with_id(id, [&]<class Id>(Id) {
                    graphrep::spmm_extreme_backward<T, Id>(
                        at<const int64_t>(indptr), at<const Id>(indices), at<const T>(values), at<const int32_t>(arg),
                        at<const T>(grad), num_rows, heads, columns, at<T>(out), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "values"_a, "arg"_a, "grad"_a, "num_rows"_a, "heads"_a,
        "columns"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "sddmm",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t x, uintptr_t y, int64_t num_rows,
           int64_t heads, int64_t columns, uintptr_t out, int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::with_id(id, [&]<class Id>(Id) {
                    graphrep::sddmm<T, Id>({at<const int64_t>(indptr), at<const Id>(indices), at<const T>(x),
                                            at<const T>(y), num_rows, heads, columns, at<T>(out)},
                                           num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "x"_a, "y"_a, "num_rows"_a, "heads"_a, "columns"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "group_by_key",
        [](int id, uintptr_t keys, uintptr_t from, int64_t n, int64_t num_keys, uintptr_t indptr, uintptr_t order,
           int num_threads) {
            int64_t bad = -1;
            graphrep::with_id(id, [&]<class Id>(Id) {
                bad = graphrep::group_by_key<Id>(at<const Id>(keys), at<const int64_t>(from), n, num_keys,
                                                 at<int64_t>(indptr), at<int64_t>(order), num_threads);
            });
            return bad;
        },
        "id"_a, "keys"_a, "from_order"_a, "n"_a, "num_keys"_a, "indptr"_a, "order"_a, "num_threads"_a, Released());
}

void bind_attention(nb::module_& m) {
    m.def(
        "attention",
        [](int scalar, int id, uintptr_t indptr, uintptr_t indices, uintptr_t query, uintptr_t key, uintptr_t row_score,
           uintptr_t col_score, uintptr_t value, double scale, int64_t num_rows, int64_t heads, int64_t key_columns,
           int64_t columns, int pass, uintptr_t grad, uintptr_t log_sum, uintptr_t delta, uintptr_t out, uintptr_t out2,
           int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::with_id(id, [&]<class Id>(Id) {
                    const graphrep::Attention<T, Id> task{at<const int64_t>(indptr),
                                                          at<const Id>(indices),
                                                          at<const T>(query),
                                                          at<const T>(key),
                                                          at<const T>(row_score),
                                                          at<const T>(col_score),
                                                          at<const T>(value),
                                                          scale,
                                                          num_rows,
                                                          heads,
                                                          key_columns,
                                                          columns,
                                                          at<T>(out),
                                                          at<double>(log_sum)};
                    if (pass == 0)
                        graphrep::attention<T, Id>(task, num_threads);
                    else if (pass == 1)
                        graphrep::attention_backward_rows<T, Id>(task, at<const T>(grad), at<T>(out), at<double>(delta),
                                                                 num_threads);
                    else
                        graphrep::attention_backward_columns<T, Id>(task, at<const T>(grad), at<const double>(delta),
                                                                    at<T>(out), at<T>(out2), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "query"_a, "key"_a, "row_score"_a, "col_score"_a, "value"_a,
        "scale"_a, "num_rows"_a, "heads"_a, "key_columns"_a, "columns"_a, "pass_"_a, "grad"_a, "log_sum"_a, "delta"_a,
        "out"_a, "out2"_a, "num_threads"_a, Released());
    m.def(
        "edge_softmax",
        [](int scalar, uintptr_t indptr, uintptr_t s, uintptr_t grad, int64_t num_rows, int64_t heads, uintptr_t out,
           int num_threads) {  // with a gradient, s holds probabilities, and the gradient of the scores comes out
            graphrep::with_float(scalar, [&]<class T>(T) {
                if (grad)
                    graphrep::edge_softmax_backward<T>(at<const int64_t>(indptr), at<const T>(s), at<const T>(grad),
                                                       num_rows, heads, at<T>(out), num_threads);
                else
                    graphrep::edge_softmax<T>(at<const int64_t>(indptr), at<const T>(s), num_rows, heads, at<T>(out),
                                              num_threads);
            });
        },
        "scalar"_a, "indptr"_a, "s"_a, "grad"_a, "num_rows"_a, "heads"_a, "out"_a, "num_threads"_a, Released());
}

void bind_dropout(nb::module_& m) {
    using graphrep::DropMask;
    m.def(
        "dropout",
        [](int scalar, uintptr_t x, int64_t size, uint64_t seed, uint32_t threshold, double scale, bool relu,
           uintptr_t out, int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::dropout<T>(at<const T>(x), size, DropMask{graphrep::stream_key(seed, 0), threshold, scale},
                                     relu, at<T>(out), num_threads);
            });
        },
        "scalar"_a, "x"_a, "size"_a, "seed"_a, "threshold"_a, "scale"_a, "relu"_a, "out"_a, "num_threads"_a,
        Released());
    m.def(
        "relu_dropout_backward",
        [](int scalar, uintptr_t y, uintptr_t grad, int64_t size, double scale, uintptr_t out, int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::relu_dropout_backward<T>(at<const T>(y), at<const T>(grad), size, scale, at<T>(out),
                                                   num_threads);
            });
        },
        "scalar"_a, "y"_a, "grad"_a, "size"_a, "scale"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu",
        [](int scalar, uintptr_t x, uintptr_t weight, uintptr_t bias, int64_t rows, int64_t columns, double epsilon,
           uint64_t seed, uint32_t threshold, double scale, uintptr_t y, uintptr_t mean, uintptr_t inverse_deviation,
           int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                using S = typename graphrep::Statistic<T>::Type;
                graphrep::norm_dropout_relu<T>({at<const T>(x), at<const T>(weight), at<const T>(bias), rows, columns,
                                                at<T>(y), at<S>(mean), at<S>(inverse_deviation)},
                                               epsilon, DropMask{graphrep::stream_key(seed, 0), threshold, scale},
                                               num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "bias"_a, "rows"_a, "columns"_a, "epsilon"_a, "seed"_a, "threshold"_a, "scale"_a,
        "y"_a, "mean"_a, "inverse_deviation"_a, "num_threads"_a, Released());
    m.def(
        "norm_dropout_relu_backward",
        [](int scalar, uintptr_t x, uintptr_t weight, uintptr_t mean, uintptr_t inverse_deviation, uintptr_t y,
           uintptr_t grad, int64_t rows, int64_t columns, double scale, uintptr_t grad_x, uintptr_t grad_weight,
           uintptr_t grad_bias, int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                using S = typename graphrep::Statistic<T>::Type;
                graphrep::norm_dropout_relu_backward<T>({at<const T>(x), at<const T>(weight), nullptr, rows, columns,
                                                         at<T>(y), at<S>(mean), at<S>(inverse_deviation)},
                                                        at<const T>(grad), scale, at<T>(grad_x), at<T>(grad_weight),
                                                        at<T>(grad_bias), num_threads);
            });
        },
        "scalar"_a, "x"_a, "weight"_a, "mean"_a, "inverse_deviation"_a, "y"_a, "grad"_a, "rows"_a, "columns"_a,
        "scale"_a, "grad_x"_a, "grad_weight"_a, "grad_bias"_a, "num_threads"_a, Released());
}

// visit(T{}) for an element type of the segment kernels.
template <class Visit>
void with_segment_element(int scalar, Visit&& visit) {
    switch (static_cast<graphrep::Scalar>(scalar)) {
        case graphrep::Scalar::int32: return visit(int32_t{});
        case graphrep::Scalar::int64: return visit(int64_t{});
        default: return graphrep::with_float(scalar, visit);
    }
}

void bind_segment(nb::module_& m) {
    m.def(
        "segment_reduce",
        [](int scalar, int reduce, uintptr_t src, uintptr_t indptr, int64_t indptr_stride, int64_t batch,
           int64_t entries, int64_t columns, int64_t groups, uintptr_t out, uintptr_t arg, int num_threads) {
            with_segment_element(scalar, [&]<class T>(T) {
                graphrep::segment_reduce<T>(
                    {at<const T>(src), at<const int64_t>(indptr), indptr_stride, batch, entries, columns, groups,
                     static_cast<graphrep::Reduce>(reduce), at<T>(out), at<int64_t>(arg)},
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
                graphrep::with_id(id, [&]<class Id>(Id) {
                    bad = graphrep::scatter<T, Id>(
                        {at<const T>(src), at<const Id>(index), index_stride, per_column, batch, entries, columns,
                         groups, static_cast<graphrep::Reduce>(reduce), at<T>(out), at<int64_t>(arg)},
                        static_cast<graphrep::ScatterPath>(path), num_threads);
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
            graphrep::with_id(
                id, [&]<class Id>(Id) { largest = graphrep::largest_id<Id>(at<const Id>(index), n, num_threads); });
            return largest;
        },
        "id"_a, "index"_a, "n"_a, "num_threads"_a, Released());
    m.def(
        "wrong_offset",
        [](uintptr_t indptr, int64_t batch, int64_t groups, int64_t entries) {
            return graphrep::wrong_offset(at<const int64_t>(indptr), batch, groups, entries);
        },
        "indptr"_a, "batch"_a, "groups"_a, "entries"_a, Released());
    m.def(
        "sorted_offsets",
        [](int id, uintptr_t index, int64_t batch, int64_t entries, int64_t groups, uintptr_t indptr, int num_threads) {
            int64_t bad = -1;
            graphrep::with_id(id, [&]<class Id>(Id) {
                bad = graphrep::sorted_offsets<Id>(at<const Id>(index), batch, entries, groups, at<int64_t>(indptr),
                                                   num_threads);
            });
            return bad;
        },
        "id"_a, "index"_a, "batch"_a, "entries"_a, "groups"_a, "indptr"_a, "num_threads"_a, Released());
    m.def(
        "expand_segments",
        [](uintptr_t src, uintptr_t indptr, int64_t indptr_stride, int64_t batch, int64_t groups, int64_t entries,
           int64_t row_bytes, uintptr_t out, int num_threads) {
            graphrep::expand_segments(at<const void>(src), at<const int64_t>(indptr), indptr_stride, batch, groups,
                                      entries, row_bytes, at<void>(out), num_threads);
        },
        "src"_a, "indptr"_a, "indptr_stride"_a, "batch"_a, "groups"_a, "entries"_a, "row_bytes"_a, "out"_a,
        "num_threads"_a, Released());
    m.def(
        "gather_groups",
        [](int id, uintptr_t src, uintptr_t index, int64_t index_stride, bool per_column, int64_t batch,
           int64_t entries, int64_t columns, int64_t groups, int64_t element_bytes, uintptr_t out, int num_threads) {
            int64_t bad = -1;
            graphrep::with_id(id, [&]<class Id>(Id) {
                bad = graphrep::gather_groups<Id>(at<const void>(src), at<const Id>(index), index_stride, per_column,
                                                  batch, entries, columns, groups, element_bytes, at<void>(out),
                                                  num_threads);
            });
            return bad;
        },
        "id"_a, "src"_a, "index"_a, "index_stride"_a, "per_column"_a, "batch"_a, "entries"_a, "columns"_a, "groups"_a,
        "element_bytes"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "place_entries",
        [](uintptr_t src, uintptr_t arg, int64_t batch, int64_t groups, int64_t columns, int64_t entries,
           int64_t element_bytes, uintptr_t out, int num_threads) {
            graphrep::place_entries(at<const void>(src), at<const int64_t>(arg), batch, groups, columns, entries,
                                    element_bytes, at<void>(out), num_threads);
        },
        "src"_a, "arg"_a, "batch"_a, "groups"_a, "columns"_a, "entries"_a, "element_bytes"_a, "out"_a, "num_threads"_a,
        Released());
}

template <class Id>
void bind_projection(nb::module_& m) {
    m.def(
        "propagate",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, In<float, 2> x,
           Out<float, 2> y, int num_threads) {
            graphrep::spmm<float, Id>(
                {indptr.data(), indices.data(), pointer(weights), pointer(scale), x.data(), int64_t(y.shape(0)), 1,
                 int64_t(y.shape(1)), graphrep::Reduce::sum, y.data(), nullptr},
                num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "x"_a.noconvert(), "y"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "spmm_projection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<float> weights, MaybeIn<float> scale, MaybeIn<float> row_scale,
           double density, float magnitude, uint64_t seed, Out<float, 2> y, int num_threads) {
            graphrep::spmm_projection<Id>(indptr.data(), indices.data(), pointer(weights), pointer(scale),
                                          pointer(row_scale), int64_t(y.shape(0)), int64_t(y.shape(1)), density,
                                          magnitude, seed, y.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "scale"_a.noconvert().none(),
        "row_scale"_a.noconvert().none(), "density"_a, "magnitude"_a, "seed"_a, "y"_a.noconvert(), "num_threads"_a,
        Released());
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

// Never destroyed: results may outlive the module's statics.
graphrep::BlockCache& block_cache() {
    static auto* cache = new graphrep::BlockCache(0);
    return *cache;
}

// Uninitialised memory of a large result, which goes back to the cache. The lock of the cache is Python's.
nb::object cached_block(size_t bytes) {
    auto* block = new graphrep::Block(block_cache().acquire(bytes));
    nb::capsule owner(block, [](void* memory) noexcept {
        auto* given = static_cast<graphrep::Block*>(memory);
        block_cache().release(*given);
        delete given;
    });
    return nb::cast(nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>>(block->data, {bytes}, owner));
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
        csr = graphrep::build_csr<Id, Index>(source.data(), target.data(), weights, static_cast<int64_t>(source.size()),
                                             num_nodes, options);
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
            return wide ? build_csr<int64_t>(source, target, pointer(weights), num_nodes, options)
                        : build_csr<int32_t>(source, target, pointer(weights), num_nodes, options);
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
                csr = graphrep::transpose_csr(indptr.data(), indices.data(), pointer(weights),
                                              static_cast<int64_t>(indptr.size()) - 1, num_threads);
            }
            return to_numpy(std::move(csr));
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a);
    m.def(
        "is_symmetric",
        [](Ptr indptr, Indices indices, Weights weights, int num_threads) {
            return graphrep::is_symmetric(indptr.data(), indices.data(), pointer(weights),
                                          static_cast<int64_t>(indptr.size()) - 1, num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "num_threads"_a, Released());
    m.def(
        "count_loops",
        [](Ptr indptr, Indices indices, int num_threads) {
            return graphrep::count_loops(indptr.data(), indices.data(), static_cast<int64_t>(indptr.size()) - 1,
                                         num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "find_arcs",
        [](Ptr indptr, Indices indices, In<int64_t> source, In<int64_t> target, Out<int64_t> position,
           int num_threads) {
            graphrep::find_arcs(indptr.data(), indices.data(), source.data(), target.data(),
                                static_cast<int64_t>(source.size()), position.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "source"_a.noconvert(), "target"_a.noconvert(),
        "position"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "first_bad_row",
        [](Ptr indptr, Indices indices, int num_threads) {
            return graphrep::first_bad_row(indptr.data(), indices.data(), static_cast<int64_t>(indptr.size()) - 1,
                                           num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "num_threads"_a, Released());
}

template <class Id, class Value>
void bind_neighbors(nb::module_& m) {
    m.def(
        "weighted_intersection",
        [](In<int64_t> indptr, In<Id> indices, MaybeIn<double> weights, In<int64_t> u, In<int64_t> v, Out<Value> out,
           int num_threads) {
            graphrep::weighted_intersection<Id, Value>(indptr.data(), indices.data(), pointer(weights), u.data(),
                                                       v.data(), int64_t(u.size()), out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "weights"_a.noconvert().none(), "u"_a.noconvert(),
        "v"_a.noconvert(), "out"_a.noconvert(), "num_threads"_a, Released());
}

// What spreads from one node, read off at others: pairs come grouped by their first end.
template <class Id>
void bind_diffusion(nb::module_& m) {
    m.def(
        "count_walks",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> in_indptr, In<Id> in_indices, In<int64_t> sources,
           In<int64_t> offsets, In<int64_t> targets, In<double> weights, Out<double> out, int num_threads) {
            graphrep::count_walks<Id>(indptr.data(), indices.data(), in_indptr.data(), in_indices.data(),
                                      int64_t(indptr.size()) - 1,
                                      {sources.data(), offsets.data(), targets.data(), int64_t(sources.size())},
                                      weights.data(), int64_t(weights.size()), out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "in_indptr"_a.noconvert(), "in_indices"_a.noconvert(),
        "sources"_a.noconvert(), "offsets"_a.noconvert(), "targets"_a.noconvert(), "weights"_a.noconvert(),
        "out"_a.noconvert(), "num_threads"_a, Released());
    m.def(
        "push_pagerank",
        [](In<int64_t> indptr, In<Id> indices, In<int64_t> degree, In<int64_t> sources, In<int64_t> offsets,
           In<int64_t> targets, double restart, double tolerance, Out<double> out, int num_threads) {
            graphrep::push_pagerank<Id>(indptr.data(), indices.data(), degree.data(), int64_t(indptr.size()) - 1,
                                        {sources.data(), offsets.data(), targets.data(), int64_t(sources.size())},
                                        restart, tolerance, out.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "degree"_a.noconvert(), "sources"_a.noconvert(),
        "offsets"_a.noconvert(), "targets"_a.noconvert(), "restart"_a, "tolerance"_a, "out"_a.noconvert(),
        "num_threads"_a, Released());
}

// Sets of columns per pair of rows, and samples of neighbours; their sizes are known only when they are made.
void bind_sets_and_samples(nb::module_& m) {
    using Address = uintptr_t;
    const auto sets = []<class Id>(Id, Address indptr, Address indices, Address u, Address v, int64_t num_pairs,
                                   bool difference, Address removed, int64_t num_removed, bool both) {
        return graphrep::PairSets<Id>{at<const int64_t>(indptr),
                                      at<const Id>(indices),
                                      at<const int64_t>(u),
                                      at<const int64_t>(v),
                                      num_pairs,
                                      difference,
                                      at<const int64_t>(removed),
                                      at<const int64_t>(removed) + num_removed,
                                      num_removed,
                                      both};
    };
    m.def(
        "count_sets",
        [=](int id, Address indptr, Address indices, Address u, Address v, int64_t num_pairs, bool difference,
            Address removed, int64_t num_removed, bool both, Address out, int num_threads) {
            graphrep::with_id(id, [&]<class Id>(Id kind) {
                graphrep::count_sets(
                    sets(kind, indptr, indices, u, v, num_pairs, difference, removed, num_removed, both),
                    at<int64_t>(out), num_threads);
            });
        },
        "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a, "num_removed"_a,
        "both"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "collect_sets",
        [=](int id, Address indptr, Address indices, Address u, Address v, int64_t num_pairs, bool difference,
            Address removed, int64_t num_removed, bool both, int64_t limit, uint64_t seed, Address out_indptr,
            int num_threads) {
            nb::object result;
            graphrep::with_id(id, [&]<class Id>(Id kind) {
                graphrep::Buffer<Id> ids;
                graphrep::Buffer<float> weights;
                {
                    nb::gil_scoped_release release;
                    ids = graphrep::collect_sets(
                        sets(kind, indptr, indices, u, v, num_pairs, difference, removed, num_removed, both), limit,
                        seed, at<int64_t>(out_indptr), &weights, num_threads);
                }
                result = nb::make_tuple(to_numpy(std::move(ids)), to_numpy(std::move(weights)));
            });
            return result;
        },
        "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a, "num_removed"_a,
        "both"_a, "limit"_a, "seed"_a, "out_indptr"_a, "num_threads"_a);
    m.def(
        "pool_sets",
        [=](int scalar, int id, Address indptr, Address indices, Address u, Address v, int64_t num_pairs,
            bool difference, Address removed, int64_t num_removed, bool both, Address x, Address weights,
            int64_t columns, Address out, int num_threads) {
            graphrep::with_float(scalar, [&]<class T>(T) {
                graphrep::with_id(id, [&]<class Id>(Id kind) {
                    graphrep::pool_sets(
                        sets(kind, indptr, indices, u, v, num_pairs, difference, removed, num_removed, both),
                        at<const T>(x), at<const T>(weights), columns, at<T>(out), num_threads);
                });
            });
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "u"_a, "v"_a, "num_pairs"_a, "difference"_a, "removed"_a,
        "num_removed"_a, "both"_a, "x"_a, "weights"_a, "columns"_a, "out"_a, "num_threads"_a, Released());
    m.def(
        "sample_neighbors",
        [](int scalar, int id, Address indptr, Address indices, Address edge_ids, Address weights, Address seeds,
           int64_t num_seeds, const std::vector<int64_t>& fanouts, bool replace, uint64_t seed, uint64_t batch,
           int num_threads) {
            graphrep::NeighborSample sample;
            graphrep::with_wide_float(scalar, [&]<class Weight>(Weight) {
                graphrep::with_id(id, [&]<class Id>(Id) {
                    nb::gil_scoped_release release;
                    sample = graphrep::sample_neighbors<Id, Weight>(
                        {at<const int64_t>(indptr), at<const Id>(indices), at<const int64_t>(edge_ids),
                         at<const Weight>(weights), fanouts.data(), int64_t(fanouts.size()), replace, seed, batch},
                        at<const int64_t>(seeds), num_seeds, num_threads);
                });
            });
            return nb::make_tuple(sample.bad_node, to_numpy(std::move(sample.node)), to_numpy(std::move(sample.row)),
                                  to_numpy(std::move(sample.col)), to_numpy(std::move(sample.edge)),
                                  sample.nodes_per_hop, sample.edges_per_hop);
        },
        "scalar"_a, "id"_a, "indptr"_a, "indices"_a, "edge_ids"_a, "weights"_a, "seeds"_a, "num_seeds"_a, "fanouts"_a,
        "replace"_a, "seed"_a, "batch"_a, "num_threads"_a);
}

nb::object describe(const graphrep::EdgeListProblem& problem) {
    using graphrep::EdgeListFault;
    const char* fault = nullptr;
    switch (problem.fault) {
        case EdgeListFault::none: return nb::none();
        case EdgeListFault::columns: fault = "columns"; break;
        case EdgeListFault::empty_field: fault = "empty_field"; break;
        case EdgeListFault::integer_needed: fault = "integer_needed"; break;
        case EdgeListFault::integer_range: fault = "integer_range"; break;
        case EdgeListFault::id_outside: fault = "id_outside"; break;
        case EdgeListFault::weight_text: fault = "weight_text"; break;
        case EdgeListFault::weight_value: fault = "weight_value"; break;
    }
    return nb::make_tuple(fault, problem.line, problem.begin, problem.end, problem.columns);
}

void bind_edgelist(nb::module_& m) {
    m.def(
        "read_edge_list",
        [](In<uint8_t> text, int64_t begin, const nb::bytes& delimiter, int columns, bool weighted,
           const std::vector<nb::bytes>& comments, int64_t num_nodes, bool wide, int64_t chunk_bytes, int num_threads) {
            const char separator = delimiter.size() ? *delimiter.c_str() : '\0';
            graphrep::EdgeListFormat format{separator, columns, weighted, {}, num_nodes};
            for (const nb::bytes& mark : comments) format.comments.emplace_back(mark.c_str(), mark.size());
            graphrep::EdgeList list;
            {
                nb::gil_scoped_release release;
                list = graphrep::read_edge_list(reinterpret_cast<const char*>(text.data()),
                                                static_cast<int64_t>(text.size()), begin, format, wide, chunk_bytes,
                                                num_threads);
            }
            nb::object names = nb::none();
            if (list.names) names = nb::bytes(list.names.data(), static_cast<size_t>(list.names.size()));
            const bool narrow = static_cast<bool>(list.narrow.source);
            return nb::make_tuple(
                describe(list.problem),
                narrow ? to_numpy(std::move(list.narrow.source)) : to_numpy(std::move(list.wide.source)),
                narrow ? to_numpy(std::move(list.narrow.target)) : to_numpy(std::move(list.wide.target)),
                to_numpy(std::move(list.weights)), to_numpy(std::move(list.ids)), names,
                to_numpy(std::move(list.name_position)));
        },
        "text"_a.noconvert(), "begin"_a, "delimiter"_a, "columns"_a, "weighted"_a, "comments"_a, "num_nodes"_a,
        "wide"_a, "chunk_bytes"_a, "num_threads"_a);
}

}  // namespace

NB_MODULE(_core, m) {
    m.def("isa", [] { return std::string(graphrep::isa_name(graphrep::active_isa())); });
    m.def("set_isa", [](const std::string& name) { return graphrep::set_isa(name.c_str()); }, "name"_a);

    m.def("cached_block", &cached_block, "bytes"_a);
    m.def("empty_cache", [] {
        block_cache().clear();
#if defined(__GLIBC__)
        malloc_trim(0);
#endif
    });
    m.def("set_cache_limit", [](size_t limit) { block_cache().set_limit(limit); }, "limit"_a);
    m.def("cache_size", [] { return block_cache().total(); });

    bind_walks<int32_t>(m);
    bind_walks<int64_t>(m);
    m.def(
        "shuffled_walk_ids",
        [](int64_t first, int64_t num_starts, uint64_t seed, Out<int64_t> ids, int num_threads) {
            graphrep::shuffled_walk_ids(first, int64_t(ids.size()), num_starts, seed, ids.data(), num_threads);
        },
        "first"_a, "num_starts"_a, "seed"_a, "ids"_a.noconvert(), "num_threads"_a, Released());

    bind_skipgram<int32_t>(m);
    bind_skipgram<int64_t>(m);
    m.def(
        "fill_uniform_rows",
        [](Out<float, 2> table, int64_t dimensions, uint64_t seed, int num_threads) {
            graphrep::fill_uniform_rows(table.data(), int64_t(table.shape(0)), dimensions, int64_t(table.shape(1)),
                                        seed, num_threads);
        },
        "table"_a.noconvert(), "dimensions"_a, "seed"_a, "num_threads"_a, Released());

    bind_projection<int32_t>(m);
    bind_projection<int64_t>(m);
    bind_tensor_ops(m);
    bind_attention(m);
    bind_dropout(m);
    bind_segment(m);
    bind_sets_and_samples(m);
    m.def(
        "fill_projection",
        [](MaybeIn<float> row_scale, double density, float magnitude, uint64_t seed, Out<float, 2> r, int num_threads) {
            graphrep::fill_projection(pointer(row_scale), int64_t(r.shape(0)), int64_t(r.shape(1)), density, magnitude,
                                      seed, r.data(), num_threads);
        },
        "row_scale"_a.noconvert().none(), "density"_a, "magnitude"_a, "seed"_a, "r"_a.noconvert(), "num_threads"_a,
        Released());
    m.def(
        "accumulate_rows",
        [](In<float, 2> y, float factor, bool normalize, Out<float, 2> total, int num_threads) {
            graphrep::accumulate_rows(y.data(), int64_t(y.shape(0)), int64_t(y.shape(1)), factor, normalize,
                                      total.data(), num_threads);
        },
        "y"_a.noconvert(), "factor"_a, "normalize"_a, "total"_a.noconvert(), "num_threads"_a, Released());
    bind_build<int32_t>(m);
    bind_build<int64_t>(m);
    bind_csr<int32_t>(m);
    bind_csr<int64_t>(m);

    bind_neighbors<int32_t, float>(m);
    bind_neighbors<int32_t, double>(m);
    bind_neighbors<int64_t, float>(m);
    bind_neighbors<int64_t, double>(m);

    bind_diffusion<int32_t>(m);
    bind_diffusion<int64_t>(m);

    bind_edgelist(m);
}
