"""The files of the page as they are served: compressed once, and sent again only if they changed."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from console.bundle import ENTRY, MAP, Bundle

FOLDER: Final = Path(__file__).with_name("static")
OWN_SCRIPTS: Final = ".js"
"""The suffix of the page's own scripts. Those of a library end in `.mjs` and are served as they are."""
OTHERS: Final = frozenset({".css", ".mjs", ".svg"})
REVALIDATED: Final = "no-cache"
"""The browser keeps a file, and asks each time whether it is still the same."""
TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is served: its media type, its bytes as gzip and plain, and its ETag."""

    media_type: str
    compressed: bytes
    plain: bytes
    etag: str

    def answer(self, request: Request) -> Response:
        """Return the file, or status 304 (not modified) if the request names its ETag."""
        headers = {"etag": self.etag, "cache-control": REVALIDATED, "vary": "accept-encoding"}
        if self.etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.plain, headers=headers, media_type=self.media_type)
        return Response(self.compressed, headers={**headers, "content-encoding": "gzip"}, media_type=self.media_type)


def static_files(folder: Path = FOLDER) -> Mapping[str, StaticFile]:
    """Return the files of the page by their paths below the folder: its scripts as one, and the others as they are."""
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    made = Bundle({name: path.read_text() for name, path in paths.items() if path.suffix == OWN_SCRIPTS})
    return {
        ENTRY: _prepared(ENTRY, made.code.encode()),
        MAP: _prepared(MAP, made.source_map.encode()),
        **{name: _prepared(name, path.read_bytes()) for name, path in paths.items() if path.suffix in OTHERS},
    }


def answer(files: Mapping[str, StaticFile], request: Request) -> Response:
    """Return the answer to a request for the file that `path` names."""
    file = files.get(request.path_params["path"])
    return file.answer(request) if file else PlainTextResponse("The page has no such file.", 404)


def _prepared(name: str, content: bytes) -> StaticFile:
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return StaticFile(TYPES[Path(name).suffix], gzip.compress(content, mtime=0), content, etag)
