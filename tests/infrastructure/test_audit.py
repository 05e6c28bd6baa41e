"""The auditor: it may read every table, write none, and has all that it imports."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from audit.tables import TABLES, VARIABLES
from cdk import bundling
from tests.infrastructure.templates import Assembly, Resource, listed


def auditor(assembly: Assembly) -> Resource:
    return assembly.one("Lambda::Function", "audit", "Function")


def test_it_is_told_every_table(assembly: Assembly) -> None:
    properties = auditor(assembly).properties
    assert properties["Handler"] == "audit.function.handler"
    assert set(properties["Environment"]["Variables"]) >= set(VARIABLES.values())


def test_it_may_scan_the_tables_and_nothing_else(assembly: Assembly) -> None:
    allowed = [
        (action, len(listed(statement["Resource"])))
        for statement in assembly.statements(auditor(assembly))
        for action in listed(statement["Action"])
        if not action.startswith(("logs:", "xray:"))
    ]
    assert allowed == [("dynamodb:Scan", len(TABLES))]


def test_it_runs_every_quarter_of_an_hour(assembly: Assembly) -> None:
    rule = assembly.one("Events::Rule", "audit", "EveryQuarter")
    assert rule.properties["ScheduleExpression"] == "rate(15 minutes)"


def test_its_bundle_is_all_that_it_imports_but_for_boto3(tmp_path: Path) -> None:
    with zipfile.ZipFile(bundling.bundle(bundling.AUDIT).file) as archive:
        archive.extractall(tmp_path)
    written = [path for path in tmp_path.glob("services/*/*.py") if path.parent.name != "kernel"]
    assert {path.name for path in written} == {"__init__.py", "states.py", "identity.py"}
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    code = "import sys; sys.path = [sys.argv[1], *sys.path, sys.argv[2]]; from audit.function import handler; print('there')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path), site_packages],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert (done.returncode, done.stdout.strip()) == (0, "there"), done.stderr
