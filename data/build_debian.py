"""Build the built-in data set "debian": the package graph of Debian bookworm, main, amd64.

    python data/build_debian.py                                  # from apt's own index of the release
    python data/build_debian.py --packages Packages.xz --release 12.15 --date 2026-07-11

Writes data/debian/debian.npz.xz (plain NumPy arrays; the same index gives the same bytes) and data/debian/CARD.md,
which says what is in it. Needs no network: apt keeps the index of the release on the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import lzma
import os
import string
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from debian_index import KINDS, OTHERS, Package, Release, installed_index, parse, read_index
from debian_splits import (
    TEST,
    TRAIN,
    VALID,
    Ints,
    matched_negatives,
    source_pairs,
    split_labels,
    split_links,
    uniform_negatives,
)

HERE = Path(__file__).parent
Arrays = dict[str, npt.NDArray[np.generic]]
ARCHITECTURES = ("all", "amd64")
PRIORITIES = ("required", "important", "standard", "optional", "extra")
RELATIONS = (*(name.lower() for name in OTHERS), "alternative", "provides")
DROPPED = ("several providers", "self", "unresolvable", "virtual")
FORMAT = 1


def build(packages: list[Package], *, seed: int, negatives: int, min_count: int) -> tuple[Arrays, Counter[str]]:
    """All arrays of the data set, and counts of what was dropped on the way."""
    dropped: Counter[str] = Counter()
    sources, source = _codes([p.source for p in packages])
    sections, section = _codes([p.section for p in packages])
    words, indptr, indices = _features(packages, min_count)
    edges, kind, relations, relation_kind = _relations(packages, dropped)
    n = len(packages)

    link_part = split_links(edges, source, seed)
    # "Linked" is any relation at all, so that no negative is an alternative, an enhancement or a conflict.
    linked = np.unique(source_pairs(np.concatenate([edges, relations], axis=1), source))
    # An edge that both ends declare is listed from its first end.
    arcs = np.where(kind & 0x0F, edges, edges[::-1])
    none = np.zeros((2, 0), dtype=np.int64)
    valid, test = arcs[:, link_part == VALID], arcs[:, link_part == TEST]
    valid_neg = matched_negatives(*valid, source, linked, negatives, seed, part=VALID, taken=none)
    test_neg = matched_negatives(*test, source, linked, negatives, seed, part=TEST, taken=valid_neg)
    uniform = uniform_negatives(source, linked, 2 * negatives, seed)
    half = uniform.shape[1] // 2

    def ids(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return values.astype(np.uint16 if n <= 2**16 else np.int32)

    arrays: Arrays = {
        **_packed("name", [p.name for p in packages]),
        **_packed("source_name", sources),
        **_packed("section_name", sections),
        **_packed("feature_name", words),
        "source": ids(source),
        "section": section.astype(np.uint8),
        "architecture": np.array([ARCHITECTURES.index(p.architecture) for p in packages], dtype=np.uint8),
        "priority": np.array([PRIORITIES.index(p.priority) for p in packages], dtype=np.uint8),
        "feature_indptr": indptr.astype(np.int32),
        "feature_indices": indices.astype(np.uint16),
        "edges": ids(edges),
        "edge_kind": kind,
        "relations": ids(relations),
        "relation_kind": relation_kind,
        "link_part": link_part,
        "label_part": split_labels(section, source, seed),
        "valid_neg": ids(_ordered(valid_neg)),
        "test_neg": ids(_ordered(test_neg)),
        "valid_neg_uniform": ids(_ordered(uniform[:, :half])),
        "test_neg_uniform": ids(_ordered(uniform[:, half:])),
    }
    return arrays, dropped


def counts(arrays: Arrays) -> dict[str, int]:
    """Count what the data card gives numbers of."""
    source, edges, link_part = arrays["source"].astype(np.int64), arrays["edges"].astype(np.int64), arrays["link_part"]
    n = len(source)
    degree = np.bincount(edges.ravel(), minlength=n)
    train_degree = np.bincount(edges[:, link_part == TRAIN].ravel(), minlength=n)
    kinds = np.asarray(arrays["edge_kind"], dtype=np.uint8)
    result = {
        "nodes": n,
        "nodes_all": int((arrays["architecture"] == 0).sum()),
        "nodes_amd64": int((arrays["architecture"] == 1).sum()),
        "sources": len(arrays["source_name_offsets"]) - 1,
        "sections": len(arrays["section_name_offsets"]) - 1,
        "edges": edges.shape[1],
        "edges_within": int((source[edges[0]] == source[edges[1]]).sum()),
        "edges_mutual": int(((kinds & 0x0F > 0) & (kinds >> 4 > 0)).sum()),
        "isolated": int((degree == 0).sum()),
        "isolated_train": int(((degree > 0) & (train_degree == 0)).sum()),
        "features": len(arrays["feature_name_offsets"]) - 1,
        "feature_entries": len(arrays["feature_indices"]),
        "featureless": int((np.diff(np.asarray(arrays["feature_indptr"], dtype=np.int64)) == 0).sum()),
        "relations": arrays["relations"].shape[1],
        "train": int((link_part == TRAIN).sum()),
        "valid": int((link_part == VALID).sum()),
        "test": int((link_part == TEST).sum()),
        **{name: arrays[name].shape[1] for name in ("valid_neg", "test_neg", "valid_neg_uniform", "test_neg_uniform")},
    }
    for part, name in ((TRAIN, "train"), (VALID, "valid"), (TEST, "test")):
        mine = arrays["label_part"] == part
        result[f"label_{name}"] = int(mine.sum())
        result[f"label_{name}_sections"] = len(np.unique(arrays["section"][mine]))
        result[f"label_{name}_sources"] = len(np.unique(source[mine]))
    for bit, name in enumerate(KINDS):
        result[f"kind_{name.lower().replace('-', '_')}"] = int((((kinds | kinds >> 4) & (1 << bit)) > 0).sum())
    for code, name in enumerate(RELATIONS):
        result[f"relation_{name}"] = int((arrays["relation_kind"] == code).sum())
    return result


def write(target: Path, arrays: Arrays, meta: dict[str, object]) -> None:
    """Write the arrays as an uncompressed .npz inside .xz; a zip without dates, so equal arrays give equal bytes."""
    text = json.dumps(meta, sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"meta": np.frombuffer(text, dtype=np.uint8), **arrays}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    _replace(target, lzma.compress(buffer.getvalue(), preset=6 | lzma.PRESET_EXTREME))


def card(meta: dict[str, object], dropped: Counter[str]) -> str:
    """Fill the data card's template with what came out."""
    fields: dict[str, object] = {**meta, **cast("dict[str, int]", meta["counts"])}
    fields |= {f"dropped_{reason.replace(' ', '_')}": dropped[reason] for reason in DROPPED}
    left_out = cast("dict[str, int]", meta["left_out"])
    fields["left_out"] = ", ".join(f"{number} ({reason})" for reason, number in left_out.items()) or "none"
    shown = {key: f"{value:,}" if isinstance(value, int) else str(value) for key, value in fields.items()}
    return string.Template((HERE / "debian_card.md.in").read_text(encoding="utf-8")).substitute(shown)


