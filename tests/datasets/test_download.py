from __future__ import annotations

import hashlib
import io
import shutil
import threading
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import graphrep as gr
from graphrep.datasets import _ogb_spec, planetoid
from graphrep.datasets._download import download, unpack
from graphrep.io import bounded


def zipped(content=bytes(range(256)) * 40):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a", content)
    return buffer.getvalue()


DATA, OTHER = zipped(), zipped(bytes(range(255, -1, -1)) * 40)
assert len(DATA) == len(OTHER)


class Server(ThreadingHTTPServer):
    """Serves ``files``; breaks off each answer after ``limit`` bytes; understands ranges if ``ranges``.

    ``length=False`` leaves out Content-Length, ``rest`` replaces the Content-Range of a partial answer, and ``headers``
    are added.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.length, self.rest, self.headers = True, None, {}
        self.files, self.limit, self.ranges, self.tag, self.asked = {}, None, True, '"v1"', []

    def url(self, name):
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append((self.path, asked))
        data = server.files.get(self.path.lstrip("/"))
        if data is None:
            self.send_error(404)
            return
        start = 0
        if asked and server.ranges and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", server.rest or f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", server.tag)
        if server.length:
            self.send_header("Content-Length", str(len(data) - start))
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[start:] if server.limit is None else data[start : start + server.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # straight to this machine
    monkeypatch.setattr(urllib.request, "urlopen", opener.open)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(server, tmp_path):
    server.files["a.zip"] = DATA
    target = tmp_path / "new" / "a.zip"
    assert (
        download(server.url("a.zip"), target, what="a", kind="zip", sha256=hashlib.sha256(DATA).hexdigest()) == target
    )
    assert target.read_bytes() == DATA
    assert names(tmp_path / "new") == ["a.zip"]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(server, tmp_path, ranges):
    server.files["a.zip"], server.limit, server.ranges = DATA, 4000, ranges
    target = tmp_path / "a.zip"
    with pytest.raises(
        ConnectionError, match=r"^a could not be downloaded from http\S+a.zip \(.*; 4000 bytes are kept, and"
    ):
        download(server.url("a.zip"), target, what="a", kind="zip")
    assert not target.exists()
    server.limit = None
    assert download(server.url("a.zip"), target, what="a", kind="zip").read_bytes() == DATA
    assert server.asked[-1] == ("/a.zip", "bytes=4000-")
    assert names(tmp_path) == ["a.zip"]


def test_a_file_that_changed_meanwhile_comes_anew(server, tmp_path):
    server.files["a.zip"], server.limit = DATA, 4000
    with pytest.raises(ConnectionError):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip")
    server.files["a.zip"], server.limit, server.tag = OTHER, None, '"v2"'
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == OTHER


def test_the_part_of_another_address_is_not_continued(server, tmp_path):
    server.files |= {"a.zip": DATA, "b.zip": OTHER}
    server.limit = 4000
    with pytest.raises(ConnectionError):
        download(server.url("a.zip"), tmp_path / "x.zip", what="a", kind="zip")
    server.limit = None
    assert download(server.url("b.zip"), tmp_path / "x.zip", what="b", kind="zip").read_bytes() == OTHER


def test_a_wrong_checksum_is_refused_and_the_file_removed(server, tmp_path):
    server.files["a.zip"] = DATA
    with pytest.raises(ValueError, match=r"a from http.* must have the SHA-256 0000"):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip", sha256="0" * 64)
    assert names(tmp_path) == []


@pytest.fixture
def cut(server, tmp_path):
    """4000 bytes of a.zip in a part, and the notes on it."""
    server.files["a.zip"], server.limit = DATA, 4000
    with pytest.raises(ConnectionError, match="4000 bytes are kept"):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip")
    server.limit = None
    return tmp_path / "a.zip.part.json"


@pytest.mark.parametrize(
    "rest",
    [
        f"bytes 4000-{len(DATA) - 2}/{len(DATA) - 1}", f"bytes 4000-{len(DATA) - 1}/*", "bytes 3999-9/9", "bytes",
        f"bytes 4000-4999/{len(DATA)}",
    ],
)  # fmt: skip
def test_a_rest_that_is_not_the_rest_is_fetched_anew(server, tmp_path, cut, rest):
    server.rest = rest
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA
    assert server.asked[-2:] == [("/a.zip", "bytes=4000-"), ("/a.zip", None)]
    assert names(tmp_path) == ["a.zip"]


def test_a_rest_with_bytes_missing_is_not_complete(server, tmp_path, cut):
    server.limit, server.length = 100, False  # and the connection closes
    with pytest.raises(ConnectionError, match=rf"closed after 4100 of {len(DATA)} bytes\); 4100 bytes are"):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip")
    assert not (tmp_path / "a.zip").exists()
    server.limit, server.length = None, True
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA


@pytest.mark.parametrize(
    "notes",
    [
        b"", b"{", b"\xff\xfe", b"[]", b"null", b"{}", b'{"url": 1, "version": 2, "total": 3}',
        b'{"url": "http", "version": null, "total": "many"}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_damaged_notes_are_a_fresh_start(server, tmp_path, cut, notes):
    cut.write_bytes(notes)
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA
    assert server.asked[-1] == ("/a.zip", None)
    assert names(tmp_path) == ["a.zip"]


def test_a_part_that_is_longer_than_announced_is_a_fresh_start(server, tmp_path, cut):
    (tmp_path / "a.zip.part").write_bytes(DATA + b"more")
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA


def test_a_complete_part_is_checked_before_it_takes_its_place(server, tmp_path, cut):
    (tmp_path / "a.zip.part").write_bytes(b"x" * len(DATA))
    with pytest.raises(ValueError, match=r"^a from http\S+a.zip is incomplete or not a file of type zip\.$"):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip")
    assert names(tmp_path) == []
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA


def test_a_file_without_announced_length_is_checked_by_its_form(server, tmp_path):
    server.files["a.zip"], server.length = DATA, False
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a", kind="zip").read_bytes() == DATA
    server.limit = 5000
    with pytest.raises(ValueError, match=r"a from \S+ is incomplete or not a file of type zip"):
        download(server.url("a.zip"), tmp_path / "b.zip", what="a", kind="zip")
    assert names(tmp_path) == ["a.zip"]


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("kind", ["zip", "pickle", "numbers"])
@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Log in", b"\n <HTML></HTML>", b"<?xml version='1.0'?><Error/>"])
def test_a_web_page_is_not_kept(server, tmp_path, page, kind, length):
    server.files["a"], server.length = page, length
    with pytest.raises(ValueError, match=r"^a from http\S+/a is a web page instead of the file; is there a proxy"):
        download(server.url("a"), tmp_path / "a", what="a", kind=kind)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "content", "sound"),
    [
        ("pickle", b"\x80\x02].", True), ("pickle", b"\x80\x02]", False), ("pickle", b"]." , False),
        ("numbers", b"1\n20\n", True), ("numbers", b"1\n2", False), ("numbers", b"a\n", False), ("numbers", b"", False),
        ("zip", b"PK", False), ("zip", b"", False),
    ],
)  # fmt: skip
def test_files_are_known_by_their_ends(server, tmp_path, kind, content, sound):
    server.files["a"] = content
    if sound:
        assert download(server.url("a"), tmp_path / "a", what="a", kind=kind).read_bytes() == content
        return
    with pytest.raises(ValueError, match=r"a from http.* is incomplete or not a file of"):
        download(server.url("a"), tmp_path / "a", what="a", kind=kind)
    assert names(tmp_path) == []


def test_a_packed_answer_is_refused(server, tmp_path):
    server.files["a"], server.headers = b"1\n", {"Content-Encoding": "gzip"}
    with pytest.raises(ConnectionError, match="the server packed it, which was not asked for"):
        download(server.url("a"), tmp_path / "a", what="a", kind="numbers")


def test_addresses_are_encrypted():
    assert _ogb_spec.BASE_URL.startswith("https://")
    assert planetoid.URL.startswith("https://")


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ddi/zeros", b"\0" * 300_000)
    monkeypatch.setattr(bounded, "FLOOR", 1 << 16)
    monkeypatch.setenv("GRAPHREP_MAX_EXPANSION", "100")
    with pytest.raises(ValueError, match=r"a.zip has \d+ bytes, but takes more than .* ratio above 100, or to 0"):
        unpack(archive, tmp_path / "ddi", what="ddi")
    assert names(tmp_path) == ["a.zip"]
    monkeypatch.setenv("GRAPHREP_MAX_EXPANSION", "0")
    unpack(archive, tmp_path / "ddi", what="ddi")


def test_offline_is_one_sentence(server, tmp_path):
    url = server.url("missing.zip")
    with pytest.raises(ConnectionError, match=r"^ddi could not be downloaded from http\S+ \(HTTP 404 Not Found\)\.$"):
        download(url, tmp_path / "a.zip", what="ddi", kind="zip")
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"^ddi could not be downloaded from http\S+ \(.*refused.*\)\.$"):
        download(url, tmp_path / "a.zip", what="ddi", kind="zip")
    assert names(tmp_path) == []


def test_a_damaged_archive_leaves_no_folder(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ddi/raw/edge.csv.gz", b"0,1\n" * 99)
    whole = archive.read_bytes()
    for damaged in (whole[:-30], whole.replace(b"0,1\n0", b"0,1\n9"), b""):
        archive.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a.zip, the archive of ddi, is damaged \("):
            unpack(archive, tmp_path / "ogbl_ddi", what="ddi")
        assert names(tmp_path) == ["a.zip"]
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("edge.csv.gz", DATA)
    with pytest.raises(ValueError, match="must hold ddi in one folder, but holds 0 folders"):
        unpack(archive, tmp_path / "ogbl_ddi", what="ddi")


@pytest.fixture
def served_set(server, tmp_path, ogb_files, monkeypatch):
    made = tmp_path / "made"
    ogb_files.write_set(made / "ddi", "ogbl-ddi")
    server.files["linkproppred/ddi.zip"] = Path(shutil.make_archive(str(tmp_path / "ddi"), "zip", made)).read_bytes()
    monkeypatch.setattr(_ogb_spec, "BASE_URL", server.url(""))
    return tmp_path / "root"


def test_a_set_is_fetched_once(server, served_set):
    first = gr.datasets.load("ogbl-ddi", served_set, download=True)
    assert first.graph.num_edges == 30
    assert names(served_set) == ["ogbl_ddi"]
    again = gr.datasets.load("ogbl-ddi", served_set, download=True)
    assert again.graph == first.graph
    assert server.asked == [("/linkproppred/ddi.zip", None)]


def test_a_set_is_not_fetched_unasked_nor_over_something_else(server, served_set):
    with pytest.raises(FileNotFoundError, match=r"download=True to datasets.load, or unpack http\S+/ddi.zip there"):
        gr.datasets.load("ogbl-ddi", served_set)
    assert not server.asked
    (served_set / "ogbl_ddi").mkdir(parents=True)
    (served_set / "ogbl_ddi" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="ogbl_ddi exists but does not contain ogbl-ddi"):
        gr.datasets.load("ogbl-ddi", served_set, download=True)
    assert names(served_set / "ogbl_ddi") == ["notes.txt"]


def test_a_set_that_cannot_be_fetched_is_one_sentence(server, served_set):
    server.files.clear()
    with pytest.raises(ConnectionError, match=r"^ogbl-ddi could not be downloaded from http\S+/ddi.zip \(HTTP 404"):
        gr.datasets.load("ogbl-ddi", served_set, download=True)
