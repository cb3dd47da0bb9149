# ruff: noqa: A002 (the names of arguments are those of the bindings)
# What csrc/bindings/ defines; tests/csrc/test_bindings.py compares the two.
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

F32: TypeAlias = NDArray[np.float32]
F64: TypeAlias = NDArray[np.float64]
I64: TypeAlias = NDArray[np.int64]
U8: TypeAlias = NDArray[np.uint8]
U64: TypeAlias = NDArray[np.uint64]
Ids: TypeAlias = NDArray[np.int32] | NDArray[np.int64]
Tensor: TypeAlias = torch.Tensor  # contiguous, on the CPU
Problem: TypeAlias = tuple[str, int, int, int, int]  # fault, line, begin and end of the field, number of columns

# Arrays are C-contiguous. `scalar`, `id` and `reduce` are numbers of csrc/scalars.hpp.
Id = TypeVar("Id", bound=np.integer[Any])  # int32 or int64, one for all arrays of a call
Value = TypeVar("Value", bound=np.floating[Any])  # float32 or float64
Table = TypeVar("Table", bound=np.floating[Any])  # float32 or float16

# module
def isa() -> str: ...
def set_isa(name: str) -> bool: ...

# cache
def cached_block(bytes: int) -> U8: ...
def empty_cache() -> None: ...
def set_cache_limit(limit: int) -> None: ...
def cache_size() -> int: ...

# csr
def build_csr(
    source: NDArray[Id],
    target: NDArray[Id],
    weights: F32 | None,
    num_nodes: int,
    symmetrize: bool,
    merge: str,
    self_loops: bool,
    wide: bool,
    num_threads: int,
) -> tuple[I64, Ids, F32 | None]: ...
def build_rows(
    row: NDArray[Id],
    column: NDArray[Id],
    weights: F32 | None,
    num_forward: int,
    first_row: int,
    num_rows: int,
    num_nodes: int,
    merge: str,
    wide: bool,
    num_threads: int,
) -> tuple[I64, Ids, F32 | None]: ...
def transpose_csr(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    num_threads: int,
) -> tuple[I64, NDArray[Id], F32 | None]: ...
def is_symmetric(indptr: I64, indices: NDArray[Id], weights: F32 | None, num_threads: int) -> bool: ...
def count_loops(indptr: I64, indices: NDArray[Id], num_threads: int) -> int: ...
def find_arcs(indptr: I64, indices: NDArray[Id], source: I64, target: I64, position: I64, num_threads: int) -> None: ...
def first_bad_row(indptr: I64, indices: NDArray[Id], num_threads: int) -> int: ...

# walks
def build_alias_tables(indptr: I64, weights: F32, keep: F32, alias: NDArray[Id], num_threads: int) -> None: ...
def build_edge_filter(indptr: I64, indices: NDArray[Id], directed: bool, words: U64, num_threads: int) -> None: ...
def random_walks(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    alias_keep: F32 | None,
    alias_slot: NDArray[Id] | None,
    row_sums: F64 | None,
    filter: U64 | None,
    directed: bool,
    p: float,
    q: float,
    seed: int,
    back: NDArray[Id] | None,
    walk_ids: I64 | None,
    first_walk: int,
    starts: I64 | None,
    out: NDArray[Id],
    num_threads: int,
) -> None: ...
def count_visits(walks: NDArray[Id], counts: I64, num_threads: int) -> None: ...
def shuffled_walk_ids(first: int, num_starts: int, seed: int, ids: I64, num_threads: int) -> None: ...

