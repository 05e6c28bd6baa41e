"""The suppression list: the addresses that get no mail, after a permanent bounce, a complaint or an operator's command."""

from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, TypedDict

from kernel import clock
from kernel.aggregate_store import KeyedStore, marshal, update_if
from kernel.clients import AwsClient

SuppressionReason = Literal["BOUNCED", "COMPLAINED", "OPERATOR"]
"""Why an address gets no mail."""
BOUNCED: Final = "BOUNCED"
COMPLAINED: Final = "COMPLAINED"
OPERATOR: Final = "OPERATOR"
OUTRANKED: Final[dict[SuppressionReason, tuple[SuppressionReason, ...]]] = {
    BOUNCED: (),
    OPERATOR: (BOUNCED,),
    COMPLAINED: (BOUNCED, OPERATOR),
}
"""The reasons that each reason replaces."""


class SuppressionRow(TypedDict):
    """A suppressed address as DynamoDB keeps it. `since` is in RFC 3339 (UTC)."""

    pk: str
    digest: str
    reason: SuppressionReason
    since: str


class Suppressions(KeyedStore[SuppressionRow]):
    """The items `SUPP#<digest>` of the notification table. They hold no address.

    The digest is the SHA-256 of the address, without surrounding spaces and in lower case. It finds a known address, and
    reveals no unknown one.
    """

    def __init__(self, client: AwsClient, table_name: str) -> None:
        super().__init__(client, table_name, "SUPP")

    def key(self, row_id: str) -> str:
        """Return `SUPP#<digest>` for an address."""
        return super().key(digest_of(row_id))

    def add(self, address: str, reason: SuppressionReason, now: datetime) -> bool:
        """Suppress the address; return whether that is new, or replaces a lower reason."""
        outranked = {f":outranked{position}": other for position, other in enumerate(OUTRANKED[reason])}
        replaces = f" OR #reason IN ({', '.join(outranked)})" if outranked else ""
        return update_if(
            self.client,
            self.table_name,
            self.key(address),
            "SET digest = :digest, #reason = :reason, since = if_not_exists(since, :now)",
            f"attribute_not_exists(pk){replaces}",
            {":digest": digest_of(address), ":reason": reason, ":now": clock.rfc3339(now), **outranked},
            {"#reason": "reason"},
        )

    def remove(self, address: str) -> bool:
        """Allow mails to the address again; return whether it was suppressed."""
        answer = self.client.delete_item(
            TableName=self.table_name, Key=marshal({"pk": self.key(address)}), ReturnValues="ALL_OLD"
        )
        return "Attributes" in answer


def digest_of(address: str) -> str:
    """Return the digest that the list stores in place of the address: 64 hex digits."""
    return sha256(address.strip().lower().encode(errors="surrogatepass")).hexdigest()
