"""Pictures: layouts, colors, labels, files, the page to explore, and the command."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import graphrep as gr
from graphrep import cli
from graphrep._pictures import beside, spread
from graphrep.plot.groups import COLORS, groups_of, readable
from graphrep.plot.pages import _of_graph

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

EVIL = "</script><img src=x onerror=document.title='broken'>"
QUICK = {"perplexity": 5, "max_iter": 250}


@pytest.fixture(scope="module")
def vectors():
    x = np.random.default_rng(0).standard_normal((40, 6)) + 5 * np.eye(6)[np.arange(40) % 3]
    return gr.NodeVectors(x, [f"n{i}" for i in range(40)], {"method": "Made"})


@pytest.fixture(scope="module")
def labels():
    return np.array(["red", "green", "blue"])[np.arange(40) % 3]


def data_of(page):
    return json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page.html, re.DOTALL)[1])


def numbers(data, key, dtype):
    return np.frombuffer(base64.b64decode(data[key]), dtype=dtype)


def texts(axes):
    return [text.get_text() for text in axes.texts]


# Layouts


@pytest.mark.parametrize(("method", "options"), [("pca", None), ("tsne", QUICK)])
def test_the_same_seed_gives_the_same_bits(method, options, vectors):
    a = gr.plot.layout(vectors, method=method, options=options)
    assert a == gr.plot.layout(vectors, method=method, options=options)
    assert a.shape == (40, 2)
    assert list(a) == list(vectors)
    assert (a.settings["layout"], a.settings["vectors"]) == (method, {"method": "Made"})


def test_pca_is_that_of_the_definition(vectors):
    x = vectors.vectors.astype(np.float64)
    centered = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(centered, full_matrices=False)
    found = gr.plot.layout(vectors, method="pca", metric="euclidean").vectors
    np.testing.assert_allclose(np.abs(found), np.abs(u[:, :2] * s[:2]), atol=1e-4)


def test_cosine_forgets_lengths(vectors):
    longer = gr.NodeVectors(vectors.vectors * np.arange(1, 41)[:, None], vectors.nodes)
    a, b = (gr.plot.layout(v, method="pca").vectors for v in (vectors, longer))
    np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize(("method", "module"), [("umap", "umap"), ("pacmap", "pacmap")])
def test_a_method_that_is_missing_names_its_extra(method, module, vectors, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"graphrep\[maps\]"):
        gr.plot.layout(vectors, method=method)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "pacmap"])
def test_methods_of_the_extra(method, vectors):
    pytest.importorskip(method)
    a = gr.plot.layout(vectors, method=method)
    assert a == gr.plot.layout(vectors, method=method)


@pytest.mark.parametrize(
    ("umap", "n", "chosen"), [(None, 40, "tsne"), (None, 3, "pca"), (None, 5_001, "pca"), (1, 9, "umap")]
)
def test_the_method_is_chosen_by_what_is_there(umap, n, chosen, monkeypatch):
    from graphrep.plot import layouts

    monkeypatch.setattr("importlib.util.find_spec", lambda name: umap)
    assert layouts._chosen(n) == chosen


def test_two_dimensional_vectors_are_taken_as_they_are(vectors):
    flat = gr.NodeVectors(vectors.vectors[:, :2], vectors.nodes)
    assert gr.plot.layout(flat) is flat


def test_layouts_of_few_nodes():
    two = gr.plot.layout([[1.0], [2.0]], metric="euclidean").vectors
    assert two.shape == (2, 2)
    np.testing.assert_allclose(np.ptp(two, axis=0), [1, 0], atol=1e-6)
    assert gr.plot.layout([[1, 0, 0], [0, 1, 0], [0, 0, 1]]).settings["layout"] == "pca"


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (np.eye(4), {"method": "som"}, ValueError, "method must be one of"),
        (np.eye(4), {"metric": "dot"}, ValueError, "metric must be cosine or euclidean"),
        (np.eye(1), {}, ValueError, "at least 2 nodes, got 1"),
        (np.eye(3), {"method": "tsne"}, ValueError, 'at least 4 nodes, got 3, which method="pca" can place'),
        (np.ones((5, 3)), {}, ValueError, "all vectors are equal in direction"),
        (np.eye(5), {"options": {"perplexity": 2}}, ValueError, "options belong to a method"),
        (np.eye(5), {"method": "pca", "options": {"bad": 2}}, TypeError, "PCA knows no 'bad'"),
        (gr.FastRP, {}, TypeError, "got the class FastRP"),
        (gr.FastRP(), {}, NotFittedError, "not fitted"),
    ],
)  # fmt: skip
def test_layouts_refuse_in_a_sentence(x, options, error, message):
    with pytest.raises(error, match=message):
        gr.plot.layout(x, **options)


def test_a_fitted_estimator_is_mapped_with_its_names():
    model = gr.FastRP(dimensions=8).fit(nx.relabel_nodes(nx.karate_club_graph(), "k{}".format))
    places = gr.plot.layout(model, method="pca")
    assert "k0" in places
    assert places.settings["vectors"]["method"] == "FastRP"


# Groups and colors


def test_labels_are_matched_by_name(vectors, labels):
    pd = pytest.importorskip("pandas")
    wanted = groups_of(labels, vectors, 20)
    assert wanted.names[0] == "red"  # the largest
    series = pd.Series(labels, vectors.nodes).sample(frac=1, random_state=0)
    for given in (series, series.to_dict(), labels.tolist(), pd.Series(labels).array, series.astype("category")):
        found = groups_of(given, vectors, 20)
        assert found.names == wanted.names
        assert found.codes.tolist() == wanted.codes.tolist()


def test_rare_and_missing_labels_are_gray(vectors):
    given = ["a"] * 20 + ["b"] * 10 + ["c"] * 5 + [None, float("nan"), np.nan, "d", "d"]
    groups = groups_of(given, vectors, 2)
    assert groups.names == ["a", "b", "c", "d"]
    assert np.bincount(groups.colored + 1).tolist() == [10, 20, 10]
    assert groups.described() == "gray: 2 smaller groups, 3 without a label"


def test_a_mapping_may_lack_nodes_and_integers_have_minus_one(vectors):
    assert (groups_of({"n0": "a", "n1": "b", "other": "c"}, vectors, 20).codes >= 0).tolist() == [True] * 2 + [
        False
    ] * 38
    codes = groups_of(np.arange(40) % 3 - 1, vectors, 20)
    assert (codes.names, int((codes.codes < 0).sum())) == (["0", "1"], 14)
    assert groups_of(np.array([0.0, np.nan] * 20), vectors, 20).names == ["0"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a"] * 39, "a value for each of the 40 nodes, got 39"),
        (np.linspace(0, 1, 40), "got numbers such as 0.0256.*pandas.cut"),
        (np.zeros((40, 3)), r"must have shape \(num_nodes,\)"),
        ({"x": "a"}, "names none of the nodes: 'x' is none, and 'n0' is one"),
    ],
)
def test_labels_refuse_in_a_sentence(given, message, vectors):
    with pytest.raises(ValueError, match=message):
        groups_of(given, vectors, 20)


def test_labels_that_are_names_warn(vectors):
    with pytest.warns(UserWarning, match="40 different values for 40 nodes"):
        groups_of(list(vectors), vectors, 20)


def test_colors_can_be_told_apart_and_read():
    assert len(set(COLORS)) == 20
    rgb = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in COLORS], dtype=float)
    apart = np.linalg.norm(rgb[:, None] - rgb[None], axis=2) + 1e3 * np.eye(20)
    assert apart.min() > 45

    def luminance(color):
        parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    for color in COLORS:
        assert 1.05 / (luminance(readable(color)) + 0.05) >= 4.45
        assert (luminance(readable(color, "#14171A")) + 0.05) / (luminance("#14171A") + 0.05) >= 4.45
    assert readable("#000000") == "#000000"


# Pictures


def test_boxes_are_spread_and_stay_inside():
    centers = np.array([[50.0, 50.0]] * 6 + [[99.0, 1.0]])
    halves = np.tile([[12.0, 5.0]], (7, 1))
    placed = spread(centers, halves, np.array([[0.0, 0.0], [100.0, 100.0]]))
    apart = np.abs(placed[:, None] - placed[None]) + 100 * np.eye(7)[:, :, None]
    assert (apart >= 2 * halves[0] - 1e-3).any(axis=2).all()
    assert (placed - halves >= -1e-9).all()
    assert (placed + halves <= 100 + 1e-9).all()
    alone = np.array([[20.0, 20.0], [80.0, 80.0]])
    assert (spread(alone, halves[:2], np.array([[0.0, 0.0], [100.0, 100.0]])) == alone).all()


def test_labels_stand_beside_their_points_and_cover_nothing():
    inside = np.array([[0.0, 0.0], [300.0, 300.0]])
    at = np.random.default_rng(0).uniform(0, 300, (15, 2))
    halves = np.tile([[25.0, 5.0]], (15, 1))
    placed = beside(at, halves, inside)
    assert (np.abs(placed - at) <= halves + 50).all()
    assert (placed - halves >= 0).all()
    assert (placed + halves <= 300).all()
    between = np.abs(placed[:, None] - placed[None]) + 1000 * np.eye(15)[:, :, None]
    assert (between >= 2 * halves[0] - 1e-9).any(axis=2).all()
    assert (np.abs(placed[:, None] - at[None]) >= halves[0] + 3).any(axis=2).all()
    assert (placed == beside(at, halves, inside)).all()


def test_a_map_has_labels_colors_and_a_caption(vectors, labels, tmp_path):
    labels = np.where(labels == "red", "$x^$ & y", labels)  # no formula
    axes = gr.plot.map(vectors, labels, method="pca", title="50 % $ of", path=tmp_path / "map.png")
    written = texts(axes)
    assert written[0] == "40 nodes · Made · PCA of 6 dimensions, cosine"
    assert set(written[1:]) == {"$x^$ & y", "green", "blue"}
    assert axes.get_aspect() == 1
    assert not axes.axison
    assert axes.get_legend() is None
    points = axes.collections[0]
    assert len(points.get_offsets()) == 40
    assert len(np.unique(points.get_facecolors(), axis=0)) == 3
    assert (tmp_path / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_a_label_stands_at_the_median_of_its_group(vectors, labels):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    places = gr.plot.layout(vectors, method="pca")
    axes = gr.plot.map(vectors, labels, layout=places, ax=ax)
    assert axes is ax
    label = next(text for text in axes.texts if text.get_text() == "green")
    np.testing.assert_allclose(label.xy, np.median(places.vectors[labels == "green"], axis=0), rtol=1e-5)
    plt.close(figure)


def test_positions_are_matched_by_name(vectors, labels, tmp_path):
    places = gr.plot.layout(vectors, method="pca")
    other = places.select(list(places)[::-1])
    first, second = (gr.plot.map(vectors, labels, layout=at, path=tmp_path / "a.svg") for at in (places, other))
    assert (first.collections[0].get_offsets() == second.collections[0].get_offsets()).all()
    with pytest.raises(ValueError, match=r"layout must have shape \(40, 2\)"):
        gr.plot.map(vectors, labels, layout=np.ones((40, 3)))


def test_files_are_the_same_bytes_and_whole_or_not_at_all(vectors, tmp_path, monkeypatch):
    for name in ("a.svg", "b.svg"):
        gr.plot.map(vectors, method="pca", path=tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    before = (tmp_path / "a.svg").read_bytes()
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        gr.plot.map(vectors, method="pca", path=tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError, match=r"must end in .png, .svg or .pdf"):
        gr.plot.map(vectors, path="map.jpg")


def test_history_shows_loss_metric_and_best_epoch(tmp_path):
    records = [{"loss": 3.0, "terms": 1.0}, {"loss": 2.0, "hits@20": 0.5}, {"loss": 1.0, "hits@20": 0.4}]
    model = SimpleNamespace(history_=records, metric_="hits@20", best_epoch_=2)
    axes = gr.plot.history(model, path=tmp_path / "h.pdf")
    right = next(other for other in axes.figure.axes if other is not axes)
    assert axes.lines[0].get_xydata().tolist() == [[1, 3], [2, 2], [3, 1]]
    assert right.lines[0].get_xydata().tolist() == [[2, 0.5], [3, 0.4]]
    assert texts(axes) == ["best epoch: 2"]
    assert len(gr.plot.history([{"loss": 1.0}], ax=Figure().add_subplot()).figure.axes) == 1
    for given, error, message in (
        (gr.FastRP(), TypeError, "has no history_"),
        ([], ValueError, "a dict per epoch"),
        ([{"auc": 1}], ValueError, "holds no loss, only auc"),
    ):
        with pytest.raises(error, match=message):
            gr.plot.history(given)


def test_degrees_are_a_complementary_cumulative_share():
    star = gr.as_graph([("hub", f"leaf {i}") for i in range(9)])
    axes = gr.plot.degrees(star, ax=Figure().add_subplot())
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[1, 1.0], [9, 0.1]])
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    arcs = gr.as_graph([(0, 1), (0, 2)], directed=True, num_nodes=4)
    axes = gr.plot.degrees(arcs, ax=Figure().add_subplot())
    assert [line.get_xydata().tolist() for line in axes.lines] == [[[2, 0.25]], [[1, 0.5]]]
    assert axes.get_title(loc="left").endswith("largest 2, 1 without an edge")
    with pytest.raises(ValueError, match="no edges"):
        gr.plot.degrees(nx.empty_graph(3))


# The page


def test_the_page_holds_names_labels_places_and_nearest(vectors, labels, tmp_path):
    page = gr.plot.map_html(vectors, tmp_path / "map.html", labels, method="pca", neighbors=3, title="A & B")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == page.html
    data = data_of(page)
    assert data["names"] == list(vectors)
    assert [data["labels"][code] for code in numbers(data, "codes", "<i4")] == labels.tolist()
    assert (numbers(data, "places", "<f4").reshape(-1, 2) == gr.plot.layout(vectors, method="pca").vectors).all()
    near = vectors.nodes[numbers(data, "rows", "<u4").reshape(-1, 3)]
    assert (near == vectors.neighbors(k=3)[0]).all()
    assert "<title>A &amp; B</title>" in page.html
    assert page._repr_html_().startswith("<iframe")
    assert re.findall(r"(?:src|href)=(\S+)", page.html) == ['"data:,">']
    assert not re.search(r"https?:", page.html)


def test_neighbors_of_a_graph_are_matched_by_name():
    graph = gr.as_graph([("a", "b", 1.0), ("a", "c", 5.0), ("b", "c", 1.0), ("c", "c", 9.0), ("c", "unknown", 2.0)])
    v = gr.NodeVectors(np.eye(4), ["c", "b", "lonely", "a"])
    ends, rows, totals = _of_graph(graph, v, 10)
    near = {name: [list(v)[row] for row in part] for name, part in zip(v, np.split(rows, ends[:-1]), strict=True)}
    assert near == {"c": ["a", "b"], "b": ["a", "c"], "lonely": [], "a": ["c", "b"]}  # by weight, then degree
    assert totals.tolist() == [3, 2, 0, 2]
    assert np.split(_of_graph(graph, v, 1)[1], _of_graph(graph, v, 1)[0][:-1])[0].tolist() == [3]
    with pytest.raises(ValueError, match="graph has none of the nodes of vectors"):
        gr.plot.map_html(gr.NodeVectors(np.eye(4), list("wxyz")), None, graph=graph)


def evil_page(path):
    v = gr.NodeVectors(np.eye(5), ["plain", EVIL, "<!--<script>", "\u2028 é & \ud800", "Second Node"])
    return gr.plot.map_html(v, path, [EVIL, "b", "b", "b", "c"], method="pca", title=EVIL)


def test_no_name_is_read_as_html(tmp_path):
    page = evil_page(tmp_path / "evil.html")
    assert data_of(page)["names"][1] == EVIL
    assert "<img" not in page.html
    assert page.html.count("</script>") == 2
    assert "<!--" not in page.html


@pytest.fixture(scope="module")
def browser():
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("needs chromium")

    def opened(address, script=""):
        done = subprocess.run(
            [found, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom", address],
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout.decode("utf-8")

    return opened


ACT = """<script>
const box = document.getElementById("search"), map = document.getElementById("map");
box.value = "second";
box.dispatchEvent(new Event("input"));
document.body.dataset.found = document.getElementById("found").textContent;
box.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
document.body.dataset.chosen = document.querySelector("#chosen b").textContent;
document.body.dataset.links = document.querySelectorAll("#chosen button").length;
map.dispatchEvent(new PointerEvent("pointermove", { clientX: map.clientWidth / 2, clientY: map.clientHeight / 2 }));
document.body.dataset.hover = document.querySelector("#hover b").textContent;
</script>"""


def test_a_browser_finds_and_shows_a_node(browser, tmp_path):
    path = tmp_path / "evil.html"
    evil_page(path)
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", f"{ACT}</body>"), encoding="utf-8")
    dom = browser(path.as_uri())
    body = re.search(r"<body[^>]*>", dom)[0]
    for key, value in {"found": "Second Node", "chosen": "Second Node", "links": "4", "hover": "Second Node"}.items():
        assert f'data-{key}="{value}"' in body
    assert "<img" not in dom
    title = re.search(r"<title>(.*?)</title>", dom)[1]
    assert title.startswith("&lt;/script&gt;")


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_script_of_the_page_parses(vectors, tmp_path):
    page = gr.plot.map_html(vectors, None, method="pca").html
    script = tmp_path / "map.js"
    script.write_text(page.split("<script>")[1].split("</script>")[0])
    assert subprocess.run(["node", "--check", script], capture_output=True, check=False).stderr == b""


# The command


def run(*arguments):
    """Exit code of ``graphrep plot ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main(["plot", *(str(argument) for argument in arguments)])
    return info.value.code


