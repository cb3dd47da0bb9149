"""How an op on tensors calls its kernels: plain tensors directly, everything else through ``torch.library``.

An :class:`Op` is defined once, with its schema, its implementations, the shapes of its outputs and its derivative. It
provides

* ``torch.ops.graphrep.NAME``, used by ``torch.compile``, ``torch.export``, fake tensors, tensor subclasses and dispatch
  modes, and
* a direct path for plain tensors, with a ``torch.autograd.Function`` if a gradient is required: on small graphs the
  dispatcher and the autograd of ``torch.library`` would take several times as long as the kernel, and
* forward-mode derivatives and the transforms of ``torch.func``, which follow from the backward pass.

The profiler of torch shows every call as ``graphrep::NAME``.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch.autograd import forward_ad

from graphrep import _backend, _core

__all__ = [
    "SCALARS",
    "SMALL",
    "Implementations",
    "Op",
    "checking",
    "differentiating",
    "eager",
    "empty",
    "empty_cache",
    "plain",
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
_tracing: Callable[[], object] = torch._C._get_tracing_state
_profiling: Callable[[], bool] = torch._C._autograd._profiler_enabled
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
    return not (
        torch.compiler.is_compiling() or _dispatch_modes() or _transforms() is not None or _tracing() is not None
    )


def differentiating(*tensors: torch.Tensor | None) -> bool:
    """Whether a derivative with respect to one of these tensors may be asked for, in any of torch's ways."""
    if not torch.compiler.is_compiling() and (forward_ad._current_level >= 0 or _transforms() is not None):
        return True
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def checking() -> bool:
    """Whether to check index values: not inside :func:`unchecked`, nor while something else than eager mode runs.

    The native kernels check offsets and ids once more when they read them.
    """
    return eager() and _checks.get()


def plain(value: Any) -> Any:
    """Turn subclasses of tensors that only carry attributes, and PyG's EdgeIndex and Index, into plain tensors.

    Subclasses with a dispatch of their own (fake tensors, distributed tensors) and other values are returned unchanged.
    """
    kind = type(value)
    if kind in _PLAIN or not isinstance(value, torch.Tensor):
        return value
    if kind.__module__.startswith("torch_geometric."):
        return value.as_tensor()  # type: ignore[attr-defined]
    if kind.__torch_dispatch__ is torch._C._disabled_torch_dispatch_impl:
        return value.as_subclass(torch.Tensor)
    return value


def empty(like: torch.Tensor, shape: tuple[int, ...], dtype: torch.dtype | None = None) -> torch.Tensor:
    """Uninitialized memory for the result of a native kernel; a large one reuses the memory of a freed result."""
    dtype = like.dtype if dtype is None else dtype
    size = math.prod(shape) * dtype.itemsize
    # Deterministic mode fills fresh memory with NaN.
    if size < CACHED or like.device.type != "cpu" or torch.are_deterministic_algorithms_enabled():
        return like.new_empty(shape, dtype=dtype)
    if min(shape) < 0 or size > 1 << 62:
        raise MemoryError(f"needs {size / 1e9:.1f} GB for a result of shape {shape}, which cannot be allocated.")
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
        if backward is not None and setup is not None:
            torch.library.register_autograd(f"graphrep::{name}", backward, setup_context=setup, lib=LIBRARY)
        else:
            setup, backward = _save_nothing, partial(_refuse, name)
        self._function = _function(name, self.kernel, setup, backward)
        self._transformable = _transformable(self, setup, backward)

    def __call__(self, *args: Any) -> Any:
        """Call the op; a gradient is recorded if one is required."""
        if not eager():
            if _transforms() is not None and not torch.compiler.is_compiling():
                return self._transformable.apply(*args)  # type: ignore[no-untyped-call]
            return self._op(*args)
        if _profiling():
            with torch.profiler.record_function(f"graphrep::{self.name}"):
                return self._direct(*args)
        return self._direct(*args)

    def _direct(self, *args: Any) -> Any:
        wants_grad = False
        for value in args:
            if isinstance(value, torch.Tensor):
                if type(value) not in _PLAIN:
                    inner = tuple(map(plain, args))
                    known = all(type(part) in _PLAIN for part in inner if isinstance(part, torch.Tensor))
                    return self._direct(*inner) if known else self._op(*inner)
                wants_grad = wants_grad or value.requires_grad
        if forward_ad._current_level >= 0:
            return self._transformable.apply(*args)  # type: ignore[no-untyped-call]
        if wants_grad and torch.is_grad_enabled():
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


