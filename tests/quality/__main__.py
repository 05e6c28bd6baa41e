"""Print the figures of the house: style, complexity, types and prose, each beside what it may be."""

import json
import subprocess
import sys
from pathlib import Path

from tests.quality import any_density
from tests.quality.any_density import ROOMS
from tests.quality.prose import baseline
from tests.quality.prose.sources import REPOSITORY, checked_files

BIN = Path(sys.executable).parent
STYLE = {
    "D401": "docstrings of functions that do not begin with an imperative verb",
    "N818": "exceptions whose name does not end in Error",
    "C901": "functions with a complexity above 12",
    "ANN": "missing annotations, or `Any` in a signature (outside tests)",
    "PT": "tests against pytest's style",
}


def broken_style(rule: str) -> int:
    """Return how often our code breaks a rule of ruff, in the files excepted from it too."""
    exclude = "exclude = ['build', 'services/*/schemas/models.py', 'simulation/known_bugs/bugs']"
    command = [str(BIN / "ruff"), "check", "--isolated", "--no-cache", "--exit-zero", "--output-format", "json"]
    places = ["tests"] if rule == "PT" else ROOMS if rule == "ANN" else ["."]
    command += ["--select", rule, "--config", exclude, "--config", "lint.mccabe.max-complexity = 12", *places]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return len(json.loads(done.stdout))


def main() -> None:
    """Print one line for each figure."""
    for rule, meaning in STYLE.items():
        print_figure(f"{rule} {meaning}", f"{broken_style(rule)}", "0")
    for room, density in any_density.densities().items():
        print_figure(f"Any per 1,000 lines of {room}", f"{density:.1f}", f"{any_density.goal(room):g}")
    names = checked_files()
    for (corpus, density), figure in baseline.densities(names).items():
        print_figure(baseline.key_of(corpus, density), f"{figure:.1f}", f"{density.most}")
    print_figure("sentences and lines against the writing rules", f"{sum(map(len, baseline.find(names).values()))}", "0")


def print_figure(name: str, figure: str, most: str) -> None:
    """Print a figure, and the most that it may be."""
    sys.stdout.write(f"{name:<72} {figure:>6}  (goal {most})\n")


if __name__ == "__main__":
    main()