@pytest.fixture
def files(vectors, labels, tmp_path):
    vectors.save(tmp_path / "v.safetensors")
    lines = [f"{name},{label}" for name, label in zip(vectors, labels, strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(["node,section", *lines[:-1]]))
    (tmp_path / "edges.csv").write_text("n0,n1\nn1,n2\n")
    return tmp_path


def test_the_command_writes_page_and_picture(files, capsys):
    outputs = ["-o", files / "m.html", "-o", files / "m.png"]
    assert (
        run(
            files / "v.safetensors",
            "--labels",
            files / "labels.csv",
            "--graph",
            files / "edges.csv",
            "--method",
            "pca",
            *outputs,
        )
        == 0
    )
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith(
        f"{files / 'm.html'}, {files / 'm.png'}: 40 nodes · Made · PCA of 6 dimensions, cosine, "
    )
    data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', (files / "m.html").read_text(), re.DOTALL)[1])
    assert sorted(data["labels"]) == ["blue", "green", "red"]
    assert numbers(data, "codes", "<i4")[-1] == -1  # without a line in the file
    assert numbers(data, "totals", "<u4")[:4].tolist() == [1, 2, 1, 0]
    assert (files / "m.png").stat().st_size > 1000


def test_the_command_refuses_in_a_sentence(files, capsys):
    (files / "twice.csv").write_text("n0,a\nn0,b\nn1,a\n")
    v, html = files / "v.safetensors", files / "m.html"
    for arguments, code, message in (
        ([v], 2, "give --output"),
        ([v, "-o", files / "m.gif"], 1, "must end in .html, .htm, .png, .svg or .pdf"),
        ([v, "-o", html, "--labels", files / "none.csv"], 1, "there is no file"),
        ([v, "-o", html, "--labels", files / "twice.csv"], 1, "gives 'n0' the labels 'a' and 'b'; a map shows one"),
        ([files / "none.npy", "-o", html], 1, "none.npy"),
        ([v, "-o", files / "m.png", "--graph", files / "edges.csv"], 2, "--graph is for .html"),
        ([v, "-o", html, "-o", html], 1, "must be different files"),
        *([([v, "-o", html, "--method", "umap"], 1, "graphrep[maps]")] if find_spec("umap") is None else []),
    ):
        assert run(*arguments) == code
        assert message in " ".join(capsys.readouterr().err.replace("│", "").split())
        assert not html.exists()


def test_a_header_of_other_words_is_no_label(vectors, tmp_path):
    from graphrep.cli.plot import read_labels

    (tmp_path / "segments.csv").write_text("customer_id,segment\n" + "".join(f"n{i},s{i % 2}\n" for i in range(40)))
    assert read_labels(tmp_path / "segments.csv", vectors, None) == [f"s{i % 2}" for i in range(40)]
