"""The addresses at which a process answers."""

import psutil


def listening(pid: int) -> list[str]:
    """Return the addresses, `127.0.0.1:4600`, at which a process and those below it accept connections."""
    process = psutil.Process(pid)
    return sorted(
        f"{socket.laddr.ip}:{socket.laddr.port}"
        for each in (process, *process.children(recursive=True))
        for socket in each.net_connections()
        if socket.status == psutil.CONN_LISTEN
    )
