"""The stages' settings: `stages/<stage>.yaml`, checked by `stage.schema.json`.

The CDK app and `orderctl` read a stage's settings only here. This module imports neither the CDK, nor a service, nor boto3.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from jsonschema import ValidationError

REPOSITORY_FOLDER = Path(__file__).parent
FOLDER_VARIABLE = "ORDERFLOW_STAGES"
"""The environment variable that names another folder of stage files."""
SCHEMA = REPOSITORY_FOLDER / "stage.schema.json"
EXAMPLE = REPOSITORY_FOLDER / "example-production.yaml"
"""A stage file with a comment at each setting. Its name cannot be a stage, so it is never deployed."""
LAPTOP_ACCOUNT = "000000000000"
"""The account of the laptop's AWS."""
LAPTOP_STAGE = "dev"
"""The stage of the laptop; a laptop's stage without a file of its own has the settings of this one."""
DEEPEST = 20
"""The levels of lists and mappings that a stage's file may have."""
NAME_PATTERN = r"[a-z][a-z0-9]{0,15}"
NAME_LAW = "up to 16 characters of a-z and 0-9, starting with a letter"
PROTECTED = (
    "ephemeral",
    "gateway",
    "stripe_url",
    "carrier",
    "easypost_url",
    "archive_retention_days",
    "log_retention_days",
)
"""The settings that move money or parcels elsewhere, or lose data, when they change."""
COPIED = ("account", "sender", "shop_name", "support_address", "tracking_url", "alarm_receiver", "ship_from")
"""The settings of the example that no shop has in common with it."""
SHORTENED = ("archive_retention_days", "log_retention_days")
"""The protected settings that may grow."""
TRAFFIC_MINUTES: Mapping[str, Sequence[int]] = {"canary": (5, 10, 15, 30), "linear": (1, 2, 3, 10)}
"""The values of `traffic` that shift it gradually, each with the minutes for which CodeDeploy has a configuration
(https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html)."""
Value = object
"""A setting as the file has it: text, a number, a boolean, a list or an object."""
CAPACITIES: Mapping[str, Mapping[str, int]] = {
    "standard": {},
    "large": {
        "api_requests_per_second": 2000,
        "api_burst": 4000,
        "booking_concurrency": 500,
        "consumer_concurrency": 500,
        "index_shards": 32,
        "journal_streams": 16,
        "sweepers": 32,
        "table_writes": 32_000,
        "webhook_requests_per_second": 2000,
    },
}
"""By the value of the setting `capacity`: the settings that a file then has unless it names them itself."""


