"""Gap: each process of a function imports boto3 anew, which takes two thirds of its start.

On AWS an instance has a processor of its own. Here a burst of orders starts forty processes on two cores. So the first start
makes a process with boto3 in memory (`laptop/emulator/runtime.py`), and the others are forked from it. A function that
brings its own boto3 gets a process of its own, as do all functions on a system without process descriptors (only Linux has
them).
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Final

from laptop.emulator.extensions.engine_functions import EngineChangedError, EngineFunction

RUNTIME: Final = Path(__file__).resolve().parents[1] / "runtime.py"
IN_THE_RUNTIME: Final = ("boto3", "botocore")
LONGEST_ANSWER: Final = 64
"""Bytes of a process id in digits, with room to spare."""


def register() -> None:
    """Have the engine fork the processes of functions in Python."""
    from ministack.core import lambda_runtime

    if getattr(lambda_runtime, "subprocess", None) is not subprocess:
        raise EngineChangedError("the engine starts functions in another way")
    if hasattr(os, "pidfd_open"):
        lambda_runtime.subprocess = SimpleNamespace(**{**vars(subprocess), "Popen": Runtime().start})


class Runtime:
    """The process from which others are forked. It is started with the first of them, and ends with the engine."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._control: socket.socket | None = None

    def start(
        self, command: Sequence[str], *, cwd: str, env: Mapping[str, str], **streams: object
    ) -> "subprocess.Popen[str] | ForkedProcess":
        """Start a process as `subprocess.Popen` does: a fork if the command is a Python program without its own boto3.

        Raises RuntimeError if the runtime was killed; the next start makes another.
        """
        if command[0] != sys.executable or any(Path(cwd, name).exists() for name in IN_THE_RUNTIME):
            start: EngineFunction = subprocess.Popen
            process: subprocess.Popen[str] = start(command, cwd=cwd, env=env, **streams)
            return process
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        ours_error, theirs_error = os.pipe()
        request = {"program": command[1], "folder": cwd, "environment": dict(env)}
        try:
            pid = self._fork(json.dumps(request).encode() + b"\n", [theirs_in, theirs_out, theirs_error])
        except (OSError, ValueError) as error:
            for stream in (ours_in, ours_out, ours_error):
                os.close(stream)
            raise RuntimeError("the runtime of the functions has ended; the next start makes another") from error
        finally:
            for stream in (theirs_in, theirs_out, theirs_error):
                os.close(stream)
        return ForkedProcess(pid, ours_in, ours_out, ours_error)

    def close(self) -> None:
        """End the process. Those that were forked from it go on."""
        if self._control:
            self._control.close()
            self._control = None

    def _fork(self, request: bytes, streams: list[int]) -> int:
        with self._lock:
            control = self._control = self._control or _started()
            try:
                sent = socket.send_fds(control, [request], streams)
                control.sendall(request[sent:])
                return int(control.recv(LONGEST_ANSWER))
            except (OSError, ValueError):
                self.close()
                raise


def _started() -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        number = theirs.fileno()
        subprocess.Popen([sys.executable, str(RUNTIME), str(number)], stdin=subprocess.DEVNULL, pass_fds=[number])
    return ours


class ForkedProcess:
    """The part of `subprocess.Popen` that the engine uses, for a process that is not its own child."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = open(stdin, "w", buffering=1, encoding="utf-8")  # noqa: SIM115
        self.stdout = open(stdout, encoding="utf-8")  # noqa: SIM115
        self.stderr = open(stderr, encoding="utf-8")  # noqa: SIM115
        try:
            self._descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:
            self._descriptor = None

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def poll(self) -> int | None:
        """Return None while the process runs, and 0 then: its status is not known here."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, at most so many seconds. Raises subprocess.TimeoutExpired."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
        return status

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _ended(self, seconds: float | None) -> int | None:
        if self._descriptor is None:
            return 0
        ending = select.poll()  # `select.select` takes no descriptor above 1,023
        ending.register(self._descriptor, select.POLLIN)
        return 0 if ending.poll(None if seconds is None else seconds * 1_000) else None

    def _send(self, number: int) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)
