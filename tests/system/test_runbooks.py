"""The runbooks run: each from its very text, in the trouble that it is for."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orderctl import observing, replaying
from orderctl.cdk_cli import Cdk
from orderctl.embedded import mailbox
from orderctl.embedded.process import REPOSITORY
from services.kernel import clock
from tests.polling import eventually
from tests.system.conftest import Laptop
from tests.system.orderctl_run import orderctl
from tests.system.runbook import RUNBOOKS, commands, follow
from tests.system.test_replay import some_history

ORDERS = int(os.environ.get("ORDERFLOW_RUNBOOK_ORDERS", "40"))
"""`ORDERFLOW_RUNBOOK_ORDERS=300` is the whole of it."""
SAMPLE = REPOSITORY / "data" / "cdnow" / "CDNOW_sample.txt"
CHANNEL = "bad-day"


@pytest.mark.parametrize("name", sorted(file.stem for file in RUNBOOKS.glob("*.md")))
def test_it_tells_what_to_do(name: str) -> None:
    assert commands(name)[-1].startswith("orderctl audit"), "a runbook ends by verifying the books"


@pytest.mark.timeout(1200)
def test_consumer_was_broken(laptop: Laptop, tmp_path: Path) -> None:
    forget_dead_letters(laptop)
    deploy_broken_notification(laptop, tmp_path)
    with two_hours_in_seconds(laptop, "notification/notices"):
        orderctl(laptop.target, "orders", "import", str(SAMPLE), "--limit", str(ORDERS), "--channel", CHANNEL)
        eventually(lambda: laptop.dead_letters().get("notification/notices-dlq-url", 0) >= ORDERS, 120, "the notices are dead")
    told = len(mailbox.sent_mails(laptop.target.reachable()))
    follow("consumer-was-broken", laptop.target)
    assert observing.quiet(laptop.target, 120) == []
    assert len(mailbox.sent_mails(laptop.target.reachable())) >= told + ORDERS
    before = laptop.fingerprint()
    orderctl(laptop.target, "replay", "start", "--last", "3h", "--to", "notification", "--catch-up", "--wait")
    laptop.quiet()
    assert laptop.fingerprint() == before


def deploy_broken_notification(laptop: Laptop, folder: Path) -> None:
    """What a bad day deploys: a subscriber that fails on every event."""
    for source in ("cdk", "services", "audit"):
        shutil.copytree(REPOSITORY / source, folder / source, ignore=shutil.ignore_patterns("__pycache__"))
    for source in ("requirements", "data"):
        (folder / source).symlink_to(REPOSITORY / source)
    for source in ("cdk.json", "pyproject.toml"):
        shutil.copy(REPOSITORY / source, folder)
    subscriber = folder / "services" / "notification" / "subscriber.py"
    healthy = "    event = delivery.event\n"
    assert healthy in subscriber.read_text()
    subscriber.write_text(subscriber.read_text().replace(healthy, healthy + '    raise RuntimeError("a bad day")\n', 1))
    cdk = Cdk(laptop.target, folder / "deploy.log", app=f"cd {folder} && {sys.executable} -m cdk.app")
    cdk.finish(cdk.synthesizing(folder / "cdk.out"), "synth")
    cdk.deploy(folder / "cdk.out", ["OrderflowDev-Notification"])


@contextmanager
def two_hours_in_seconds(laptop: Laptop, name: str) -> Iterator[None]:
    """A message that fails is dead the next time it is looked at, and not after ten tries and half an hour."""
    client, url = laptop.target.client("sqs"), laptop.target.parameter(f"{name}-queue-url")
    policy = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    client.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(json.loads(policy) | {"maxReceiveCount": 1})}
    )
    try:
        yield
    finally:
        client.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})


def forget_dead_letters(laptop: Laptop) -> None:
    """Those that earlier tests have left are not this trouble's."""
    for url in observing.parameters(laptop.target, "-dlq-url").values():
        laptop.target.client("sqs").purge_queue(QueueUrl=url)


def test_wrong_window_replayed(laptop: Laptop) -> None:
    began = clock.rfc3339(clock.now())
    some_history(laptop)
    forget_dead_letters(laptop)
    before, mails = laptop.fingerprint(), len(mailbox.sent_mails(laptop.target.reachable()))
    everyone = [option for service in replaying.rules(laptop.target) for option in ("--to", service)]
    orderctl(laptop.target, "replay", "start", "--from", began, *everyone, "--catch-up", "--wait")
    orderctl(laptop.target, "replay", "start", "--from", began, *everyone)
    (latest, *_) = replaying.listed(laptop.target)
    follow("wrong-window-replayed", laptop.target, REPLAY=latest["name"])
    laptop.quiet()
    assert laptop.fingerprint() == before
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails
    assert laptop.dead_letters() == {}
