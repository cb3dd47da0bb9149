"""Folders in the layout of the Hugging Face Hub: written, completed by hand, and read again."""

from __future__ import annotations

import json

import networkx as nx
import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.exceptions import NotFittedError

import graphrep as gr


def front_matter(folder):
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


def test_a_model_comes_back_from_its_folder(tmp_path):
    folder = tmp_path / "deep" / "karate"
    model = gr.FastRP(dimensions=16).fit(nx.karate_club_graph())
    model.save_pretrained(folder, license="mit")
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    found = gr.load(folder)
    np.testing.assert_array_equal(found.embedding_, model.embedding_)
    assert found.transform([("new", 0)]) == model.transform([("new", 0)])
    config = json.loads((folder / "config.json").read_text())
    assert (config["kind"], config["num_nodes"], config["dimensions"]) == ("FastRP", 34, 16)
    assert config["params"]["dimensions"] == 16
    assert "callbacks" not in config["params"]
    assert front_matter(folder)["license"] == "mit"
    assert front_matter(folder)["library_name"] == "graphrep"
    model.save(tmp_path / "one.safetensors")
    assert (folder / "model.safetensors").read_bytes() == (tmp_path / "one.safetensors").read_bytes()


def test_vectors_come_back_from_their_folder_and_the_card_stays(tmp_path):
    v = gr.NodeVectors([[1, 0], [2, 1]], nodes=["curl", "wget"], settings={"method": "```\nhand"})
    v.save_pretrained(tmp_path)
    assert gr.load_vectors(tmp_path) == v
    assert load_file(tmp_path / "vectors.safetensors")["embedding"].tolist() == [[1, 0], [2, 1]]
    assert "license" not in front_matter(tmp_path)
    (tmp_path / "README.md").write_text("mine")
    gr.NodeVectors([[3, 3]], nodes=["gimp"]).save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert gr.load_vectors(tmp_path)["gimp"].tolist() == [3, 3]
    assert json.loads((tmp_path / "config.json").read_text())["num_nodes"] == 1


def test_a_model_of_pairs_has_a_folder_too(tmp_path):
    split = gr.evaluate.random_link_split(nx.karate_club_graph(), test=0.2)
    scorer = gr.EmbeddingScorer(gr.FastRP(dimensions=8), operator="dot").fit(split.graph)
    scorer.save_pretrained(tmp_path)
    np.testing.assert_array_equal(gr.load(tmp_path).score_pairs(split.test), scorer.score_pairs(split.test))


def test_what_is_no_folder_of_that_kind_is_refused(tmp_path):
    v = gr.NodeVectors([[1, 0]], nodes=["curl"])
    with pytest.raises(IsADirectoryError, match=r"that holds vectors\.safetensors"):
        gr.load_vectors(tmp_path)
    with pytest.raises(IsADirectoryError, match=r"that holds model\.safetensors"):
        gr.load(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        v.save_pretrained(tmp_path / "file")
    with pytest.raises(ValueError, match="license must be an identifier"):
        v.save_pretrained(tmp_path / "new", license="mit\ntags: []")
    with pytest.raises(NotFittedError):
        gr.FastRP().save_pretrained(tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]
