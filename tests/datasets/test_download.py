from __future__ import annotations

import hashlib
import shutil
import threading
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import graphrep as gr
from graphrep.datasets import _ogb_spec
from graphrep.datasets._download import download, unpack

DATA = bytes(range(256)) * 40


class Server(ThreadingHTTPServer):
    """Serves ``files``; breaks off each answer after ``limit`` bytes; understands ranges if ``ranges``."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
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
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(data) - start))
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
    assert download(server.url("a.zip"), target, what="a", sha256=hashlib.sha256(DATA).hexdigest()) == target
    assert target.read_bytes() == DATA
    assert names(tmp_path / "new") == ["a.zip"]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_download_goes_on(server, tmp_path, ranges):
    server.files["a.zip"], server.limit, server.ranges = DATA, 4000, ranges
    target = tmp_path / "a.zip"
    with pytest.raises(
        ConnectionError, match=r"^a could not be downloaded from http\S+a.zip \(.*; 4000 bytes are kept, and"
    ):
        download(server.url("a.zip"), target, what="a")
    assert not target.exists()
    server.limit = None
    assert download(server.url("a.zip"), target, what="a").read_bytes() == DATA
    assert server.asked[-1] == ("/a.zip", "bytes=4000-")
    assert names(tmp_path) == ["a.zip"]


def test_a_file_that_changed_meanwhile_comes_anew(server, tmp_path):
    server.files["a.zip"], server.limit = DATA, 4000
    with pytest.raises(ConnectionError):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a")
    server.files["a.zip"], server.limit, server.tag = DATA[::-1], None, '"v2"'
    assert download(server.url("a.zip"), tmp_path / "a.zip", what="a").read_bytes() == DATA[::-1]


def test_the_part_of_another_address_is_not_continued(server, tmp_path):
    server.files |= {"a.zip": DATA, "b.zip": DATA[::-1]}
    server.limit = 4000
    with pytest.raises(ConnectionError):
        download(server.url("a.zip"), tmp_path / "x.zip", what="a")
    server.limit = None
    assert download(server.url("b.zip"), tmp_path / "x.zip", what="b").read_bytes() == DATA[::-1]


def test_a_wrong_checksum_is_refused_and_the_file_removed(server, tmp_path):
    server.files["a.zip"] = DATA
    with pytest.raises(ValueError, match=r"a from http.* must have the SHA-256 0000"):
        download(server.url("a.zip"), tmp_path / "a.zip", what="a", sha256="0" * 64)
    assert names(tmp_path) == []


def test_offline_is_one_sentence(server, tmp_path):
    url = server.url("missing.zip")
    with pytest.raises(ConnectionError, match=r"^ddi could not be downloaded from http\S+ \(HTTP 404 Not Found\)\.$"):
        download(url, tmp_path / "a.zip", what="ddi")
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"^ddi could not be downloaded from http\S+ \(.*refused.*\)\.$"):
        download(url, tmp_path / "a.zip", what="ddi")
    assert names(tmp_path) == []


def test_a_damaged_archive_leaves_no_folder(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ddi/raw/edge.csv.gz", DATA)
    whole = archive.read_bytes()
    for damaged in (whole[:-30], whole.replace(DATA, b"x" + DATA[1:]), b""):
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
    server.files["ddi.zip"] = Path(shutil.make_archive(str(tmp_path / "ddi"), "zip", made)).read_bytes()
    monkeypatch.setattr(_ogb_spec, "BASE_URL", server.url(""))
    return tmp_path / "root"


def test_a_set_is_fetched_once(server, served_set):
    first = gr.datasets.load("ogbl-ddi", served_set, download=True)
    assert first.graph.num_edges == 30
    assert names(served_set) == ["ogbl_ddi"]
    again = gr.datasets.load("ogbl-ddi", served_set, download=True)
    assert again.graph == first.graph
    assert server.asked == [("/ddi.zip", None)]


def test_a_set_is_not_fetched_unasked_nor_over_something_else(server, served_set):
    with pytest.raises(FileNotFoundError, match=r"give download=True or unpack http\S+/ddi.zip there"):
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
