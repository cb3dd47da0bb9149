"""Which columns of a table of edges hold the end points, the weight and the type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from graphrep._checks import warn_caller

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Columns", "find_columns", "known_ends", "places_of_triples", "sides_differ", "usual_kind"]

# Names of the end points, in lower case without blanks and punctuation.
_PAIRS = """
    source target | source destination | source dest | source sink | src dst | src dest | src tgt | src trg | src target
    from to | fromid toid | fromnode tonode | fromnodeid tonodeid | frm to | startnode endnode
    startid endid | origin destination | origin dest | orig dest | sourceid targetid | srcid dstid
    sourcenode targetnode | sourcename targetname | sender receiver | sender recipient | senderid receiverid
    node1 node2 | nodea nodeb | node1id node2id | nodeid1 nodeid2 | id1 id2 | ida idb | uid vid
    head tail | headid tailid | subject object | subj obj | subjectid objectid | parent child | parentid childid
    follower followee | follower followed | follower following | followerid followeeid | citing cited | citingid citedid
    user item | userid itemid | user movie | userid movieid | user product | userid productid | user business
    user book | userid bookid | user artist | userid artistid | user song | user group | userid groupid
    reviewerid asin | customer product | customerid productid | customer item | customerid itemid | buyer seller
    buyerid sellerid | author paper | authorid paperid | author1 author2 | protein1 protein2 | proteina proteinb
    gene1 gene2 | genea geneb | interactora interactorb | entity1 entity2 | person1 person2 | person1id person2id
    name1 name2 | vertex1 vertex2 | v1 v2 | n1 n2 | node0 node1 | row col | row column | predecessor successor
    caller callee | payer payee | debtor creditor | friend1 friend2 | userid friendid | user1 user2 | userid1 userid2
    user1id user2id | userid foloweeid | follows followed | package dependency | upstream downstream | regulator target
    von nach | quelle ziel | origen destino
"""
# Names that count only where none of the above occurs: beside them, they mean coordinates or times.
_WEAK_PAIRS = "u v | i j | x y | a b | h t | s t | start end | start stop | left right"
PAIRS, WEAK_PAIRS = (
    tuple(tuple(pair.split()) for pair in re.split(r"[|\n]", text) if pair.strip()) for text in (_PAIRS, _WEAK_PAIRS)
)
WEIGHTS = ("weight", "weights", "edgeweight", "edgeweights", "wt", "w")
# A column of row numbers: unnamed, or as pandas, readr and R write it.
INDEXES = re.compile(r"|unnamed:?\s*\d+|rownames?|\.\.\.1|index|level_0|__index_level_\d+__", re.IGNORECASE)


# Names of the two sides of usual bipartite tables.
_ACTORS = "user customer client buyer reviewer reader author patient person member visitor viewer listener"
_THINGS = """
    item product movie film book song track artist album business asin paper article page url group event venue gene
    disease drug word tag game app restaurant store shop course job ad
