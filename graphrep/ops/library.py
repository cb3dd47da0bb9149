"""How an op on tensors calls its kernels: plain tensors directly, everything else through ``torch.library``.

An :class:`Op` is defined once, with its schema, its implementations, the shapes of its outputs and its derivative. It
provides

* ``torch.ops.graphrep.NAME``, used by ``torch.compile``, ``torch.export``, fake tensors, tensor subclasses and dispatch
  modes, and
* a direct path for plain tensors, with a ``torch.autograd.Function`` if a gradient is required: on small graphs the
  dispatcher and the autograd of ``torch.library`` would take several times as long as the kernel.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch

from graphrep import _backend, _core

__all__ = [
    "SCALARS",
    "SMALL",
    "Implementations",
    "Op",
    "address",
    "checking",
    "eager",
    "empty",
    "empty_cache",
    "threads",
    "unchecked",
]

LIBRARY: Any = torch.library.Library("graphrep", "FRAGMENT")  # type: ignore[no-untyped-call]

# The type codes of csrc/scalars.hpp.
SCALARS = {
    torch.float32: 0,
    torch.float64: 1,
    torch.bfloat16: 2,
    torch.float16: 3,
    torch.int32: 4,
    torch.int64: 5,
    torch.int16: 6,
    torch.int8: 7,
    torch.uint8: 8,
}

CACHED = 1 << 24  # bytes; larger blocks would be returned to the system by the allocator
SMALL = 1 << 15  # elements; below, waking other threads costs more than it saves

_PLAIN = (torch.Tensor, torch.nn.Parameter)
_dispatch_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
_transforms: Callable[[], object] = torch._C._functorch.peek_interpreter_stack
_checks = contextvars.ContextVar("graphrep_checks", default=True)


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Skip the checks of index values (range, order) in this block, for inner loops with trusted indices.

    Shapes, dtypes and devices are still checked. An index out of range then reads or writes out of bounds.

    Yields
    ------
    None

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> with gr.ops.unchecked():
    ...     adj = gr.ops.Adjacency(torch.tensor([0, 1, 2]), torch.tensor([1, 0]))
    >>> adj.degree()
    tensor([1, 1])
    """
    token = _checks.set(False)
    try:
        yield
    finally:
        _checks.reset(token)


def eager() -> bool:
    """Whether no tracing, dispatch mode or function transform is active.

    Only then may a kernel be called directly and a derived result be cached.
    """
    return not (torch.compiler.is_compiling() or _dispatch_modes() or _transforms() is not None)


def checking() -> bool:
    """Whether to check index values: not inside :func:`unchecked`, nor while torch.compile traces."""
    return not torch.compiler.is_compiling() and _checks.get()


def address(tensor: torch.Tensor | None) -> int:
    """Data pointer for the native kernels, 0 for None."""
    return 0 if tensor is None else tensor.data_ptr()


