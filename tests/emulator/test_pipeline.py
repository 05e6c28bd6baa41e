"""The throw-away laptop AWS of `make pipeline-dry-run`."""

import pytest

import stages
from laptop import pipeline
from laptop.emulator import process
from operations.aws.target import Target

pytestmark = pytest.mark.system


def test_stage_of_the_dry_run_may_send_mails() -> None:
    """Otherwise SES refuses the smoke order's mails, and the audit finds them unsent."""
    with pipeline.throw_away():
        running = process.running()
        assert running is not None
        ses = Target().at(running.endpoint).client("sesv2")
        sender = ses.get_email_identity(EmailIdentity=stages.load(pipeline.STAGE).sender)
        assert sender["VerifiedForSendingStatus"]
