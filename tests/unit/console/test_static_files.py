"""The files of the page as they are served: compressed, and sent once."""

import gzip
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from console.static_files import static_files
from tests.support.console_stage import ConsoleStage
from tests.support.served_console import served


def asked(address: str, path: str, **headers: str) -> tuple[HTTPResponse, bytes]:
    """Return the answer to a request, and its body. Write header names with `_` for `-`."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.usefixtures("loopback")
def test_script_is_sent_compressed_and_only_once() -> None:
    with served(ConsoleStage()) as address:
        first, body = asked(address, "/static/app.js", Accept_Encoding="gzip, br")
        plain, text = asked(address, "/static/app.js")
        again, nothing = asked(address, "/static/app.js", If_None_Match=f'"other", W/{first.headers["etag"]}')
    assert (first.status, first.headers["content-encoding"], first.headers["cache-control"]) == (200, "gzip", "no-cache")
    assert first.headers["content-type"].startswith("text/javascript")
    assert (plain.headers["content-encoding"], gzip.decompress(body)) == (None, text)
    assert (again.status, nothing, again.headers["etag"]) == (304, b"", first.headers["etag"])


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    "path", ["none.js", "views/home.js", "index.html", "../server.py", "%2e%2e/server.py", "vendor/htm.LICENSE"]
)
def test_file_that_is_not_of_the_page_is_not_served(path: str) -> None:
    with served(ConsoleStage()) as address:
        assert asked(address, f"/static/{path}")[0].status == 404


def test_each_file_has_another_etag() -> None:
    files = static_files()
    assert len({file.etag for file in files.values()}) == len(files)
