"""The dashboards: every business metric is on the one, and every metric with an alarm on one of them."""

import json
import re
from typing import Any

import pytest

from cdk.dashboards import BUSINESS, DASHBOARDS, TECHNICAL, Dashboard
from kernel.naming import SERVICES, metrics_namespace
from operations.economics import metrics
from operations.repository import REPOSITORY
from tests.dashboards import picture
from tests.dashboards.__main__ import DIGESTS
from tests.infrastructure import listed_alarms
from tests.infrastructure.templates import Assembly

OURS = metrics_namespace("")
PAGE = REPOSITORY / "docs" / "reference" / "dashboards.md"


def bodies(assembly: Assembly) -> dict[str, dict[str, Any]]:
    """Return the body of each dashboard, by its name; a token is the text `(token)`."""
    found = {}
    for resource in assembly.resources("CloudWatch::Dashboard"):
        body = resource.properties["DashboardBody"]
        parts = [body] if isinstance(body, str) else body["Fn::Join"][1]
        text = "".join(part if isinstance(part, str) else "(token)" for part in parts)
        found[resource.id.removesuffix("Dashboard")] = json.loads(text)
    return found


def metrics_of(dashboard: Dashboard) -> set[tuple[str, str]]:
    return {(line.namespace, line.metric) for graph in dashboard.graphs for line in graph.lines}


def test_each_business_metric_is_on_the_business_dashboard() -> None:
    shown = {(line.service, line.metric, line.by) for graph in BUSINESS.graphs for line in graph.lines}
    known = {(service, metric.name, metric.dimension or "") for service, own in metrics.CATALOGUE.items() for metric in own}
    known |= {(service, metric.name, "") for service in SERVICES for metric in metrics.OF_EACH_SERVICE}
    assert known - shown == set()
    assert shown - known == {("audit", name, "") for name in ("OrdersNotEnded", "OrdersNotShipped", "NewsOverdue")}


def test_each_kind_of_resource_is_on_the_technical_dashboard(lasting: Assembly) -> None:
    """Each kind has alarms, or a reason to have none: test_alarms sees to that."""
    watched = {
        (series["Namespace"], series["MetricName"])
        for alarm in lasting.resources("CloudWatch::Alarm")
        for series in listed_alarms.metrics_of(alarm)
        if not series["Namespace"].startswith(OURS)
    }
    assert watched - metrics_of(TECHNICAL) == set()


def test_each_counted_fault_with_an_alarm_has_a_line(lasting: Assembly) -> None:
    watched = {
        (dimension["Value"], series["MetricName"])
        for alarm in lasting.resources("CloudWatch::Alarm")
        for series in listed_alarms.metrics_of(alarm)
        if series["Namespace"].startswith(OURS)
        for dimension in series["Dimensions"]
        if dimension["Name"] == "service"
    }
    shown = {(line.service, line.metric) for board in DASHBOARDS for graph in board.graphs for line in graph.lines}
    assert watched - shown == set()


def test_page_lists_the_graphs_that_the_pictures_leave_out() -> None:
    titles = {graph.title for dashboard in DASHBOARDS for graph in dashboard.graphs}
    assert set(picture.LEFT_OUT) - titles == set()
    listed = re.findall(r"^\| ([^|]+?) +\| ([^|]+?) +\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(listed[2:]) == picture.LEFT_OUT


def test_pictures_are_drawn_from_the_dashboards_of_today() -> None:
    drawn = json.loads(DIGESTS.read_text(encoding="utf-8"))
    assert drawn == {board.name: picture.digest(board) for board in DASHBOARDS}, "draw them again: make dashboards"


def test_only_a_stage_that_keeps_its_data_has_dashboards(assembly: Assembly, lasting: Assembly) -> None:
    assert assembly.resources("CloudWatch::Dashboard") == []
    assert bodies(lasting).keys() == {dashboard.name for dashboard in DASHBOARDS}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.name)
def test_graphs_fit_and_search_in_the_stage(dashboard: Dashboard, lasting: Assembly) -> None:
    widgets = bodies(lasting)[dashboard.name]["widgets"]
    assert [widget["properties"].get("title") for widget in widgets[1:]] == [graph.title for graph in dashboard.graphs]
    places = {(widget["x"], widget["y"]) for widget in widgets}
    assert len(places) == len(widgets)
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)
    for widget in widgets[1:]:
        searches = [line[0]["expression"] for line in widget["properties"]["metrics"] if isinstance(line[0], dict)]
        for search in searches:
            assert re.fullmatch(
                r"SEARCH\('\{[\w/,]+\} MetricName=\"[\w.]+\"( \w+=(\"[^\"]+\"|OrderflowProd))?', '\w+', 300\)", search
            )