# walkers
def step_walkers(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    alias_keep: F32 | None,
    alias_slot: NDArray[Id] | None,
    row_sums: F64 | None,
    first_node: int,
    num_nodes: int,
    walk_length: int,
    seed: int,
    first_walk: int,
    step: int,
    walkers: I64,
    made: I64,
    num_threads: int,
) -> None: ...
def try_steps(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    alias_keep: F32 | None,
    alias_slot: NDArray[Id] | None,
    row_sums: F64 | None,
    filter: U64 | None,
    first_node: int,
    num_nodes: int,
    directed: bool,
    walk_length: int,
    p: float,
    q: float,
    seed: int,
    first_walk: int,
    step: int,
    walkers: I64,
    made: I64,
    num_threads: int,
) -> tuple[I64, I64]: ...
def settle_steps(
    walk_length: int,
    p: float,
    q: float,
    seed: int,
    first_walk: int,
    step: int,
    pairs: I64,
    askers: I64,
    where: I64,
    answers: U8,
    walkers: I64,
    made: I64,
    num_threads: int,
) -> I64: ...
def scan_steps(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    alias_keep: F32 | None,
    alias_slot: NDArray[Id] | None,
    row_sums: F64 | None,
    first_node: int,
    num_nodes: int,
    walk_length: int,
    p: float,
    q: float,
    seed: int,
    first_walk: int,
    step: int,
    rows: I64,
    offsets: I64,
    answers: U8,
    walkers: I64,
    made: I64,
    num_threads: int,
) -> None: ...
def answer_questions(
    indptr: I64,
    indices: NDArray[Id],
    filter: U64 | None,
    first_node: int,
    num_nodes: int,
    pairs: I64,
    answers: U8,
    num_threads: int,
) -> None: ...
def route_items(
    items: I64, column: int, ends: I64, counts: I64, out: I64, where: I64 | None, num_threads: int
) -> None: ...
def place_nodes(made: I64, first_place: int, out: NDArray[Id], num_threads: int) -> None: ...

# skipgram
def train_skipgram(
    walks: NDArray[Id],
    walk_ids: I64 | None,
    first_position: int,
    total_positions: int,
    input: F32,
    output: F32,
    dimensions: int,
    noise_keep: F32,
    noise_alias: NDArray[Id],
    keep_probability: F32 | None,
    window: int,
    negatives: int,
    noise_rows: int,
    start_rate: float,
    end_rate: float,
    seed: int,
    one_sided: bool,
    fixed_contexts: bool,
    kinds: NDArray[np.int32] | None,
    kind_weights: F32 | None,
    num_nodes: int,
    first_center: int,
    first_context: int,
    noise_share: float,
    noise_stream: int,
    num_threads: int,
) -> None: ...
def sample_arcs(
    indptr: I64,
    indices: NDArray[Id],
    source_keep: F32,
    source_alias: NDArray[Id],
    arc_keep: F32 | None,
    arc_slot: NDArray[Id] | None,
    seed: int,
    first: int,
    pairs: NDArray[Id],
    num_threads: int,
) -> None: ...
def build_noise_table(counts: F64, power: float, keep: F32, alias: NDArray[Id]) -> None: ...
def fill_uniform_rows(table: F32, dimensions: int, keys: U64 | None, seed: int, num_threads: int) -> None: ...

# tall
def gram(x: F32, y: F32, scale: F32 | None, symmetric: bool, share_rows: int, out: F64, num_threads: int) -> None: ...
def multiply_rows(x: F32, matrix: F32, scale: F32 | None, out: F32, num_threads: int) -> None: ...

# ranking
def rank_candidates(
    queries: F32,
    candidates: F32,
    bias: F32 | None,
    answers: I64,
    indptr: I64 | None,
    ids: NDArray[Id],
    metric: int,
    greater: I64,
    equal: I64,
    num_threads: int,
) -> None: ...

# distances
def distances(
    x: Tensor, y: Tensor, num_x: int, num_y: int, columns: int, moduli: bool, out: Tensor, num_threads: int
) -> None: ...
def distance_gradient(
    x: Tensor,
    y: Tensor,
    factor: Tensor,
    num_x: int,
    num_y: int,
    columns: int,
    moduli: bool,
    out: Tensor,
    num_threads: int,
) -> None: ...

# projection
def propagate(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    scale: F32 | None,
    x: NDArray[Table],
    y: NDArray[Table],
    own: float,
    before: float,
    num_threads: int,
) -> None: ...
def spmm_projection(
    indptr: I64,
    indices: NDArray[Id],
    weights: F32 | None,
    scale: F32 | None,
    row_scale: F32 | None,
    keys: U64 | None,
    counts: F64,
    magnitude: float,
    seed: int,
    columns: int,
    first_column: int,
    y: NDArray[Table],
    num_threads: int,
) -> None: ...
def fill_projection(
    row_scale: F32 | None,
    keys: U64 | None,
    counts: F64,
    magnitude: float,
    seed: int,
    columns: int,
    first_column: int,
    r: NDArray[Table],
    num_threads: int,
) -> None: ...
def accumulate_rows(y: NDArray[Table], factor: float, normalize: bool, total: F32, num_threads: int) -> None: ...

