"""The functions' bundles, made without Docker: locked dependencies, the kernel, the service, and the schemas it consumes
(with the casts from their older versions). Each schema has its generated validator, and each module its bytecode.

A bundle is a zip named by the digest of its sources. So the same source is the same asset everywhere, and no file that a
running synthesis reads is ever rewritten.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from cdk.bytecode import PYTHON_VERSION, bytecode_of
from kernel.naming import validator_module
from kernel.subscriptions import Subscriptions

REPOSITORY = Path(__file__).parents[1]
BUILD = REPOSITORY / "build"
REQUIREMENTS = REPOSITORY / "requirements"
LOCK = REQUIREMENTS / "runtime.txt"
"""The dependencies of each bundle but those of services with a lock file of their own, `<service>.txt`."""
PLATFORM = "aarch64-manylinux2014"

Contents = Mapping[str, Path]
"""The contents of a bundle: the path inside it, and the file that goes there."""

NOT_BUNDLED = frozenset({"py.typed", "infrastructure.py", "contract.py", "README.md", "api.yaml"})
NO_SOURCES = frozenset({"__pycache__", "responses", "swagger_ui"})
"""Folders that no function reads: Python's caches, the schemas of an API's responses, and Powertools' page of an API."""
VALIDATED = frozenset({"schemas", "requests"})
"""Folders of the JSON schemas that functions validate by."""
AUDIT, JOURNAL = "audit", "journal"
"""Packages outside `services/`. The auditor's bundle has the states and the rows' forms of all services, and no code that
writes a row; the journal's has the kernel."""
ENGLISH = re.compile(r"(en|root)([._].*)")
"""The locales of Babel that a bundle has: mails are in English."""
INSTALLER_NOISE = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"})
"""Files that an installer writes about the installation. They differ between machines, and no function reads them."""


@dataclass(frozen=True)
class Bundle:
    """A zip, the digest of its sources, and whether it has their bytecode."""

    file: Path
    digest: str
    has_bytecode: bool


def bundle(service: str, build: Path = BUILD, python: Path | None = None) -> Bundle:
    """Return the service's bundle below `build`; build it if it is missing.

    `python` compiles its modules. Without one, the bundle has no bytecode, and its digest differs: a later deployment from a
    machine that has one replaces the functions.
    """
    contents = contents_of(service, build)
    digest = digest_of(contents)
    if python is None:
        digest = hashlib.sha256(f"{digest} without bytecode".encode()).hexdigest()
    file = build / "bundles" / f"{service}-{digest[:16]}.zip"
    if not file.exists():
        bytecode = bytecode_of(contents, python, build / "bytecode") if python else {}
        _write({**contents, **bytecode}, file)
    return Bundle(file, digest, python is not None)


def contents_of(service: str, build: Path = BUILD, repository: Path = REPOSITORY) -> Contents:
    """Return the sources of the service's bundle, from a checkout of the repository."""
    dependencies = install_dependencies(build, lock_of(service))
    found = {path.relative_to(dependencies).as_posix(): path for path in _files(dependencies) if _is_read(path)}
    own = {path.relative_to(repository).as_posix(): path for path in sources(service, repository)}
    return {**found, **own, **generate_validators(own, build)}


def generate_validators(sources: Contents, build: Path = BUILD) -> Contents:
    """Generate the validator of each JSON schema, once for each of its contents. Return the modules by their places.

    A process of its own generates them, because infrastructure imports nothing that runs.
    """
    generator = LOCK.read_bytes() + (REPOSITORY / "kernel" / "validators.py").read_bytes()
    folder = build / "validators"
    folder.mkdir(parents=True, exist_ok=True)
    generated: dict[str, Path] = {}
    for name, path in sources.items():
        if path.suffix == ".json" and path.parent.name in VALIDATED:
            digest = hashlib.sha256(generator + path.read_bytes()).hexdigest()
            generated[validator_module(name)] = folder / f"{digest[:32]}.py"
    schemas = {validator_module(name): path for name, path in sources.items()}
    missing = [(schemas[module], file) for module, file in generated.items() if not file.exists()]
    if missing:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = [(str(schema), str(Path(scratch) / file.name)) for schema, file in missing]
            command = [sys.executable, "-m", "kernel.validators"]
            subprocess.run(command, input=json.dumps(made), text=True, check=True, cwd=Path(__file__).parents[1])
            for _, file in missing:
                (Path(scratch) / file.name).replace(file)
    return generated


def digest_of(contents: Contents) -> str:
    """Return the SHA-256 over the names and bytes of the contents, in hex. Times, modes and places do not count."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        data = contents[name].read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()


def lock_of(service: str) -> Path:
    """Return the lock file of the service's dependencies."""
    own = REQUIREMENTS / f"{service}.txt"
    return own if own.exists() else LOCK


def install_dependencies(build: Path = BUILD, lock: Path = LOCK) -> Path:
    """Install the locked dependencies for Lambda's platform, once for each lock file. Return their folder."""
    digest = hashlib.sha256(f"{PLATFORM} {PYTHON_VERSION} ".encode() + lock.read_bytes()).hexdigest()
    folder = build / "dependencies" / digest[:16]
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "installed"
        command = [find_uv_bin(), "pip", "install", "--quiet", "--target", str(target), "--requirements", str(lock)]
        command += ["--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
        command += ["--python-platform", PLATFORM, "--python-version", PYTHON_VERSION]
        subprocess.run(command, check=True, cwd=REPOSITORY)
        shutil.rmtree(target / "bin", ignore_errors=True)
        try:
            target.rename(folder)
        except OSError:
            if not folder.exists():  # else another synthesis was faster
                raise
    return folder


def sources(service: str, repository: Path = REPOSITORY) -> Iterator[Path]:
    """Yield the files of the repository that the service's bundle has."""
    services = repository / "services"
    yield from _files(repository / "kernel")
    if service in (AUDIT, JOURNAL):
        yield from _files(repository / service)
    if service == JOURNAL:
        return
    yield services / "__init__.py"
    if service == AUDIT:
        packages = {*services.glob("*/__init__.py"), *services.glob("*/domain/__init__.py")}
        shared = {*services.glob("*/domain/states.py"), *services.glob("*/domain/model.py")}
        yield from sorted({services / "order" / "domain" / "identity.py", *shared, *packages})
        return
    yield from _files(services / service)
    consumes: Subscriptions = import_module(f"services.{service}.subscriptions").SUBSCRIPTIONS
    consumed = {event for events in consumes.values() for event in events}
    casts = set()
    for path in sorted(services.glob("*/schemas/*.json")):
        schema: dict[str, Any] = json.loads(path.read_text())
        if path.parent.parent.name != service and (schema["x-source"], schema["x-detail-type"]) in consumed:
            yield path
            if schema["x-version"] > 1:
                casts.add(path.parent / "versions.py")
    yield from sorted(casts)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in NOT_BUNDLED | INSTALLER_NOISE and not NO_SOURCES & set(path.parts):
            yield path


def _is_read(path: Path) -> bool:
    """Return False for a locale of Babel that no function reads."""
    return path.parent.name != "locale-data" or bool(ENGLISH.fullmatch(path.name))


def _write(contents: Contents, file: Path) -> None:
    """Write the zip beside its place, then move it there, so that a reader never sees a part of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, scratch = tempfile.mkstemp(dir=file.parent, suffix=".part")
    with os.fdopen(descriptor, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, contents[name].read_bytes())
    Path(scratch).replace(file)
