"""The suppression list: addresses that a mail came back from for good, or whose owners called one spam."""

from datetime import datetime
from hashlib import sha256
from typing import Final

from botocore.exceptions import ClientError

from kernel import clock
from kernel.aggregate_store import KeyedStore, is_condition_failure, marshal
from kernel.clients import AwsClient

BOUNCED, COMPLAINED, OPERATOR = "BOUNCED", "COMPLAINED", "OPERATOR"
WEIGHT: Final = {BOUNCED: (), OPERATOR: (BOUNCED,), COMPLAINED: (BOUNCED, OPERATOR)}
"""The reasons that each takes the place of."""


class Suppressions(KeyedStore):
    """The rows `SUPP#<digest>` of the notification table: `digest`, `reason`, `since`. None of them holds an address.

    The digest is SHA-256 of the address, without spaces around it and in small letters: it finds an address that one has, and
    gives none away to who has none.
    """

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, "SUPP")

    def key(self, row_id: str) -> str:
        """`SUPP#<digest>` for an address."""
        return super().key(digest_of(row_id))

    def add(self, address: str, reason: str, now: datetime) -> bool:
        """Let no mail go to the address; whether that is news. A complaint outweighs an operator, who outweighs a bounce."""
        lighter = {f":lighter{position}": other for position, other in enumerate(WEIGHT[reason])}
        outweighs = f" OR #reason IN ({', '.join(lighter)})" if lighter else ""
        try:
            self.client.update_item(
                TableName=self.table_name,
                Key=marshal({"pk": self.key(address)}),
                UpdateExpression="SET digest = :digest, #reason = :reason, since = if_not_exists(since, :now)",
                ConditionExpression=f"attribute_not_exists(pk){outweighs}",
                ExpressionAttributeNames={"#reason": "reason"},
                ExpressionAttributeValues=marshal(
                    {":digest": digest_of(address), ":reason": reason, ":now": clock.rfc3339(now), **lighter}
                ),
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return False
        return True

    def remove(self, address: str) -> bool:
        """Let mails go to the address again; whether they did not."""
        answer = self.client.delete_item(
            TableName=self.table_name, Key=marshal({"pk": self.key(address)}), ReturnValues="ALL_OLD"
        )
        return "Attributes" in answer


def digest_of(address: str) -> str:
    """Return the hash that stands for the address."""
    return sha256(address.strip().lower().encode()).hexdigest()
