"""The findings that each file may still have: a list that only becomes shorter, and is removed when it is empty."""

from collections import Counter, defaultdict
from pathlib import Path

from tests.quality.prose.passage import Kind
from tests.quality.prose.rules import DENSITIES, Density, Finding, check, words
from tests.quality.prose.sources import REPOSITORY, checked_files, passages

BASELINE = Path(__file__).parents[1] / "prose_baseline.txt"
CORPORA = ("docs", "docstrings")


def load() -> dict[str, float]:
    """Return the most findings of each file, and the highest density of each kind, that the baseline allows.

    Of two lines with the same key, which a merge may leave, the lower figure holds.
    """
    allowed: dict[str, float] = {}
    for line in BASELINE.read_text().splitlines() if BASELINE.exists() else ():
        key, _, figure = line.rpartition(": ")
        allowed[key] = min(float(figure), allowed.get(key, float("inf")))
    return allowed


def find(names: list[str]) -> dict[str, list[Finding]]:
    """Return the findings of these files; files without any are left out."""
    found = {name: check(name, (REPOSITORY / name).read_text()) for name in names}
    return {name: findings for name, findings in found.items() if findings}


def densities(names: list[str]) -> dict[tuple[str, Density], float]:
    """Return the occurrences per 1,000 words of docs, and of docstrings, for each pattern with a limit."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        for passage in passages(name, (REPOSITORY / name).read_text()):
            corpus = "docs" if name.endswith(".md") else "docstrings" if passage.kind is Kind.DOCSTRING else None
            if corpus is not None:
                counted[corpus]["words"] += words(passage.text)
                counted[corpus].update({density.name: len(density.pattern.findall(passage.text)) for density in DENSITIES})
    return {
        (corpus, density): 1000 * counted[corpus][density.name] / max(counted[corpus]["words"], 1)
        for corpus in CORPORA
        for density in DENSITIES
    }


def key_of(corpus: str, density: Density) -> str:
    """Return the name under which the baseline holds a density."""
    return f"{density.name} per 1,000 words of {corpus}"


def lower() -> None:
    """Write the baseline anew with the figures of today where these are lower; no figure rises and none is added."""
    allowed, names = load(), checked_files()
    found = find(names)
    kept = {name: min(most, len(found.get(name, ()))) for name, most in allowed.items() if " per 1,000 words " not in name}
    for (corpus, density), figure in densities(names).items():
        key = key_of(corpus, density)
        kept[key] = min(allowed.get(key, 0.0), round(figure + 0.05, 1)) if figure > density.most else 0
    write(kept)


def write(figures: dict[str, float]) -> None:
    """Write a baseline of the figures above 0; remove the file if none is left."""
    lines = [f"{key}: {figure:g}\n" for key, figure in sorted(figures.items()) if figure > 0]
    if lines:
        BASELINE.write_text("".join(lines))
    else:
        BASELINE.unlink(missing_ok=True)
