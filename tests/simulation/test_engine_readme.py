"""The example in the engine's README, run as it stands."""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "simulation" / "engine" / "README.md"


def test_example_prints_what_the_readme_shows() -> None:
    blocks = dict(re.findall(r"^```(python|text)\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", blocks["python"]], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, blocks["text"]), done.stderr


def test_engine_runs_without_orderflow() -> None:
    probe = (
        "import pkgutil, sys, importlib, simulation.engine as engine\n"
        "for module in pkgutil.iter_modules(engine.__path__):\n"
        "    importlib.import_module(f'simulation.engine.{module.name}')\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'kernel', 'services', 'audit', 'operations'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "set()\n"
