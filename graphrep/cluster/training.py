"""One fit of a contrastive clustering: pre-training, k-means, epochs, and how an interrupted fit goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm.auto import tqdm

from graphrep._random import resolve_seed
from graphrep._threads import resolve_threads
from graphrep._training import load_state, refuse_other_fit, save_state
from graphrep.cluster.autoencoder import AutoEncoder, FeatureTable, reconstruction_epoch
from graphrep.cluster.losses import clustering_divergence, soft_assignment, target_distribution
from graphrep.ops.adjacency import Adjacency

__all__ = ["ClusterModel", "ClusterTraining", "fixed_threads"]

Tensor = torch.Tensor
I64 = npt.NDArray[np.int64]


class ClusterModel(nn.Module):
    """An auto-encoder and cluster centres in its code space.

    Parameters
    ----------
    autoencoder : AutoEncoder
    centres : tensor of shape (n_clusters, dimensions)
    degrees_of_freedom : float
        Of :func:`graphrep.cluster.soft_assignment`.
    """

    def __init__(self, autoencoder: AutoEncoder, centres: Tensor, degrees_of_freedom: float = 1.0) -> None:
        super().__init__()
        self.autoencoder, self.degrees_of_freedom = autoencoder, degrees_of_freedom
        self.centres = nn.Parameter(centres.clone())

    def forward(self, x: Any) -> tuple[Tensor, Tensor]:
        """Codes (num_nodes, dimensions) and soft assignments (num_nodes, n_clusters)."""
        z = self.autoencoder.encode(x)
        return z, soft_assignment(z, self.centres, self.degrees_of_freedom)


class ClusterTraining:
    """Runs the two phases of a fit; both go on from a checkpoint."""

    def __init__(
        self,
        settings: Any,
        table: FeatureTable,
        influence: Adjacency,
        *,
        autoencoder: AutoEncoder | None,
        callback: Callable[[int, I64], None] | None,
    ) -> None:
        self.settings, self.table, self.callback = settings, table, callback
        self.influence = influence.to(table.device)
        self.seed = resolve_seed(settings.random_state)
        self.given = autoencoder
        self.pretraining: list[float] = []
        self.history: list[dict[str, float]] = []
        self.initial: Tensor | None = None
        self.labels: Tensor | None = None
        self.calm = 0  # epochs in a row in which hardly a label changed
        self.model: ClusterModel
        self.optimiser: torch.optim.Optimizer

    def run(self) -> None:
        """Train, from the checkpoint on if there is one."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            state = self._saved()
            if state is not None and state["seed"] != self.seed:  # random_state=None goes on with the seed that it drew
                self.seed = state["seed"]
                torch.manual_seed(self.seed)
            autoencoder = self._pretrained(state)
            self._start(autoencoder, state)
            self._epochs()

    def _pretrained(self, state: dict[str, Any] | None) -> AutoEncoder:
        s, table = self.settings, self.table
        if self.given is not None:
            import copy

            return copy.deepcopy(self.given).to(table.device)
        model = AutoEncoder(table.shape[1], hidden=s.hidden, dimensions=s.dimensions).to(table.device)
        optimiser = torch.optim.Adam(model.parameters(), lr=s.pretraining_learning_rate)
        if state is not None:
            model.load_state_dict(state["autoencoder"])
            self.pretraining = state["pretraining"]
            torch.set_rng_state(state["random"])
            if state["model"] is None:
                optimiser.load_state_dict(state["optimiser"])
        epochs = s.pretraining_epochs
        with self._bar(epochs, len(self.pretraining), "pre-training") as bar:
            while len(self.pretraining) < epochs and (state is None or state["model"] is None):
                self.pretraining.append(reconstruction_epoch(model, optimiser, table, s.pretraining_batch_size))
                self._save(model, optimiser, phase=1)
                bar.set_postfix(loss=self.pretraining[-1])
                bar.update()
        return model

    def _start(self, autoencoder: AutoEncoder, state: dict[str, Any] | None) -> None:
        """Centres by k-means on the codes, or as they were saved."""
        s = self.settings
        if state is None or state["model"] is None:
            codes = self.table.encoded(autoencoder.encode)
            _finite(codes, "pre-training", s.pretraining_learning_rate)
            centres, labels = k_means(codes, s.n_clusters, s.n_init, self.seed)
            self.initial = labels
            self.model = ClusterModel(autoencoder, centres, s.degrees_of_freedom)
        else:
            centres = state["model"]["centres"].to(self.table.device)
            self.model = ClusterModel(autoencoder, centres, s.degrees_of_freedom)
            self.model.load_state_dict(state["model"])
            self.history, self.initial, self.labels, self.calm = (
                state[key] for key in ("history", "initial", "labels", "calm")
            )
        if self.settings._reconstruction():
            parameters = list(self.model.parameters())
        else:
            parameters = [*self.model.autoencoder.encoder.parameters(), self.model.centres]
        self.optimiser = torch.optim.Adam(parameters, lr=s.learning_rate)
        if state is not None and state["model"] is not None:
            self.optimiser.load_state_dict(state["optimiser"])

    def _epochs(self) -> None:
        s = self.settings
        with self._bar(s.epochs, len(self.history), "clustering") as bar:
            while len(self.history) < s.epochs and not (s.tol is not None and self.calm >= s.patience):
                self.history.append(self._epoch())
                self._save(self.model, self.optimiser, phase=2)
                bar.set_postfix(self.history[-1])
                bar.update()

    def _epoch(self) -> dict[str, float]:
        s, epoch = self.settings, len(self.history)
        z, q = self.model(self.table.full)
        labels = q.detach().argmax(1)
        if self.callback is not None:
            self.callback(epoch, labels.cpu().numpy())
        changed = 1.0 if self.labels is None else float((labels != self.labels.to(labels.device)).double().mean())
        self.labels = labels.cpu()
        self.calm = self.calm + 1 if s.tol is not None and changed <= s.tol else 0
        contrast = s._contrast(z, labels, self.influence)
        divergence = clustering_divergence(q, target_distribution(q))
        loss = s.alpha * contrast + s.beta * divergence
        weight = s._reconstruction()
        if weight:
            loss = loss + weight * self.table.squared_error(self.model.autoencoder.decode(z))
        _finite(loss, f"epoch {epoch + 1}", s.learning_rate)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.item(), "contrast": contrast.item(), "kl": divergence.item(), "changed": changed}

    def _bar(self, total: int, done: int, what: str) -> Any:
        hidden = None if self.settings.progress else True
        return tqdm(total=total, initial=done, disable=hidden, unit="epoch", desc=what)

    def _fingerprint(self) -> dict[str, Any]:
        """What must agree for a saved fit to be gone on with."""
        free = ("epochs", "tol", "patience", "progress", "checkpoint", "random_state", "n_jobs")
        kept = {name: value for name, value in self.settings.get_params(deep=False).items() if name not in free}
        digest = hashlib.sha256()
        full = self.table.rows if self.table.rows is not None else self.table.batch(slice(None)).cpu().numpy()
        arrays = (full,) if isinstance(full, np.ndarray) else (full.indptr, full.indices, full.data)
        for array in (*arrays, self.influence.indptr.cpu().numpy(), self.influence.indices.cpu().numpy()):
            digest.update(np.ascontiguousarray(array).data)
        return {
            "settings": repr(sorted(kept.items())),
            "data": digest.hexdigest(),
            "autoencoder": self.given is not None,
        }

    def _save(self, model: nn.Module, optimiser: torch.optim.Optimizer, *, phase: int) -> None:
        if self.settings.checkpoint is None:
            return
        clustering = model if phase == 2 else None
        autoencoder = model if clustering is None else self.model.autoencoder
        state = {
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "autoencoder": autoencoder.state_dict(),
            "model": None if clustering is None else clustering.state_dict(),
            "optimiser": optimiser.state_dict(),
            "random": torch.get_rng_state(),
            "pretraining": self.pretraining,
            "history": self.history,
            "initial": self.initial,
            "labels": self.labels,
            "calm": self.calm,
        }
        save_state(self.settings.checkpoint, state)

    def _saved(self) -> dict[str, Any] | None:
        path = self.settings.checkpoint
        if path is None:
            return None
        self.fingerprint = self._fingerprint()
        if not Path(path).parent.is_dir():
            raise FileNotFoundError(f"checkpoint lies in {Path(path).parent}, which is not a directory.")
        if not Path(path).exists():
            return None
        state = load_state(path, torch.device("cpu"))
        own_seed = self.settings.random_state is None or state.get("seed") == self.seed
        refuse_other_fit(path, same=state["fingerprint"] == self.fingerprint and own_seed)
        return state


def k_means(codes: Tensor, n_clusters: int, n_init: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centres of shape (n_clusters, dimensions) and labels; fewer distinct codes leave clusters empty."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_clusters, n_init=n_init, random_state=seed % 2**32).fit(codes.cpu().numpy())
    centres = torch.from_numpy(np.asarray(found.cluster_centers_, dtype=np.float32)).to(codes.device)
    return centres, torch.from_numpy(found.labels_.astype(np.int64))


@contextmanager
def fixed_threads(n_jobs: int | None) -> Iterator[None]:
    """A block that runs on so many threads, whatever torch is set to; None leaves that alone."""
    if n_jobs is None:
        yield
        return
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    count, before = resolve_threads(n_jobs), torch.get_num_threads()
    with threadpool_limits(count):
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _finite(value: Tensor, when: str, rate: float) -> None:
    if not bool(value.isfinite().all()):
        raise ValueError(f"the loss is not finite in {when}; a learning rate below {rate:g} or smaller features help.")
