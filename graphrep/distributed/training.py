"""Training on several ranks: each computes the gradient of a part of every batch, and all make the same step."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from graphrep.distributed.ranks import Ranks

if TYPE_CHECKING:
    import torch

__all__ = ["SharedTraining", "refuse_own_dropout"]


class SharedTraining:
    """What :class:`graphrep.learn.Loop` exchanges with the other ranks.

    Parameters
    ----------
    ranks : Ranks
        More than one.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks

    @property
    def leads(self) -> bool:
        """Whether this rank calls back and shows progress."""
        return self.ranks.rank == 0

    def add(self, parameters: Iterable[torch.nn.Parameter], values: dict[str, float]) -> dict[str, float]:
        """Replace each gradient by its sum over the ranks, in their order; returns the sums of ``values``.

        The rows of a sparse gradient must be the same on all ranks.
        """
        import torch

        held = [parameter for parameter in parameters if parameter.requires_grad]
        wide = any(parameter.dtype == torch.float64 for parameter in held)
        flags = [float(parameter.grad is not None) for parameter in held]
        dtype = torch.float64 if wide else torch.float32
        parts = [torch.tensor([*values.values(), *flags], dtype=dtype)]
        for parameter in held:
            grad = parameter.grad
            found = torch.zeros_like(parameter) if grad is None else grad._values() if grad.is_sparse else grad
            parts.append(found.detach().flatten().to("cpu", dtype))
        flat = self.ranks.summed("gradients", torch.cat(parts).numpy())
        sums = torch.from_numpy(flat)
        counts = sums[len(values) : len(values) + len(held)].tolist()
        begin = len(parts[0])
        for parameter, part, count in zip(held, parts[1:], counts, strict=True):
            grad, new = parameter.grad, sums[begin : begin + len(part)]
            begin += len(part)
            if grad is not None:
                place = grad._values() if grad.is_sparse else grad
                place.copy_(new.view_as(place))
            elif count:
                parameter.grad = new.view_as(parameter).to(parameter, copy=True)
        return dict(zip(values, sums[: len(values)].tolist(), strict=True))

    def any(self, flag: bool, step: str) -> bool:  # noqa: FBT001
        """Whether the flag of any rank is set."""
        return any(self.ranks.tell(step, bool(flag)))

    def check(self, model: torch.nn.Module, epoch: int) -> None:
        """RuntimeError on every rank if their parameters are not the same, bit by bit."""
        total = 0
        for name, part in sorted(model.state_dict().items()):
            data = np.ascontiguousarray(part.detach().cpu().numpy()).reshape(-1)
            total = zlib.crc32(data.view(np.uint8).data, zlib.crc32(name.encode(), total))
        found = self.ranks.tell(f"the weights after epoch {epoch}", total)
        for rank, one in enumerate(found):
            if one == found[0]:
                continue
            if epoch == 0:
                raise RuntimeError(
                    f"rank {rank} starts from other weights than rank 0; modules of your own must draw them from "
                    "the same seed on all ranks: call torch.manual_seed, or use the layers of graphrep.nn."
                )
            raise RuntimeError(
                f"rank {rank} has other weights than rank 0 after epoch {epoch}; all ranks need the same versions "
                "of torch and graphrep, the same device and the same vector instructions (GRAPHREP_ISA, "
                "ATEN_CPU_CAPABILITY)."
            )


def refuse_own_dropout(model: torch.nn.Module, rowwise: torch.nn.Module | None = None) -> None:
    """ValueError if modules draw from torch's global generator, or mix the rows of ``rowwise``, which ranks share."""
    from torch.nn.modules import batchnorm, dropout

    for module in model.modules():
        if isinstance(module, dropout._DropoutNd) and module.p > 0:
            raise ValueError(
                f"{type(module).__name__} of torch draws other numbers on every rank; use graphrep.nn.Dropout in a "
                "module that is trained with ranks=."
            )
    for module in () if rowwise is None else rowwise.modules():
        if isinstance(module, batchnorm._BatchNorm):
            raise ValueError(
                f"{type(module).__name__} mixes the pairs of a batch, which ranks share; use torch.nn.LayerNorm in a "
                "predictor that is trained with ranks=."
            )