def empty(like: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
    """Uninitialized memory for the result of a native kernel; a large one reuses the memory of a freed result."""
    dtype = like.dtype if dtype is None else dtype
    size = math.prod(shape) * dtype.itemsize
    # Deterministic mode fills fresh memory with NaN.
    if size < CACHED or like.device.type != "cpu" or torch.are_deterministic_algorithms_enabled():
        return like.new_empty(shape, dtype=dtype)
    block = torch.from_numpy(_core.cached_block(size)).untyped_storage()
    # A slice of the block would be a view.
    return torch.empty(0, dtype=dtype).set_(block, 0, shape)  # type: ignore[call-overload, no-any-return]


def empty_cache() -> None:
    """Return cached memory of large results, and freed memory that the C library holds, to the system.

    Allocating fresh memory takes as long as a kernel that fills it, so the memory of a CPU result of 16 MiB or more is
    cached when the result is freed, and reused for a result of about the same size. The cache holds at most a sixteenth
    of the machine's memory and at most 1 GiB; ``GRAPHREP_CACHE_MB`` sets another limit in MiB, 0 disables the cache.

    Examples
    --------
    >>> import graphrep as gr
    >>> gr.ops.empty_cache()
    """
    _core.empty_cache()


def _cache_limit() -> int:
    wanted = os.environ.get("GRAPHREP_CACHE_MB", "")
    if wanted:
        if not wanted.isdigit():
            raise ValueError(f"GRAPHREP_CACHE_MB must be a non-negative integer number of MiB, got {wanted!r}.")
        return int(wanted) << 20
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return min(memory // 16, 1 << 30)


_core.set_cache_limit(_cache_limit())


def threads() -> int:
    """Number of threads of a kernel, as set in torch."""
    return torch.get_num_threads()


class Implementations:
    """The implementations of an op, and the selection of one of them; for the parameters see :class:`Op`."""

    def __init__(
        self,
        name: str,
        *,
        native: Callable[..., Any],
        reference: Callable[..., Any],
        triton: Callable[[], Callable[..., Any]] | None = None,
        device: int = 0,
    ) -> None:
        self.name, self._native, self._reference, self._triton, self._device = name, native, reference, triton, device
        self._triton_kernel: Callable[..., Any] | None = None

    def kernel(self, *args: Any) -> Any:
        """Run the implementation that ``GRAPHREP_BACKEND`` and the device ask for, without recording a gradient."""
        wanted = _backend.wanted()
        on_cpu = args[self._device].device.type == "cpu"
        if wanted == "auto":
            if on_cpu:
                return self._native(*args)
            return (self._gpu() if self._triton is not None and _has_triton() else self._reference)(*args)
        if wanted == "reference":
            return self._reference(*args)
        if wanted == "native":
            if not on_cpu:
                raise NotImplementedError(f"{self.name}: the native kernels need tensors on the CPU.")
            return self._native(*args)
        if self._triton is None:
            raise NotImplementedError(f"{self.name} has no 'triton' implementation.")
        if not _has_triton():
            raise ModuleNotFoundError(f"{self.name}: GRAPHREP_BACKEND=triton needs the package triton.")
        if on_cpu and not _interpreting():
            raise RuntimeError(
                f"{self.name}: Triton kernels need tensors on a GPU; those on the CPU are taken only by its "
                "interpreter, with TRITON_INTERPRET=1 in the environment before the first Triton kernel is used."
            )
        return self._gpu()(*args)

    def _gpu(self) -> Callable[..., Any]:
        if self._triton_kernel is None:
            assert self._triton is not None
            self._triton_kernel = self._triton()
        return self._triton_kernel


class Op(Implementations):
    """One op of the library.

    Parameters
    ----------
    name : str
    schema : str
        Schema of ``torch.library`` without the name: ``"(Tensor x, int n) -> Tensor"``.
    native : callable
        Calls the C++ kernel; takes the arguments of the schema, with all tensors on the CPU.
    reference : callable
        Plain torch, on any device.
    triton : callable, optional
        Returns the GPU implementation; called at first use, so that triton is imported only then.
    fake : callable
        Returns empty outputs of the right shapes.
    setup, backward : callable, optional
        Both or neither. ``setup(ctx, inputs, output)`` saves tensors and ``backward(ctx, *grads)`` returns one gradient
        per input, as in ``torch.library.register_autograd``. ``backward`` consists of differentiable ops.
    device : int
        Position of the tensor argument whose device selects the implementation.
    """

    def __init__(
        self,
        name: str,
        schema: str,
        *,
        native: Callable[..., Any],
        reference: Callable[..., Any],
        fake: Callable[..., Any],
        triton: Callable[[], Callable[..., Any]] | None = None,
        setup: Callable[..., None] | None = None,
        backward: Callable[..., Any] | None = None,
        device: int = 0,
    ) -> None:
        super().__init__(name, native=native, reference=reference, triton=triton, device=device)
        LIBRARY.define(name + schema)
        for key in ("CPU", "CUDA"):
            LIBRARY.impl(name, self.kernel, key)
        torch.library.register_fake(f"graphrep::{name}", fake, lib=LIBRARY)
        self._op = getattr(torch.ops.graphrep, name).default
        self._function: type[torch.autograd.Function] | None = None
        self._transformable: type[torch.autograd.Function] | None = None
        if backward is not None and setup is not None:
            torch.library.register_autograd(f"graphrep::{name}", backward, setup_context=setup, lib=LIBRARY)
            self._function = _function(name, self.kernel, setup, backward)
            self._transformable = _transformable(name, self.kernel, setup, backward)

    def __call__(self, *args: Any) -> Any:
        """Call the op; a gradient is recorded if one is required."""
        wants_grad = False
        if not eager():
            if self._transformable is not None and _transforms() is not None and not torch.compiler.is_compiling():
                return self._transformable.apply(*args)  # type: ignore[no-untyped-call]
            return self._op(*args)
        for value in args:
            if isinstance(value, torch.Tensor):
                if type(value) not in _PLAIN:
                    return self._op(*args)
                wants_grad = wants_grad or value.requires_grad
        if wants_grad and self._function is not None and torch.is_grad_enabled():
            return self._function.apply(*args)  # type: ignore[no-untyped-call]
        return self.kernel(*args)


def _function(
    name: str, kernel: Callable[..., Any], setup: Callable[..., None], backward: Callable[..., Any]
) -> type[torch.autograd.Function]:
    def run(ctx: Any, *args: Any) -> Any:
        output = kernel(*args)
        setup(ctx, args, output)
        return output

    return type(name, (torch.autograd.Function,), {"forward": staticmethod(run), "backward": staticmethod(backward)})


def _transformable(
    name: str, kernel: Callable[..., Any], setup: Callable[..., None], backward: Callable[..., Any]
) -> type[torch.autograd.Function]:
    """Form required by ``torch.func.grad`` and similar transforms; slower, since torch binds arguments by name."""
    methods = {
        "forward": staticmethod(lambda *args: kernel(*args)),
        "setup_context": staticmethod(setup),
        "backward": staticmethod(backward),
    }
    return type(name, (torch.autograd.Function,), methods)


def _has_triton() -> bool:
    global _triton_found
    if _triton_found is None:
        import importlib.util

        _triton_found = importlib.util.find_spec("triton") is not None
    return _triton_found


_triton_found: bool | None = None


def _interpreting() -> bool:
    from graphrep.ops._triton import INTERPRETED

    return INTERPRETED
