"""`orderctl demo`."""

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from audit.catalogue import label
from kernel.money import Money
from laptop.emulator import process
from operations.aws.target import Target
from orderctl.commands.lifecycle import console_command, laptop_of
from orderctl.terminal import output

if TYPE_CHECKING:
    from laptop.demo.show import Played


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(demo)


def demo(
    ctx: typer.Context,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the laptop's AWS afterwards.")] = False,
) -> None:
    """Run every order scenario on the laptop's AWS, then audit the result. The system stays up, with its page.

    Exit code 3 if an invariant is broken. If `orderctl up` runs already, the demo runs beside it, with a home of its own. You
    can repeat it.

    Examples:

    - `orderctl demo`

    - `orderctl demo --stop` leaves nothing running
    """
    from laptop.demo import show

    progress, beside = output.Progress(), process.home()
    with show.home_of_demo(), show.stopped_afterwards(progress, stops=stop):
        played = show.run(laptop_of(ctx), progress)
        _show(played)
        if not stop:
            _show_next(played, "" if process.home() == beside else f"export ORDERFLOW_HOME={shlex.quote(str(process.home()))}")
    played.check()


def _show(played: "Played") -> None:
    """Show what happened, what the audit counted, and how long it took."""
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
        {"what": "dead letters", "value": str(sum(count or 0 for count in found["dead_letters"].values()))},
        {"what": "invariants broken", "value": str(len(played.findings))},
    ]
    output.show(totals, {"what": "Totals", "value": ""}, output.Format.TABLE)
    for finding in played.findings[:20]:
        output.out.print(f"[red]{label(finding.invariant)}[/red] {finding.subject}: {finding.what}")
    output.out.print()
    output.out.print(f"Done in {played.seconds:.0f} s after set-up.")


def _show_next(played: "Played", home: str) -> None:
    """Serve the page of the system that still runs, and show what to try next. `home` is as in `next_lines`."""
    from laptop import page
    from laptop.demo import show

    target = Target(stage=show.STAGE).at(played.endpoint)
    served = page.serve(console_command(played.endpoint, show.STAGE))
    lines = next_lines(target, served.address if served else None, played.scenes[0].order_id or "", home)
    output.out.print("\n".join(["", *lines]), soft_wrap=True, markup=False)


def next_lines(target: Target, page: str | None, order_id: str, home: str) -> list[str]:
    """Return the end of the demo: the addresses of the system that still runs, a request that works, the next things to try.

    `page` is the page's address, or None if it did not start. `home` is the line that chooses this laptop AWS, if another one
    runs.
    """
    from laptop.demo import show
    from laptop.page import log

    beside = ["Another AWS runs beside this one. Choose this one first, in each shell, also to stop it:", "", f"  {home}", ""]
    return [
        *(beside if home else []),
        "Orderflow is still up. `make down` stops it.",
        "",
        f"  Page  {page}" if page else f"  The page did not start. See {log()}, then run `orderctl console`.",
        f"  API   {target.parameter('order/api-url')}",
        "",
        "Read the first order through the API:",
        "",
        f"  {show.curl_line(target, order_id)}",
        "",
        "Then try:",
        "",
        "  1. Open the page, and choose an order to see its course.",
        "  2. . .venv/bin/activate; orderctl orders place --line MUG-BLUE=1",
        "  3. Place an order from your code: the section of that name in README.md.",
    ]


def _money(amounts: dict[str, int]) -> str:
    return ", ".join(str(Money(amount, currency)) for currency, amount in sorted(amounts.items())) or "none"
