"""The bring-up of Orderflow on the laptop: start the emulator, deploy the changes, seed the stage."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, cast

from kernel import outside_json
from laptop import page
from laptop.emulator import process
from laptop.emulator.process import Running
from operations.aws.target import Target
from operations.deploy import cdk_cli, requirements
from operations.deploy.cdk_cli import Cdk, Stack
from operations.errors import UserError
from operations.plural import counted
from operations.progress import Progress

_MARK = "laptop/deployed"


class Deployed(TypedDict, total=False):
    """The record of the last deployment: the fingerprint of its sources, and the digest of each stack by its name."""

    sources: str | None
    stacks: dict[str, str]


def up(
    target: Target,
    progress: Progress,
    *,
    port: int | None = None,
    persist: Path | None = None,
    app: str | None = None,
    everything: bool = False,
    seed: bool = True,
    environment: Mapping[str, str] | None = None,
) -> tuple[Target, Running]:
    """Start the emulator if it is not running, deploy Orderflow to it, and return the target and the process record.

    Only the stacks with a new template or new assets are deployed, or all stacks with `everything`. Nothing is deployed if no
    source file has changed. `app` names another CDK app than Orderflow's. `environment` adds variables to the emulator's
    environment. Raises UserError if the emulator already runs with another port or data folder.
    """
    with process.exclusive_lock():
        return _up(target, progress, port, persist, app, everything, seed, environment)


def _up(
    target: Target,
    progress: Progress,
    port: int | None,
    persist: Path | None,
    app: str | None,
    everything: bool,
    seed: bool,
    environment: Mapping[str, str] | None,
) -> tuple[Target, Running]:
    settings = target.settings()
    requirements.check_account(target, settings)
    record = process.running()
    if record is not None and not process.becomes_ready(record):
        process.stop()
        record = None
    if record is None:
        with progress.step("Start the laptop's AWS"):
            record = process.start(stage=target.stage, port=port, persist=persist, environment=environment)
    elif persist is not None and record.persist != str(persist.resolve()):
        raise UserError(
            "The laptop's AWS is already running, with its data in another folder.", "Stop it first with `orderctl down`."
        )
    elif port not in (None, record.port):
        raise UserError(f"The laptop's AWS is already running, on port {record.port}.", "Stop it first with `orderctl down`.")
    target = target.at(record.endpoint)
    deployed: Deployed = {} if everything else _deployed(target)
    fingerprint = cdk_cli.fingerprint(settings, app)
    if deployed.get("sources") == fingerprint:
        progress.note("Nothing has changed since the last deployment.")
    else:
        stacks = _deploy(target, progress, app, deployed.get("stacks", {}))
        if seed and app is None:  # another composition has no catalogue
            _seed(target, progress)
        _mark(target, {"sources": fingerprint, "stacks": {stack.name: stack.digest for stack in stacks}})
    return target, process.save_record(replace(record, stage=target.stage, outputs=outputs(target)))


def down() -> Running | None:
    """Stop the page and the emulator of this home. Return the emulator's record, or None if it did not run."""
    page.stop()
    return process.stop()


def outputs(target: Target) -> dict[str, dict[str, str]]:
    """Return the outputs of each deployed stack, by the stack's name."""
    pages = target.client("cloudformation").get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"]: {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"] != cdk_cli.TOOLKIT
    }


def addresses(target: Target) -> dict[str, str]:
    """Return the HTTP APIs of this stage, by parameter name."""
    root = f"/orderflow/{target.stage}/"
    pages = target.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
    found = {p["Name"].removeprefix(root): p["Value"] for page in pages for p in page["Parameters"]}
    return {name: value for name, value in sorted(found.items()) if name.endswith("api-url")}


def exports(target: Target) -> dict[str, str]:
    """Return the variables by which code finds the stage: the order API's address and the bus. Without a stage, none."""
    root = f"/orderflow/{target.stage}/"
    names = {f"{root}order/api-url": "ORDERFLOW_API", f"{root}platform/bus-name": "ORDERFLOW_BUS"}
    found = target.client("ssm").get_parameters(Names=list(names))["Parameters"]
    return {names[parameter["Name"]]: parameter["Value"].rstrip("/") for parameter in found}


def invalidate(target: Target, stacks: Iterable[str]) -> None:
    """Drop the records of these stacks, because another command deploys or destroys them; `up` then deploys them again."""
    if known := _deployed(target):
        gone = set(stacks)
        _mark(target, {"sources": None, "stacks": {n: digest for n, digest in known["stacks"].items() if n not in gone}})


def _deploy(target: Target, progress: Progress, app: str | None, deployed: Mapping[str, str]) -> list[Stack]:
    folder = process.home()
    assembly = folder / "cdk.out"
    # The synthesis and the bootstrap run in parallel, because neither needs the other.
    synthesis = Cdk(target, folder / "logs" / "synth.log", app, is_there=_is_there)
    bootstrap = Cdk(target, folder / "logs" / "bootstrap.log", is_there=_is_there)
    synthesizing = synthesis.synthesizing(assembly)
    try:
        if not _is_bootstrapped(target):
            with progress.step("Bootstrap the account"):
                bootstrap.finish(bootstrap.bootstrapping(), "bootstrap")
        with progress.step("Synthesize the stacks"):
            synthesis.finish(synthesizing, "synth")
    finally:
        if synthesizing.poll() is None:
            synthesizing.terminate()
            synthesizing.wait()
    stacks = cdk_cli.stacks_of(assembly)
    changed = [stack for stack in stacks if deployed.get(stack.name) != stack.digest]
    if not changed:
        progress.note("No stack has changed.")
        return stacks
    names = "" if len(changed) == len(stacks) else ": " + ", ".join(stack.id for stack in changed)
    with progress.step(f"Deploy {len(changed)} of {counted(len(stacks), 'stack')}{names}"):
        chosen = [] if len(changed) == len(stacks) else [stack.id for stack in changed]
        Cdk(target, folder / "logs" / "deploy.log", is_there=_is_there).deploy(assembly, chosen)
    return stacks


def _is_there() -> bool:
    return process.running() is not None


def _seed(target: Target, progress: Progress) -> None:
    from laptop import seed

    with progress.step("Seed the catalogue and the stock"):
        seed.seed(target, progress)


def _is_bootstrapped(target: Target) -> bool:
    """Return True if the bootstrap is complete. An interrupted bootstrap leaves a stack without the version parameter."""
    from botocore.exceptions import ClientError

    try:
        target.client("ssm").get_parameter(Name=cdk_cli.BOOTSTRAP_VERSION)
        stacks = target.client("cloudformation").describe_stacks(StackName=cdk_cli.TOOLKIT)["Stacks"]
    except ClientError:
        return False
    return all(stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE") for stack in stacks)


def _deployed(target: Target) -> Deployed:
    """Return the record of the last deployment. The target itself keeps it, so that it is true of what is deployed there."""
    from botocore.exceptions import ClientError

    try:
        answer = target.client("ssm").get_parameter(Name=f"/orderflow/{target.stage}/{_MARK}")
    except ClientError:
        return {}
    return cast(Deployed, outside_json.read_object(answer["Parameter"]["Value"]))


def _mark(target: Target, deployed: Deployed) -> None:
    target.client("ssm").put_parameter(
        Name=f"/orderflow/{target.stage}/{_MARK}", Value=json.dumps(deployed), Type="String", Overwrite=True
    )
