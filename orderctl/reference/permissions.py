"""The page of the permissions, made from the recorded calls and from what AWS demands beside them."""

import ast
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from operations.contracts.markdown import escaped, table
from operations.permissions import demanded, reasons, recorded
from operations.permissions.demanded import DEMANDS, EVERY_FUNCTION, Demand
from operations.permissions.recorded import ADAPTERS, KINDS_OF_STAGES, SANDBOX, Call
from operations.repository import REPOSITORY

INTRODUCTION: Final = """# Permissions

Each function has a role of its own, and each role has the permissions for the calls that were recorded, and no others. The
simulation records them: it runs every function under every fault, with the sandboxes and with Stripe and EasyPost. A stage with
the sandboxes has {sandbox} permissions for recorded calls, and one with Stripe and EasyPost has {adapters}. AWS demands
{demanded} more of the first, which have [their reasons below](#demanded-beside-the-calls).

`tests/infrastructure/test_least_privilege.py` compares both with the policies of the templates: 0 are unused, 0 are missing.
If you change a call, record all calls again, and change the grant in the service's `infrastructure.py`:

```console
$ .venv/bin/python -m simulation calls --write
$ orderctl docs build
```

`make simulate-calls SEED=2` compares other worlds with the record, and CI a short run. To let people and programs call or
publish, see [Permit callers](../how-to/permit-callers.md).
"""
BOUNDS: Final = """
## How narrow is a permission?

- **Rows.** A condition on `dynamodb:LeadingKeys` limits an action to rows whose keys start with the prefix. The ledger has no
  prefix: each key is the id of an order, so every prefix would be every row.
- **Indexes.** A query is limited to its index. The keys of `pending` and `due` are the numbers of shards, and those of
  `customer` are customers, so a prefix would exclude nothing. `pending` and `due` hold keys only.
- **Scans.** A scan cannot be limited to rows. A sweeper's is limited to three attributes. The audit's sees whole rows, since it
  checks every attribute.
- **Events.** Conditions on `events:source` and `events:detail-type` limit a relay and a sweeper to the events of their service.
  The policy of the bus refuses a source to every other caller.
- **Mails.** A condition on `ses:FromAddress` leaves one sender.
- **Secrets, queues, functions and the workflow.** Each is named by its ARN. AWS has no finer condition that these calls need.
- **A key of the stage's own.** With `encryption_key: own`, a role that reads rows, messages or secrets has `kms:Decrypt` on the
  key, and one that sends messages or writes objects also has `kms:GenerateDataKey`. A condition on `kms:ViaService` limits each
  to the service that has the data.
- **Wildcards.** No action has one. A resource has one only if AWS has no name for it: see the next section.

"""
ON_THE_LAPTOP: Final = """## Does the laptop enforce them?

By default it does not. If it starts with `ORDERFLOW_IAM` set, it refuses each call that a function's role does not allow:

```console
$ ORDERFLOW_IAM=on orderctl up
$ make test-iam
```

The second command runs the tests of the deployed system in this way, and `tests/emulator/test_iam.py` shows what is refused.
The laptop checks:

- the {by_functions} permissions of functions for recorded calls, with their conditions on rows, events and the sender of mails;
- the policies of the bus and of the queues for a function that calls, and the signature of each request.

It does not check:

- the {by_services} permissions of `order/saga` and `order/start`: workflows and rules run without their roles;
- the {demanded} permissions that AWS demands beside the recorded calls, which Lambda, Firehose and EventBridge use;
- whether a mail's domain stands in for its sender's identity: the laptop asks for the sender's own;
- `kms:ViaService`, and that a request comes by TLS: the laptop has plain HTTP only;
- the root key of the laptop, with which `orderctl` calls. It may do everything, like an operator on AWS.

One test is left out, `test_newcomer_finds_alarm_runbook_and_story_of_a_carrier_that_is_down`: it gives functions of the stage
`dev`, which has the sandboxes, the key of a carrier, and their roles do not allow them to read it.

"""
DEMANDED: Final = """## Demanded beside the calls

"""
HEAD: Final = ("Action", "Resource", "Part", "Why")
ONLY_WITH: Final = {frozenset({SANDBOX}): "only with the sandboxes", frozenset({ADAPTERS}): "only with Stripe and EasyPost"}


