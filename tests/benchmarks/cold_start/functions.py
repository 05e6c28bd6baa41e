"""The functions of a stage: each with its bundle, its handler and its environment variables."""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App

import stages
from app import compose
from cdk import bundling
from cdk.bytecode import deployed_python

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x"
"""The value of each variable that CloudFormation fills in."""


@dataclass(frozen=True)
class Function:
    """A function as it is deployed: its handler's module, its variables, and the folder of its unzipped bundle."""

    name: str
    module: str
    variables: Mapping[str, str]
    folder: Path


def synthesize(folder: Path) -> Path:
    """Synthesize the example of a production stage, whose payment and carrier are the real ones. Return its folder."""
    app = App(outdir=str(folder), analytics_reporting=False)
    compose(app, stages.parse("prod", stages.EXAMPLE.read_text(encoding="utf-8"), str(stages.EXAMPLE)))
    app.synth()
    return folder


def deployed(templates: Path, folder: Path) -> Iterator[Function]:
    """Yield the functions of the synthesized templates. Unzip the bundles in `folder`."""
    for template in sorted(templates.glob("*.template.json")):
        for resource in json.loads(template.read_text())["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function" and str(properties.get("Description", "")).startswith("Orderflow"):
                yield _function(properties, folder)


def _function(properties: Mapping[str, Any], folder: Path) -> Function:
    module = properties["Handler"].removesuffix(".handler")
    variables = properties["Environment"]["Variables"]
    service = variables["POWERTOOLS_SERVICE_NAME"]
    bundle = folder / service
    if not bundle.exists():
        with zipfile.ZipFile(bundling.bundle(service, python=deployed_python()).file) as archive:
            archive.extractall(bundle)
    known = {name: value if isinstance(value, str) else ARN for name, value in variables.items()}
    name = module.removeprefix("services.").replace(".functions.", ".").removesuffix(".function")
    return Function(name, module, known, bundle)
