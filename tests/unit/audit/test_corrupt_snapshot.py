"""Whatever is damaged in good books is found, under the invariant's own name, and whatever else is found, nothing raises."""

import json
from collections import Counter

from audit.auditor import audit
from audit.catalogue import AUDITED
from audit.snapshot import Books
from audit.summary import figures
from tests.unit.audit.corruptions import CORRUPTIONS

SEEDS = range(4)
AT_LEAST = 400


def test_every_corruption_is_noticed(settled: Books) -> None:
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


def test_figures_of_corrupt_books_leave_out_what_is_malformed(settled: Books) -> None:
    for corruption in CORRUPTIONS[::5]:
        figures(corruption.of(settled, 0))