def _relations(
    packages: list[Package], dropped: Counter[str]
) -> tuple[Ints, npt.NDArray[np.uint8], Ints, npt.NDArray[np.uint8]]:
    """Edges u < v with their kinds, and the other relations as arcs with theirs.

    Bits 0 to 3 of an edge's kind: u declares Pre-Depends, Depends, Recommends, Suggests on v; bits 4 to 7: v on u.
    """
    row = {package.name: i for i, package in enumerate(packages)}
    providers: defaultdict[str, list[int]] = defaultdict(list)
    for i, package in enumerate(packages):
        for name in package.provides:
            providers[name].append(i)

    def resolve(name: str) -> list[int]:
        """Find the package of that name, else all that provide it, the first by name first."""
        return [row[name]] if name in row else providers.get(name, [])

    edge_kind: defaultdict[tuple[int, int], int] = defaultdict(int)
    others: set[tuple[int, int, int]] = set()
    for i, package in enumerate(packages):
        for bit, field in enumerate(KINDS):
            for clause in package.relations.get(field, []):
                first, *rest = [resolve(name) for name in clause]
                alternatives = [*first[1:], *(j for found in rest for j in found)]
                others.update((RELATIONS.index("alternative"), i, j) for j in alternatives)
                if not first:
                    dropped["unresolvable"] += 1
                elif first[0] == i:
                    dropped["self"] += 1
                else:
                    dropped["virtual"] += clause[0] not in row
                    dropped["several providers"] += len(first) > 1
                    edge_kind[min(i, first[0]), max(i, first[0])] |= 1 << (bit if i < first[0] else bit + 4)
        # A conflict with, or a replacement of, a virtual package is with all its providers: only real names are kept.
        for code, field in enumerate(OTHERS):
            others.update((code, i, row[a]) for clause in package.relations.get(field, []) for a in clause if a in row)
        others.update((RELATIONS.index("provides"), i, row[name]) for name in package.provides if name in row)
    edges = np.array(sorted(edge_kind), dtype=np.int64).reshape(-1, 2).T
    kind = np.array([edge_kind[pair] for pair in sorted(edge_kind)], dtype=np.uint8)
    table = np.array(sorted(arc for arc in others if arc[1] != arc[2]), dtype=np.int64).reshape(-1, 3)
    return edges, kind, table[:, 1:].T, table[:, 0].astype(np.uint8)


