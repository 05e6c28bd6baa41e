"""The CDK's own command line, run on a target: synthesize once, then bootstrap and deploy from the assembly."""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import stages
from operations.aws.target import LAPTOP_ACCOUNT, Target
from operations.deploy import assembly_lock
from operations.errors import UserError
from operations.log_file import last_lines
from operations.repository import REPOSITORY
from stages import Stage

CDK = REPOSITORY / "node_modules" / ".bin" / "cdk"
# The files that the composition reads. Their fingerprint decides if a synthesis could differ from the last one.
SOURCES = ("app.py", "cdk", "kernel", "services", "audit", "journal", "stages", "cdk.json", "requirements", "pyproject.toml")
_QUIET = ("--no-notices", "--no-version-reporting")
# The bootstrap stack, as the CDK names it.
TOOLKIT = "CDKToolkit"
BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
VALIDATION = "CDK_VALIDATION"
# The variable that turns off the check of the templates by the CDK (`cdk synth --help`).
LOOK_SECONDS = 1.0
"""How often a command of the CDK is interrupted for a look at whether the target still runs."""


@dataclass(frozen=True)
class Stack:
    """A synthesized stack: its id in the composition, its name at the target, the digest of its template and assets."""

    id: str
    name: str
    digest: str


class Cdk:
    """The CDK CLI working on `target`; what it prints goes to `log`.

    `is_there` says whether the target still runs. The CDK itself would try for many minutes to reach one that does not.
    """

    def __init__(
        self, target: Target, log: Path, app: str | None = None, *, is_there: Callable[[], bool] = lambda: True
    ) -> None:
        self.target = target
        self.log = log
        self.app = app
        self.is_there = is_there
        log.parent.mkdir(parents=True, exist_ok=True)

    def synthesizing(self, output: Path) -> "subprocess.Popen[bytes]":
        """Begin to synthesize the composition into `output`; wait for it with `finish`.

        Raises UserError if the CDK of an interrupted command still works on `output`.
        """
        assembly_lock.wait_until_free(output)
        app = self.app or f"{shlex.quote(sys.executable)} -m app"  # the CDK hands it to a shell
        arguments = ["synth", "--quiet", "--app", app, "--output", str(output), *self._context()]
        # A laptop needs no look-ups, and the composition must not depend on where it goes.
        return self._begin(arguments, REPOSITORY)

    def bootstrapping(self) -> "subprocess.Popen[bytes]":
        """Begin to prepare the account for deployments; wait for it with `finish`."""
        account = LAPTOP_ACCOUNT if self.target.is_laptop else self._account()
        # In a folder without a cdk.json, so that nothing is synthesized for it.
        return self._begin(["bootstrap", f"aws://{account}/{self.target.region}"], self.log.parent)

    def differences(self, assembly: Path, stacks: Sequence[str]) -> str:
        """Return what a deployment of these stacks (their ids) would change in their resources, as the CDK prints it.

        On AWS a change set says which resources would be replaced. Raises UserError if the CDK fails.
        """
        method = "template" if self.target.is_laptop else "auto"
        arguments = ["diff", "--exclusively", *stacks, "--app", str(assembly), "--method", method, "--no-color"]
        process = self._begin(arguments, self.log.parent, stdout=subprocess.PIPE)
        printed, _ = process.communicate()
        self.finish(process, "diff")
        return printed.decode(errors="replace").strip()

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return a command of the CDK for the target's stage, to run in the repository with `environment`.

        Raises UserError if the CDK is not installed.
        """
        return [*self._command(arguments), *self._context()]

    def deploy(
        self,
        assembly: Path,
        stacks: Sequence[str] = (),
        parameters: Mapping[str, Sequence[str]] = MappingProxyType({}),
        options: Sequence[str] = (),
    ) -> None:
        """Deploy these stacks (their ids; all if none are named) of a synthesized assembly.

        `parameters` are values of a stack's template parameters, `Gateway=stripe`; every other one keeps its value. `options`
        are further ones of the CDK's CLI.
        """
        chosen = ["--exclusively", *stacks] if stacks else ["--all"]
        approval = approval_options(self.target.settings())
        arguments = ["deploy", *chosen, "--app", str(assembly), "--progress", "events", *approval, *options]
        for stack, given in parameters.items():
            for parameter in given:
                arguments += ["--parameters", f"{stack}:{parameter}"]
        if self.target.is_laptop:
            # A change set shows a person the changes; no person looks here.
            arguments += ["--method=direct", "--concurrency", "4"]
        self.finish(self._begin(arguments, self.log.parent), "deploy")

    def take_up(self, assembly: Path, stack: str, mapping: str) -> None:
        """Make the stack of the existing resources in `mapping`, by logical id, as JSON. `deploy` adds its other resources."""
        arguments = ["import", stack, "--app", str(assembly), "--resource-mapping-inline", mapping, "--progress", "events"]
        self.finish(self._begin(arguments, self.log.parent), "import")

    def destroy(self, assembly: Path, stack: str) -> None:
        """Destroy one stack of a synthesized assembly, by its id."""
        arguments = ["destroy", "--exclusively", stack, "--app", str(assembly), "--force"]
        self.finish(self._begin(arguments, self.log.parent), "destroy")

    def finish(self, process: "subprocess.Popen[bytes]", what: str) -> None:
        """Wait for a process begun here. Raises UserError if it failed, with the log's last lines, or if the target ended."""
        code = self._code(process, what)
        if code != 0:
            raise UserError(
                f"cdk {what} failed (code {code}).", f"See its log, {self.log}. The last lines:\n{last_lines(self.log)}"
            )

    def _code(self, process: "subprocess.Popen[bytes]", what: str) -> int:
        while True:
            try:
                return process.wait(timeout=LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if not self.is_there():
                    process.kill()
                    process.wait()
                    raise UserError(
                        f"The laptop's AWS ended while cdk {what} ran.", "Start it again with `orderctl up`."
                    ) from None

    def _begin(self, arguments: Sequence[str], folder: Path, stdout: int | None = None) -> "subprocess.Popen[bytes]":
        command = self._command(arguments)
        with self.log.open("ab") as stream:
            stream.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
            stream.flush()
            return subprocess.Popen(
                command,
                cwd=folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream if stdout is None else stdout,
                stderr=stream,
            )

    def _command(self, arguments: Sequence[str]) -> list[str]:
        if not CDK.exists():
            raise UserError("The CDK command line is missing from node_modules.", "Install it with `make setup`.")
        return [str(CDK), *arguments, *_QUIET]

    def _context(self) -> list[str]:
        """Return the options that name the stage to the composition."""
        like = ["-c", f"like={stages.LAPTOP_STAGE}"] if self.target.is_laptop else []
        return ["-c", f"stage={self.target.stage}", *like]

    def environment(self) -> dict[str, str]:
        """Return the target's environment, with the project's own Node and Python first."""
        environment = self.target.environment()
        node = REPOSITORY / ".venv" / "lib" / "node" / "bin"
        path = [str(Path(sys.executable).parent), str(node), environment.get("PATH", os.defpath)]
        environment |= {
            "PATH": os.pathsep.join(path),
            "JSII_NODE": str(node / "node"),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "CI": "true",
            stages.FOLDER_VARIABLE: str(stages.folder().resolve()),
        }
        if self.target.is_laptop:
            # It only warns, of what CloudFormation on AWS would refuse, and takes a third of a synthesis.
            environment[VALIDATION] = "false"
        return environment

    def _account(self) -> str:
        return str(self.target.client("sts").get_caller_identity()["Account"])


def approval_options(settings: Stage) -> list[str]:
    """Return the CDK's options about changes that broaden permissions.

    On a stage that is not ephemeral, the log lists them. `orderctl deploy` has shown them before and has asked, so the CDK's
    own question is answered.
    """
    return ["--require-approval", "never"] if settings.ephemeral else ["--require-approval", "broadening", "--yes"]


def stacks_of(assembly: Path) -> list[Stack]:
    """Return the stacks of an assembly in an order that can be deployed. A template names its assets by their hashes."""
    manifest = json.loads((assembly / "manifest.json").read_text())
    found = []
    for artifact_id, artifact in manifest["artifacts"].items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        properties = artifact["properties"]
        content = (assembly / properties["templateFile"]).read_bytes()
        name = properties.get("stackName", artifact_id)
        found.append(Stack(artifact.get("displayName", artifact_id), name, hashlib.sha256(content).hexdigest()[:16]))
    return found


def fingerprint(settings: Stage, app: str | None = None) -> str:
    """Return a digest of everything that a synthesis reads, without synthesizing."""
    digest = hashlib.sha256(f"{settings} {app} {sys.version}".encode())
    for source in SOURCES:
        root = REPOSITORY / source
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(REPOSITORY)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
