"""The parts of a response are sent at once, and before the connection is closed."""

import asyncio
from typing import Any

from laptop.emulator.extensions.http_server import OneWrite


class Transport(asyncio.Transport):
    """A transport that keeps what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[Any] = []

    def write(self, data: Any) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("closed")


def test_parts_of_one_step_are_one_write() -> None:
    transport = Transport()

    async def respond() -> None:
        connection = OneWrite(transport, asyncio.get_running_loop())
        connection.write(b"head ")
        connection.write(b"body")
        assert transport.done == []
        await asyncio.sleep(0)
        connection.write(b"another")
        connection.close()
        await asyncio.sleep(0)

    asyncio.run(respond())
    assert transport.done == [b"head body", b"another", "closed"]