def _features(packages: list[Package], min_count: int) -> tuple[list[str], Ints, Ints]:
    bags = [{f"tag:{tag}" for tag in p.tags} | {f"word:{word}" for word in p.words} for p in packages]
    frequency = Counter(name for bag in bags for name in bag)
    names = sorted(name for name, count in frequency.items() if count >= min_count)
    column = {name: j for j, name in enumerate(names)}
    rows = [sorted(column[name] for name in bag if name in column) for bag in bags]
    indptr = np.cumsum([0, *map(len, rows)])
    return names, indptr, np.array([j for row in rows for j in row], dtype=np.int64)


def _codes(values: list[str]) -> tuple[list[str], Ints]:
    names = sorted(set(values))
    code = {name: i for i, name in enumerate(names)}
    return names, np.array([code[value] for value in values], dtype=np.int64)


def _packed(name: str, texts: list[str]) -> Arrays:
    """Strings as one array of UTF-8 bytes and one of offsets."""
    encoded = [text.encode() for text in texts]
    return {
        f"{name}_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        f"{name}_offsets": np.cumsum([0, *map(len, encoded)]).astype(np.int32),
    }


def _ordered(pairs: Ints) -> Ints:
    return pairs[:, np.lexsort(pairs[::-1])]  # compresses to half the size


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{target.name}.part")
    temporary.write_bytes(content)
    os.replace(temporary, target)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="a package index (.xz, .gz, .bz2 or plain) instead of apt's own")
    parser.add_argument("--release", default="unknown", help="point release of that file, for the card")
    parser.add_argument("--date", default="unknown", help="date of that release, for the card")
    parser.add_argument("--out", type=Path, default=HERE / "debian", help="folder to write to")
    parser.add_argument("--seed", type=int, default=12, help="seed of the splits and negatives")
    parser.add_argument("--negatives", type=int, default=100_000, help="negatives per part")
    parser.add_argument("--min-count", type=int, default=5, help="packages that must share a word or tag to keep it")
    options = parser.parse_args(arguments)

    if options.packages is None:
        try:
            text, release = installed_index()
        except FileNotFoundError as error:
            parser.error(f"{error} Give a package index with --packages.")
    else:
        text, release = read_index(options.packages), Release(options.release, options.date)
    packages, left_out = parse(text)
    arrays, dropped = build(packages, seed=options.seed, negatives=options.negatives, min_count=options.min_count)
    meta: dict[str, object] = {
        "format": FORMAT,
        "release": release.version,
        "date": release.date,
        "index_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "seed": options.seed,
        "min_count": options.min_count,
        "architectures": ARCHITECTURES,
        "priorities": PRIORITIES,
        "kinds": [name.lower() for name in KINDS],
        "relations": RELATIONS,
        "left_out": dict(sorted(left_out.items())),
        "dropped": {reason: dropped[reason] for reason in DROPPED},
        "counts": counts(arrays),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "debian.npz.xz", arrays, meta)
    size = (options.out / "debian.npz.xz").stat().st_size
    _replace(options.out / "CARD.md", card(meta, dropped).encode())
    print(f"{len(packages):,} packages, {arrays['edges'].shape[1]:,} edges, {size:,} bytes in {options.out}")


if __name__ == "__main__":
    main()
