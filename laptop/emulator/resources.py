"""The process, the stacks and the resources of the laptop's AWS, for `orderctl status`."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from laptop.emulator.extensions import inert
from laptop.emulator.process import Running
from operations.aws.target import Target
from operations.errors import CheckFailedError


def look(target: Target, record: Running | None) -> dict[str, Any]:
    """Return the process, the stacks with their status, the resources by type, and those that are only recorded."""
    from botocore.exceptions import EndpointConnectionError

    stacks, types, unreal = [], Counter[str](), Counter[tuple[str, str]]()
    cloudformation = target.client("cloudformation", retries={"total_max_attempts": 1})
    try:
        deployed = [s for page in cloudformation.get_paginator("describe_stacks").paginate() for s in page["Stacks"]]
    except EndpointConnectionError as error:
        raise CheckFailedError(
            f"Nothing answers at {target.endpoint_url}.", "Run `orderctl down`, then `orderctl up`."
        ) from error
    expressions = _alarms_of_expressions(target)
    for stack in deployed:
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        stacks.append({"stack": stack["StackName"], "status": stack["StackStatus"], "resources": len(resources)})
        for resource in resources:
            kind = resource["ResourceType"]
            types[kind] += 1
            why = inert.why_inert(kind)
            if kind == inert.ALARM and resource.get("PhysicalResourceId") in expressions:
                kind, why = f"{kind} (of an expression)", inert.WHY_ALARM
            if why:
                unreal[kind, why] += 1
    return {
        "running": True,
        "endpoint": target.endpoint_url,
        "stage": target.stage,
        "pid": record.pid if record else None,
        "started_at": record.started_at if record else None,
        "uptime": _since(record.started_at) if record else None,
        "persist": record.persist if record else None,
        "log": record.log if record else None,
        "stacks": sorted(stacks, key=lambda row: row["stack"]),
        "resources": [{"type": kind, "count": count} for kind, count in sorted(types.items())],
        "inert": [{"type": kind, "count": count, "why": why} for (kind, why), count in sorted(unreal.items())],
    }


def _alarms_of_expressions(target: Target) -> set[str]:
    pages = target.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return {
        alarm["AlarmName"]
        for page in pages
        for alarm in page.get("MetricAlarms", [])
        if alarm.get("Namespace") == inert.METRIC_MATH_NAMESPACE
    }


def _since(started_at: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(started_at)).total_seconds())
    return str(timedelta(seconds=max(0, seconds)))