def page() -> str:
    """Return the page as Markdown."""
    found = recorded.load()
    every = sorted(found[SANDBOX] | found[ADAPTERS])
    functions = {call.by for call in found[SANDBOX]} - {"order/saga", "order/start"} | {"journal/function"}
    counts = {kind: len(calls) for kind, calls in found.items()}
    beside = len(demanded.calls(SANDBOX, functions))
    by_services = sum(call.by in ROLES for call in found[SANDBOX])
    checked = {"by_functions": counts[SANDBOX] - by_services, "by_services": by_services}
    parts = [INTRODUCTION.format(**counts, demanded=beside), BOUNDS, ON_THE_LAPTOP.format(**checked, demanded=beside), DEMANDED]
    parts.append(table(("Who", "Actions", "Resource", "Why"), map(_demand, DEMANDS)))
    for by, calls in groupby(every, key=lambda call: call.by):
        parts.append(f"\n## {by}\n\n{purpose(by)}\n\n" + table(HEAD, _rows(calls)))
    parts.append(f"\n## journal/function\n\n{purpose('journal/function')} It calls no service.\n")
    return "".join(parts)


def purpose(by: str) -> str:
    """Return what a function or role is for: the first sentence of the function's module."""
    if by in ROLES:
        return ROLES[by]
    service, module = by.split("/")
    within = f"{service}/{module}.py" if service in ("audit", "journal") else f"services/{service}/functions/{module}.py"
    text = ast.get_docstring(ast.parse((REPOSITORY / within).read_text(encoding="utf-8"))) or ""
    sentence, stop, _ = " ".join(text.split()).partition(". ")
    return escaped(sentence + (stop.strip() or ""))


ROLES: Final = {
    "order/saga": "The role of the workflow: it runs the saga's commands.",
    "order/start": "The role of the rule by which an OrderPlaced starts the workflow, if no caller waits.",
}
"""The roles that no function has."""


def _rows(calls: Iterable[Call]) -> Iterator[tuple[str, ...]]:
    """Yield a line for each action, resource and reason."""
    found = recorded.load()
    for (action, on), group in groupby(calls, key=lambda call: (call.action, call.on)):
        by_reason: dict[tuple[str, frozenset[str]], list[str]] = {}
        for call in group:
            kinds = frozenset(kind for kind in KINDS_OF_STAGES if call in found[kind])
            by_reason.setdefault((reasons.why(call), kinds), []).append(call.only)
        for (why, kinds), parts in by_reason.items():
            only = f", {ONLY_WITH[kinds]}" if kinds in ONLY_WITH else ""
            yield f"`{action}`", f"`{on}`", ", ".join(f"`{part}`" for part in parts if part), why + only


def _demand(demand: Demand) -> tuple[str, ...]:
    who = EVERY_FUNCTION if demand.by == (EVERY_FUNCTION,) else ", ".join(f"`{by}`" for by in demand.by)
    if demand.role != "{by}":
        who = f"`{demand.role.removeprefix('{service}/')}` of each stack, for {who} of it"
    parts = f": {', '.join(f'`{part}`' for part in demand.only)}" if demand.only != ("",) else ""
    named = {"{by}": "of its own", "{service}": "of its service's table", "{queue}": "that it consumes"}
    on = demand.on
    for mark, words in named.items():
        on = on.replace(mark, words)
    source = f" [AWS]({demand.source})" if demand.source else ""
    kind = f" ({ONLY_WITH[frozenset(demand.kinds)]})" if frozenset(demand.kinds) in ONLY_WITH else ""
    kind += f" (only with {demand.option})" if demand.option else ""
    return who, ", ".join(f"`{action}`" for action in demand.actions), f"`{on}`{parts}", demand.why + kind + source
