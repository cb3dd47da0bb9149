"""Changes of files: bits, cuts, splices, numbers at the limits, and changes inside packed and structured files."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import lzma
import re
import zipfile
from pathlib import PurePath

import numpy as np

NUMBERS = (
    0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62,
    2**63 - 1, 2**63, 2**64 - 1,
)  # fmt: skip
WORDS = (
    b"-1", b"0", b"1", b"2147483648", b"4294967295", b"9223372036854775807", b"-9223372036854775808", b"1e308",
    b"1e400", b"nan", b"inf", b"-0", b"9" * 30, b"9" * 5000, b"0x10", b"1_0", b"", b"null", b"true", b"[]",
    b"{}", b'"', b"\xff", b"\0", b"\n", b",", b"\xe2\x80\xa8", b"\xed\xa0\x80",
    b"[" * 2000, b"(" * 2000, b"<", b"&a;", b"PK\x03\x04", b"\x1f\x8b", b"\x93NUMPY",
)  # fmt: skip
VALUES = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**70, 1e308, "", "x", "F32", "U8", "I64", "BOOL", [], {}, [[]], [0], [-1],
    [1, 2**62], [2**40, 2**40], {"a": 1},
)  # fmt: skip


def changed(rng, name, content, others):
    """``content`` of the file ``name`` after one to three changes; ``others`` are files to take pieces from."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.random() < 0.5:
            with contextlib.suppress(Exception):  # it is no longer what its name says
                content = _inside(rng, name, content, others)
                continue
        content = _bytes(rng, content, others)
    return content


def _bytes(rng, content, others):
    data = bytearray(content)
    size = len(data)
    at = int(rng.integers(size + 1))
    stop = min(size, at + int(rng.choice([1, 2, 4, 8, 16, 64, 256, 4096])))
    kind = rng.integers(9)
    if kind == 0 and size:
        for place in rng.integers(size, size=rng.choice([1, 1, 2, 8])):
            data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at:stop]
    elif kind == 3:
        width = int(rng.choice([1, 2, 4, 8]))
        number = NUMBERS[rng.integers(len(NUMBERS))] & ((1 << 8 * width) - 1)
        data[at : at + width] = number.to_bytes(width, rng.choice(["little", "big"]))
    elif kind == 4:
        numbers = list(re.finditer(rb"-?\d+(\.\d+)?", bytes(data)))
        word = WORDS[rng.integers(len(WORDS))]
        if numbers and rng.random() < 0.7:
            number = numbers[rng.integers(len(numbers))]
            data[number.start() : number.end()] = word
        else:
            data[at:at] = word
    elif kind == 5:
        other = others[rng.integers(len(others))]
        begin = int(rng.integers(len(other) + 1))
        data[at : at if rng.random() < 0.5 else stop] = other[begin : begin + int(rng.choice([4, 32, 512, 1 << 16]))]
    elif kind == 6:
        data[at:at] = bytes(data[at:stop]) * int(rng.choice([1, 2, 50]))
    elif kind == 7:
        data[at:stop] = rng.bytes(stop - at)
    else:
        data[at:stop] = bytes([rng.choice([0, 255, 32, 10])]) * (stop - at)
    return bytes(data)


def _inside(rng, name, content, others):
    """Change what is packed or structured, and pack it again with a right checksum."""
    suffix = PurePath(name).suffix
    if content[:4] == b"PK\x03\x04":
        return _zip(rng, content, others)
    if content[:2] == b"\x1f\x8b":
        return gzip.compress(_again(rng, name.removesuffix(".gz"), gzip.decompress(content), others), 1)
    if content[:4] == b"\xfd7zX":
        return lzma.compress(_again(rng, name.removesuffix(".xz"), lzma.decompress(content), others), preset=0)
    if content[:6] == b"\x93NUMPY":
        return _npy(rng, content, others)
    if content[8:9] == b"{" and suffix not in (".json", ".gml"):
        return _safetensors(rng, content)
    if content[:1] in b"{[":
        return json.dumps(_json(rng, json.loads(content))).encode()
    if b"\n" in content:
        return _lines(rng, content)
    return _bytes(rng, content, others)


