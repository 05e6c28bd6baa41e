"""The graph of the saga, read from its workflow: its states, the edges between them, and a place for each state."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Final, Literal, TypedDict

from services.order.workflow.definition import definition

Kind = Literal["task", "choice", "pass", "fail", "parallel"]
"""The type of a state in Amazon States Language, in lower case."""
SWEEPS: Final = 6
"""How often the states of each row are put beside those that they are connected with."""
NARROW: Final = 0.2
"""The part of a column that an edge takes on its way past a row."""
COLUMN: Final = 152
ROW: Final = 62
WIDE: Final = 138
HIGH: Final = 30
MARGIN: Final = 14


@dataclass(frozen=True)
class Edge:
    """A way from one state to another. A `caught` one follows an error."""

    begins: str
    ends: str
    caught: bool


@dataclass(frozen=True)
class Graph:
    """The states with their kinds, the edges, the first state, and the first states of each parallel state's branches."""

    start: str
    states: Mapping[str, Kind]
    edges: tuple[Edge, ...]
    branches: Mapping[str, tuple[str, ...]]

    def after(self, state: str) -> Iterator[Edge]:
        """Yield the edges from a state."""
        return (edge for edge in self.edges if edge.begins == state)

    def way(self, begin: str, end: str) -> tuple[Edge, ...]:
        """Return the shortest way between two states, and without errors if one has the same length. Raises KeyError."""
        ways: dict[str, tuple[Edge, ...]] = {begin: ()}
        reached = [begin]
        for state in reached:
            for edge in sorted(self.after(state), key=lambda edge: edge.caught):
                if edge.ends not in ways:
                    ways[edge.ends] = (*ways[state], edge)
                    reached.append(edge.ends)
        return ways[end]


class DrawnState(TypedDict):
    """A state with the left upper corner of its box, in pixels."""

    name: str
    kind: Kind
    x: int
    y: int


class DrawnEdge(TypedDict):
    """An edge as an SVG path, with the place of its number. `name` is `begin>end`."""

    name: str
    caught: bool
    path: str
    x: int
    y: int


class Picture(TypedDict):
    """The graph as it is drawn: the size of the picture, and of each state's box, in pixels."""

    width: int
    height: int
    wide: int
    high: int
    states: list[DrawnState]
    edges: list[DrawnEdge]


@cache
def graph() -> Graph:
    """Return the graph of the saga."""
    found: Any = definition()
    states = dict(_states(found))
    branches = {name: tuple(branch["StartAt"] for branch in state.get("Branches", ())) for name, state in states.items()}
    return Graph(
        start=found["StartAt"],
        states={name: state["Type"].lower() for name, state in states.items()},
        edges=tuple(dict.fromkeys(edge for name, state in states.items() for edge in _edges(name, state))),
        branches={name: starts for name, starts in branches.items() if starts},
    )


def edge_name(edge: Edge) -> str:
    """Return the name of an edge: `AuthorizePayment>PaymentAnswered`."""
    return f"{edge.begins}>{edge.ends}"


@cache
def picture() -> Picture:
    """Return the graph with a place for each state: the rows follow the longest way from the start."""
    found = graph()
    rows = _rows(found)
    chains = {edge: [edge.begins, *_bends(edge, rows), edge.ends] for edge in found.edges}
    rows |= {bend: rows[edge.begins] + 1 + at for edge in chains for at, bend in enumerate(_bends(edge, rows))}
    columns = _columns(found, rows, chains)
    left = min(column if name in found.states else column + (1 - NARROW) / 2 for name, column in columns.items())
    x = {name: round(MARGIN + (column - left) * COLUMN) for name, column in columns.items()}
    y = {name: MARGIN + row * ROW for name, row in rows.items()}
    return {
        "width": max(x.values()) + WIDE + MARGIN,
        "height": max(y.values()) + HIGH + MARGIN,
        "wide": WIDE,
        "high": HIGH,
        "states": [{"name": name, "kind": kind, "x": x[name], "y": y[name]} for name, kind in found.states.items()],
        "edges": [_drawn(edge, [(x[name], y[name]) for name in chain]) for edge, chain in chains.items()],
    }


