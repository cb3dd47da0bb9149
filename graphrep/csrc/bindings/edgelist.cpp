#include <nanobind/stl/vector.h>

#include <utility>
#include <vector>

#include "../edgelist.hpp"
#include "bindings.hpp"

namespace graphrep {
namespace {

nb::object describe(const EdgeListProblem& problem) {
    const char* fault = nullptr;
    switch (problem.fault) {
        case EdgeListFault::none: return nb::none();
        case EdgeListFault::columns: fault = "columns"; break;
        case EdgeListFault::empty_field: fault = "empty_field"; break;
        case EdgeListFault::integer_needed: fault = "integer_needed"; break;
        case EdgeListFault::integer_range: fault = "integer_range"; break;
        case EdgeListFault::id_outside: fault = "id_outside"; break;
        case EdgeListFault::quote_open: fault = "quote_open"; break;
        case EdgeListFault::quote_tail: fault = "quote_tail"; break;
        case EdgeListFault::nul_byte: fault = "nul_byte"; break;
        case EdgeListFault::weight_comma: fault = "weight_comma"; break;
        case EdgeListFault::weight_text: fault = "weight_text"; break;
        case EdgeListFault::weight_value: fault = "weight_value"; break;
    }
    return nb::make_tuple(fault, problem.line, problem.begin, problem.end, problem.columns);
}

}  // namespace

void bind_edgelist(nb::module_& m) {
    m.def(
        "read_edge_list",
        [](In<uint8_t> text, int64_t begin, const nb::bytes& delimiter, int columns, int source, int target, int weight,
           bool quotes, const std::vector<nb::bytes>& comments, int64_t num_nodes, bool strings, bool wide,
           int64_t chunk_bytes, Threads num_threads) {
            if (begin < 0 || begin > int64_t(text.size())) bad_argument("begin must lie within the text.");
            if (columns < 0 || source < 0 || target < 0 || chunk_bytes < 0)
                bad_argument("columns, source, target and chunk_bytes must not be negative.");
            const char separator = delimiter.size() ? *delimiter.c_str() : '\0';
            EdgeListFormat format{separator, columns, source, target, weight, quotes, {}, num_nodes, strings};
            for (const nb::bytes& mark : comments) format.comments.emplace_back(mark.c_str(), mark.size());
            EdgeList list;
            {
                const Release released;
                list = read_edge_list(reinterpret_cast<const char*>(text.data()), static_cast<int64_t>(text.size()),
                                      begin, format, wide, chunk_bytes, num_threads);
            }
            nb::object names = nb::none();
            if (list.names) names = nb::bytes(list.names.data(), static_cast<size_t>(list.names.size()));
            const bool narrow = static_cast<bool>(list.narrow.source);
            return nb::make_tuple(
                describe(list.problem),
                narrow ? to_numpy(std::move(list.narrow.source)) : to_numpy(std::move(list.wide.source)),
                narrow ? to_numpy(std::move(list.narrow.target)) : to_numpy(std::move(list.wide.target)),
                to_numpy(std::move(list.weights)), to_numpy(std::move(list.ids)), names,
                to_numpy(std::move(list.name_position)), list.padded);
        },
        "text"_a.noconvert(), "begin"_a, "delimiter"_a, "columns"_a, "source"_a, "target"_a, "weight"_a, "quotes"_a,
        "comments"_a, "num_nodes"_a, "strings"_a, "wide"_a, "chunk_bytes"_a, "num_threads"_a);
}

}  // namespace graphrep
