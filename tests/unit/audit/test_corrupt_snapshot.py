"""Damage of a good snapshot: the audit finds it under the right invariant, and never raises."""

import json
from collections import Counter

from audit.auditor import audit
from audit.catalogue import AUDITED
from audit.snapshot import Snapshot
from audit.summary import figures
from tests.support import commit_share
from tests.unit.audit.corruptions import CORRUPTIONS

SEEDS = commit_share.share().among(range(4))
"""Each commit damages the rows by another of four seeds."""
AT_LEAST = 100 * len(SEEDS)


def test_corrupt_snapshot_breaks_the_expected_invariant(settled: Snapshot) -> None:
    seen: set[str] = set()
    named: Counter[str] = Counter()
    unnoticed = []
    for corruption in CORRUPTIONS:
        for seed in SEEDS:
            damaged = corruption.of(settled, seed)
            fingerprint = json.dumps(vars(damaged))
            if fingerprint in seen:
                continue
            seen.add(fingerprint)
            found = {finding.invariant for finding in audit(damaged, settled=True)}
            named.update(found)
            if not found & corruption.expects:
                unnoticed.append((corruption.name, seed, sorted(corruption.expects), sorted(found)))
    assert not unnoticed, "\n".join(map(str, unnoticed))
    assert len(seen) >= AT_LEAST
    assert set(named) == {invariant.code for invariant in AUDITED}, "some invariant was never seen broken"
    print(f"{len(seen)} corruptions of {len(CORRUPTIONS)} kinds, all noticed")  # noqa: T201


def test_figures_of_a_corrupt_snapshot_leave_out_malformed_rows(settled: Snapshot) -> None:
    for corruption in CORRUPTIONS[::5]:
        figures(corruption.of(settled, 0))
