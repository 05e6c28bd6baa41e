"""The runbooks run: each from its very text, in the trouble that it is for."""

import pytest

from orderctl import observing, replaying
from orderctl.embedded import mailbox
from tests.system.conftest import Laptop
from tests.system.orderctl_run import orderctl
from tests.system.runbook import RUNBOOKS, commands, follow
from tests.system.test_replay import some_history


@pytest.mark.parametrize("name", sorted(file.stem for file in RUNBOOKS.glob("*.md")))
def test_it_tells_what_to_do(name: str) -> None:
    assert commands(name)[-1].startswith("orderctl audit"), "a runbook ends by verifying the books"


def forget_dead_letters(laptop: Laptop) -> None:
    """Those that earlier tests have left are not this trouble's."""
    for url in observing.parameters(laptop.target, "-dlq-url").values():
        laptop.target.client("sqs").purge_queue(QueueUrl=url)


def test_wrong_window_replayed(laptop: Laptop) -> None:
    some_history(laptop)
    forget_dead_letters(laptop)
    before, mails = laptop.fingerprint(), len(mailbox.sent_mails(laptop.target.reachable()))
    everyone = [option for service in replaying.rules(laptop.target) for option in ("--to", service)]
    orderctl(laptop.target, "replay", "start", "--last", "1d", *everyone, "--wait")
    orderctl(laptop.target, "replay", "start", "--last", "1d", *everyone)
    (latest, *_) = replaying.listed(laptop.target)
    follow("wrong-window-replayed", laptop.target, REPLAY=latest["name"])
    laptop.quiet()
    assert laptop.fingerprint() == before
    assert len(mailbox.sent_mails(laptop.target.reachable())) == mails
    assert laptop.dead_letters() == {}
