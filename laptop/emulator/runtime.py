"""The Python runtime of the functions: a process with boto3 in memory, from which their processes are forked.

Started by `extensions/forked_functions.py` in the engine's environment of packages, by its path. It imports nothing of the
project, because a function would then find modules that its bundle lacks on AWS.
"""

import gc
import json
import os
import runpy
import signal
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

STREAMS = 3
"""Standard input, output and error of a function's process."""
LONGEST_REQUEST = 1 << 20


def main(control: socket.socket) -> None:
    """For each request of the engine, fork a process and answer its id. Return when the engine has ended.

    A request is a line of JSON: the `program`, its `folder` and its `environment`. Its three streams come with it.
    """
    import boto3  # noqa: F401 what each process would import

    gc.freeze()  # the collector would write to pages that all processes share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system forgets ended processes
    while True:
        request, streams, _, _ = socket.recv_fds(control, LONGEST_REQUEST, STREAMS)
        while request and not request.endswith(b"\n"):
            request += control.recv(LONGEST_REQUEST)
        if not request:
            return
        pid = os.fork()
        if pid == 0:
            control.close()
            _run(json.loads(request), streams)
        for stream in streams:
            os.close(stream)
        control.sendall(f"{pid}\n".encode())


def _run(request: dict[str, str | dict[str, str]], streams: list[int]) -> NoReturn:
    """Be the process that the request describes."""
    program, folder, environment = str(request["program"]), str(request["folder"]), request["environment"]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = [program]
    sys.path[0] = str(Path(program).parent)
    status = 0
    try:
        runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # the process ends with its traceback, as a started one does
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
