"""The auditor's functions: they may read every table, and write only the auditor's own."""

from collections import Counter

from audit.tables import TABLES, VARIABLES
from tests.infrastructure.templates import Assembly, Resource, listed


def functions(assembly: Assembly) -> dict[str, Resource]:
    """Return the two functions by their module."""
    found = assembly.resources("Lambda::Function", service="audit")
    return {function.properties["Handler"].split(".")[1]: function for function in found}


def allowed(assembly: Assembly, function: Resource) -> Counter[str]:
    """Return the number of resources that the function may use each action on."""
    actions: Counter[str] = Counter()
    for statement in assembly.statements(function):
        for action in listed(statement["Action"]):
            if not action.startswith(("logs:", "xray:")):
                actions[action] += len(listed(statement["Resource"]))
    return actions


def test_each_function_has_the_name_of_every_table(assembly: Assembly) -> None:
    assert set(functions(assembly)) == {"function", "orders"}
    for function in functions(assembly).values():
        assert set(function.properties["Environment"]["Variables"]) >= set(VARIABLES.values())


def test_auditor_may_read_the_tables_and_write_its_own_row(assembly: Assembly) -> None:
    auditor = functions(assembly)["function"]
    assert allowed(assembly, auditor) == {
        "dynamodb:Scan": len(TABLES),
        "dynamodb:BatchGetItem": len(TABLES) - 1,
        "dynamodb:Query": 1,
        "dynamodb:GetItem": 1,
        "dynamodb:PutItem": 1,
    }
    (own,) = [statement for statement in assembly.statements(auditor) if "dynamodb:PutItem" in listed(statement["Action"])]
    assert own["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["PASS#2*"]}}
    assert own["Resource"]["Fn::GetAtt"][0] == assembly.one("DynamoDB::Table", "audit", "Table").id


def test_check_of_orders_may_read_the_rows_of_orders_and_send_to_its_own_queues(assembly: Assembly) -> None:
    orders = functions(assembly)["orders"]
    actions = allowed(assembly, orders)
    assert {action: number for action, number in actions.items() if action.startswith("dynamodb:")} == {
        "dynamodb:BatchGetItem": len(TABLES) - 1,
        "dynamodb:Query": 1,
    }
    assert actions["sqs:SendMessage"] == 2, "the queue itself, for a later look, and its dead letters"
    keys = {
        prefix
        for statement in assembly.statements(orders)
        if "dynamodb:BatchGetItem" in listed(statement["Action"])
        for prefix in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }
    assert keys == {"ORDER#*", "PAY#*", "RES#*", "SHIP#*", "NOTE#*"}


def test_order_is_checked_15_minutes_after_its_event(assembly: Assembly) -> None:
    queue = assembly.one("SQS::Queue", "audit", "OrdersSubscriptionQueue")
    assert queue.properties["DelaySeconds"] == 15 * 60


def test_auditor_runs_every_15_minutes(assembly: Assembly) -> None:
    rule = assembly.one("Events::Rule", "audit", "EveryQuarter")
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"
