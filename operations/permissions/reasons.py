"""Why a function makes a recorded call, in words: what it does to which rows, events, queues and functions."""

from typing import Final

from operations.permissions.recorded import Call

ROWS: Final = {
    "ORDER#": "orders",
    "PRICE#": "prices",
    "CONTACT#": "contacts",
    "REACHABLE#": "the marks of customers with a contact",
    "PAY#": "payments",
    "DISPUTE#": "disputes",
    "REFUND#": "refunds that were made at Stripe by hand",
    "RES#": "reservations",
    "REPL#": "deliveries of goods",
    "SKU#": "the stock of SKUs",
    "SHARD#": "the stock of split SKUs",
    "LEVEL#": "the thresholds of SKUs",
    "PLACE#": "places in the queue of a SKU",
    "SHIP#": "shipments",
    "BREAKER#": "whether the carrier is down",
    "NOTE#": "mails",
    "SUPP#": "suppressed addresses",
    "PASS#2": "the state of the audit's pass",
}
"""The meaning of a row, by the begin of its key."""
INDEXES: Final = {
    "pending": "rows with events that the relay left behind",
    "due": "rows that are due",
    "by_customer": "the orders of a customer",
}
VERBS: Final = {
    "dynamodb:GetItem": "reads",
    "dynamodb:BatchGetItem": "reads several of",
    "dynamodb:PutItem": "writes",
    "dynamodb:UpdateItem": "moves or changes",
    "dynamodb:DeleteItem": "deletes",
    "dynamodb:ConditionCheckItem": "requires, in a transaction, a state of",
    "dynamodb:Query": "finds",
    "dynamodb:Scan": "finds",
}
OTHERS: Final = {
    "events:PutEvents": "publishes its service's events",
    "sqs:ChangeMessageVisibility": "delivers a failed message again later",
    "lambda:InvokeFunction": "queries or commands the function",
    "ses:SendEmail": "sends a mail",
    "states:StartExecution": "starts a run of the saga",
    "states:StartSyncExecution": "runs the saga, and waits for its end",
    "secretsmanager:GetSecretValue": "reads the secret that the variable names",
}


def why(call: Call) -> str:
    """Return the reason of a recorded call. Raises KeyError for a call that has none."""
    if call.action == "sqs:SendMessage":
        return "sets a bad message aside" if call.on.startswith("dead letters ") else "looks at the order again later"
    if call.action in OTHERS:
        return OTHERS[call.action]
    verb = VERBS[call.action]
    if call.on.startswith("index "):
        return f"{verb} {INDEXES[call.on.rpartition('/')[2]]}"
    if call.on == "table payment/ledger":
        return f"{verb} records of the gateway's ledger"
    if call.action == "dynamodb:Scan":
        left_open = ", and rows that were left open" if "due_shard" in call.only else ""
        return f"{verb} rows whose events a stream lost{left_open}" if call.only else f"{verb} every row, for the audit"
    return f"{verb} {ROWS[call.only]}"
