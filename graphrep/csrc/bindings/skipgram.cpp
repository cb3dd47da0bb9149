#include "../skipgram.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

template <class Id>
void bind_skipgram_of(nb::module_& m) {
    m.def(
        "train_skipgram",
        [](In<Id, 2> walks, MaybeIn<int64_t> walk_ids, int64_t first_position, int64_t total_positions,
           Out<float, 2> input, Out<float, 2> output, int64_t dimensions, In<float> noise_keep, In<Id> noise_alias,
           MaybeIn<float> keep_probability, int window, int negatives, int noise_rows, double start_rate,
           double end_rate, uint64_t seed, bool one_sided, bool fixed_contexts, MaybeIn<int32_t> kinds,
           MaybeIn<float> kind_weights, int64_t num_nodes, int64_t first_center, int64_t first_context,
           float noise_share, uint64_t noise_stream, Threads num_threads) {
            const int64_t centers = int64_t(input.shape(0)), contexts = int64_t(output.shape(0));
            const size_t nodes = size_t(num_nodes);
            if (output.shape(1) != input.shape(1) || dimensions < 1 || dimensions > int64_t(input.shape(1)))
                bad_argument("input and output must be equally wide, with at least as many columns as dimensions.");
            if (first_center < 0 || centers > num_nodes || first_center > num_nodes - centers || first_context < 0 ||
                contexts > num_nodes || first_context > num_nodes - contexts)
                bad_argument("input and output must hold rows of nodes, in [0, num_nodes).");
            if ((centers < num_nodes || contexts < num_nodes) && (kinds || input.data() == output.data()))
                bad_argument("tables of some of the nodes must be two, and the nodes of one kind.");
            check_equal(noise_keep.size(), output.shape(0), "noise_keep must have one entry per context.");
            check_equal(noise_alias.size(), output.shape(0), "noise_alias must have one entry per context.");
            if (walk_ids) check_equal(walk_ids->size(), walks.shape(0), "walk_ids must have one entry per walk.");
            if (keep_probability)
                check_equal(keep_probability->size(), nodes, "keep_probability must have one entry per node.");
            if (window < 1 || negatives < 0 || noise_rows < (negatives > 0) || window > 512 || noise_rows > 512 ||
                2 * window + noise_rows > 512)
                bad_argument(
                    "window must be at least 1, noise_rows too if there are negatives, and 2 * window + noise_rows at "
                    "most 512.");
            if (bool(kinds) != bool(kind_weights)) bad_argument("kinds and kind_weights must be given together.");
            if (kinds) {
                check_equal(kinds->size(), nodes, "kinds must have one entry per node.");
                if (kind_weights->size() > size_t(kMaxKinds)) bad_argument("there must be at most 256 kinds.");
            }
            if (fixed_contexts && input.data() == output.data())
                bad_argument("fixed contexts must be another table than the input.");
            if (first_position < 0 || total_positions < 1)
                bad_argument("first_position must not be negative, and total_positions at least 1.");
            if (centers == 0 || contexts == 0) return;
            const SkipGram<Id> task{walks.data(),
                                    int64_t(walks.shape(0)),
                                    int64_t(walks.shape(1)),
                                    pointer(walk_ids),
                                    first_position,
                                    total_positions,
                                    input.data(),
                                    output.data(),
                                    num_nodes,
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
                                    seed,
                                    one_sided,
                                    fixed_contexts,
                                    pointer(kinds),
                                    pointer(kind_weights),
                                    kind_weights ? int32_t(kind_weights->size()) : 0,
                                    first_center,
                                    first_center + centers,
                                    first_context,
                                    first_context + contexts,
                                    noise_share,
                                    noise_stream};
            train_skipgram<Id>(task, num_threads);
        },
        "walks"_a.noconvert(), "walk_ids"_a.noconvert().none(), "first_position"_a, "total_positions"_a,
        "input"_a.noconvert(), "output"_a.noconvert(), "dimensions"_a, "noise_keep"_a.noconvert(),
        "noise_alias"_a.noconvert(), "keep_probability"_a.noconvert().none(), "window"_a, "negatives"_a, "noise_rows"_a,
        "start_rate"_a, "end_rate"_a, "seed"_a, "one_sided"_a, "fixed_contexts"_a, "kinds"_a.noconvert().none(),
        "kind_weights"_a.noconvert().none(), "num_nodes"_a, "first_center"_a, "first_context"_a, "noise_share"_a,
        "noise_stream"_a, "num_threads"_a, Released());
    m.def(
        "build_noise_table",
        [](In<double> counts, double power, Out<float> keep, Out<Id> alias) {
            check_equal(keep.size(), counts.size(), "keep must have one entry per node.");
            check_equal(alias.size(), counts.size(), "alias must have one entry per node.");
            build_noise_table<Id>(counts.data(), int64_t(counts.size()), power, keep.data(), alias.data());
        },
        "counts"_a.noconvert(), "power"_a, "keep"_a.noconvert(), "alias"_a.noconvert(), Released());
    m.def(
        "sample_arcs",
        [](In<int64_t> indptr, In<Id> indices, In<float> source_keep, In<Id> source_alias, MaybeIn<float> arc_keep,
           MaybeIn<Id> arc_slot, uint64_t seed, int64_t first, Out<Id, 2> pairs, Threads num_threads) {
            const int64_t nodes = rows_of(indptr);
            check_equal(source_keep.size(), size_t(nodes), "source_keep must have one entry per node.");
            check_equal(source_alias.size(), size_t(nodes), "source_alias must have one entry per node.");
            if (arc_keep) check_equal(arc_keep->size(), indices.size(), "arc_keep must have one entry per arc.");
            if (bool(arc_keep) != bool(arc_slot)) bad_argument("arc_keep and arc_slot must be given together.");
            if (arc_slot) check_equal(arc_slot->size(), indices.size(), "arc_slot must have one entry per arc.");
            check_equal(pairs.shape(1), 2, "pairs must have two columns.");
            if (first < 0) bad_argument("first must not be negative.");
            const ArcLaw<Id> law{indptr.data(),           indices.data(),     nodes,
                                 int64_t(indices.size()), source_keep.data(), source_alias.data(),
                                 pointer(arc_keep),       pointer(arc_slot),  seed};
            sample_arcs<Id>(law, first, int64_t(pairs.shape(0)), pairs.data(), num_threads);
        },
        "indptr"_a.noconvert(), "indices"_a.noconvert(), "source_keep"_a.noconvert(), "source_alias"_a.noconvert(),
        "arc_keep"_a.noconvert().none(), "arc_slot"_a.noconvert().none(), "seed"_a, "first"_a, "pairs"_a.noconvert(),
        "num_threads"_a, Released());
}

}  // namespace

void bind_skipgram(nb::module_& m) {
    bind_skipgram_of<int32_t>(m);
    bind_skipgram_of<int64_t>(m);
    m.def(
        "fill_uniform_rows",
        [](Out<float, 2> table, int64_t dimensions, MaybeIn<uint64_t> keys, uint64_t seed, Threads num_threads) {
            if (dimensions < 0 || dimensions > int64_t(table.shape(1)))
                bad_argument("dimensions must be at most the number of columns.");
            if (keys) check_equal(keys->size(), table.shape(0), "keys must have one entry per row.");
            fill_uniform_rows(table.data(), int64_t(table.shape(0)), dimensions, int64_t(table.shape(1)), pointer(keys),
                              seed, num_threads);
        },
        "table"_a.noconvert(), "dimensions"_a, "keys"_a.noconvert().none(), "seed"_a, "num_threads"_a, Released());
}

}  // namespace graphrep
