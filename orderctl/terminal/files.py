"""The files and folders that a command writes, and the errors of all files.

A command that takes long, or that changes something, checks its destination first.
"""

import errno
import os
from pathlib import Path
from typing import Final

from laptop.emulator import process
from operations.errors import UserError, WrongUsageError

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
OF_A_FILE: Final = FULL | {errno.EIO, errno.EROFS, errno.EMFILE}
"""Errors of a file that is open: Python names no file in them."""
NEXT: Final = "Check the path and its permissions."


def check_file(file: Path) -> None:
    """Raise WrongUsageError unless a file can be written there."""
    _check_name(file)
    _check_usable(file.parent, f"{file} cannot be written")
    if file.is_dir():
        raise WrongUsageError(f"{file} is a folder.", "Give the path of a file.")
    if file.exists() and not os.access(file, os.W_OK):
        raise WrongUsageError(f"{file} cannot be written: permission denied.", NEXT)


def check_folder(folder: Path) -> None:
    """Raise WrongUsageError unless the folder can be written, or made."""
    _check_name(folder)
    there = next(path for path in (folder, *folder.resolve().parents) if os.path.lexists(path))
    _check_usable(there, f"{folder} cannot be used as a folder")


def _check_name(path: Path) -> None:
    if str(path) == "-":
        raise WrongUsageError("- cannot be written: the standard output already has the answer of the command.", "Give a path.")


def _check_usable(folder: Path, fault: str) -> None:
    if not folder.is_dir():
        why = f"{folder} is not a folder" if os.path.lexists(folder) else f"there is no folder {folder}"
        raise WrongUsageError(f"{fault}: {why}.", "Make the folder, or choose another path.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WrongUsageError(f"{fault}: permission denied for {folder}.", NEXT)


def write(file: Path, text: str) -> None:
    """Write a file. Raises UserError, with the file, if it cannot be written, also for a full disk."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise explained(OSError(error.errno, error.strerror, str(file))) or error from error


def explained(error: OSError) -> UserError | None:
    """Return the error of a file, folder or program for the operator: what, where, what next. None for another error."""
    full = "Free some space, then run the command again."
    if error.filename is None:
        fault, hint = f"The command cannot write or read a file: {error.strerror}.", full if error.errno in FULL else NEXT
        return UserError(fault, hint) if error.errno in OF_A_FILE else None
    path = str(error.filename)
    if error.errno == errno.ENOENT and os.sep not in path:
        return UserError(f"Cannot use {path}: there is no such file or program.", "Install it, or see `orderctl doctor`.")
    return UserError(f"Cannot use {path}: {error.strerror}.", full if error.errno in FULL else _next(Path(path)))


def _next(path: Path) -> str:
    home = process.home()
    if home in (path, *path.parents) or path in home.parents:
        return f"Orderflow keeps its own files in {home}; set ORDERFLOW_HOME to keep them elsewhere."
    return NEXT
