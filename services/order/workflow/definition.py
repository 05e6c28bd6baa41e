"""The saga's definition, read from its YAML."""

from pathlib import Path

import yaml

FILE = Path(__file__).parent / "order_saga.asl.yaml"


def definition() -> dict[str, object]:
    """Return the definition as Step Functions takes it once dumped to JSON. `${OrderCommands}` and its like stay in it."""
    loaded: dict[str, object] = yaml.safe_load(FILE.read_text())
    return loaded
