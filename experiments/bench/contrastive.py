"""DropMember, vectorized and as a loop over clusters; an epoch of GRACE in blocks and with the dense formula.

    python experiments/bench/contrastive.py [--nodes 20000] [--grace-nodes 5000] [--rounds 5]

DropMember: means over a random half of each cluster of nine. The loop does as the authors' released code describes: for
every cluster a permutation of its members, and the mean of the rows of a dense matrix. Equal inputs; both forms are
checked against each other by their expectation (the share of members kept and the range of the means).

GRACE: the loss of two views of random vectors and its derivative, all similarities at once or 16 MB of them at a time.
Values and derivatives are compared before the clock runs. ``--large`` also times the blocks where full matrices would
need more memory than there is.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import scipy.sparse as sp
import torch
from _harness import alternate, environment, report, write_results

from graphrep.contrast import info_nce
from graphrep.contrast.compress import ClusterMeans
from graphrep.contrast.partition import Clusters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--grace-nodes", type=int, default=5_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, default=0, help="nodes of an epoch in blocks alone")
    options = parser.parse_args()
    results = {"drop_member": drop_member(options), "grace": grace(options)}
    if options.large:
        results["grace_large"] = large(options)
    print(write_results("bench_contrastive", {"environment": environment(["pymetis"]), **results}))


def drop_member(options: argparse.Namespace) -> dict[str, object]:
    rng = np.random.default_rng(0)
    x = sp.random_array((options.nodes, options.features), density=0.02, rng=rng, dtype=np.float32).tocsr()
    clusters = Clusters.from_labels(rng.permutation(options.nodes) % (options.nodes // 9), options.nodes)
    sparse, dense_means = ClusterMeans(x, clusters), ClusterMeans(x.toarray(), clusters)
    dense = torch.from_numpy(x.toarray())
    groups = [
        torch.from_numpy(clusters.members[a:b])
        for a, b in zip(clusters.offsets[:-1], clusters.offsets[1:], strict=True)
    ]

    def loop() -> torch.Tensor:
        means = []
        for members in groups:
            kept = members[torch.randperm(len(members))[: max(1, len(members) // 2)]]
            means.append(dense[kept].mean(0))
        return torch.stack(means)

    expected = dense_means.mean()
    for draw in (loop, dense_means.drop_members):
        often = torch.stack([draw() for _ in range(20)]).mean(0)
        assert float((often - expected).abs().mean()) < 0.02
    seconds = alternate(
        {
            "graphrep, sparse features": sparse.drop_members,
            "graphrep, dense features": dense_means.drop_members,
            "loop over clusters, dense features": loop,
        },
        options.rounds,
    )
    title = f"DropMember: {options.nodes:,} nodes, {clusters.num_clusters:,} clusters, {options.features} features"
    return {"title": title, "seconds": report(title, seconds, ours="graphrep, dense features")}


def grace(options: argparse.Namespace) -> dict[str, object]:
    views = random_views(options.grace_nodes, options.dimensions)

    def step(**how: object) -> list[torch.Tensor]:
        loss = info_nce(*views, 0.5, **how)
        return [loss.detach(), *torch.autograd.grad(loss, views)]

    for ours, theirs in zip(step(), step(dense=True), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
    seconds = alternate({"in blocks": step, "full matrices": lambda: step(dense=True)}, options.rounds)
    title = f"GRACE, loss and derivative: {options.grace_nodes:,} nodes, {options.dimensions} dimensions"
    return {"title": title, "seconds": report(title, seconds, ours="in blocks")}


def large(options: argparse.Namespace) -> dict[str, object]:
    views = random_views(options.large, options.dimensions)
    begin = time.perf_counter()
    torch.autograd.grad(info_nce(*views, 0.5), views)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    full = 4 * options.large**2 * 4 / 2**30
    print(f"{options.large:,} nodes in blocks: {seconds:.1f} s, peak {peak:.0f} MB; full matrices: {full:.0f} GiB")
    return {"nodes": options.large, "seconds": seconds, "peak_mb": peak, "full_matrices_gib": full}


def random_views(nodes: int, dimensions: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(nodes, dimensions, generator=generator).requires_grad_() for _ in range(2)]


if __name__ == "__main__":
    main()
