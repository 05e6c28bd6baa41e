"""The secrets that detect-secrets finds in the committed files. Print them: `python -m tests.quality.secrets`."""

import subprocess
import sys
from typing import Final

from detect_secrets import SecretsCollection
from detect_secrets.settings import default_settings

from tests.quality.prose.sources import REPOSITORY

GENERATED: Final = (
    "tests/infrastructure/__snapshots__/",
    "requirements/",
    "package-lock.json",
    "data/",
    "docs/reference/events/",
    "docs/reference/openapi/",
    "docs/reference/cli.md",
    "docs/reference/alarms.md",
    "operations/alarms/inventory.json",
    "operations/economics/units.json",
)
"""Files of hashes, and files that commands make of other files, which no person writes."""
NO_SECRETS: Final = {
    "docs/how-to/runbooks/take-up-a-retained-table.md": "the logical id of a table",
    "operations/aws/target.py": "the laptop's key, which is valid nowhere",
    "operations/permissions/reasons.py": "the verb of a permission on secrets",
    "simulation/engine/process.py": "the simulated account's key",
    "simulation/stage/deployment.py": "the keys of the simulated gateway and carrier",
    "simulation/stage/providers/easypost_server.py": "the simulated carrier's key",
    "simulation/stage/providers/stripe_server.py": "the simulated gateway's key",
    "tests/infrastructure/granted.py": "an action of IAM",
    "tests/sdk/test_sdk_safety.py": "a key of the test's account",
    "tests/unit/conftest.py": "a key of moto's account",
    "tests/unit/kernel/test_callers.py": "the name of an instance in an ARN",
    "tests/unit/kernel/test_handler.py": "the text that a log must not have",
    "tests/unit/kernel/test_outbox_text.py": "a packed text",
    "tests/unit/kernel/test_webhooks.py": "the test's webhook key",
    "tests/unit/payment/conftest.py": "the test's webhook key",
    "tests/unit/payment/test_localstripe.py": "a key of localstripe",
    "tests/unit/shipping/conftest.py": "the test's webhook key",
    "tests/unit/shipping/test_easypost_carrier.py": "the test's key of the carrier",
    "tests/unit/stages/test_stages.py": "an address with a password, which is refused",
}
"""The files in which detect-secrets takes something else for a secret, each with what it is."""


def committed() -> list[str]:
    """Return the committed files that persons write."""
    done = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [file for file in done.stdout.splitlines() if not file.startswith(GENERATED)]


def found() -> dict[str, list[str]]:
    """Return what looks like a secret, by file: its line and kind."""
    secrets = SecretsCollection(root=str(REPOSITORY))
    with default_settings():
        secrets.scan_files(*committed())
    return {file: [f"line {secret.line_number}: {secret.type}" for secret in found] for file, found in secrets.data.items()}


def findings() -> list[str]:
    """Return each place that is no known exception, and each exception that no longer exists."""
    everything = found()
    new = [f"{file}: {place}" for file, places in everything.items() if file not in NO_SECRETS for place in places]
    return [*new, *(f"{file}: nothing looks like a secret any more" for file in NO_SECRETS.keys() - everything.keys())]


if __name__ == "__main__":
    listed = findings()
    sys.stdout.write("\n".join(listed or ["0 secrets"]) + "\n")
    sys.exit(bool(listed))