class StageError(ValueError):
    """A stage's name or file that cannot be used: `message` names the fault and its place, `hint` the next step."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Channel:
    """A channel that may publish `OrderPlaced`: its name, and the IAM principals that may publish in its name.

    A principal is the ARN of a role or user, or `role/NAME` or `user/NAME` of the stage's own account.
    """

    name: str
    principals: tuple[str, ...]


@dataclass(frozen=True)
class Stage:
    """One stage's settings, with the defaults of an ephemeral stage. `stage.schema.json` describes each one."""

    name: str
    ephemeral: bool
    account: str | None = None
    region: str | None = None
    gateway: str = "sandbox"
    stripe_url: str = "https://api.stripe.com"
    carrier: str = "sandbox"
    easypost_url: str = "https://api.easypost.com"
    ship_from: Mapping[str, str] = field(default_factory=dict)
    grams_per_item: int = 500
    transit_seconds: int = 60
    sender: str = "orders@example.com"
    shop_name: str = "Example Shop"
    support_address: str = "support@example.com"
    tracking_url: str | None = None
    channels: tuple[Channel, ...] = ()
    archive_retention_days: int = 30
    log_retention_days: int = 30
    encryption_key: str = "aws"
    alarm_receiver: str | None = None
    alarms: str = "essential"
    secret_age_days: int = 90
    abort_after_seconds: int = 600
    back_ordered_for_seconds: int = 518400
    booking_delay_seconds: int = 30
    capacity: str = "standard"
    booking_concurrency: int = 150
    consumer_concurrency: int = 100
    sweep_at_once: int = 64
    journal_streams: int = 2
    table_writes: int = 4000
    index_shards: int = 4
    outbox_pass_minutes: int = 1440
    keep_customer_index: bool = False
    older_versions: list[str] = field(default_factory=list)
    sweepers: int = 2
    api_requests_per_second: int = 200
    api_burst: int = 400
    webhook_requests_per_second: int = 100
    webhook_concurrency: int | None = None
    snap_start: Sequence[str] = ()
    provisioned_concurrency: Mapping[str, int] = field(default_factory=dict)
    watch_minutes: int = 0
    traffic: str = "latest"
    traffic_minutes: int = 10
    otel_layer: str | None = None
    log_level: str = "INFO"
    log_levels: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_versions(self) -> bool:
        """True if callers reach each function and the saga by the alias of a published version."""
        return self.traffic != "latest"

    @property
    def shifts_traffic(self) -> bool:
        """True if a new version gets its traffic step by step."""
        return self.traffic in TRAFFIC_MINUTES

    def log_level_of(self, service: str) -> str:
        """Return the log level of a service's functions."""
        return self.log_levels.get(service, self.log_level)

    def value_for(self, service: str, setting: str) -> Value:
        """Return the value of a setting for one service."""
        return self.log_level_of(service) if setting == "log_level" else self.value(setting)

    def protects(self, setting: str) -> bool:
        """Return True if a deployment may change the setting only with `--allow-change`."""
        return setting == "ephemeral" or (setting in PROTECTED and not self.ephemeral)

    def value(self, setting: str) -> Value:
        """Return a setting as its file has it."""
        found = getattr(self, setting)
        if setting == "channels":
            return [{"name": channel.name, "principals": list(channel.principals)} for channel in found]
        if isinstance(found, tuple):
            return list(found)
        return dict(found) if isinstance(found, Mapping) else found


SETTINGS = tuple(item.name for item in fields(Stage) if item.name != "name")
"""The names of all settings."""


def folder() -> Path:
    """Return the folder of the stage files: `ORDERFLOW_STAGES`, else the repository's `stages/`."""
    return Path(os.environ.get(FOLDER_VARIABLE) or REPOSITORY_FOLDER)


def names(at: Path | None = None) -> list[str]:
    """Return the names of the stages that have a file."""
    return sorted(file.stem for file in (at or folder()).glob("*.yaml") if re.fullmatch(NAME_PATTERN, file.stem))


def check_name(name: str) -> str:
    """Return the name. Raises StageError if it cannot be part of a stack's name."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise StageError(f"{name!r} is not the name of a stage: {NAME_LAW}.", f"Stages: {listed()}.")
    return name


def listed(at: Path | None = None) -> str:
    """Return the stages that have a file, as text for a message."""
    return ", ".join(names(at)) or "none yet"


def file_of(name: str, at: Path | None = None) -> Path:
    """Return the file that has the stage's settings: its own, or the laptop's stage's if it has none."""
    own = (at or folder()) / f"{name}.yaml"
    return own if own.exists() else own.with_name(f"{LAPTOP_STAGE}.yaml")


def load(name: str, *, like: str | None = None, at: Path | None = None) -> Stage:
    """Return the stage's settings from its file. Without a file, those of the ephemeral stage `like`, if one is given.

    Raises StageError for an invalid name, a missing file, and a file that breaks the schema, with the setting.
    """
    check_name(name)
    file = (at or folder()) / f"{name}.yaml"
    if file.exists():
        return parse(name, text_of(file), str(file))
    if like is None:
        hint = f"Stages: {listed(at)}. To create it, use `orderctl stages new {name}`."
        raise StageError(f"There is no stage {name!r}: {file} is missing.", hint)
    model = load(like, at=at)
    if not model.ephemeral:
        raise StageError(
            f"Stage {name!r} cannot use the settings of {like!r}, which is not ephemeral.", "Create a file for it."
        )
    return replace(model, name=name)


