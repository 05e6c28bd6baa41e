"""Print each judge's figures after the run."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each judge compared: the properties that its tests recorded."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    judged = [report for report in reports if "tests/judges/" in report.nodeid and report.user_properties]
    if judged:
        terminalreporter.section("judges")
    for report in judged:
        figures = ", ".join(f"{value} {name}" for name, value in report.user_properties)
        terminalreporter.line(f"{report.nodeid.rpartition('/')[2]}: {figures}")
