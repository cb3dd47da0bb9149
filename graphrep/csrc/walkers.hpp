// Walkers on a graph of which this process has some rows: a step of each, what other processes are asked, and answers.
//
// A walker is a row of int64: its number, its node or -1 at the end of its walk, and, of second order, the node before
// and how many random numbers it has drawn. A step also fills a row of `made`: the place of the node in the walks of
// all, (number of the walker) * walk_length + step, and the node; both are -1 where the walk has ended.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "walks.hpp"

namespace graphrep {

// Rows of nodes first_node, first_node + 1, ... whose columns are nodes of the whole graph.
template <class Id>
struct OwnRows {
    WalkGraph<Id> graph;  // its filter is that of directed arcs, from a row to a column
    int64_t first_node;
    int64_t num_nodes;  // of the whole graph
    bool directed;      // the whole graph
};

struct StepRule {
    WalkRule walk;
    int64_t first_walk;  // of walker 0
    int64_t step;        // from 1
};

struct Questions {
    Buffer<int64_t> pairs;   // source and target: is there such an arc?
    Buffer<int64_t> askers;  // row of the walker, and how many random numbers it has drawn with this trial
};

// Steps of first order.
template <class Id>
void step_walkers(const OwnRows<Id>& own, const StepRule& rule, int64_t* walkers, int64_t num_walkers, int64_t* made,
                  int num_threads);

// Trials of steps of second order up to one that is accepted whatever other processes answer. Walkers that depend on no
// answer move; the place of the others in `made` is -2, and their node that of the accepted trial, or -1.
template <class Id>
Questions try_steps(const OwnRows<Id>& own, const StepRule& rule, int64_t* walkers, int64_t num_walkers, int64_t* made,
                    int num_threads);

// Move walkers that wait for answers; the answer to question i, 0 or 1, is answers[where[i]]. Returns the rows of those
// all of whose trials are rejected.
Buffer<int64_t> settle_steps(const StepRule& rule, const int64_t* pairs, const int64_t* askers, const int64_t* where,
                             int64_t num_questions, const uint8_t* answers, int64_t num_answers, int64_t* walkers,
                             int64_t num_walkers, int64_t* made, int num_threads);

// Move the walkers in these rows by a scan of all arcs from their nodes; answers[offsets[i] ...] are those for walker
// rows[i]: whether there are arcs from its node before to the end of each arc.
template <class Id>
void scan_steps(const OwnRows<Id>& own, const StepRule& rule, const int64_t* rows, const int64_t* offsets,
                int64_t num_rows, const uint8_t* answers, int64_t num_answers, int64_t* walkers, int64_t num_walkers,
                int64_t* made, int num_threads);

// answers[i] = 1 if there is an arc from pairs[2 i], an own node, to pairs[2 i + 1], else 0.
template <class Id>
void answer_questions(const OwnRows<Id>& own, const int64_t* pairs, int64_t num_pairs, uint8_t* answers,
                      int num_threads);

// Pack items, rows of `width` numbers, by the process to which the number in a column belongs: the first one with
// number < ends[process]. Items with a negative number are left out. out must have room for all; counts[process] items
// follow one another there, in their order. where, which may be null, is where each item goes, or -1.
void route_items(const int64_t* items, int64_t num_items, int64_t width, int64_t column, const int64_t* ends,
                 int64_t num_processes, int64_t* counts, int64_t* out, int64_t* where, int num_threads);

// out[place - first_place] = node for all rows of `made` whose place is not negative.
template <class Id>
void place_nodes(const int64_t* made, int64_t num_made, int64_t first_place, Id* out, int64_t size, int num_threads);

}  // namespace graphrep
