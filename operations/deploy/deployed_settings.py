"""The settings that a stage's stacks were deployed with, against those in its file: what a deployment would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import stages
from kernel import outside_json
from kernel.naming import parameter_name
from operations.errors import UserError, WrongUsageError
from stages import Stage

Settings = Mapping[str, stages.Value]
BEFORE_SETTINGS = {"payment": "gateway", "shipping": "carrier"}
"""Parameters of stacks that were deployed before the parameter `settings` existed."""


@dataclass(frozen=True)
class Change:
    """A setting that a deployment of a service would change, and whether that must be allowed by name."""

    service: str
    setting: str
    deployed: stages.Value
    wanted: stages.Value
    must_be_allowed: bool


def deployed(stage: str, parameters: Mapping[str, str]) -> dict[str, Settings]:
    """Return the settings of each service that is deployed, from the values of the stage's parameters by their names."""
    found: dict[str, Settings] = {
        service: {single: parameters[name]}
        for service, single in BEFORE_SETTINGS.items()
        if (name := parameter_name(stage, service, single)) in parameters
    }
    for name, value in parameters.items():
        service, thing = name.split("/")[-2:]
        if thing == "settings":
            found[service] = outside_json.read(value)
    return found


def changes(stage: Stage, known: Mapping[str, Settings]) -> list[Change]:
    """Return what a deployment of these services would change, in the order of the services and the settings."""
    return [
        Change(service, setting, settings[setting], wanted, _must_be_allowed(stage, settings, setting, wanted))
        for service, settings in known.items()
        for setting in stages.SETTINGS
        if setting in settings and (wanted := stage.value_for(service, setting)) != settings[setting]
    ]


def check_protected(allowed: Sequence[str]) -> None:
    """Check the values of `--allow-change`. Raises WrongUsageError for one that is no protected setting."""
    for name in allowed:
        if name not in stages.PROTECTED:
            fault = f"There is no protected setting {name} (--allow-change)."
            raise WrongUsageError(fault, f"Choose one of: {', '.join(stages.PROTECTED)}.")


def check_allowed(stage: Stage, found: Sequence[Change], allowed: Sequence[str]) -> None:
    """Check that every protected change is allowed. Raises UserError that names the others and the option to allow them."""
    refused = [change for change in found if change.must_be_allowed and change.setting not in allowed]
    if not refused:
        return
    said = "; ".join(
        f"{change.setting} of {change.service} from {stages.as_text(change.deployed)} to {stages.as_text(change.wanted)}"
        for change in refused
    )
    options = " ".join(f"--allow-change {name}" for name in dict.fromkeys(change.setting for change in refused))
    raise UserError(
        f"This would change {said}.",
        f"Nothing was changed. To allow it, add {options}; to keep the setting, correct stages/{stage.name}.yaml.",
    )


def template_parameters(stage: Stage, found: Sequence[Change]) -> dict[str, list[str]]:
    """Return, by service, what to give the CDK's CLI so that CloudFormation lets the changes pass: `Gateway=stripe`."""
    given: dict[str, list[str]] = {}
    for change in found:
        if stage.protects(change.setting):
            value = stages.as_text(change.wanted)
            given.setdefault(change.service, []).append(f"{stages.parameter_id(change.setting)}={value}")
    return given


def _must_be_allowed(stage: Stage, settings: Settings, setting: str, wanted: object) -> bool:
    """Refuse a change that the stage protects. An ephemeral stage, as it is deployed, may change in any way."""
    was_ephemeral = settings.get("ephemeral", stage.ephemeral)
    return not was_ephemeral and stages.loses(setting, settings[setting], wanted)
