"""The tables that a destroyed stack of a lasting stage has left, and which of them a new deployment takes up again.

CloudFormation names a table without a name of its own `<stack>-<logical id>-<random>`, so the name shows the stack.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.aws.target import Target
from operations.errors import UserError
from operations.plural import counted

TABLE = "AWS::DynamoDB::Table"


@dataclass(frozen=True)
class RetainedTable:
    """A table that no stack has: its logical id in the template of the stack that made it, and about how many rows it has."""

    logical_id: str
    name: str
    created: str
    rows: int

    def __str__(self) -> str:
        return f"{self.name} (made {self.created}, about {counted(self.rows, 'row')})"


def logical_ids(assembly: Path, stack: str) -> list[str]:
    """Return the logical ids of the tables that outlive the stack, by its synthesized template."""
    template = json.loads((assembly / f"{stack}.template.json").read_text())
    return [
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == TABLE and resource.get("DeletionPolicy") == "Retain"
    ]


def find(target: Target, stack: str, wanted: Sequence[str]) -> list[RetainedTable]:
    """Return the tables with these logical ids that a stack of this name has left. The stack must not be deployed."""
    names = list(_table_names(target))
    return [
        _described(target, logical_id, name)
        for logical_id in wanted
        for name in names
        if name.startswith(f"{stack}-{logical_id}-")
    ]


def choose(found: Sequence[RetainedTable], named: Collection[str]) -> dict[str, RetainedTable]:
    """Return the table to take up for each logical id. Raises UserError if there are several and none is named."""
    chosen: dict[str, RetainedTable] = {}
    for logical_id in dict.fromkeys(table.logical_id for table in found):
        candidates = [table for table in found if table.logical_id == logical_id]
        left = [table for table in candidates if table.name in named] or candidates
        if len(left) > 1:
            raise UserError(
                f"Several tables of {logical_id} were kept: {'; '.join(map(str, left))}.",
                "Choose one with --take-up TABLE, or start with empty tables by --new-tables.",
            )
        chosen[logical_id] = left[0]
    return chosen


def resource_mapping(chosen: Mapping[str, RetainedTable]) -> str:
    """Return what `cdk import --resource-mapping-inline` takes."""
    return json.dumps({logical_id: {"TableName": table.name} for logical_id, table in chosen.items()})


def _table_names(target: Target) -> Iterator[str]:
    for page in target.client("dynamodb").get_paginator("list_tables").paginate():
        yield from page["TableNames"]


def _described(target: Target, logical_id: str, name: str) -> RetainedTable:
    table = target.client("dynamodb").describe_table(TableName=name)["Table"]
    return RetainedTable(logical_id, name, f"{table['CreationDateTime']:%Y-%m-%d %H:%M}", int(table.get("ItemCount", 0)))
