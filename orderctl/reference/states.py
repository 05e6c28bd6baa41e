"""The state tables in the READMEs of the services, made from the transition tables."""

from kernel.transitions import ABSENT, TransitionTable
from operations.contracts.markdown import table
from operations.orders.status_changes import tables


def section(service: str) -> str:
    """Return one table of Markdown for each transition table of the service."""
    return "\n".join(f"`{each.aggregate}#`\n\n{_table(each)}" for each in tables(service))


def _table(transitions: TransitionTable) -> str:
    known = [ABSENT, *dict.fromkeys(step.target for step in transitions.transitions)]
    rows = [
        (f"`{step.name}`", ", ".join(sorted(step.sources, key=known.index)), step.target, step.publishes or "", step.guard)
        for step in transitions.transitions
    ]
    return table(("step", "from", "to", "publishes", "guard"), rows)
