"""``accelerate`` switches the convolutions of a model to those of this package, ``report`` says where each runs."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

import torch
import torch_geometric.nn as pyg

from graphrep._checks import warn_caller
from graphrep.pyg.attention import GATConv, GATv2Conv, TransformerConv
from graphrep.pyg.convolutions import GCNConv, GINConv, GraphConv, SAGEConv
from graphrep.pyg.native import Native
from graphrep.pyg.relational import RGCNConv

__all__ = ["accelerate", "report"]

Module = TypeVar("Module", bound=torch.nn.Module)

SWITCHED = {
    layer.origin: layer
    for layer in (GATConv, GATv2Conv, GCNConv, GINConv, GraphConv, RGCNConv, SAGEConv, TransformerConv)
    if layer.supported
}


def accelerate(module: Module) -> Module:
    """Run the graph convolutions inside a module on graphrep's kernels, in place.

    Parameters
    ----------
    module : torch.nn.Module
        Its layers GCNConv, SAGEConv, GINConv, GraphConv, GATConv, GATv2Conv, TransformerConv and RGCNConv of
        ``torch_geometric.nn`` are switched, at any depth (also in ``HeteroConv`` and in models of ``to_hetero``).
        Parameters, buffers and settings stay unchanged.

    Returns
    -------
    torch.nn.Module
        ``module`` itself.

    Warns
    -----
    UserWarning
        A layer of message passing was left alone, or there is none. The layers are named; :func:`report` says where.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> from torch_geometric.nn import GCN
    >>> model = gr.pyg.accelerate(GCN(8, 16, num_layers=2, out_channels=4))
    >>> model(torch.ones(3, 8), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 4])
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, got {type(module).__name__}.")
    for part in module.modules():
        switched = SWITCHED.get(type(part))
        if switched is not None:
            layer: Any = part
            layer.__class__ = switched
            layer._set_jittable_templates()  # so that what is not covered runs on the same code as before
    where = report(module)
    left = Counter(reason for reason in where.values() if reason != "graphrep")
    if not where:
        warn_caller(
            f"{type(module).__name__} has no layer of message passing of torch_geometric; nothing was switched."
        )
    elif left:
        names = "; ".join(f"{count} x {reason}" if count > 1 else reason for reason, count in left.items())
        warn_caller(
            f"{sum(left.values())} of {len(where)} layers of message passing stay on torch_geometric's code: {names}."
        )
    return module


def report(module: torch.nn.Module) -> dict[str, str]:
    """Where each layer of message passing of a module runs.

    Parameters
    ----------
    module : torch.nn.Module

    Returns
    -------
    dict of str to str
        By the name of the layer in the module: ``"graphrep"``, or the layer and the reason why it runs on
        torch_geometric's own code. A layer on graphrep's kernels still runs single calls there, if they are given a
        sparse matrix, an ``EdgeIndex``, or other tensors than plain ones.

    Examples
    --------
    >>> import torch
    >>> import graphrep as gr
    >>> from torch_geometric.nn import GraphSAGE
    >>> gr.pyg.report(gr.pyg.accelerate(GraphSAGE(8, 16, num_layers=2)))
    {'convs.0': 'graphrep', 'convs.1': 'graphrep'}
    >>> gr.pyg.report(GraphSAGE(8, 16, num_layers=1))
    {'convs.0': 'SAGEConv (not switched)'}
    """
    return {name: _where(part) for name, part in module.named_modules() if isinstance(part, pyg.MessagePassing)}


def _where(layer: pyg.MessagePassing) -> str:
    name = type(layer).__name__
    if isinstance(layer, Native):
        obstacle = layer.obstacle()
        return f"{name} ({obstacle})" if obstacle else "graphrep"
    if type(layer) in SWITCHED:
        return f"{name} (not switched)"
    above = next((base.__name__ for base in SWITCHED if isinstance(layer, base)), None)
    return f"{name} (a subclass of {above})" if above else name