class _Context:
    """Stands for the context of an autograd function where ``setup`` and ``backward`` are called by hand."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[torch.Tensor | None, ...] = ()

    def save_for_backward(self, *tensors: torch.Tensor | None) -> None:
        self.saved_tensors = tensors

    def mark_non_differentiable(self, *tensors: torch.Tensor) -> None:
        pass


def _transformable(op: Op, setup: Callable[..., None], backward: Callable[..., Any]) -> type[torch.autograd.Function]:
    """Form required by forward mode and by ``torch.func``; slower, since torch binds arguments by name."""

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        setup(ctx, inputs, output)
        ctx.single = not isinstance(output, tuple)
        ctx.other_inputs = [None if isinstance(value, torch.Tensor) else value for value in inputs]
        ctx.save_for_forward(*(value if isinstance(value, torch.Tensor) else None for value in inputs))

    def jvp(ctx: Any, *tangents: Any) -> Any:
        with forward_ad._set_fwd_grad_enabled(True):  # torch turns outer levels off
            return push_forward(ctx, *tangents)

    def push_forward(ctx: Any, *tangents: Any) -> Any:
        """Derivative J v of the first output, the only one that has any.

        ``backward`` maps u to the transpose of J times u, linearly, so that its own transpose maps v to J v.
        """
        inputs = tuple(
            other if value is None else _primal(value)
            for value, other in zip(ctx.saved_tensors, ctx.other_inputs, strict=True)
        )
        output = op(*inputs)  # again: outputs cannot be relied on to carry the tangents of outer levels
        outputs = (output,) if ctx.single else output
        stand_in = _Context(tuple(tangent is not None for tangent in tangents))
        setup(stand_in, inputs, output)
        used: list[int] = []

        def pull(u: torch.Tensor) -> tuple[torch.Tensor, ...]:
            grads = backward(stand_in, u, *[None] * (len(outputs) - 1))
            used[:] = [i for i, grad in enumerate(grads) if grad is not None and tangents[i] is not None]
            return tuple(grads[i] for i in used)

        push = torch.func.vjp(pull, torch.zeros_like(outputs[0]))[1]
        (tangent,) = push(tuple(tangents[i] for i in used)) if used else (torch.zeros_like(outputs[0]),)
        return tangent if ctx.single else (tangent, *[None] * (len(outputs) - 1))

    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """One call per element of the batch."""
        results = [
            op(
                *(
                    arg if dim is None or not isinstance(arg, torch.Tensor) else arg.select(dim, i).contiguous()
                    for arg, dim in zip(args, in_dims, strict=True)
                )
            )
            for i in range(info.batch_size)
        ]
        if isinstance(results[0], tuple):
            return tuple(map(torch.stack, zip(*results, strict=True))), (0,) * len(results[0])
        return torch.stack(results), 0

    methods = {
        "forward": staticmethod(lambda *args: op.kernel(*args)),
        "setup_context": staticmethod(setup_context),
        "backward": staticmethod(backward),
        "jvp": staticmethod(jvp),
        "vmap": staticmethod(vmap),
    }
    return type(op.name, (torch.autograd.Function,), methods)


def _primal(tensor: torch.Tensor) -> torch.Tensor:
    """Without the tangent of the innermost level of forward mode."""
    if not tensor.is_floating_point():
        return tensor
    primal: torch.Tensor = forward_ad.unpack_dual(tensor).primal  # type: ignore[no-untyped-call]
    return primal


def _save_nothing(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    parts = output if isinstance(output, tuple) else (output,)
    ctx.mark_non_differentiable(*(part for part in parts if not part.is_floating_point()))


def _refuse(name: str, ctx: Any, *grads: Any) -> Any:
    raise NotImplementedError(f"graphrep::{name} has no derivative.")


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
