"""The auditor: it may read every table, and write only its own."""

from collections import Counter

from audit.tables import TABLES, VARIABLES
from tests.infrastructure.templates import Assembly, Resource, listed


def auditor(assembly: Assembly) -> Resource:
    return assembly.one("Lambda::Function", "audit", "Function")


def test_auditor_has_the_name_of_every_table(assembly: Assembly) -> None:
    properties = auditor(assembly).properties
    assert properties["Handler"] == "audit.function.handler"
    assert set(properties["Environment"]["Variables"]) >= set(VARIABLES.values())


def test_it_may_read_the_tables_and_write_its_own_row(assembly: Assembly) -> None:
    allowed: Counter[str] = Counter()
    for statement in assembly.statements(auditor(assembly)):
        for action in listed(statement["Action"]):
            if not action.startswith(("logs:", "xray:")):
                allowed[action] += len(listed(statement["Resource"]))
    assert allowed == {
        "dynamodb:Scan": len(TABLES),
        "dynamodb:BatchGetItem": len(TABLES) - 1,
        "dynamodb:Query": 1,
        "dynamodb:GetItem": 1,
        "dynamodb:PutItem": 1,
    }
    (own,) = [
        statement for statement in assembly.statements(auditor(assembly)) if "dynamodb:PutItem" in listed(statement["Action"])
    ]
    assert own["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PASS#1*"]}}
    assert own["Resource"]["Fn::GetAtt"][0] == assembly.one("DynamoDB::Table", "audit", "Table").id


def test_auditor_runs_every_15_minutes(assembly: Assembly) -> None:
    rule = assembly.one("Events::Rule", "audit", "EveryQuarter")
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"
