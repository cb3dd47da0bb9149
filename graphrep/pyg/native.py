"""Mixin of all convolutions: which calls the kernels cover. Every other call runs on torch_geometric's own code."""

from __future__ import annotations

import copy
import inspect
from typing import Any, ClassVar

import torch
import torch_geometric.nn as pyg
from torch.autograd import forward_ad
from torch_geometric.nn import aggr

from graphrep.ops import Adjacency, spmm
from graphrep.pyg.extremes import extreme
from graphrep.pyg.kept import kept

__all__ = ["FLOATS", "Native", "adjacency", "aggregate", "plain", "reduced"]

Tensor = torch.Tensor
FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
REDUCTIONS = {
    aggr.SumAggregation: "sum",
    aggr.MeanAggregation: "mean",
    aggr.MaxAggregation: "max",
    aggr.MinAggregation: "min",
}
# Methods that define a layer. One that is changed, in a subclass or on the object, has to run.
METHODS = ("message", "aggregate", "update", "edge_update", "message_and_aggregate", "propagate", "edge_updater")
HOOKS = tuple(
    f"_{step}_forward_{kind}"
    for step in ("propagate", "message", "aggregate", "message_and_aggregate", "edge_update")
    for kind in ("pre_hooks", "hooks")
)


class Native:
    """Mixin for a convolution of torch_geometric, before its class.

    A subclass names the class that it stands for, and the parameters of its constructor and of ``forward`` as this
    module knows them: if another version of torch_geometric has others, all calls run on its code.
    """

    origin: ClassVar[Any]
    known: ClassVar[tuple[str, str]]
    supported: ClassVar[bool] = False
    changed: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "origin" in cls.__dict__:
            functions = (cls.origin.__init__, cls.origin.forward)
            found = tuple(
                " ".join(name for name in inspect.signature(function).parameters if name not in ("self", "kwargs"))
                for function in functions
            )
            cls.supported = found == cls.known
            # Unless they are in the class itself, torch_geometric takes those that it made for the class above as its
            # general ones.
            cls.propagate = pyg.MessagePassing.propagate  # type: ignore[attr-defined]
            cls.edge_updater = pyg.MessagePassing.edge_updater  # type: ignore[attr-defined]
        else:
            named = [at for at, base in enumerate(cls.__mro__) if "origin" in base.__dict__]
            above = cls.__mro__[: named[0] if named else 0]
            cls.changed = tuple(name for name in METHODS if any(name in base.__dict__ for base in above))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_kept"}

    def _set_jittable_templates(self, *args: Any, **kwargs: Any) -> None:
        # The inspector looks up sources by the name of the class, which is the same for both.
        sources = getattr(self.inspector, "_source_dict", None)  # type: ignore[attr-defined]
        if sources is not None:
            sources[self.origin.__name__] = inspect.getsource(self.origin)
        above = getattr(super(), "_set_jittable_templates", None)  # not there in 2.5.0
        if above is not None:
            above(*args, **kwargs)

    def __prepare_scriptable__(self) -> Any:
        """The same layer of torch_geometric, with the same parameters: TorchScript compiles its code."""
        if "origin" not in type(self).__dict__:
            return self
        layer: Any = copy.copy(self)
        layer.__class__ = self.origin
        layer._set_jittable_templates()
        return layer

    def obstacle(self) -> str:
        """Why no call of this layer can run on the kernels; empty if calls can."""
        layer: Any = self
        if not layer.supported:
            return "this version of torch_geometric has other parameters"
        if layer.changed or any(name in layer.__dict__ for name in METHODS[:5]):
            return f"its {', '.join(layer.changed) or 'message passing'} is overridden"
        if type(layer.aggr_module) not in REDUCTIONS:
            return f"aggregation {layer.aggr if isinstance(layer.aggr, str) else type(layer.aggr_module).__name__}"
        if layer.aggr_module._forward_hooks or layer.aggr_module._forward_pre_hooks:
            return "hooks of the aggregation"
        if layer.explain:
            return "it is being explained"
        if layer.decomposed_layers != 1:
            return "decomposed layers"
        return "hooks" if any(getattr(layer, name, None) for name in HOOKS) else ""

    def covers(self, edge_index: Any, *features: Any) -> bool:
        """Whether the kernels take this call: plain edges, and plain features or None."""
        return (
            type(edge_index) is Tensor
            and edge_index.layout is torch.strided
            and edge_index.dtype in (torch.int64, torch.int32)
            and edge_index.dim() == 2
            and edge_index.shape[0] == 2
            and edge_index.device.type in ("cpu", "cuda")
            and all(x is None or (plain(x) and x.device == edge_index.device) for x in features)
            and not self.obstacle()
            and _eager_or_compiling(edge_index)
        )

    def ends(self) -> tuple[int, int]:
        """Rows of an edge_index that hold the targets and the sources."""
        return (1, 0) if self.flow == "source_to_target" else (0, 1)  # type: ignore[attr-defined]

    def reduction(self) -> str:
        """Name of the aggregation in :func:`graphrep.ops.spmm`."""
        return REDUCTIONS[type(self.aggr_module)]  # type: ignore[attr-defined]

    def sizes(self, pair: Any, size: Any) -> tuple[int, int] | None:
        """Numbers of targets and of sources, or None if torch_geometric will refuse them.

        In both flows messages are made of the first of the pair, and meet the second.
        """
        known: list[int | None] = [None, None] if size is None else list(size)
        for at, part in enumerate(pair):
            count = None if part is None else part.shape[self.node_dim]  # type: ignore[attr-defined]
            if known[at] is not None and count is not None and known[at] != count:
                return None
            known[at] = known[at] if count is None else count
        if pair[0] is None:
            return None
        cols, rows = known[0], known[0] if known[1] is None else known[1]
        if rows != cols and self.flow != "source_to_target":  # type: ignore[attr-defined]
            return None
        return rows, cols  # type: ignore[return-value]

    def grouped(self, edge_index: Tensor, rows: int, cols: int) -> Adjacency:
        """Edges grouped by target, kept for the next call."""
        ends = self.ends()
        return kept(
            self,  # type: ignore[arg-type]
            ("edges", ends, rows, cols),
            (edge_index,),
            lambda edges: adjacency(edges, ends, rows, cols),
        )


