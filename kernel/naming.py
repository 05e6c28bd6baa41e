"""The names by which stacks, services and the operator find each other."""

from pathlib import Path

SERVICES = tuple(sorted(stack.parent.name for stack in Path(__file__).parents[1].glob("services/*/infrastructure.py")))
"""The services of this checkout: the folders with a stack. A function's bundle has no stacks, so a function names its own."""
SOURCE_PREFIX = "orderflow."
"""The `source` of every event on the bus starts so."""
CHANNEL_PREFIX = f"{SOURCE_PREFIX}channel."
"""The `source` of an OrderPlaced that a channel (a shop, a marketplace feed, a script) puts on the bus starts so."""

CHANNEL_EVENT = "OrderPlaced"
"""The `detail-type` of all that a channel may say."""

PACED_REPLAY_PREFIX = "paced-"
"""The `replay-name` of a replay that goes to the staging queue, to be handed on at a pace, starts so."""

REPLAY_PREFIX = "orderflow-"
"""The `replay-name` of every other replay that the operator's command starts, starts so."""
CATCH_UP = "catch-up-"
"""Behind that prefix, the `replay-name` of a replay that makes the orders, parcels and mails that were missed goes on so."""

PENDING_INDEX = "pending"
"""Every table's sparse index of rows with events that wait for the relay."""
ALIAS = "live"
"""The alias of each function and of the saga in a stage with versions."""
DUE_INDEX = "due"
"""The sparse index of rows that a sweeper must look at, on tables that have one."""
OF_OUTBOX = ("pk", "pending_since", "pending_shard")
"""The attributes that a pass over a table reads to find events that the stream lost."""
OF_OPEN_ROWS = ("status", "updated_at", "due_shard")
"""The further attributes that it reads to find rows that are left open."""


def source_of(service: str) -> str:
    """Return the EventBridge `source` of a service's events."""
    return f"{SOURCE_PREFIX}{service}"


def replay_prefix(*, paced: bool, catch_up: bool) -> str:
    """Return how the `replay-name` of a replay starts."""
    return f"{PACED_REPLAY_PREFIX if paced else REPLAY_PREFIX}{CATCH_UP if catch_up else ''}"


def catches_up(replay_name: str) -> bool:
    """Return True if consumers act on missed events in a replay of this name. Any caller may choose the name."""
    return replay_name.startswith(tuple(replay_prefix(paced=paced, catch_up=True) for paced in (False, True)))


def is_source(known: str, source: str) -> bool:
    """Return True if an event's `source` is the `known` one, which may end in `*`."""
    return source == known or (known.endswith("*") and source.startswith(known[:-1]))


def stack_name(stage: str, service: str) -> str:
    """Return the name of a service's stack: `Orderflow<Stage>-<Service>`."""
    return f"Orderflow{stage.capitalize()}-{service.capitalize()}"


def facts_function_name(stage: str, service: str) -> str:
    """Return the name of the function that states the facts of the service's rows."""
    return f"{stack_name(stage, service)}-facts"


def metrics_namespace(stage: str) -> str:
    """Return CloudWatch's namespace of what the stage's functions count: stages of one account share no metric."""
    return f"Orderflow/{stage}"


def parameter_name(stage: str, service: str, thing: str) -> str:
    """Return the SSM parameter name `/orderflow/<stage>/<service>/<thing>`."""
    return f"/orderflow/{stage}/{service}/{thing}"


def validator_module(schema: str) -> str:
    """Return the place of a schema's generated validator, `validators/services_order_schemas_OrderPlaced_v3.py`.

    Both paths begin at the folder of the bundle; see `kernel/validators.py`.
    """
    name = schema.removesuffix(".json")
    return f"validators/{name.translate(str.maketrans('/.-', '___'))}.py"
