"""The auditor: it may read every table, and write none."""

from audit.tables import TABLES, VARIABLES
from tests.infrastructure.templates import Assembly, Resource, listed


def auditor(assembly: Assembly) -> Resource:
    return assembly.one("Lambda::Function", "audit", "Function")


def test_auditor_has_the_name_of_every_table(assembly: Assembly) -> None:
    properties = auditor(assembly).properties
    assert properties["Handler"] == "audit.function.handler"
    assert set(properties["Environment"]["Variables"]) >= set(VARIABLES.values())


def test_auditor_may_scan_the_tables_and_nothing_else(assembly: Assembly) -> None:
    allowed = [
        (action, len(listed(statement["Resource"])))
        for statement in assembly.statements(auditor(assembly))
        for action in listed(statement["Action"])
        if not action.startswith(("logs:", "xray:"))
    ]
    assert allowed == [("dynamodb:Scan", len(TABLES))]


def test_auditor_runs_every_15_minutes(assembly: Assembly) -> None:
    rule = assembly.one("Events::Rule", "audit", "EveryQuarter")
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"
