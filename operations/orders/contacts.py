"""Contacts as the operator sees them: which customers have one, and no more of it."""

from botocore.exceptions import ClientError

from kernel.aggregate_store import is_condition_failure, marshal, unmarshal
from operations.aws.target import Target
from services.order.storage.contacts import key_of

CONTACT = "CONTACT#"


def mark(target: Target) -> int:
    """Write the missing marks of customers with a contact, and return their number. Reads the keys of the whole table.

    The write requires that the contact still exists, so a customer forgotten in the meantime stays forgotten.
    """
    table, client, marked = target.parameter("order/table-name"), target.client("dynamodb"), 0
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ProjectionExpression="pk",
        FilterExpression="begins_with(pk, :contact)",
        ExpressionAttributeValues=marshal({":contact": CONTACT}),
    )
    for page in pages:
        for item in page["Items"]:
            customer_id = unmarshal(item)["pk"].removeprefix(CONTACT)
            contact = {"TableName": table, "Key": item, "ConditionExpression": "attribute_exists(pk)"}
            written = {**key_of(customer_id), **marshal({"customer_id": customer_id})}
            absent = {"TableName": table, "Item": written, "ConditionExpression": "attribute_not_exists(pk)"}
            try:
                client.transact_write_items(TransactItems=[{"ConditionCheck": contact}, {"Put": absent}])
            except ClientError as error:
                codes = {reason["Code"] for reason in error.response.get("CancellationReasons", [])}
                if not is_condition_failure(error) and "ConditionalCheckFailed" not in codes:
                    raise
            else:
                marked += 1
    return marked