# rmat
def rmat_edges(
    seed: int,
    first: int,
    num_nodes: int,
    thresholds: tuple[int, int, int],
    scramble: bool,
    edges: I64,
    num_threads: int,
) -> None: ...

# sparse_dense
def spmm(
    scalar: int,
    id: int,
    reduce: int,
    indptr: Tensor,
    indices: Tensor,
    values: Tensor | None,
    x: Tensor,
    num_x: int,
    num_rows: int,
    heads: int,
    columns: int,
    out: Tensor,
    arg: Tensor | None,
    num_threads: int,
) -> None: ...
def spmm_extreme_backward(
    scalar: int,
    id: int,
    indptr: Tensor,
    indices: Tensor,
    values: Tensor | None,
    arg: Tensor,
    grad: Tensor,
    num_rows: int,
    num_x: int,
    heads: int,
    columns: int,
    out: Tensor,
    num_threads: int,
) -> None: ...
def sddmm(
    scalar: int,
    id: int,
    indptr: Tensor,
    indices: Tensor,
    x: Tensor,
    y: Tensor,
    num_rows: int,
    num_y: int,
    heads: int,
    columns: int,
    out: Tensor,
    num_threads: int,
) -> None: ...
def group_by_key(
    id: int,
    keys: Tensor,
    from_order: Tensor | None,
    num_keys: int,
    indptr: Tensor,
    order: Tensor,
    num_threads: int,
) -> int: ...

# attention
def attention(
    scalar: int,
    id: int,
    indptr: Tensor,
    indices: Tensor,
    query: Tensor | None,
    key: Tensor | None,
    row_score: Tensor | None,
    col_score: Tensor | None,
    value: Tensor,
    scale: float,
    num_rows: int,
    num_cols: int,
    heads: int,
    key_columns: int,
    columns: int,
    pass_: int,
    grad: Tensor | None,
    log_sum: Tensor,
    delta: Tensor | None,
    out: Tensor,
    out2: Tensor | None,
    num_threads: int,
) -> None: ...
def edge_softmax(
    scalar: int,
    indptr: Tensor,
    s: Tensor,
    grad: Tensor | None,
    num_rows: int,
    heads: int,
    out: Tensor,
    num_threads: int,
) -> None: ...

# dropout
def dropout(
    scalar: int,
    x: Tensor,
    seed: int,
    threshold: int,
    scale: float,
    relu: bool,
    positions: Tensor | None,
    columns: int,
    out: Tensor,
    num_threads: int,
) -> None: ...
def relu_dropout_backward(
    scalar: int,
    y: Tensor,
    grad: Tensor,
    scale: float,
    out: Tensor,
    num_threads: int,
) -> None: ...
def norm_dropout_relu(
    scalar: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    rows: int,
    columns: int,
    epsilon: float,
    seed: int,
    threshold: int,
    scale: float,
    positions: Tensor | None,
    y: Tensor,
    mean: Tensor,
    inverse_deviation: Tensor,
    num_threads: int,
) -> None: ...
def norm_dropout_relu_backward(
    scalar: int,
    x: Tensor,
    weight: Tensor,
    mean: Tensor,
    inverse_deviation: Tensor,
    y: Tensor,
    grad: Tensor,
    rows: int,
    columns: int,
    scale: float,
    grad_x: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    num_threads: int,
) -> None: ...

