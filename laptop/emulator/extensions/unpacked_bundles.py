"""Gap: each process of a function unpacks the function's bundle anew, a thousand files, and compiles its modules again.

On AWS a function's code is unpacked once and read-only, so here its processes share one folder, by the bundle's content.
"""

import hashlib
import shutil
import tempfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from laptop.emulator.extensions.engine_functions import EngineChangedError

FOLDER: Final = "ministack-bundles"
"""The folder of the unpacked bundles, beside those of the processes; `orderctl down` removes both."""


def register() -> None:
    """Have the engine unpack each archive of a function once."""
    from ministack.core import lambda_runtime

    if getattr(lambda_runtime, "zipfile", None) is not zipfile:
        raise EngineChangedError("the engine unpacks bundles in another way")
    lambda_runtime.zipfile = SimpleNamespace(**{**vars(zipfile), "ZipFile": UnpackedOnce})


class UnpackedOnce(zipfile.ZipFile):
    """A ZIP file that is unpacked once: each folder for its content becomes a link to the same one."""

    def extractall(self, path: object = None, members: object = None, pwd: object = None) -> None:
        """Make the empty folder `path` a link to the content. Processes that begin at once share it too."""
        assert self.filename
        assert members is None  # the engine unpacks whole archives
        assert pwd is None
        content = Path(self.filename).read_bytes()
        unpacked = Path(tempfile.gettempdir(), FOLDER, hashlib.sha256(content).hexdigest())
        if not unpacked.exists():
            unpacked.parent.mkdir(exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=unpacked.parent))
            super().extractall(draft)
            try:
                draft.rename(unpacked)
            except OSError:  # another thread was quicker
                shutil.rmtree(draft)
        link = Path(str(path))
        link.rmdir()
        link.symlink_to(unpacked, target_is_directory=True)
