"""No module but the kernel's reader parses JSON that comes from outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
READER = "kernel/outside_json.py"
ITS_OWN_FILES = "reads files of this repository or of its own making"
ITS_OWN_ROWS = "reads the outbox text that `DomainEvent.to_outbox` packed"
THE_ENGINE = "works inside the laptop's AWS, on what that engine itself says"
EXCEPTIONS = {
    "audit/attributes.py": ITS_OWN_FILES,
    "audit/rolling_pass.py": "reads the state that it wrote itself",
    "kernel/relay.py": ITS_OWN_ROWS,
    "kernel/schemas.py": ITS_OWN_FILES,
    "kernel/validators.py": ITS_OWN_FILES,
    "operations/benchmarks.py": ITS_OWN_FILES,
    "operations/alarms/inventory.py": ITS_OWN_FILES,
    "operations/economics/deployed.py": ITS_OWN_FILES,
    "operations/economics/units.py": ITS_OWN_FILES,
    "operations/permissions/recorded.py": ITS_OWN_FILES,
    "operations/deploy/cdk_cli.py": ITS_OWN_FILES,
    "operations/contracts/openapi.py": ITS_OWN_FILES,
    "operations/contracts/baseline.py": ITS_OWN_FILES,
    "operations/scaffold/event.py": ITS_OWN_FILES,
    "operations/scaffold/names.py": ITS_OWN_FILES,
    "operations/scaffold/service.py": ITS_OWN_FILES,
    "laptop/doctor.py": ITS_OWN_FILES,
    "laptop/emulator/process.py": ITS_OWN_FILES,
    "orderctl/reference/settings.py": ITS_OWN_FILES,
    "operations/deploy/retained_tables.py": ITS_OWN_FILES,
    "stages/__init__.py": "reads files of ours and the operator's command line, and imports no part of Orderflow",
    "operations/aws/target.py": "reads the text that it made a cache's key of",
    "laptop/emulator/faults.py": THE_ENGINE,
    "laptop/emulator/mailbox.py": THE_ENGINE,
    "laptop/emulator/extensions/express_workflows.py": THE_ENGINE,
    "laptop/emulator/extensions/patching.py": THE_ENGINE,
    "laptop/emulator/extensions/queue_redrive.py": THE_ENGINE,
    "laptop/emulator/extensions/stream_batch_failures.py": THE_ENGINE,
}
"""The modules that may parse JSON themselves, each with its reason. Infrastructure runs at synthesis, on files of ours."""
PARSERS = {"load", "loads", "JSONDecoder", "decode_json", "model_validate_json", "literal_eval"}
OTHER_PARSERS = {"orjson", "ujson", "simplejson", "rapidjson", "msgspec"}


def modules() -> Iterator[Path]:
    for package in ("kernel", "services", "journal", "audit", "operations", "laptop", "console", "orderctl", "stages"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if path.name != "infrastructure.py":
                yield path


def parses_json(source: str) -> bool:
    """Whether a module takes a parser of JSON in hand, however it is imported and whatever it is called."""
    tree = ast.parse(source)
    names = {"json"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in OTHER_PARSERS:
                    return True
                if alias.name.partition(".")[0] == "json" and alias.asname:
                    names.add(alias.asname)
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").partition(".")[0]
            if module in OTHER_PARSERS or (module == "json" and any(alias.name in PARSERS for alias in node.names)):
                return True
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in PARSERS)
    return any(isinstance(node.value, ast.Name) and node.value.id in names for node in found)


def test_only_the_reader_parses_json() -> None:
    parsing = {path.relative_to(REPOSITORY).as_posix() for path in modules() if parses_json(path.read_text())}
    assert parsing - {READER} == set(EXCEPTIONS), "parse outside text by kernel.outside_json"


@pytest.mark.parametrize(
    "source",
    [
        "import json\njson.loads(x)",
        "import json\nread = json.loads",
        "import json as j\nj.load(f)",
        "from json import loads",
        "from json import JSONDecoder as D",
        "import orjson",
        "import json\nmap(json.loads, texts)",
    ],
)
def test_the_rule_sees_a_parser(source: str) -> None:
    assert parses_json(source)


def test_the_rule_sees_no_parser_where_json_is_written() -> None:
    assert not parses_json("import json\njson.dumps(x)\nyaml.load(y)\nanswer.json()")
