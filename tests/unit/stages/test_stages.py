"""A stage's file: its optional and required settings, and the errors about a bad one."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

import stages
from stages import SETTINGS, Stage, StageError

SCHEMA: dict[str, Any] = json.loads(stages.SCHEMA.read_text())
EPHEMERAL = "ephemeral: true\n"
LASTING = stages.EXAMPLE.read_text()


def read(text: str) -> Stage:
    return stages.parse("prod", text, "stages/prod.yaml")


@pytest.mark.parametrize("name", stages.names(stages.REPOSITORY_FOLDER))
def test_the_repositorys_stages_can_be_read(name: str) -> None:
    assert stages.load(name, at=stages.REPOSITORY_FOLDER).name == name


def test_laptop_stage_is_ephemeral_and_uses_the_sandboxes() -> None:
    stage = stages.load("dev", at=stages.REPOSITORY_FOLDER)
    assert (stage.ephemeral, stage.gateway, stage.carrier) == (True, "sandbox", "sandbox")


def test_example_is_a_lasting_stage_and_not_listed() -> None:
    assert not read(LASTING).ephemeral
    assert read(LASTING).gateway == "stripe"
    assert stages.EXAMPLE.stem not in stages.names(stages.REPOSITORY_FOLDER)


def test_large_stage_has_higher_settings_unless_its_file_names_them() -> None:
    large = read(EPHEMERAL + "capacity: large\nsweepers: 3\n")
    assert large.sweepers == 3
    others = {name: value for name, value in stages.CAPACITIES["large"].items() if name != "sweepers"}
    assert {name: large.value(name) for name in others} == others
    assert all(value > stages.default(name) for name, value in others.items())


@pytest.mark.parametrize("size", stages.CAPACITIES)
def test_settings_of_a_capacity_are_valid(size: str) -> None:
    document = {"ephemeral": True, "capacity": size, **stages.CAPACITIES[size]}
    assert read(json.dumps(document)) == read(EPHEMERAL + f"capacity: {size}\n")
    assert list(stages.CAPACITIES) == SCHEMA["properties"]["capacity"]["enum"]


def test_the_schema_describes_every_setting_and_has_the_same_defaults() -> None:
    assert set(SCHEMA["properties"]) == set(SETTINGS)
    assert all(described["description"] for described in SCHEMA["properties"].values())
    documented = {name: described["default"] for name, described in SCHEMA["properties"].items() if "default" in described}
    plain = Stage("dev", ephemeral=True)
    assert documented == {name: plain.value(name) for name in SETTINGS if plain.value(name) is not None and name != "ephemeral"}


COMPOSITION = [
    file
    for pattern in (
        "app.py",
        "cdk/**/*.py",
        "services/*/infrastructure.py",
        "audit/infrastructure.py",
        "journal/infrastructure.py",
    )
    for file in sorted(stages.REPOSITORY_FOLDER.parent.glob(pattern))
]


@pytest.mark.parametrize("file", COMPOSITION, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_the_composition_has_its_settings_from_the_stages_file_only(file: Path) -> None:
    """A context or a variable that a stack reads by itself would be forgotten by the next deployment."""
    source = file.read_text()
    assert "try_get_context" not in source
    assert "environ" not in source.replace("environment", "")
    assert "get_all_context" not in source or file.name == "app.py"


def test_schema_is_valid_json_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_a_setting_that_is_left_out_has_its_default() -> None:
    assert read(EPHEMERAL) == Stage("prod", ephemeral=True)


@pytest.mark.parametrize(
    "setting",
    ["account", "region", "gateway", "carrier", "sender", "channels", "archive_retention_days", "log_retention_days"],
)
def test_lasting_stage_must_state_its_protected_settings(setting: str) -> None:
    document = {name: value for name, value in stages.as_document(LASTING).items() if name != setting}
    with pytest.raises(StageError, match=rf"prod.yaml: {setting} missing \(a stage that is not ephemeral must name it\)"):
        read(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ephemeral missing"),
        ("[a]", "is not of type 'object'"),
        ("a: [", "is not YAML"),
        ("ephemeral: 1\n", "ephemeral: 1 is not of type 'boolean'"),
        (EPHEMERAL + "gateway: barter\n", "gateway: 'barter' is not one of sandbox, stripe"),
        (EPHEMERAL + "carrier: pigeon\n", "carrier: 'pigeon' is not one of sandbox, easypost"),
        (EPHEMERAL + "carrier: easypost\n", "ship_from missing"),
        (EPHEMERAL + "carrier: easypost\nship_from: {name: Shop}\n", "ship_from: street1, city, zip, country missing"),
        (EPHEMERAL + "gatewya: stripe\n", "unknown setting gatewya. Did you mean 'gateway'?"),
        (EPHEMERAL + "gateway: stripe\ngateway: sandbox\n", "'gateway' is set twice"),
        (EPHEMERAL + "account: 123456789012\n", "Put it in quotes"),
        (EPHEMERAL + "ship_from: {country: NO}\n", "Put it in quotes"),
        (EPHEMERAL + "account: '1234'\n", "account: '1234' is not an account: 12 digits"),
        (EPHEMERAL + "region: Frankfurt\n", "is not a region such as eu-central-1"),
        (EPHEMERAL + "sender: orders\n", "is not an e-mail address"),
        (EPHEMERAL + "log_retention_days: 31\n", "log_retention_days: 31 is not one of 1, 3"),
        (EPHEMERAL + "archive_retention_days: 0\n", "archive_retention_days: 0 is less than the minimum"),
        (EPHEMERAL + "archive_retention_days: 30.5\n", "is not of type 'integer'"),
        (EPHEMERAL + "log_levels: {paymnt: DEBUG}\n", "Did you mean 'payment'?"),
        (EPHEMERAL + "channels: [{name: a, principals: ['*']}]\n", "channels.0.principals.0: '*' is not a principal"),
        (EPHEMERAL + "channels: [{name: a, principals: [role/*]}]\n", "'role/*' is not a principal"),
        (EPHEMERAL + "channels: [{name: a, principals: []}]\n", "channels.0.principals"),
        (EPHEMERAL + "channels: [{name: Shop, principals: [role/x]}]\n", "channels.0.name: 'Shop' is not a channel"),
        (EPHEMERAL + "channels: [{name: shop, principals: ['*']}]\n", "channels.0.principals.0: '*' is not a principal"),
        (EPHEMERAL + "channels: [{name: shop, principals: []}]\n", "channels.0.principals"),
        ("? [a, b]\n: 1\n", "a setting's name is text"),
        ("? {a: b}\n: 1\n", "a setting's name is text"),
        ("[" * 3000, "nested too deep"),
        (EPHEMERAL + "sender: 2026-13-45\n", "is not an e-mail address"),
        (EPHEMERAL + f"archive_retention_days: {'9' * 5000}\n", "is not an integer in decimal digits"),
        (EPHEMERAL + "archive_retention_days: 010\n", "010 is not an integer in decimal digits"),
        (EPHEMERAL + "archive_retention_days: 1:30\n", "1:30 is not an integer in decimal digits"),
        (EPHEMERAL + "archive_retention_days: 0x1e\n", "0x1e is not an integer in decimal digits"),
        (EPHEMERAL + 'sender: "orders@example.com\\n"\n', "a character that cannot be printed"),
        (EPHEMERAL + 'sender: "\\ud800@example.com"\n', "a character that cannot be printed"),
        (EPHEMERAL + "ship_from: {street1: |\n  Hauptstr. 1\n}\n", "is not YAML"),
        (
            EPHEMERAL + "sender: bestellungen@exämple.de\n",
            "is not an e-mail address in ASCII",
        ),
        (EPHEMERAL + "alarm_receiver: ops@exämple.de\n", "is not an e-mail address in ASCII, the ARN of an SNS topic"),
        (EPHEMERAL + "stripe_url: 'https://api.stripe.com/ x'\n", "is not an http(s) address without a path"),
        (EPHEMERAL + "stripe_url: https://key:word@api.stripe.com\n", "is not an http(s) address without a path"),
        (EPHEMERAL + "easypost_url: https://api.easypost.com/\n", "is not an http(s) address without a path"),
        (EPHEMERAL + "ship_from: {country: Germany}\n", "ship_from.country: 'Germany' is not a country code"),
        (EPHEMERAL + "channels: [{name: api, principals: [role/x]}]\n", "channels.0.name: 'api' is not a channel"),
        (
            EPHEMERAL + "channels: [{name: a, principals: [role/y]}, {name: a, principals: [role/x]}]\n",
            "channels: a is declared twice",
        ),
    ],
)
def test_invalid_file_is_refused_with_place_and_setting(text: str, said: str) -> None:
    with pytest.raises(StageError) as refused:
        read(text)
    assert refused.value.message.startswith("stages/prod.yaml")
    assert refused.value.hint
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["prod-eu", "Prod", "1prod", "", "a" * 17, "pröd", "prod\n", "../dev"])
def test_a_name_that_cannot_be_part_of_a_stacks_name_is_refused(name: str) -> None:
    with pytest.raises(StageError, match="is not the name of a stage: up to 16 characters of a-z and 0-9"):
        stages.load(name)


def test_stage_without_a_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(EPHEMERAL)
    with pytest.raises(StageError) as refused:
        stages.load("prod", at=tmp_path)
    assert str(tmp_path / "prod.yaml") in refused.value.message
    assert "Stages: dev." in refused.value.hint
    assert "`orderctl stages new prod`" in refused.value.hint


def test_stage_without_a_file_can_copy_only_an_ephemeral_one(tmp_path: Path) -> None:
    (tmp_path / "dev.yaml").write_text(EPHEMERAL + "log_level: DEBUG\n")
    (tmp_path / "prod.yaml").write_text(LASTING)
    assert stages.load("mine", like="dev", at=tmp_path) == Stage("mine", ephemeral=True, log_level="DEBUG")
    assert stages.load("prod", like="dev", at=tmp_path).gateway == "stripe", "its own file goes first"
    with pytest.raises(StageError, match="which is not ephemeral"):
        stages.load("mine", like="prod", at=tmp_path)


def test_another_folder_of_stages_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text(EPHEMERAL)
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    assert stages.names() == ["mine"]
    assert stages.load("mine").name == "mine"


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ("gateway", "stripe"),
        ("grams_per_item", "500"),
        ("ephemeral", "false"),
        ("ship_from", '{"zip": "10115", "name": "Example Shop", "street1": "Hauptstr. 1", "city": "Berlin", "country": "DE"}'),
    ],
)
def test_an_override_may_repeat_what_the_file_says(setting: str, given: str) -> None:
    stages.override(read(LASTING), setting, given)


@pytest.mark.parametrize(
    ("setting", "given"), [("gateway", "sandbox"), ("grams_per_item", "501"), ("ephemeral", "true"), ("ship_from", "{")]
)
def test_an_override_may_not_contradict_the_file(
    setting: str, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stages.FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / "prod.yaml").write_text(LASTING)
    with pytest.raises(StageError) as refused:
        stages.override(read(LASTING), setting, given)
    assert refused.value.message.startswith(f"-c {setting}={given} contradicts stages/prod.yaml, which says {setting}: ")
    assert "Change the setting in the file" in refused.value.hint


def test_override_of_an_unknown_setting_is_refused() -> None:
    with pytest.raises(StageError, match=r"There is no setting 'gatway'. Did you mean 'gateway'\?"):
        stages.override(read(LASTING), "gatway", "stripe")


def test_an_override_names_the_file_that_has_the_settings() -> None:
    with pytest.raises(StageError, match=r"-c gateway=stripe contradicts stages/dev.yaml, which says gateway: sandbox"):
        stages.override(stages.load("mine", like="dev"), "gateway", "stripe")


def test_a_service_may_log_more_than_the_others() -> None:
    stage = read(EPHEMERAL + "log_level: WARNING\nlog_levels: {payment: DEBUG}\n")
    assert (stage.log_level_of("payment"), stage.log_level_of("order")) == ("DEBUG", "WARNING")


def test_open_settings_of_a_lasting_stage_are_reported() -> None:
    said = stages.remarks(read(LASTING))
    assert said == [f"{name} still has the example's value." for name in stages.COPIED]
    assert stages.remarks(read(EPHEMERAL)) == []


def test_a_new_stages_file_is_the_example_with_its_own_name() -> None:
    text = stages.example("shop", region="us-east-1", account='"000000000000"')
    stage = stages.parse("shop", text, "shop.yaml")
    assert (stage.region, stage.account) == ("us-east-1", "000000000000")
    assert "Stage shop." in text
    assert "region: \\1" in stages.example("shop", region="\\1")


def test_an_integral_number_is_an_integer() -> None:
    days = read(EPHEMERAL + "archive_retention_days: 90.0\n").archive_retention_days
    assert (days, type(days)) == (90, int)


def test_a_date_is_text() -> None:
    assert read(EPHEMERAL + "ship_from: {zip: 2026-01-02}\n").ship_from == {"zip": "2026-01-02"}


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.yaml").write_bytes(b"ephemeral: true # \xe4\n")
    with pytest.raises(StageError, match=r"prod.yaml is not UTF-8 text. Save it as UTF-8"):
        stages.load("prod", at=tmp_path)
