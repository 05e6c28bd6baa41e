"""`orderctl doctor`: what a newcomer's machine lacks, each with the command that mends it."""

from collections.abc import Mapping

import pytest

from laptop import doctor
from laptop.doctor import Engine
from laptop.emulator.process import Running

RECORDED, STALE = Engine(11, "/home/a", is_recorded=True), Engine(12, "/home/b", is_recorded=False)


def test_emulator_without_a_record_is_found_with_the_command_that_ends_it() -> None:
    finding = doctor.emulators([RECORDED, STALE], None)
    assert finding == (False, "left running without a record: process 12", "`kill 12`")
    assert doctor.emulators([RECORDED], None).ok
    assert doctor.emulators([], None) == (True, "not running", "")


def test_emulator_that_does_not_answer_is_found() -> None:
    silent = Running(11, 0.0, 4566, "http://127.0.0.1:4566", "dev", "", "")
    assert doctor.emulators([RECORDED], silent).found == "process 11 does not answer at http://127.0.0.1:4566"


@pytest.mark.parametrize(("free", "ok"), [(999_999_999, False), (1_000_000_000, True)])
def test_full_disk_is_found(free: int, ok: bool) -> None:
    assert doctor.disk(free) == (ok, "1.0 GB free of 1 GB needed", "")


@pytest.mark.parametrize(
    ("environ", "ok"),
    [
        ({}, True),
        ({"HTTPS_PROXY": ""}, True),
        ({"HTTPS_PROXY": "http://proxy:3128"}, False),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "intranet"}, False),
        ({"http_proxy": "http://proxy:3128", "no_proxy": "intranet, 127.0.0.1"}, True),
        ({"ALL_PROXY": "socks5://proxy", "NO_PROXY": "*"}, True),
    ],
)
def test_proxy_between_programs_and_the_laptop_is_found(environ: Mapping[str, str], ok: bool) -> None:
    assert doctor.proxy(environ).ok is ok


@pytest.mark.parametrize(("now", "ok"), [(1_700_000_000.0, True), (1_699_999_800.0, True), (1_699_999_000.0, False)])
def test_clock_that_is_behind_is_found(now: float, ok: bool) -> None:
    finding = doctor.clock(now, 1_700_000_000.0)
    assert finding.ok is ok
    assert finding.found.startswith("2023-11-14T")
