"""The services that a change of files changes."""

import subprocess

import pytest

from cdk import bundling
from operations.deploy import changed_services, requirements
from operations.errors import WrongUsageError
from operations.repository import REPOSITORY

ALL = requirements.known()


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("services/payment/infrastructure.py", ["payment"]),
        ("services/payment/functions/webhook.py", ["payment"]),
        ("services/shipping/README.md", []),
        ("services/shipping/schemas/ShipmentDispatched.v1.json", ["notification", "order", "shipping"]),
        ("audit/function.py", ["audit"]),
        ("journal/infrastructure.py", ["journal"]),
        ("services/order/domain/states.py", ["audit", "order"]),
        ("kernel/relay.py", ALL),
        ("cdk/constructs/queue.py", ALL),
        ("stages/prod.yaml", ALL),
        ("package-lock.json", ALL),
        ("tests/conftest.py", []),
        ("docs/how-to/deploy.md", []),
    ],
)
def test_services_of_a_changed_path(path: str, services: list[str]) -> None:
    assert sorted(changed_services.of([path], ALL)) == sorted(services)


@pytest.mark.parametrize("service", [service for service in ALL if service != changed_services.PLATFORM])
def test_service_is_deployed_after_a_change_of_any_file_of_its_bundle(service: str) -> None:
    paths = [path.relative_to(REPOSITORY).as_posix() for path in bundling.sources(service)]
    assert paths
    assert [path for path in paths if service not in changed_services.of([path], [service])] == []


def test_services_keep_their_order() -> None:
    assert changed_services.of(["kernel/relay.py"], ["payment", "order", "audit"]) == ["payment", "order", "audit"]


def test_unknown_commit_is_refused() -> None:
    with pytest.raises(WrongUsageError, match="git finds no commit 'nowhere'"):
        changed_services.since("nowhere")


def test_everything_changed_since_there_was_nothing() -> None:
    command = ["git", "hash-object", "-t", "tree", "/dev/null"]
    nothing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    assert changed_services.of(changed_services.since(nothing), ALL) == ALL
