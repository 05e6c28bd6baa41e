"""Snapshots of rows that the services wrote have no findings: at rest, and at every moment on the way there."""

import base64
from dataclasses import replace
from typing import Any

from audit.auditor import audit
from audit.snapshot import Snapshot
from audit.summary import figures
from kernel import timeline
from services.order.domain import identity
from tests.support.audited_stage import STORIES


def test_snapshot_at_rest_has_no_findings(settled: Snapshot) -> None:
    assert audit(settled, settled=True) == []


def test_orders_of_version_0_2_have_no_findings(settled: Snapshot) -> None:
    older = [of_version_0_2(row) if row["pk"].startswith("ORDER#") else row for row in settled.order]
    assert audit(replace(settled, order=older), settled=True) == []
    spoiled = [{**row, "scope_hash": "0" * 64} if "scope_hash" in row else row for row in older]
    assert {finding.invariant for finding in audit(replace(settled, order=spoiled), settled=True)} == {"I1"}


def of_version_0_2(row: dict[str, Any]) -> dict[str, Any]:
    """Return an order with its hashes in hex, and its timeline as maps. Its key cannot be known from the shortened hash."""
    by_api = row["channel"] == "api"
    scope = identity.customer_scope(row["customer_id"]) if by_api else identity.channel_scope(row["channel"])
    key_hash = base64.urlsafe_b64decode(row["key_hash"]).hex().ljust(64, "0")
    hashes = {"key_hash": key_hash, "scope_hash": identity.scope_hash(scope, key_hash)}
    return {**row, **hashes, "timeline": timeline.entries(row["timeline"], row["order_id"])}


def test_snapshot_in_flight_has_no_findings_at_any_moment(history: list[Snapshot]) -> None:
    for moment in history:
        assert audit(replace(moment, began="9999"), settled=False) == []


def test_snapshot_in_flight_fails_the_checks_at_rest(history: list[Snapshot]) -> None:
    for moment in history[: len(history) // 2]:
        assert "V1" in {finding.invariant for finding in audit(moment, settled=True)}


def test_figures_of_a_snapshot_add_up(settled: Snapshot) -> None:
    found = figures(settled)
    assert found["orders"] == {"BACKORDERED": 1, "CANCELLED": 29, "CONFIRMED": 15}
    assert sum(found["orders"].values()) == len(STORIES)
    assert found["kept"] == found["confirmed"]
    assert found["refunded"]
    assert found["pending_events"] == 0
