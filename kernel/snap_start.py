"""The hooks of SnapStart: a function of a published version may start from a snapshot of its memory.

Before the snapshot, one read of the table makes all that the first call of a client makes: endpoint, signer, parsers. After the
restore, random numbers are drawn from a fresh seed, because all instances begin with the same memory.
Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
"""

import random
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from kernel.clients import AwsClient, Clients
from kernel.logs import logger

INITIALIZATION: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"
"""The variable in which Lambda says how it starts the process: `snap-start`, `on-demand` or `provisioned-concurrency`."""
PRIMED_ROW: Final = "PRIMED_ROW"
"""The variable with the key of a row that the function may read, and that does not exist."""


def register(clients: Clients, environ: Mapping[str, str]) -> None:
    """Register the hooks, if this process starts for a snapshot."""
    if environ.get(INITIALIZATION) != "snap-start":
        return
    # Only Lambda's runtime has this package. PyPI names it snapshot-restore-py.
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    register_before_snapshot(prime, clients.dynamodb, environ["TABLE_NAME"], environ[PRIMED_ROW])
    register_after_restore(seed_anew)


def prime(dynamodb: AwsClient, table: str, row: str) -> None:
    """Read a row that does not exist, then close the connection: after the restore it would be dead. Log a refusal."""
    try:
        dynamodb.get_item(TableName=table, Key={"pk": {"S": row}})
    except (BotoCoreError, ClientError) as error:
        logger.warning("the snapshot is not primed", error=type(error).__name__)
    dynamodb.close()


def seed_anew() -> None:
    """Seed the random numbers of the process from the operating system. Retries of all instances would else be in step."""
    random.seed()