def _again(rng, name, content, others):
    return _inside(rng, name, content, others) if rng.random() < 0.5 else _bytes(rng, content, others)


def _zip(rng, content, others):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(info.filename, info.compress_type, archive.read(info)) for info in archive.infolist()]
    at = int(rng.integers(len(members)))
    name, method, data = members[at]
    kind = rng.integers(10)
    if kind == 0:
        del members[at]
    elif kind == 1:
        members.append((members[rng.integers(len(members))][0] + "x", method, data))
    elif kind == 2:
        members[at] = members[rng.integers(len(members))][0], method, data
    elif kind == 3:
        members[at] = name, method, members[rng.integers(len(members))][2]
    else:
        members[at] = name, method, _again(rng, name, data, others)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, method, data in members:
            with contextlib.suppress(UserWarning):
                archive.writestr(name, data, method)
    return buffer.getvalue()


def _npy(rng, content, others):
    array = np.load(io.BytesIO(content), allow_pickle=False)
    kind = rng.integers(6)
    if kind == 0:
        array = array.astype(rng.choice(["i1", "i4", "i8", "u8", "f2", "f4", "f8", "U3", "S3", "?", "c8", "M8[s]"]))
    elif kind == 1:
        array = array.reshape([(-1,), (1, -1), (-1, 1), (1, 1, -1)][rng.integers(4)])
    elif kind == 2:
        array = array[: rng.integers(len(array) + 1)] if array.ndim else array
    elif kind == 3 and array.size and array.dtype.kind in "iuf":
        array = array.copy()
        value = NUMBERS[rng.integers(len(NUMBERS))] * int(rng.choice([1, -1]))
        with np.errstate(all="ignore"):
            array.flat[rng.integers(array.size)] = np.array(value & (2**63 - 1)).astype(array.dtype) * rng.choice(
                [1, 1]
            )
    elif kind == 4 and array.size and array.dtype.kind == "f":
        array = array.copy()
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    else:
        head = int.from_bytes(content[8:10], "little") + 10
        return _bytes(rng, content[:head], others)[:head].ljust(head) + content[head:]
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _safetensors(rng, content):
    size = int.from_bytes(content[:8], "little")
    header = json.dumps(_json(rng, json.loads(content[8 : 8 + size]))).encode()
    return len(header).to_bytes(8, "little") + header + content[8 + size :]


def _json(rng, value, depth=0):
    """A JSON value with one thing changed, somewhere inside; JSON in its strings, too."""
    if isinstance(value, (dict, list)) and value and (depth == 0 or rng.random() < 0.8):
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = keys[rng.integers(len(keys))]
        value = value.copy()
        kind = rng.integers(8)
        if kind == 0:
            del value[key]
        elif kind == 1 and isinstance(value, dict):
            value[str(rng.choice(["", "x", "0"]))] = value.pop(key)
        elif kind == 2 and isinstance(value, list):
            value = [*value, *value]
        else:
            value[key] = _json(rng, value[key], depth + 1)
        return value
    if isinstance(value, str) and value[:1] in ("{", "["):
        with contextlib.suppress(ValueError):
            return json.dumps(_json(rng, json.loads(value)))
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.5:
        return value + int(rng.choice([-1, 1, 8, 64]))
    return VALUES[rng.integers(len(VALUES))]


def _lines(rng, content):
    lines = content.split(b"\n")
    one, other = (int(place) for place in rng.integers(len(lines), size=2))
    kind = rng.integers(5)
    if kind == 0:
        del lines[one]
    elif kind == 1:
        lines[one], lines[other] = lines[other], lines[one]
    elif kind == 2:
        lines.insert(one, lines[other])
    elif kind == 3:
        fields = re.split(rb"([\s,;|]+)", lines[one])
        fields[rng.integers(len(fields))] = WORDS[rng.integers(len(WORDS))]
        lines[one] = b"".join(fields)
    else:
        lines[one] += lines[one][-8:]
    return b"\n".join(lines)