def text_of(file: Path) -> str:
    """Return the text of a stage's file, with its own line ends. Raises StageError if it is not UTF-8."""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        raise StageError(f"{file} is not UTF-8 text.", "Save it as UTF-8, then try again.") from None


def parse(name: str, text: str, where: str) -> Stage:
    """Parse the text of a stage file. Raises StageError with the place `where` and the setting."""
    try:
        document: Any = as_document(text)
    except yaml.YAMLError as error:
        raise StageError(
            f"{where} is not YAML: {' '.join(str(error).split())}.", "Correct the file, then try again."
        ) from error
    _validate(document, where)
    channels = tuple(Channel(entry["name"], tuple(entry["principals"])) for entry in document.pop("channels", ()))
    if twice := {channel.name for channel in channels if [c.name for c in channels].count(channel.name) > 1}:
        raise StageError(f"{where}: channels: {', '.join(sorted(twice))} is declared twice.", "Keep one declaration.")
    started = tuple(document.pop("snap_start", ()))
    if both := sorted(set(started) & set(document.get("provisioned_concurrency", {}))):
        fault = f"{where}: provisioned_concurrency: {', '.join(both)} is in snap_start too, and Lambda allows one of the two."
        raise StageError(fault, "Keep one of them.")
    minutes, traffic = document.get("traffic_minutes", default("traffic_minutes")), document.get("traffic", "latest")
    if minutes not in (known := TRAFFIC_MINUTES.get(traffic, (minutes,))):
        fault = f"{where}: traffic_minutes: CodeDeploy has no {traffic} of {minutes} minutes."
        raise StageError(fault, f"Choose one of {', '.join(map(str, known))}.")
    settings = {**CAPACITIES[document.get("capacity", "standard")], **document}
    return Stage(name=name, channels=channels, snap_start=started, **settings)


def as_document(text: str) -> Value:
    """Parse YAML; an empty text is an empty object. Raises yaml.YAMLError, also for what `_StageLoader` refuses."""
    found = yaml.load(text, Loader=_StageLoader)  # nosec B506 - a SafeLoader that also refuses keys given twice
    return {} if found is None else found


def override(stage: Stage, name: str, given: str) -> None:
    """Check a `-c name=value` of a command line against the stage. Raises StageError unless it repeats the file's value."""
    if name not in SETTINGS:
        near = difflib.get_close_matches(name, SETTINGS, n=1)
        raise StageError(f"There is no setting {name!r}.", f"Did you mean {near[0]!r}?" if near else f"See {SCHEMA.name}.")
    says = stage.value(name)
    if as_text(says) != as_text(_from_text(given, says)):
        raise StageError(
            f"-c {name}={given} contradicts stages/{file_of(stage.name).name}, which says {name}: {as_text(says)}.",
            "Change the setting in the file, commit it, and deploy without -c.",
        )


def loses(setting: str, before: Value, after: Value) -> bool:
    """Return True if a lasting stage loses anything by the change: its gateway, its carrier, or data."""
    if setting in SHORTENED and isinstance(before, int) and isinstance(after, int):
        return after < before
    return setting in PROTECTED and after != before


def parameter_id(setting: str) -> str:
    """Return the template parameter that keeps a protected setting: `ArchiveRetentionDays` for `archive_retention_days`."""
    return setting.title().replace("_", "")


def remarks(stage: Stage) -> list[str]:
    """Return remarks on settings of a lasting stage that the schema allows, but that need a decision."""
    if stage.ephemeral:
        return []
    model = parse("example", EXAMPLE.read_text(encoding="utf-8"), str(EXAMPLE))
    copied = [name for name in COPIED if stage.value(name) == model.value(name)]
    return [f"{name} still has the example's value." for name in copied if stage.value(name)]


