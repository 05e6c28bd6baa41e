"""The dashboards of CloudWatch, from `cdk/dashboards.py`.

A resource has the name of its stack, `Orderflow<Stage>-<Service>`, in its own: the graphs search for `Orderflow<Stage>`. So one
stack has the dashboards of all, and a new function is on them by itself. A search splits names at capitals, digits and hyphens:
`OrderflowProd` finds the stage `prod`, also `prod2`, and not `production`. Sources:

- the body: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
- the search: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from typing import Any, Final

from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.dashboards import DASHBOARDS, OF_THE_ACCOUNT, PERIOD_SECONDS, Dashboard, Graph, Line
from cdk.service_stack import ServiceStack
from kernel.naming import metrics_namespace, stack_name

COLUMNS: Final = 3
WIDTH: Final = 8
"""A dashboard is 24 units wide."""
HEIGHT: Final = 6


def add_dashboards(stack: ServiceStack, bus_name: str) -> None:
    """Add the stage's dashboards, if it keeps its data: each costs money, and a short-lived stage needs none."""
    if stack.keeps_data:
        for dashboard in DASHBOARDS:
            cloudwatch.CfnDashboard(
                stack, f"{dashboard.name}Dashboard", dashboard_body=stack.to_json_string(_body(dashboard, stack, bus_name))
            )


def _body(dashboard: Dashboard, stack: ServiceStack, bus_name: str) -> dict[str, Any]:
    title = {"type": "text", "x": 0, "y": 0, "width": 24, "height": 2}
    text = f"# Orderflow {stack.stage}: {dashboard.name.lower()}\n{dashboard.purpose}"
    widgets = [
        {
            "type": "metric",
            "x": WIDTH * (position % COLUMNS),
            "y": 2 + HEIGHT * (position // COLUMNS),
            "width": WIDTH,
            "height": HEIGHT,
            "properties": _graph(graph, stack, bus_name),
        }
        for position, graph in enumerate(dashboard.graphs)
    ]
    return {"widgets": [{**title, "properties": {"markdown": text}}, *widgets]}


def _graph(graph: Graph, stack: ServiceStack, bus_name: str) -> dict[str, Any]:
    lines = [_line(line, f"e{number}", stack.stage, bus_name) for number, line in enumerate(graph.lines)]
    return {"title": graph.title, "view": "timeSeries", "region": stack.region, "period": PERIOD_SECONDS, "metrics": lines}


def _line(line: Line, key: str, stage: str, bus_name: str) -> list[Any]:
    """Return the line: one metric, or a search for those of the stage."""
    ours = metrics_namespace(stage)
    if not line.namespace and not line.by:
        return [
            ours,
            line.metric,
            "service",
            line.service,
            {"stat": line.statistic, "label": f"{line.label} {line.service}"},
        ]
    if line.namespace and not line.of:
        return [line.namespace, line.metric, {"stat": line.statistic, "label": line.label}]
    schema = (line.namespace, *line.of) if line.namespace else (ours, "service", line.by)
    term = f'{{{",".join(schema)}}} MetricName="{line.metric}"{_of_stage(line, stage, bus_name)}'
    search = f"SEARCH('{term}', '{line.statistic}', {PERIOD_SECONDS})"
    return [{"expression": search, "id": key, "label": line.label}]


def _of_stage(line: Line, stage: str, bus_name: str) -> str:
    """Return the search's term for the resources of the stage."""
    if not line.namespace:
        return f' service="{line.service}"'
    if line.namespace in OF_THE_ACCOUNT:
        return ""
    if "EventBusName" in line.of:
        return f' EventBusName="{bus_name}"'
    return f" {line.of[0]}={stack_name(stage, '').rstrip('-')}"
