"""The guard of the page: another host, another origin and a change without the token are refused."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from console.guard import HEADERS
from tests.support.audited_stage import STORIES
from tests.support.console_stage import ConsoleStage
from tests.support.served_console import TOKEN, served

pytestmark = pytest.mark.usefixtures("loopback")
CANCEL = "/api/orders/{}/cancel"


def status(address: str, method: str, path: str, **headers: str) -> int:
    """Return the status of a request. Write header names with `_` for `-`."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    connection.close()
    return answer.status


def test_page_answers_at_its_own_host_only() -> None:
    with served(ConsoleStage()) as address:
        assert status(address, "GET", "/") == 200
        assert status(address, "GET", "/api/stage", Host="evil.example") == 403
        assert status(address, "GET", "/api/stage", Host="127.0.0.1:1") == 403


def test_request_of_another_page_is_refused() -> None:
    with served(ConsoleStage()) as address:
        assert status(address, "GET", "/api/stage", Origin=address) == 200
        assert status(address, "GET", "/api/stage", Origin="http://evil.example") == 403
        assert status(address, "GET", "/api/stage", Origin="null") == 403


def test_change_needs_the_token() -> None:
    stage = ConsoleStage()
    path = CANCEL.format(stage.place(STORIES[0], 9))
    with served(stage) as address:
        assert status(address, "POST", path) == 403
        assert status(address, "POST", path, X_Orderflow_Token="another") == 403
        assert stage.cancelled == []
        assert status(address, "POST", path, X_Orderflow_Token=TOKEN) == 200
        assert len(stage.cancelled) == 1


def test_change_by_another_page_is_refused_even_with_the_token() -> None:
    stage = ConsoleStage()
    path = CANCEL.format(stage.place(STORIES[0], 9))
    with served(stage) as address:
        assert status(address, "POST", path, X_Orderflow_Token=TOKEN, Origin="http://evil.example") == 403
    assert stage.cancelled == []
