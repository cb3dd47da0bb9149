#include <stdexcept>
#include <string>

#include "bindings.hpp"

namespace graphrep {
namespace {

struct Attributes {
    PyObject* data_ptr = PyUnicode_InternFromString("data_ptr");
    PyObject* nbytes = PyUnicode_InternFromString("nbytes");
    PyObject* is_contiguous = PyUnicode_InternFromString("is_contiguous");
    PyObject* is_cpu = PyUnicode_InternFromString("is_cpu");
};

// The result of a call or look-up, which it takes over, as an integer; -1 for none.
long long as_integer(PyObject* result) {
    if (!result) return -1;
    const long long number = PyLong_AsLongLong(result);
    Py_DECREF(result);
    return number;
}

}  // namespace

bool read_tensor(PyObject* object, Tensor& tensor) noexcept {
    if (object == Py_None) {
        tensor = {};
        return true;
    }
    static const Attributes names;
    const bool good = as_integer(PyObject_GetAttr(object, names.is_cpu)) == 1 &&
                      as_integer(PyObject_CallMethodObjArgs(object, names.is_contiguous, nullptr)) == 1;
    const long long bytes = good ? as_integer(PyObject_GetAttr(object, names.nbytes)) : -1;
    const long long address = bytes >= 0 ? as_integer(PyObject_CallMethodObjArgs(object, names.data_ptr, nullptr)) : -1;
    PyErr_Clear();
    if (bytes < 0 || (address <= 0 && bytes > 0)) return false;
    tensor.bytes = bytes;
    // A tensor without elements has no memory, but is not absent.
    tensor.data = address > 0 ? reinterpret_cast<char*>(address) : reinterpret_cast<char*>(alignof(max_align_t));
    return true;
}

void Tensor::missing(const char* name, int64_t wanted, size_t size) const {
    throw std::invalid_argument(std::string(name) + " must hold " + std::to_string(wanted) + " elements of " +
                                std::to_string(size) + " bytes, got " + std::to_string(bytes) + " bytes.");
}

}  // namespace graphrep
