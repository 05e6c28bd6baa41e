"""The saga's definition, read from its YAML."""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parent / "order_saga.asl.yaml"


def definition() -> dict[str, Any]:
    """Return the definition as Step Functions takes it once dumped to JSON. `${OrderCommands}` and its like stay in it."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded
