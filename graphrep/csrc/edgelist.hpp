// Reads a text file of edges, one per line, into end points numbered 0, 1, … and a table of node names.
#pragma once

#include <cstdint>

#include "buffer.hpp"
#include "edgelist_scan.hpp"

namespace graphrep {

struct EdgeListProblem {
    EdgeListFault fault = EdgeListFault::none;
    int64_t line = 0;            // counted from 1
    int columns = 0;             // as found
    int64_t begin = 0, end = 0;  // the offending field, as positions in the text
};

template <class Index>
struct EdgeListEnds {
    Buffer<Index> source, target;
};

struct EdgeList {
    EdgeListProblem problem;       // the first of the file; then the other fields are absent
    EdgeListEnds<int32_t> narrow;  // where the number of nodes allows it
    EdgeListEnds<int64_t> wide;    // otherwise
    Buffer<float> weights;         // only if the format has a column of weights
    Buffer<int64_t> ids;           // integer names, ascending; absent if num_nodes is given or a name is not an integer
    int64_t padded = -1;           // position in the text of the first integer with leading zeros; -1: none
    Buffer<char> names;            // other names in order of first appearance, each with a NUL byte behind it
    Buffer<int64_t> name_position;  // position in the text where each of those first appears
};

// Read the lines from `begin` on. Names are integers only if all of them are. `wide` asks for int64 end points.
// chunk_bytes 0 picks a chunk size; the result depends neither on it nor on num_threads.
EdgeList read_edge_list(const char* text, int64_t size, int64_t begin, const EdgeListFormat& format, bool wide,
                        int64_t chunk_bytes, int num_threads);

}  // namespace graphrep
