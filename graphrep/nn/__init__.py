"""Encoders and layers shared by several learners: torch modules based on :mod:`graphrep.ops`."""

from __future__ import annotations

from graphrep.nn.blocks import Block, sample_blocks
from graphrep.nn.encoder import CONVOLUTIONS, Encoder
from graphrep.nn.gcn import ACTIVATIONS, GCN
from graphrep.nn.generators import make_generator, using_generator
from graphrep.nn.layers import Dropout, Linear, NormDropoutReLU
from graphrep.nn.relational import RelationalConv, TypedAdjacency
from graphrep.nn.sparse import SparseFeatures

__all__ = [
    "ACTIVATIONS",
    "CONVOLUTIONS",
    "GCN",
    "Block",
    "Dropout",
    "Encoder",
    "Linear",
    "NormDropoutReLU",
    "RelationalConv",
    "SparseFeatures",
    "TypedAdjacency",
    "make_generator",
    "sample_blocks",
    "using_generator",
]