def plain(x: Any, dtypes: tuple[torch.dtype, ...] = FLOATS) -> bool:
    """Whether this is an ordinary dense tensor (no subclass) with one of these dtypes."""
    return type(x) in (Tensor, torch.nn.Parameter) and x.layout is torch.strided and x.dtype in dtypes


def adjacency(edge_index: Tensor, ends: tuple[int, int], rows: int, cols: int) -> Adjacency:
    """Edges grouped by target."""
    i, j = ends
    try:
        return Adjacency.from_edges(edge_index[i], edge_index[j], num_rows=rows, num_cols=cols)
    except IndexError:
        raise IndexError(
            f"edge_index must hold sources in [0, {cols}) and targets in [0, {rows}), as there are features for; "
            f"got nodes {int(edge_index[j].min())} to {int(edge_index[j].max())} "
            f"and {int(edge_index[i].min())} to {int(edge_index[i].max())}."
        ) from None


def aggregate(adj: Adjacency, x: Tensor, reduce: str, weight: Tensor | None = None) -> Tensor:
    """Aggregate the nodes of the second last dimension. ``weight`` is in the order of the edges, one number each."""
    values = adj.values
    if weight is not None:
        values = adj.entry_order(weight.reshape(-1))
    if values is not None:
        dtype = torch.promote_types(values.dtype, x.dtype)
        adj, x = adj.with_values(values.to(dtype)), x.to(dtype)
    if x.dim() == 2:
        return reduced(adj, x, reduce)
    return reduced(adj, x.movedim(-2, 0), reduce).movedim(0, -2).contiguous()


def reduced(adj: Adjacency, x: Tensor, reduce: str) -> Tensor:
    """As :func:`graphrep.ops.spmm`, with torch_geometric's gradients."""
    return spmm(adj, x, reduce) if reduce in ("sum", "mean") else extreme(adj, x, reduce)


def _eager_or_compiling(edge_index: Tensor) -> bool:
    """Whether only tensors count: no derivative in forward mode, transform, trace, CUDA graph or export to ONNX."""
    if torch.compiler.is_compiling():
        return not torch.onnx.is_in_onnx_export()
    return (
        torch._C._functorch.peek_interpreter_stack() is None
        and getattr(forward_ad, "_current_level", -1) < 0
        and torch._C._get_tracing_state() is None
        and not (edge_index.is_cuda and torch.cuda.is_current_stream_capturing())
        and not torch.onnx.is_in_onnx_export()
    )
