#include <nanobind/stl/string.h>

#include <string>

#include "../isa.hpp"
#include "bindings.hpp"

NB_MODULE(_core, m) {
    using namespace graphrep;
    m.def("isa", [] { return std::string(isa_name(active_isa())); });
    m.def("set_isa", [](const std::string& name) { return set_isa(name.c_str()); }, "name"_a);
    bind_attention(m);
    bind_cache(m);
    bind_csr(m);
    bind_diffusion(m);
    bind_dropout(m);
    bind_edgelist(m);
    bind_neighbors(m);
    bind_projection(m);
    bind_sampling(m);
    bind_segment(m);
    bind_skipgram(m);
    bind_sparse_dense(m);
    bind_walks(m);
}
