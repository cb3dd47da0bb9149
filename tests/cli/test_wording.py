"""What the library says in Python, a command says with its options."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

import graphrep
from graphrep import cli
from graphrep.cli.app import app
from graphrep.cli.wording import in_options

COMMANDS = typer.main.get_command(app).commands
# Where the sentences come from that a command with an edge list can show.
READERS = ("_convert.py", "_tables.py", "graph.py", "io", "embed/fastrp.py", "embed/node2vec.py", "embed/_on_disk.py")


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        ("embed", "give weight=2, or weight=False to", "give --weight 2, or --unweighted to"),
        ("linkpred", "give weight= its name, or weight=False.", "give --weight its name, or leave out --weight."),
        ("embed", "give bipartite=True, or bipartite=False.", "give --bipartite, or --no-bipartite."),
        ("embed", "give header=True or header=False.", "give --header or --no-header."),
        ("embed", "give comments=() if, or comments= these", "give --comments '' if, or --comments these"),
        ("embed", "give delimiter=' ' or ','.", "give --delimiter ' ' or ','."),
        ("embed", "give edge_type=1 to as_graph, seed=0", "give --edge-type 1 to as_graph, --seed 0"),
        ("embed", 'precision="float32" keeps them', "--precision float32 keeps them"),
        ("embed", "directed=False lets walks follow", "leaving out --directed lets walks follow"),
        ("embed", "memory= is 1 MB; give memory=2000.", "--memory is 1 MB; give --memory 2000."),
        ("embed", "out=/x/memory=2/a.npy: give out=, the", "--output /x/memory=2/a.npy: give --output, the"),
        ("embed", "walks_per_node must be at least 1", "--walks-per-node must be at least 1"),
        ("embed", "n_jobs must be at least 1; random_state", "--threads must be at least 1; --seed"),
        ("embed", "column 'num_nodes' of my_file.txt", "column 'num_nodes' of my_file.txt"),
        ("neighbors", "names must be distinct; format='glove'", "names must be distinct; --format glove"),
        ("convert", "types need as_graph(...).save(path).", "types are read without --memory."),
        ("generate", "either scale= or num_nodes=, got scale=None", "either --scale or --num-nodes, got no --scale"),
        ("embed", "must end in .npy, or format= must be given.", "must end in .npy."),
        ("neighbors", "give directed=True", "give directed=True"),
    ],
)
def test_arguments_become_options(command, text, expected):
    assert in_options(text, COMMANDS[command].params) == expected


def sentences():
    """Texts of the readers that name an argument; what is inserted is 1."""
    root = Path(graphrep.__file__).parent
    files = [path for name in READERS for path in ((root / name).rglob("*.py") if "." not in name else [root / name])]
    for path in sorted(files):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Raise, ast.Call)):
                for part in ast.walk(node):
                    if isinstance(part, ast.JoinedStr):
                        yield "".join(str(one.value) if isinstance(one, ast.Constant) else "1" for one in part.values)


def test_no_sentence_keeps_an_argument_that_is_an_option():
    found = {text for text in sentences() if re.search(r"\bgive .*\b[a-z_]+=", text)}
    assert len(found) > 15
    params = COMMANDS["convert"].params
    names = "|".join(option.name for option in params)
    kept = [said for text in found if re.search(rf"(?<![\w(.])({names})=", said := in_options(text, params))]
    assert not kept


@pytest.mark.filterwarnings("default")
def test_errors_and_warnings_of_a_command_name_its_options(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text("user_id,item_id,rating\n1,2,3\n2,3,4\n")
    with pytest.raises(SystemExit) as info:
        cli.main(["convert", str(table), "-o", str(tmp_path / "a.graph")])
    assert info.value.code == 0
    said = capsys.readouterr().err
    assert "give --bipartite to tell them apart, or --no-bipartite to confirm" in said
    table.write_text("a,b,w1,weights\n1,2,3,4\n")
    with pytest.raises(SystemExit):
        cli.main(["convert", str(table), "-o", str(tmp_path / "b.graph"), "--source", "a"])
    assert "give both --source and --target" in capsys.readouterr().err
