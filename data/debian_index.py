"""Read a Debian package index: stanzas, versions, relations between packages."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("Pre-Depends", "Depends", "Recommends", "Suggests")
OTHERS = ("Breaks", "Conflicts", "Replaces", "Enhances")
# Short descriptions become words: a run of ASCII letters, digits and plus signs with at least one letter.
WORD = re.compile(r"[a-z0-9+]*[a-z][a-z0-9+]*")
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9+.-]*)")


@dataclass(frozen=True)
class Package:
    """One binary package, as the index describes it."""

    name: str
    version: str
    source: str
    architecture: str
    section: str
    priority: str
    words: frozenset[str]
    tags: frozenset[str]
    relations: dict[str, list[list[str]]]  # field -> clauses -> alternatives
    provides: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """What the index says of itself."""

    version: str
    date: str


def installed_index() -> tuple[str, Release]:
    """Text of apt's own copy of the index of bookworm main amd64, without updates or security, and its release."""
    if shutil.which("apt-get") is None:
        raise FileNotFoundError("this machine has no apt-get.")
    wanted = ["Created-By: Packages", "Codename: bookworm", "Component: main", "Architecture: amd64", "Origin: Debian"]
    form = "$(FILENAME)\t$(VERSION)"
    listing = _output("apt-get", "indextargets", "--format", form, *wanted).decode().splitlines()
    if not listing:
        raise FileNotFoundError("apt has no index of Debian bookworm main amd64.")
    path, version = listing[0].split("\t")
    text = _output("/usr/lib/apt/apt-helper", "cat-file", path).decode()
    signed = Path(re.sub(r"main_binary-amd64_Packages(\.\w+)?$", "InRelease", path))
    found = re.search(r"^Date: (.*) UTC$", signed.read_text(), re.MULTILINE) if signed.is_file() else None
    date = "unknown" if found is None else datetime.strptime(found[1], "%a, %d %b %Y %H:%M:%S").date().isoformat()
    return text, Release(version, date)


def read_index(path: Path) -> str:
    """Text of an index file, plain or compressed (.xz, .gz, .bz2)."""
    openers = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
    with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
        return str(file.read())


def parse(text: str) -> tuple[list[Package], Counter[str]]:
    """Read the packages of main, sorted by name, and count the stanzas left out, by reason.

    Only stanzas whose Filename begins with pool/main/ count: that leaves out other repositories and the security
    archive (pool/updates/main/). Where a name occurs more than once, the highest version wins.
    """
    packages: dict[str, Package] = {}
    left_out: Counter[str] = Counter()
    for stanza in _stanzas(text):
        if not stanza.get("Filename", "").startswith("pool/main/"):
            left_out["not in pool/main"] += 1
            continue
        if stanza["Architecture"] not in ("all", "amd64"):
            left_out["other architecture"] += 1
            continue
        package = _package(stanza)
        known = packages.get(package.name)
        if known is not None:
            left_out["older version"] += 1
            if version_key(known.version) >= version_key(package.version):
                continue
        packages[package.name] = package
    return [packages[name] for name in sorted(packages)], left_out


def version_key(version: str) -> tuple[object, ...]:
    """Sort key of a Debian version: epoch, upstream version, revision (Debian Policy, section 5.6.12)."""
    epoch, _, rest = version.rpartition(":")
    upstream, dash, revision = rest.rpartition("-")
    return (int(epoch or 0), _part_key(upstream if dash else rest), _part_key(revision if dash else "0"))


def _part_key(part: str) -> list[tuple[tuple[int, ...], int]]:
    # "~" sorts before the end, letters before other characters; findall ends with an empty match, the end itself.
    def order(text: str) -> tuple[int, ...]:
        return (*(-1 if c == "~" else ord(c) if c.isalpha() else ord(c) + 256 for c in text), 0)

    return [(order(text), int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", part)]


def clauses(field: str) -> list[list[str]]:
    """Names in a relation field, clause by clause; version constraints and architecture qualifiers are stripped.

    >>> clauses("libc6 (>= 2.34), python3:any, mta | postfix")
    [['libc6'], ['python3'], ['mta', 'postfix']]
    """
    found = [[match[1] for part in clause.split("|") if (match := NAME.match(part))] for clause in field.split(",")]
    return [names for names in found if names]


def _package(stanza: dict[str, str]) -> Package:
    name = stanza["Package"]
    description = stanza.get("Description", "").split("\n", 1)[0]
    return Package(
        name=name,
        version=stanza["Version"],
        source=stanza.get("Source", name).split(" ", 1)[0],  # "Source: name (version)" where the versions differ
        architecture=stanza["Architecture"],
        section=stanza.get("Section", "unknown").rsplit("/", 1)[-1],
        priority=stanza.get("Priority", "optional"),
        words=frozenset(WORD.findall(description.lower())),
        tags=frozenset(tag for part in stanza.get("Tag", "").split(",") if (tag := part.strip())),
        relations={field: clauses(stanza[field]) for field in (*KINDS, *OTHERS) if field in stanza},
        provides=tuple(dict.fromkeys(names[0] for names in clauses(stanza.get("Provides", "")))),
    )


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    for number, block in enumerate(re.split(r"\n(?:[ \t]*\n)+", text.strip("\n")), start=1):
        stanza: dict[str, str] = {}
        field = ""
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                stanza[field] = stanza.get(field, "") + "\n" + line
            else:
                field, colon, value = line.partition(":")
                if not colon:
                    raise ValueError(f"stanza {number} of the index has a line without a field name: {line[:60]!r}.")
                stanza[field] = value.strip()
        missing = [name for name in ("Package", "Version", "Architecture") if name not in stanza]
        if missing:
            raise ValueError(f"stanza {number} of the index lacks {' and '.join(missing)}.")
        yield stanza


def _output(*command: str) -> bytes:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
