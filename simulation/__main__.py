"""The simulation's command: `python -m simulation --help`."""

import argparse
import json
import os
import sys
from pathlib import Path

from audit.catalogue import label
from simulation.stage.share import ALL, parse

OF_ALL_CASES = "of all cases: 2/7 is the second of seven shares"
EXAMPLES = """
examples:
  python -m simulation run --orders 10000 --seed 1     10,000 orders, every step decided by the seed
  python -m simulation run --seed 1 --world 17 --trace  one world of it, with every step it takes
  python -m simulation run --adapters --orders 5000     the same with Stripe's and EasyPost's adapters
  python -m simulation repeat build/simulation/M1-1-17.json
                                                             a failure again, as small as it was made
  python -m simulation enumerate                       every call of every path, struck in every mode
  python -m simulation enumerate --pairs               every two calls of every path: minutes
  python -m simulation crash-points                    the protocol's 27 crash points, each in its variants
  python -m simulation crash-points 13 14              two of them
  python -m simulation crash-points --share 1/4        a quarter of the cases of each
  python -m simulation replays --seeds 1000            deliveries lost and spoiled, then replayed
  python -m simulation count                           the units that an order costs on each path, into a file
  python -m simulation calls                           the AWS calls of a few worlds: all are recorded
  python -m simulation story delivered                 the log lines of one order, from its placing to its replay
  python -m simulation log-keys                        the keys that log lines lack, by their messages, as JSON
  python -m simulation measures --orders 400           the business metrics, beside the tables
  python -m simulation bugs                            known bugs put into the handlers, one by one: all are caught
  python -m simulation bugs 07-tombstone --keep        one of them, and where its copy of services/ stands
"""


