"""CI's share of the simulation: random faults, calls of two paths struck, replays after losses, one history a seed.

Each commit draws another share. `make simulate`, `make simulate-every-call` and `make simulate-replays` run all of it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.known_bugs import hunt
from simulation.known_bugs.bug import KnownBug, known_bugs
from tests.support import commit_share

REPOSITORY = Path(__file__).parents[2]
ORDERS = "300"
SEEDS = 30
"""The seeds of the replays; `make simulate-replays` runs a thousand."""


def simulate(*arguments: str, hash_seed: str = "0") -> str:
    """Run the simulation's command, which must find no violation. Return its output."""
    command = [sys.executable, "-m", "simulation", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


ALONE = ("--processes", "1")
"""One process: pytest's own workers keep the processors busy, and a pool begins worlds that the run then does not need."""


def history(printed: str) -> str:
    found = re.search(r"history: ([0-9a-f]{64})", printed)
    assert found, printed
    return found[1]


@pytest.mark.parametrize("bug", known_bugs(), ids=lambda bug: bug.name)
def test_known_bug_applies_to_the_services(bug: KnownBug, tmp_path: Path) -> None:
    hunt.changed_copy(bug, tmp_path)


@pytest.mark.timeout(900)
def test_orders_under_random_faults_break_no_invariant() -> None:
    seed = commit_share.seed()
    print(f"again: python -m simulation run --orders {ORDERS} --seed {seed}")  # noqa: T201
    assert "violations: 0" in simulate("run", *ALONE, "--orders", ORDERS, "--seed", seed)


@pytest.mark.timeout(900)
def test_log_lines_of_orders_have_one_trace_and_no_personal_data() -> None:
    assert "violations: 0" in simulate("run", *ALONE, "--logs", "--orders", "100", "--seed", "t1")


@pytest.mark.timeout(900)
def test_real_adapters_under_random_faults_break_no_invariant() -> None:
    assert "violations: 0" in simulate("run", *ALONE, "--adapters", "--orders", "200", "--seed", commit_share.seed())


def test_command_with_a_closed_reader_prints_no_error() -> None:
    shell = f"{sys.executable} -m simulation crash-points --markdown | head -1"
    done = subprocess.run(["bash", "-c", shell], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", ["confirmed", "capture refused"])
def test_path_struck_at_a_share_of_its_calls_breaks_no_invariant(path: str) -> None:
    share = str(commit_share.share())
    print(f"again: python -m simulation enumerate --path '{path}' --share {share}")  # noqa: T201
    assert re.search(
        r"[1-9]\d* single faults, 0 pairs, 0 violations",
        simulate("enumerate", *ALONE, "--path", path, "--share", share),
    )


@pytest.mark.timeout(900)
def test_replay_after_losses_restores_every_table() -> None:
    assert f"0 after it; {2 * SEEDS} replays that changed nothing" in simulate("replays", *ALONE, "--seeds", str(SEEDS))


def test_seed_gives_one_history_under_any_hash_seed_and_number_of_processes() -> None:
    ways = (("1", "1"), ("2", "2"))
    runs = [simulate("run", "--processes", n, "--orders", "60", "--seed", "7", hash_seed=seed) for seed, n in ways]
    assert history(runs[0]) == history(runs[1])
