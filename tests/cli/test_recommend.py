from __future__ import annotations

import csv
import warnings

import numpy as np
import pytest

import graphrep as gr
from graphrep import cli


def run(*arguments):
    """Exit code of ``graphrep recommend ARGUMENTS``."""
    with pytest.raises(SystemExit) as info:
        cli.main(["recommend", *(str(argument) for argument in arguments)])
    return info.value.code


@pytest.fixture
def sold(tmp_path):
    rng = np.random.default_rng(0)
    rows = {(u, f"i{i}") for u in range(1, 31) for i in rng.choice(20, 6, replace=False)}
    path = tmp_path / "sold.csv"
    path.write_text("customer,product\n" + "".join(f"{u},{i}\n" for u, i in sorted(rows)))
    return path


@pytest.mark.parametrize("method", ["popularity", "itemknn", "ease", "gfcf", "als", "bpr", "ccl", "lightgcn"])
def test_every_method_writes_unknown_items(method, sold, tmp_path, capsys):
    out = tmp_path / "items.csv"
    options = ["--epochs", 2, "--dimensions", 4] if method in ("bpr", "ccl", "lightgcn") else []
    assert run(sold, "--all", "-o", out, "-k", 3, "--method", method, *options) == 0
    assert capsys.readouterr().out.startswith(f"{out}: 90 recommendations, {method}")
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    has = {tuple(line.split(",")) for line in sold.read_text().splitlines()[1:]}
    assert [row["rank"] for row in rows] == ["1", "2", "3"] * 30
    assert not has & {(row["user"], row["item"]) for row in rows}


def test_it_prints_what_the_estimator_says(sold, tmp_path, capsys):
    assert run(sold, 3, 1, "-k", 2, "--model", tmp_path / "model", "--evaluate") == 0
    printed = capsys.readouterr().out.splitlines()
    model = gr.load(tmp_path / "model")
    wanted = [f"{u}\t{score:.4f}\t{item}" for u in (3, 1) for item, score in model.recommend(u, 2)[0]]
    assert printed[3:] == wanted
    assert [line.split()[0] for line in printed[1:3]] == ["GFCF", "Popularity"]
    assert run(sold, "--item", "i3", "--item", "i4", "-k", 1) == 0
    ((item, score),) = model.recommend_for(["i3", "i4"], 1)
    assert capsys.readouterr().out == f"{score:.4f}\t{item}\n"


def test_a_user_who_has_everything_gets_a_sentence(tmp_path, capsys):
    path = tmp_path / "sold.csv"
    path.write_text("user,item\nann,tea\nann,jam\nbob,tea\n")
    assert run(path, "ann") == 0
    assert "no item is left to recommend" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([99], "there is no user 99"),
        (["--item", "x"], "there is no item 'x'"),
        ([1, "-k", 0], "k must be at least 1, got 0."),
        ([1, "--method", "ease", "--dimensions", 3], "--dimensions is not an option of ease."),
        ([1, "--source", "buyer", "--target", "product"], "buyer"),
        ([1, "-o", "x.xyz"], "x.xyz"),
        ([1, "--all"], "give either USER, --all or --item."),
        (["--all"], "--all needs --output."),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, sold, capsys):
    assert run(sold, *arguments) != 0
    printed = capsys.readouterr().err
    assert message in printed
    assert "Traceback" not in printed


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert run(tmp_path / "none.csv", 1) == 1
    assert capsys.readouterr().err == f"graphrep: there is no file {tmp_path / 'none.csv'}.\n"


@pytest.mark.parametrize("method", ["itemknn", "als"])
def test_triples_are_not_taken_for_purchases_without_a_word(method, tmp_path, capsys):
    path = tmp_path / "facts.csv"
    path.write_text("ann,likes,tea\nbob,likes,jam\nann,knows,bob\n")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert run(path, "ann", "--method", method, *(["--dimensions", 1] if method == "als" else [])) == 0
    assert "third column, which is ignored; give --unweighted to ignore it" in capsys.readouterr().err


def test_weights_of_a_named_column_count_for_als_alone(tmp_path, capsys):
    path = tmp_path / "rated.csv"
    path.write_text("user,item,weight\nann,tea,5\nann,jam,1\nbob,tea,2\nbob,oil,4\n")
    scores = {}
    for method, weights in (("itemknn", ()), ("itemknn", ["--unweighted"]), ("als", ()), ("als", ["--unweighted"])):
        own = ["--dimensions", 1] if method == "als" else []
        assert run(path, "ann", "--method", method, *own, *weights) == 0
        said = capsys.readouterr()
        assert not said.err
        scores[method, bool(weights)] = said.out
    assert scores["itemknn", False] == scores["itemknn", True]
    assert scores["als", False] != scores["als", True]


@pytest.mark.parametrize("option", ["--epochs", "--dimensions"])
def test_zero_is_not_taken_for_the_default(option, sold, capsys):
    assert run(sold, 1, "--method", "bpr", option, 0) == 1
    assert f"{option[2:]} must be at least 1, got 0" in capsys.readouterr().err