# segment
def segment_reduce(
    scalar: int,
    reduce: int,
    src: Tensor,
    indptr: Tensor,
    indptr_stride: int,
    batch: int,
    entries: int,
    columns: int,
    groups: int,
    out: Tensor,
    arg: Tensor | None,
    num_threads: int,
) -> None: ...
def scatter(
    scalar: int,
    id: int,
    reduce: int,
    src: Tensor,
    index: Tensor,
    index_stride: int,
    per_column: bool,
    batch: int,
    entries: int,
    columns: int,
    groups: int,
    out: Tensor,
    arg: Tensor | None,
    path: int,
    num_threads: int,
) -> int: ...
def largest_id(id: int, index: Tensor, num_threads: int) -> int: ...
def wrong_offset(indptr: Tensor, batch: int, groups: int, entries: int) -> int: ...
def sorted_offsets(
    id: int,
    index: Tensor,
    batch: int,
    entries: int,
    groups: int,
    indptr: Tensor,
    num_threads: int,
) -> int: ...
def expand_segments(
    src: Tensor,
    indptr: Tensor,
    indptr_stride: int,
    batch: int,
    groups: int,
    entries: int,
    row_bytes: int,
    out: Tensor,
    num_threads: int,
) -> None: ...
def gather_groups(
    id: int,
    src: Tensor,
    index: Tensor,
    index_stride: int,
    per_column: bool,
    batch: int,
    entries: int,
    columns: int,
    groups: int,
    element_bytes: int,
    out: Tensor,
    num_threads: int,
) -> int: ...
def place_entries(
    src: Tensor,
    arg: Tensor,
    batch: int,
    groups: int,
    columns: int,
    entries: int,
    element_bytes: int,
    out: Tensor,
    num_threads: int,
) -> None: ...

# neighbors
def weighted_intersection(
    indptr: I64,
    indices: NDArray[Id],
    weights: F64 | None,
    u: I64,
    v: I64,
    out: NDArray[Value],
    num_threads: int,
) -> None: ...
def count_sets(
    id: int,
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    difference: bool,
    removed: Tensor | None,
    both: bool,
    out: Tensor,
    num_threads: int,
) -> None: ...
def collect_sets(
    id: int,
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    difference: bool,
    removed: Tensor | None,
    both: bool,
    limit: int,
    seed: int,
    out_indptr: Tensor,
    num_threads: int,
) -> tuple[Ids, F32 | None]: ...
def pool_sets(
    scalar: int,
    id: int,
    indptr: Tensor,
    indices: Tensor,
    pairs: Tensor,
    difference: bool,
    removed: Tensor | None,
    both: bool,
    x: Tensor,
    weights: Tensor | None,
    num_x: int,
    columns: int,
    out: Tensor,
    num_threads: int,
) -> None: ...

# sampling
def sample_neighbors(
    scalar: int,
    id: int,
    relations: Sequence[
        tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None, Tensor | None, Sequence[int], int, int]
    ],  # indptr, indices, edge ids, weights, times of entries, times of nodes; fanouts; types of target and source
    seeds: Sequence[Tensor],
    hops: int,
    replace: bool,
    disjoint: bool,
    last: bool,
    seed_time: Tensor | None,
    seed: int,
    batch: int,
    num_threads: int,
) -> tuple[int, list[tuple[I64, I64 | None, list[int]]], list[tuple[I64, I64, I64, list[int]]]]: ...
def induced_edges(
    id: int,
    indptr: Tensor,
    indices: Tensor,
    edge_ids: Tensor | None,
    entry_time: Tensor | None,
    node_time: Tensor | None,
    nodes: Tensor,
    examples: Tensor | None,
    seed_time: Tensor | None,
    num_threads: int,
) -> tuple[I64, I64, I64]: ...

# diffusion
def count_walks(
    indptr: I64,
    indices: NDArray[Id],
    in_indptr: I64,
    in_indices: NDArray[Id],
    sources: I64,
    offsets: I64,
    targets: I64,
    weights: F64,
    out: F64,
    num_threads: int,
) -> None: ...
def push_pagerank(
    indptr: I64,
    indices: NDArray[Id],
    degree: I64,
    sources: I64,
    offsets: I64,
    targets: I64,
    restart: float,
    tolerance: float,
    out: F64,
    num_threads: int,
) -> None: ...

# edgelist: with a problem, the other elements are None
def read_edge_list(
    text: U8,
    begin: int,
    delimiter: bytes,
    columns: int,
    source: int,
    target: int,
    weight: int,
    quotes: bool,
    comments: Sequence[bytes],
    num_nodes: int,
    strings: bool,
    wide: bool,
    chunk_bytes: int,
    num_threads: int,
) -> tuple[Problem | None, Ids, Ids, F32 | None, I64 | None, bytes | None, I64 | None, int]: ...
