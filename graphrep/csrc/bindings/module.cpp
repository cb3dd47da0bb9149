#include <nanobind/stl/string.h>

#include <string>

#include "../isa.hpp"
#include "bindings.hpp"

namespace {

// Runs the handlers of signals that have come. Only in Python's main thread are there any; if a handler raises, as that
// of Ctrl-C does, its exception stays set.
bool interrupted() {
    const nanobind::gil_scoped_acquire acquired;
    return PyErr_CheckSignals() != 0;
}

}  // namespace

NB_MODULE(_core, m) {
    using namespace graphrep;
    interrupt_requested = interrupted;
    nb::register_exception_translator([](const std::exception_ptr& error, void*) {
        try {
            std::rethrow_exception(error);
        } catch (const Interrupted&) {
            if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
        }
    });
    m.def("isa", [] { return std::string(isa_name(active_isa())); });
    m.def("set_isa", [](const std::string& name) { return set_isa(name.c_str()); }, "name"_a);
    bind_attention(m);
    bind_cache(m);
    bind_csr(m);
    bind_diffusion(m);
    bind_distances(m);
    bind_dropout(m);
    bind_edgelist(m);
    bind_neighbors(m);
    bind_projection(m);
    bind_ranking(m);
    bind_rmat(m);
    bind_sampling(m);
    bind_segment(m);
    bind_skipgram(m);
    bind_sparse_dense(m);
    bind_tall(m);
    bind_walkers(m);
    bind_walks(m);
}