def _states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each state with its name, also those of the branches."""
    for name, state in machine["States"].items():
        yield name, state
        for branch in state.get("Branches", ()):
            for inner, found in branch["States"].items():
                yield inner, {**found, "Next": state["Next"]} if found.get("End") else found


def _edges(name: str, state: Mapping[str, Any]) -> Iterator[Edge]:
    """Yield the edges from a state. A parallel state leads into its branches, and these lead on."""
    branches = state.get("Branches", ())
    following = [branch["StartAt"] for branch in branches] or [state.get("Next"), state.get("Default")]
    chosen = [choice["Next"] for choice in state.get("Choices", ())]
    yield from (Edge(name, to, caught=False) for to in (*chosen, *following) if to)
    yield from (Edge(name, catcher["Next"], caught=True) for catcher in state.get("Catch", ()))


def _rows(found: Graph) -> dict[str, int]:
    """Return the row of each state: below all states before it."""
    rows = dict.fromkeys(found.states, 0)
    for _ in rows:
        for edge in found.edges:
            rows[edge.ends] = max(rows[edge.ends], rows[edge.begins] + 1)
    return rows


def _bends(edge: Edge, rows: Mapping[str, int]) -> list[str]:
    """Return a name for each row that an edge passes, where it has a place beside the states. A caught one passes behind."""
    between = range(rows[edge.begins] + 1, rows[edge.ends])
    return [] if edge.caught else [f"{edge_name(edge)} at {row}" for row in between]


def _columns(found: Graph, rows: Mapping[str, int], chains: Mapping[Edge, list[str]]) -> dict[str, float]:
    """Return the column of each state and bend: beside the middle of what it is connected with, each at a place of its own."""
    beside: dict[str, list[str]] = {name: [] for name in rows}
    for edge, chain in chains.items():
        for begin, end in pairwise(chain if not edge.caught else ()):
            beside[begin].append(end)
            beside[end].append(begin)
    columns = dict.fromkeys(rows, 0.0)
    layers = [[name for name in rows if rows[name] == row] for row in range(max(rows.values()) + 1)]
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = {name: _middle((columns[other] for other in beside[name]), columns[name]) for name in layer}
            ordered = sorted(layer, key=lambda name: (found.states.get(name) == "fail", wanted[name]))
            columns.update(_apart(ordered, wanted, found.states))
    return columns


def _middle(values: Iterable[float], otherwise: float) -> float:
    found = list(values)
    return sum(found) / len(found) if found else otherwise


def _apart(layer: list[str], wanted: Mapping[str, float], states: Container[str]) -> dict[str, float]:
    """Return the wanted columns of a row, far enough apart, and in the middle of what was wanted."""
    half = [0.5 if name in states else NARROW / 2 for name in layer]
    placed: list[float] = []
    for at, name in enumerate(layer):
        placed.append(max(wanted[name], placed[-1] + half[at - 1] + half[at]) if placed else wanted[name])
    shift = sum(wanted[name] - column for name, column in zip(layer, placed, strict=True)) / len(layer)
    return {name: column + shift for name, column in zip(layer, placed, strict=True)}


def _drawn(edge: Edge, places: list[tuple[int, int]]) -> DrawnEdge:
    """Return an edge from below its first place to above its last one."""
    center = [(x + WIDE // 2, y) for x, y in places]
    path, (x, y) = f"M{center[0][0]},{center[0][1] + HIGH}", (center[0][0], center[0][1] + HIGH)
    for end_x, end_y in center[1:]:
        bend = max(ROW // 3, (end_y - y) // 3)
        path += f" C{x},{y + bend} {end_x},{end_y - bend} {end_x},{end_y} v{HIGH}"
        x, y = end_x, end_y + HIGH
    first, second = center[0], center[1]
    number = second if len(center) > 2 else ((first[0] + second[0]) // 2, (first[1] + second[1]) // 2)  # beside no other edge's
    path = path.removesuffix(f" v{HIGH}")
    return {"name": edge_name(edge), "caught": edge.caught, "path": path, "x": number[0], "y": number[1] + HIGH // 2}
