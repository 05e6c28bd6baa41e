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
    "operations/scaffold/source.py": ITS_OWN_FILES,
    "laptop/doctor.py": ITS_OWN_FILES,
    "laptop/pipeline.py": "reads what `orderctl` prints",
    "laptop/emulator/process.py": ITS_OWN_FILES,
    "orderctl/reference/settings.py": ITS_OWN_FILES,
    "operations/deploy/retained_tables.py": ITS_OWN_FILES,
    "stages/__init__.py": "reads files of ours and the operator's command line, and imports no part of Orderflow",
    "operations/aws/target.py": "reads the text that it made a cache's key of",
    "laptop/emulator/faults.py": THE_ENGINE,
    "laptop/emulator/mailbox.py": THE_ENGINE,
    "laptop/emulator/runtime.py": THE_ENGINE,
    "laptop/emulator/extensions/express_workflows.py": THE_ENGINE,
    "laptop/emulator/extensions/engine_functions.py": THE_ENGINE,
    "laptop/emulator/extensions/iam_facts.py": THE_ENGINE,
    "laptop/emulator/extensions/queue_redrive.py": THE_ENGINE,
    "laptop/emulator/extensions/stream_batch_failures.py": THE_ENGINE,
}
"""The modules that may parse JSON themselves, each with its reason. Infrastructure runs at synthesis, on files of ours."""
WRITERS = {"dumps", "dump", "JSONEncoder", "JSONDecodeError"}
"""The names of `json` that a module may use: everything else parses."""
OTHER_PARSERS = {"orjson", "ujson", "simplejson", "rapidjson", "msgspec"}
PARSING_ATTRIBUTES = {
    "decode_json",
    "json_body",
    "literal_eval",
    "model_validate_json",
    "parse_raw",
    "read_json",
    "validate_json",
}
"""Of pydantic, Powertools, pandas and `ast`: they parse, whatever they are attributes of."""


def modules() -> Iterator[Path]:
    for package in ("kernel", "services", "journal", "audit", "operations", "laptop", "console", "orderctl", "stages"):
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            if path.name != "infrastructure.py":
                yield path


def parses_json(source: str) -> bool:
    """Whether a module takes a parser of JSON in hand, however it is imported and whatever it is called."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {
        "json",
        *(alias.asname for node in nodes if isinstance(node, ast.Import) for alias in node.names if _is_json(alias)),
    }
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    writing = {id(node.value) for node in attributes if node.attr in WRITERS}
    return (
        any(isinstance(node, ast.Import | ast.ImportFrom) and _imports_a_parser(node) for node in nodes)
        or any(isinstance(node, ast.Name) and node.id in names and id(node) not in writing for node in nodes)
        or any(node.attr in PARSING_ATTRIBUTES or _is_of_a_json_attribute(node) for node in attributes)
    )


def _is_json(alias: ast.alias) -> bool:
    return alias.name == "json" and alias.asname is not None


def _imports_a_parser(node: ast.Import | ast.ImportFrom) -> bool:
    names = {alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return any(name.startswith("json.") or name.partition(".")[0] in OTHER_PARSERS for name in names)
    module = node.module or ""
    if module == "json":
        return not names <= WRITERS
    return (
        module.startswith("json.") or module.partition(".")[0] in OTHER_PARSERS or bool(names & {"json", *PARSING_ATTRIBUTES})
    )


def _is_of_a_json_attribute(node: ast.Attribute) -> bool:
    """Whether it is `<module>.json.loads`; `answer.json()` is no module."""
    return isinstance(node.value, ast.Attribute) and node.value.attr == "json" and node.attr not in WRITERS


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
        "import json\ngetattr(json, 'loads')(x)",
        "import json\nd = json\nd.loads(x)",
        "import json.decoder\njson.decoder.JSONDecoder().decode(x)",
        "import json.decoder as d",
        "from json import *\nloads(x)",
        "from json import decoder",
        "from json.decoder import scanstring",
        "from kernel.outside_json import json",
        "import kernel.outside_json as o\no.json.loads(x)",
        "import ast\nast.literal_eval(x)",
        "from ast import literal_eval",
        "Model.model_validate_json(x)",
        "app.current_event.json_body",
        "pandas.read_json(x)",
    ],
)
def test_the_rule_sees_a_parser(source: str) -> None:
    assert parses_json(source)


def test_the_rule_sees_no_parser_where_json_is_written() -> None:
    assert not parses_json(
        "import json\njson.dumps(x)\nyaml.load(y)\nanswer.json()\nanswer.json().get(z)\njson.JSONDecodeError"
    )