"""
ACTORS, THINGS = set(_ACTORS.split()), set(_THINGS.split())


class Columns(NamedTuple):
    """Positions of the columns in a table; ``weight`` and ``kind`` are None if the edges have no weights or types."""

    source: int
    target: int
    weight: int | None
    kind: int | None = None

    @property
    def present(self) -> list[int]:
        """Those that there are."""
        return [at for at in self if at is not None]


def _plain(name: Any) -> str:
    """``:START_ID(Person)``, ``from_id`` and ``weight:float`` become ``startid``, ``fromid`` and ``weight``."""
    text = re.sub(r"\(.*\)|\[\]$", "", str(name)).casefold()
    text = re.sub(r".*(?=:(start|end)_id$)|:(float|double|int|long|short|byte|string)$", "", text)
    return re.sub(r"[\W_]+", "", text)


def sides_differ(source: Any, target: Any) -> bool:
    """Whether two names of columns tell that their nodes are of different kinds, as user and item do."""
    one, other = (re.sub(r"(ids?|names?|s)$", "", _plain(name)) for name in (source, target))
    return (one in ACTORS and other in THINGS) or (one in THINGS and other in ACTORS)


def is_weight_name(name: Any) -> bool:
    """Whether a column of this name holds weights."""
    return _plain(name) in WEIGHTS


def known_ends(names: Sequence[Any], *, weak: bool = True) -> list[tuple[int, int]]:
    """Positions of the columns whose names are those of end points; several pairs if the names are ambiguous.

    ``weak=False`` leaves out names that may as well be those of nodes, such as u and v.
    """
    plain = [_plain(name) for name in names]
    for pairs in (PAIRS, WEAK_PAIRS) if weak else (PAIRS,):
        found = [(plain.index(one), plain.index(other)) for one, other in pairs if one in plain and other in plain]
        if found:
            return found
    return []


# Columns of triples that cannot be meant otherwise, as _plain spells them.
_TRIPLES = (
    ("head", "relation", "tail"),
    ("headid", "relationid", "tailid"),
    ("subject", "predicate", "object"),
    ("h", "r", "t"),
)


def places_of_triples(names: Sequence[Any]) -> list[int] | None:
    """Positions of the head, the relation and the tail among the names of columns, if they have usual names."""
    plain = [re.sub(r"\W|_", "", str(name)).casefold() for name in names]
    for triple in _TRIPLES:
        if all(plain.count(one) == 1 for one in triple):
            return [plain.index(one) for one in triple]
    return None


def usual_kind(names: Sequence[Any]) -> int | None:
    """Position of the column of types, where the names of the columns leave no doubt that there are types."""
    places = places_of_triples(names)
    if places is not None:
        return places[1]
    if any(str(name).startswith(":START_ID") for name in names) and ":TYPE" in names:
        return list(names).index(":TYPE")
    return None


def find_columns(
    names: Sequence[Any] | int,
    *,
    source: Any = None,
    target: Any = None,
    weight: Any = None,
    edge_type: Any = False,
    what: str = "the table",
    numbers: bool = True,
) -> Columns:
    """Find the columns of the end points and the weight.

    Parameters
    ----------
    names : sequence, or int
        Names of the columns; their number if they have none.
    source, target, weight : optional
        Name or position (from 0) of a column. A name that is an integer takes precedence over a position.
        ``weight=False`` ignores weights, True requires a column that is called so, or the third of unnamed columns.
    edge_type : str, int, bool or None
        Name or position of the column of the types of edges; True for the one of usual names, else the second; None for
        the one of usual names, if neither source nor target is given; False for none.
    what : str
        Begins messages.
    numbers : bool
        Whether the third of unnamed columns could be weights, which the warning about it then says.

    Notes
    -----
    Without ``source`` and ``target``, well-known names decide (source and target, from and to, head and tail, …; case
    and punctuation are ignored); else the first two columns that are neither an index nor a weight, with a warning if
    further columns exist. A weight is used by default only from a column named weight, weights, w or edge_weight.

    Raises
    ------
    ValueError
        There is no such column, or the names are ambiguous.
    """
    if isinstance(names, int):
        names, named = list(range(names)), False
    else:
        names, named = list(names), True
    count = len(names)
    kind = _find_kind(names, named, edge_type, what) if edge_type is not None or source is target is None else None
    if kind is not None and source is target is None:
        source, target = _ends_beside(names, named, kind, weight)
    if (source is None) != (target is None):
        raise ValueError("give both source= and target=, or neither.")
    if source is not None:
        ends = _position(names, "source", source, what), _position(names, "target", target, what)
        if ends[0] == ends[1]:
            raise ValueError(f"source and target must be two columns, got {source!r} and {target!r}.")
        if kind in ends:
            raise ValueError(f"edge_type names column {names[kind]!r} of {what}, which holds end points.")
    else:
        ends = _usual_ends(names, named, weight, what)
    if weight is False:
        return Columns(*ends, None, kind)
    if weight is not None and weight is not True:
        column = _position(names, "weight", weight, what)
        if column in ends:
            raise ValueError(f"weight names column {names[column]!r}, which holds end points.")
        return Columns(*ends, column, kind)
    rest = [i for i in range(count) if i not in ends and i != kind]
    called = [i for i in rest if named and is_weight_name(names[i])]
    if len(called) > 1:
        listed = " and ".join(repr(names[i]) for i in called)
        raise ValueError(f"{what} has the weights {listed}; give weight= one of them, or weight=False.")
    if called:
        return Columns(*ends, called[0], kind)
    if weight is True:
        if named or not rest:
            raise ValueError(f"{what} has no column of weights; give weight= the name of the column.")
        return Columns(*ends, rest[0], kind)
    if not named and rest and source is None:
        third = "a third column, which is" if count == 3 else f"{count} columns; those after the second are"
        types = "edge_type=1 for (head, relation, tail), edge_type=2 for (source, target, type)"
        use = "weight=2 to use the third as weights" if numbers else types
        warn_caller(f"{what} has {third} ignored; give {use}, or weight=False to ignore it without this warning.")
    return Columns(*ends, None, kind)


def _find_kind(names: list[Any], named: bool, wanted: Any, what: str) -> int | None:  # noqa: FBT001
    """Position of the column of types; see :func:`find_columns`."""
    if wanted is False or (wanted is not None and not isinstance(wanted, (str, int))):
        return None
    if wanted is None or wanted is True:
        usual = usual_kind(names) if named else None
        return 1 if usual is None and wanted else usual
    if named and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return wanted
    shown = f"the columns {_listed(names)}" if named else f"{len(names)} columns"
    raise ValueError(f"edge_type={wanted!r} is no column of {what}, which has {shown}.")


def _ends_beside(names: list[Any], named: bool, kind: int, weight: Any) -> tuple[Any, Any]:  # noqa: FBT001
    """Columns of the end points where one is that of the types; None, None where usual names decide."""
    if named and known_ends([name for i, name in enumerate(names) if i != kind]):
        return None, None
    rest = [i for i, name in enumerate(names) if i != kind and not (named and (name == weight or is_weight_name(name)))]
    return (names[rest[0]], names[rest[1]]) if len(rest) > 1 else (None, None)


def _usual_ends(names: list[Any], named: bool, weight: Any, what: str) -> tuple[int, int]:  # noqa: FBT001
    count = len(names)
    known = known_ends(names) if named else []
    if len(known) > 1:
        listed = ", or ".join(f"{names[i]!r} and {names[j]!r}" for i, j in known)
        raise ValueError(f"the end points of {what} could be {listed}; give source= and target=.")
    if known:
        return known[0]
    asked = {_position(names, "weight", weight, what)} if weight is not None and not isinstance(weight, bool) else set()
    free = [
        i
        for i, name in enumerate(names)
        if i not in asked and not (named and (INDEXES.fullmatch(str(name)) or is_weight_name(name)))
    ]
    if len(free) < 2:
        raise ValueError(
            f"{what} needs two columns of end points, got {_listed(names) if named else f'{count} columns'}; "
            "give source= and target=."
        )
    if named and len(free) > 2:
        warn_caller(
            f"the end points are taken from the columns {names[free[0]]!r} and {names[free[1]]!r} of {what}; give "
            "source= and target= to choose, or to confirm them."
        )
    return free[0], free[1]


def _position(names: list[Any], argument: str, wanted: Any, what: str) -> int:
    matches = [i for i, name in enumerate(names) if type(name) is type(wanted) and name == wanted]
    if not matches and isinstance(wanted, str):
        matches = [i for i, name in enumerate(names) if str(name).strip().casefold() == wanted.strip().casefold()]
    if not matches and isinstance(wanted, int) and not isinstance(wanted, bool) and 0 <= wanted < len(names):
        matches = [wanted]
    if len(matches) != 1:
        problem = f"no column {wanted!r}" if not matches else f"{len(matches)} columns {wanted!r}"
        raise ValueError(f"{argument}: {what} has {problem}; its columns are {_listed(names)}.")
    return matches[0]


def _listed(names: list[Any]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return shown + (", …" if len(names) > 12 else "")