def main(arguments: list[str] | None = None) -> int:
    """0 when every invariant held (or every bug was caught), 1 when not."""
    parser = argparse.ArgumentParser(
        "python -m simulation",
        description="Runs the unmodified handlers and the deployed workflow under every fault that can be thought of.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="random worlds until so many orders were placed")
    run.add_argument("--orders", type=int, default=2000)
    run.add_argument("--seed", default="1", help="any text; the same seed takes the same steps (CI takes the commit's id)")
    run.add_argument("--processes", type=int, default=2)
    run.add_argument("--world", type=int, help="only this world")
    run.add_argument("--logs", action="store_true", help="search the logs of all worlds, not of one in 25")
    run.add_argument("--adapters", action="store_true", help="with Stripe and EasyPost, by their adapters, not the sandboxes")
    run.add_argument("--trace", action="store_true", help="with --world: print every step")
    run.add_argument("--no-shrink", action="store_true", help="report a failure as it was met")
    run.add_argument("--shrink-seconds", type=float, default=90.0, help="how long a failure is made smaller, at most")
    run.add_argument("--botocore", action="store_true", help="with --world: every call through the whole of botocore")
    repeat = commands.add_parser("repeat", help="a failure that was kept, again")
    repeat.add_argument("file", type=Path)
    enumeration = commands.add_parser("enumerate", help="every call boundary of every path, in every mode")
    enumeration.add_argument("--pairs", action="store_true", help="every two boundaries as well")
    enumeration.add_argument("--share", type=parse, default=ALL, help=OF_ALL_CASES)
    enumeration.add_argument("--path", action="append", help="only this path (may be given again)")
    enumeration.add_argument("--processes", type=int, default=2)
    points = commands.add_parser("crash-points", help="the protocol's crash points, each in its variants")
    points.add_argument("numbers", nargs="*", type=int, help="only these")
    points.add_argument("--share", type=parse, default=ALL, help=OF_ALL_CASES)
    points.add_argument(
        "--markdown", action="store_true", help="only print them as Markdown, as docs/explanation/reliability.md has them"
    )
    replays = commands.add_parser(
        "replays", help="deliveries of CDNOW orders lost and spoiled, then replayed: every table is right"
    )
    replays.add_argument("--seeds", type=int, default=1000)
    replays.add_argument("--seed", default="1", help="any text; with --only: the one seed, as a failure prints it")
    replays.add_argument("--only", action="store_true", help="only that seed")
    replays.add_argument("--processes", type=int, default=2)
    counting = commands.add_parser("count", help="the units that an order costs on each path, into operations/economics")
    counting.add_argument("--check", action="store_true", help="write nothing; 1 if the file is out of date")
    calls = commands.add_parser("calls", help="the AWS calls of each function, beside those in operations/permissions")
    calls.add_argument("--write", action="store_true", help="write the file")
    calls.add_argument("--worlds", type=int, default=12, help="of each kind of stage")
    calls.add_argument("--seed", default="calls")
    story = commands.add_parser("story", help="the log lines of one order on a path, and of its replay, as JSON")
    story.add_argument("path", help="such as `delivered`")
    log_keys = commands.add_parser(
        "log-keys", help="how many log lines of two worlds lack each key, by their messages, as JSON"
    )
    log_keys.add_argument("--seed", default="1")
    measures = commands.add_parser("measures", help="the business metrics that are emitted, beside the tables")
    measures.add_argument("--orders", type=int, default=400)
    measures.add_argument("--seed", default="1")
    bugs = commands.add_parser("bugs", help="known bugs, one by one")
    bugs.add_argument("names", nargs="*", help="only these")
    bugs.add_argument("--orders", type=int, default=2000, help="within how many orders each must be caught")
    bugs.add_argument("--seed", default="1")
    bugs.add_argument("--processes", type=int, default=2)
    bugs.add_argument("--keep", action="store_true", help="keep the changed copies of services/")
    chosen = parser.parse_args(arguments)
    commands_by_name = {
        "run": _run,
        "repeat": _repeat,
        "enumerate": _enumerate,
        "crash-points": _crash_points,
        "replays": _replays,
        "count": _count,
        "calls": _calls,
        "story": _story,
        "log-keys": _log_keys,
        "measures": _measures,
        "bugs": _bugs,
    }
    return commands_by_name[chosen.command](chosen)


def _run(chosen: argparse.Namespace) -> int:
    from simulation.stage import process, report
    from simulation.stage.campaign import run_campaign
    from simulation.stage.runs import WorldRun, run_world
    from simulation.stage.shrink import shrink

    if chosen.world is not None:
        process.make_ready(with_botocore=chosen.botocore)
        run = WorldRun(chosen.seed, chosen.world, adapters=chosen.adapters, hunt_logs=chosen.logs)
        verdict = run_world(run, trace=chosen.trace)
        if chosen.trace:
            print("\n".join(verdict.trace))  # noqa: T201
        state = f"VIOLATED {label(verdict.violated)}: {verdict.text}" if verdict.violated else "every invariant held"
        counted = f"{verdict.orders} orders, {len(verdict.struck)} faults, {verdict.steps} steps"
        print(f"{counted}, history {verdict.digest}: {state}")  # noqa: T201
        if not verdict.violated or chosen.no_shrink:
            return int(verdict.violated is not None)
    else:
        progress = report.Progress(chosen.orders)
        totals = run_campaign(
            chosen.seed, chosen.orders, chosen.processes, progress, adapters=chosen.adapters, all_logs=chosen.logs
        )
        report.say("")
        print(report.summary(totals, chosen.seed))  # noqa: T201
        if totals.failed is None:
            return 0
        verdict, run = totals.failed, WorldRun(chosen.seed, totals.failed.number, adapters=chosen.adapters, hunt_logs=True)
    assert verdict.violated is not None
    if chosen.no_shrink:
        print(f"VIOLATED {label(verdict.violated)}: {verdict.text}\n{report.repeat(run)}")  # noqa: T201
    else:
        report.say(
            f"{label(verdict.violated)}: {verdict.text}\nmaking it smaller, for {chosen.shrink_seconds:.0f} s at most ..."
        )
        process.make_ready()
        print(report.failure(run, verdict, *shrink(run, verdict, report.say, chosen.shrink_seconds)))  # noqa: T201
    return 1


def _repeat(chosen: argparse.Namespace) -> int:
    from simulation.stage import process, report
    from simulation.stage.runs import run_world

    process.make_ready()
    verdict = run_world(report.load(chosen.file), trace=True)
    print("\n".join(verdict.trace))  # noqa: T201
    print(f"VIOLATED {label(verdict.violated)}: {verdict.text}" if verdict.violated else "every invariant held")  # noqa: T201
    return int(verdict.violated is not None)


def _enumerate(chosen: argparse.Namespace) -> int:
    from simulation.stage import enumeration

    return enumeration.main(chosen.path, chosen.pairs, chosen.share, chosen.processes)


def _crash_points(chosen: argparse.Namespace) -> int:
    from simulation.stage import crash_points

    return crash_points.main(chosen.numbers, chosen.share, chosen.markdown)


def _replays(chosen: argparse.Namespace) -> int:
    from simulation.stage import process

    process.make_ready()
    from simulation.stage import replays

    if chosen.only:
        verdict = replays.run_seed(chosen.seed)
        print(verdict)  # noqa: T201
        return int(verdict.problem is not None)
    return replays.main(chosen.seeds, chosen.seed, chosen.processes)


def _count(chosen: argparse.Namespace) -> int:
    from simulation.stage import process

    process.make_ready()
    from simulation.stage import count

    return count.main(check=chosen.check)


def _calls(chosen: argparse.Namespace) -> int:
    from simulation.stage import process, recorded_calls

    process.make_ready()
    return recorded_calls.main(write=chosen.write, worlds=chosen.worlds, seed=chosen.seed)


def _story(chosen: argparse.Namespace) -> int:
    from simulation.stage import process

    process.make_ready()
    from simulation.stage import paths, story

    print("\n".join(json.dumps(line) for line in story.lines_of(paths.BY_NAME[chosen.path])))  # noqa: T201
    return 0


def _log_keys(chosen: argparse.Namespace) -> int:
    from simulation.stage import process

    process.make_ready()
    from simulation.stage import log_keys

    print(json.dumps(log_keys.lacking(chosen.seed, range(2)), indent=2, sort_keys=True))  # noqa: T201
    return 0


def _measures(chosen: argparse.Namespace) -> int:
    from simulation.stage import process

    process.make_ready()
    from simulation.stage import measures

    wrong = 0
    for faults in measures.Faults:
        print(f"{faults}: metric, by the tables, emitted")  # noqa: T201
        sums = measures.of_worlds(chosen.seed, chosen.orders, faults)
        wrong += sums.wrong(faults) + (sums.lost() > sums.parted)
        for name, told, emitted in sums.compared():
            print(f"  {name:<36}{told:>12,}{emitted:>12,}")  # noqa: T201
        print(f"facts without a measure: {sums.lost()}; faults that may have lost one: {sums.parted}")  # noqa: T201
        print(f"also emitted: {', '.join(sums.others())}")  # noqa: T201
    print(f"wrong: {wrong}")  # noqa: T201
    return int(wrong > 0)


def _bugs(chosen: argparse.Namespace) -> int:
    from simulation.known_bugs import hunt

    return hunt.main(chosen.names, chosen.orders, chosen.seed, chosen.processes, chosen.keep)


if __name__ == "__main__":
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
