"""`orderctl demo`."""

from typing import TYPE_CHECKING, Annotated

import typer

from audit.catalogue import label
from kernel.money import Money
from orderctl.terminal import output

if TYPE_CHECKING:
    from laptop.demo.show import Played


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(demo)


def demo(
    ctx: typer.Context,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's emulator running afterwards.")] = False,
) -> None:
    """Run every order scenario on a throw-away emulator, then audit the result.

    Exit code 3 if an invariant is broken. The demo runs beside `orderctl up`, and you can repeat it.

    Example: `orderctl demo --keep`
    """
    from laptop.demo import show
    from orderctl.commands.lifecycle import laptop_of

    played = show.run(laptop_of(ctx), output.Progress(), keep=keep)
    _show(played)
    played.check()


def _show(played: "Played") -> None:
    """Show what happened, what the audit counted, how long it took, and where to go next."""
    found = played.figures
    output.out.print()
    rows = [{"scene": s.scene, "said": s.said, "seconds": f"{s.seconds:.1f}"} for s in played.scenes]
    output.show(rows, {"scene": "Scenario", "said": "Result", "seconds": "Seconds"}, output.Format.TABLE)
    output.out.print()
    counts = {
        name: ", ".join(f"{count} {key}" for key, count in found[name].items()) or "none" for name in ("orders", "shipments")
    }
    sold = ", ".join(f"{found['stock'].get(name, 0)} {name}" for name in ("available", "held", "sold", "replenished"))
    totals = [
        {"what": "orders", "value": counts["orders"]},
        {"what": "captured", "value": _money(found["captured"])},
        {"what": "refunded", "value": _money(found["refunded"])},
        {"what": "net captured", "value": _money(found["kept"])},
        {"what": "total of confirmed orders", "value": _money(found["confirmed"])},
        {"what": "stock", "value": sold},
        {"what": "shipments", "value": counts["shipments"]},
        {"what": "mails", "value": str(played.mails)},
        {"what": "dead letters", "value": str(sum(found["dead_letters"].values()))},
        {"what": "invariants broken", "value": str(len(played.findings))},
    ]
    output.show(totals, {"what": "Totals", "value": ""}, output.Format.TABLE)
    for finding in played.findings[:20]:
        output.out.print(f"[red]{label(finding.invariant)}[/red] {finding.subject}: {finding.what}")
    output.out.print()
    output.out.print(f"Done in {played.seconds:.0f} s after set-up.")
    output.out.print(
        "Next: `make up`, then `orderctl orders place --line MUG-BLUE=1`, `orderctl events tail`, `orderctl audit`."
    )


def _money(amounts: dict[str, int]) -> str:
    return ", ".join(str(Money(amount, currency)) for currency, amount in sorted(amounts.items())) or "none"