def example(name: str, **replaced: str) -> str:
    """Return the text of a file for a new lasting stage: the example, with some settings replaced."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("example-production", name)
    for setting, value in replaced.items():
        text = re.sub(rf"(?m)^{setting}: .*$", f"{setting}: {value}".replace("\\", "\\\\"), text)
    return text


def default(setting: str) -> Value:
    """Return the value that a stage has when its file does not name the setting; None if the file must."""
    item = next(item for item in fields(Stage) if item.name == setting)
    if item.default_factory is not MISSING:
        return item.default_factory()
    return None if item.default is MISSING else item.default


def as_text(value: Value) -> str:
    """Return a setting as a command line or a template has it: text unchanged, all other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _from_text(given: str, like: Value) -> Value:
    """Parse a command line's text, for a setting of the type of `like`."""
    if isinstance(like, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return given


class _StageLoader(yaml.SafeLoader):
    """A loader of values that mean what they look like.

    PyYAML takes the last of duplicate keys, reads `010` as 8, `1:30` as 90 and `2026-01-02` as a date, and keeps line breaks
    in a text. This loader refuses duplicate keys, keys that are no text, these numbers, text that cannot be printed, and
    values nested deeper than DEEPEST. It reads a date as text, and `30.0` as an integer.
    """

    depth = 0

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError("it is nested too deep")
        node = super().compose_node(parent, index)  # type: ignore[arg-type] # an index of a list, or a node of a mapping
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refusal(key, "a setting's name is text")
            if key.value in seen:
                raise _refusal(key, f"{key.value!r} is set twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        """Return the integer. Raises ConstructorError unless it is in plain decimal digits."""
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", node.value):
            raise _refusal(node, f"{node.value[:40]} is not an integer in decimal digits; put text in quotes")
        return int(node.value)

    def construct_number(self, node: yaml.ScalarNode) -> float | int:
        """Return the number, an integer if it is one."""
        number = self.construct_yaml_float(node)
        return int(number) if number.is_integer() else number

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Return the text. Raises ConstructorError if it cannot be printed on one line."""
        text = self.construct_yaml_str(node)
        if not text.isprintable():
            raise _refusal(node, "a text has a line break or a character that cannot be printed")
        return text


_StageLoader.add_constructor("tag:yaml.org,2002:int", _StageLoader.construct_integer)
_StageLoader.add_constructor("tag:yaml.org,2002:float", _StageLoader.construct_number)
_StageLoader.add_constructor("tag:yaml.org,2002:str", _StageLoader.construct_text)


def _refusal(node: yaml.Node, problem: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


@cache
def _schema() -> dict[str, object]:
    schema: dict[str, object] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def _validate(document: Value, where: str) -> None:
    """Raise StageError for the first part of the document that breaks the schema."""
    from jsonschema import Draft7Validator  # imported late: it takes 0.3 s, and most commands need no stage
    from jsonschema.exceptions import best_match

    error = best_match(Draft7Validator(_schema()).iter_errors(document))
    if error is None:
        return
    setting = ".".join(str(part) for part in error.absolute_path)
    raise StageError(f"{where}: {f'{setting}: ' if setting else ''}{_said(error)}.", _advice(error))


def _said(error: "ValidationError") -> str:
    """Describe the fault in one sentence."""
    if error.validator == "required":
        missing: Iterable[str] = [name for name in error.validator_value if name not in error.instance]
        lasting = "account" in error.validator_value
        needs = " (a stage that is not ephemeral must name it)" if lasting else ""
        return f"{', '.join(missing)} missing{needs}"
    if error.validator == "additionalProperties":
        unknown = [name for name in error.instance if name not in error.schema["properties"]]
        return f"unknown setting {', '.join(map(str, unknown))}"
    if error.validator == "enum":
        return f"{error.instance!r} is not one of {', '.join(map(str, error.validator_value))}"
    if error.validator == "pattern":
        return f"{error.instance!r} is not {error.schema.get('x-form', 'of the form ' + error.validator_value)}"
    return str(error.message)


def _advice(error: "ValidationError") -> str:
    if error.validator == "type" and "string" in error.validator_value:
        return "Put it in quotes, because YAML reads digits as a number and NO as false."
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for name in error.instance:
            if name not in known and (near := difflib.get_close_matches(str(name), known, n=1)):
                return f"Did you mean {near[0]!r}?"
    return "stages/stage.schema.json describes each setting."
