"""A dashboard as an SVG: its graphs, three in a row, as CloudWatch lays them out."""

from collections.abc import Mapping, Sequence
from html import escape
from math import ceil
from statistics import quantiles
from typing import TYPE_CHECKING, Final
from zlib import crc32

from cdk.dashboards import Dashboard, Graph, Line

if TYPE_CHECKING:
    from tests.dashboards.sample import Values

COLUMNS: Final = 3
WIDTH, HEIGHT, MARGIN, HEAD = 430, 230, 14, 74
LEFT, TOP, FOOT = 46, 34, 62
"""The space in a graph for the axis, the title, and the legend with the minutes."""
COLOURS: Final = ("#1f5fa8", "#c2410c", "#15803d", "#7c3aed", "#b45309", "#0e7490", "#be185d", "#4d7c0f", "#64748b")
MOST_LINES: Final = 6
"""The legend of a graph has room for so many lines: those with the largest values."""
PERIOD: Final = 5
FULL_HOUR: Final = 60
Points = Sequence[tuple[int, float]]
ONLY_AWS: Final = "only AWS counts these"
LEFT_OUT: Final = {
    "Rules and archive: not delivered": ONLY_AWS,
    "Tables: throttled": ONLY_AWS,
    "Tables: errors of AWS": ONLY_AWS,
    "Journal: delivery streams": ONLY_AWS,
    "Alarm topic: not notified": ONLY_AWS,
    "SES of the account: rates": ONLY_AWS,
    "Audit: broken invariants": "the run breaks none",
}
"""The graphs that the pictures leave out, each with the reason why the simulated run has no value of it."""


def drawn(dashboard: Dashboard) -> list[Graph]:
    """Return the graphs of the dashboard that its picture has."""
    return [graph for graph in dashboard.graphs if graph.title not in LEFT_OUT]


def digest(dashboard: Dashboard) -> int:
    """Return a checksum of what its picture is drawn from, beside the values of the run: the graphs, and how they are drawn."""
    return crc32((repr(dashboard) + svg(dashboard, {}, FULL_HOUR)).encode())


def svg(dashboard: Dashboard, values: "Values", minutes: int) -> str:
    """Return the picture of a dashboard over so many minutes, without the graphs that have no value."""
    graphs = drawn(dashboard)
    rows = ceil(len(graphs) / COLUMNS)
    width, height = COLUMNS * (WIDTH + MARGIN) + MARGIN, HEAD + rows * (HEIGHT + MARGIN)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#f1f5f9"/>',
        f'<text x="{MARGIN}" y="32" font-size="20" font-weight="bold">Orderflow: {escape(dashboard.name.lower())}</text>',
        f'<text x="{MARGIN}" y="56" font-size="13" fill="#475569">{escape(dashboard.purpose)} From a simulated run.</text>',
    ]
    for position, graph in enumerate(graphs):
        x = MARGIN + (WIDTH + MARGIN) * (position % COLUMNS)
        y = HEAD + (HEIGHT + MARGIN) * (position // COLUMNS)
        parts.append(f'<g transform="translate({x} {y})">{_graph(graph, values, minutes)}</g>')
    return "".join([*parts, "</svg>\n"])


def _graph(graph: Graph, values: "Values", minutes: int) -> str:
    lines = lines_of(graph, values, minutes)
    top = max((value for points in lines.values() for _, value in points), default=0) or 1
    wide, high = WIDTH - LEFT - MARGIN, HEIGHT - TOP - FOOT
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="white" stroke="#cbd5e1"/>',
        f'<text x="12" y="21" font-size="12.5" font-weight="bold">{escape(graph.title)}</text>',
    ]
    for share in (0, 0.5, 1):
        y = TOP + high * (1 - share)
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + wide}" y1="{y}" y2="{y}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end" fill="#64748b">{_number(top * share)}</text>')
    for minute in range(0, minutes + 1, 15):
        x = LEFT + wide * minute / minutes
        anchor = "end" if minute == minutes else "middle"
        parts.append(f'<text x="{x}" y="{TOP + high + 15}" text-anchor="{anchor}" fill="#64748b">{minute} min</text>')
    for number, (label, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(LEFT + wide * minute / minutes, TOP + high * (1 - value / top)) for minute, value in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in places]
        x, y = 12 + (number % 2) * WIDTH / 2, TOP + high + 31 + 13 * (number // 2)
        parts.append(f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="{y}" font-size="10">{escape(label[:33])}</text>')
    return "".join(parts)


def lines_of(graph: Graph, values: "Values", minutes: int) -> dict[str, Points]:
    """Return the points of each line of the graph by its label, the largest first: as many as the legend has room for."""
    found: dict[str, Points] = {}
    services = {line.metric: {other.service for other in graph.lines if other.metric == line.metric} for line in graph.lines}
    for line in graph.lines:
        for (metric, of), by_minute in values.items():
            if metric == line.metric and (line.by or line.of or of in ("", line.service)):
                tells_apart = line.by or line.of or len(services[metric]) > 1
                own = of if len(graph.lines) == 1 and of else f"{line.label} {of if tells_apart else ''}".strip()
                found[own] = _points(line, by_minute, minutes)
    drawn = {label: points for label, points in found.items() if any(value for _, value in points)}
    largest = sorted(drawn, key=lambda label: -max(value for _, value in drawn[label]))
    return {label: drawn[label] for label in largest[:MOST_LINES]}


def _points(line: Line, by_minute: Mapping[int, Sequence[float]], minutes: int) -> Points:
    """Return a point for each period with a value; sums are zero without one."""
    points = []
    for begin in range(0, minutes, PERIOD):
        found = [value for minute in range(begin, begin + PERIOD) for value in by_minute.get(minute, ())]
        if found or line.statistic == "Sum":
            points.append((begin, _statistic(line.statistic, found)))
    return points


def _statistic(name: str, values: Sequence[float]) -> float:
    if name == "Sum":
        return float(sum(values))
    if name == "Maximum" or len(values) == 1:
        return max(values)
    return quantiles(values, n=100, method="inclusive")[int(name.removeprefix("p")) - 1]


def _number(value: float) -> str:
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
