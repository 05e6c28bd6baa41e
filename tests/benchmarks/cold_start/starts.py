"""The starts that are counted: of each function as it is deployed, and of what they are compared with."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from operations.repository import REPOSITORY
from tests.benchmarks.cold_start.functions import Function
from tests.benchmarks.cold_start.process import Start

LOCK: Final = REPOSITORY / "requirements" / "benchmarks.txt"
BARE: Final = "the bare interpreter"
BOTO3: Final = "boto3, with a client of DynamoDB"
TYPICAL: Final = "a typical handler"
TYPICAL_HANDLER: Final = """
import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, idempotent
from aws_lambda_powertools.utilities.parser import BaseModel, parse
logger, metrics, tracer = Logger(service="x"), Metrics(namespace="x", service="x"), Tracer(service="x")
app, layer, dynamodb = APIGatewayHttpResolver(), DynamoDBPersistenceLayer(table_name="x"), boto3.client("dynamodb")
class Order(BaseModel):
    order_id: str
    lines: list[str]
"""


class Runtime:
    """Lambda's runtime in a folder: an interpreter with boto3, and no package of this machine."""

    def __init__(self, python: Path, folder: Path) -> None:
        """Make the environment and install boto3 in it from the lock file."""
        subprocess.run([str(python), "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
        self.python = folder / "venv" / "bin" / "python"
        self.folder = folder
        self.boto3 = self._install("boto3", "boto3", "--constraint", str(LOCK))

    def bare(self) -> Start:
        """Return the start of the interpreter alone."""
        return Start(self.python, (self.boto3,), "pass", {})

    def boto3_alone(self) -> Start:
        """Return the start of boto3 with a client of DynamoDB."""
        return Start(self.python, (self.boto3,), "import boto3; boto3.client('dynamodb')", {})

    def function(self, function: Function) -> Start:
        """Return the start of a function: the import of its handler's module."""
        variables = {**function.variables, "LAMBDA_TASK_ROOT": str(function.folder)}
        return Start(self.python, (function.folder, self.boto3), f"import {function.module}", variables)

    def compared(self) -> Mapping[str, Start]:
        """Return what a function is compared with. Installs the packages of a typical handler."""
        packages = self._install("typical", "--requirements", str(LOCK))
        return {
            BOTO3: self.boto3_alone(),
            TYPICAL: Start(self.python, (packages,), TYPICAL_HANDLER, {"LAMBDA_TASK_ROOT": str(packages)}),
        }

    def _install(self, name: str, *packages: str) -> Path:
        """Install the packages in a folder of their own, with bytecode."""
        target = self.folder / name
        command = [find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode", "--link-mode", "copy"]
        subprocess.run([*command, "--python", str(self.python), "--target", str(target), *packages], check=True)
        return target
