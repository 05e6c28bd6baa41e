"""The bundles: complete, lean, and the same from the same source."""

import ast
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from cdk import bundling, bytecode
from kernel.naming import SERVICES, validator_module

OURS = ("kernel", "services", "audit", "journal")
"""The folders of a bundle with code of this repository."""
BESIDE_BOTO3 = {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six", "certifi"}
AS_LAMBDA_IMPORTS = """
import importlib, json, sys
bundle, site_packages, *handlers = sys.argv[1:]
sys.path = [bundle, *sys.path, site_packages]
for name in handlers:
    assert callable(importlib.import_module(name).handler), name
print(json.dumps(sorted(module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None))))
"""


UNCHECKED = (1).to_bytes(4, "little")
"""The flags of bytecode that Python loads without reading the source (PEP 552)."""


@pytest.fixture
def python() -> Path:
    found = bytecode.deployed_python()
    if found is None:
        pytest.skip(bytecode.MISSING)
    return found


def names(service: str) -> set[str]:
    with zipfile.ZipFile(bundling.bundle(service).file) as archive:
        return set(archive.namelist())


def schemas_of_others(service: str) -> set[str]:
    return {name for name in names(service) if "/schemas/" in name and not name.startswith(f"services/{service}/")}


@pytest.mark.parametrize("service", SERVICES)
def test_a_bundle_holds_its_service_and_the_code_of_no_other(service: str) -> None:
    code = {Path(name) for name in names(service) if name.startswith(("kernel/", "services/")) and name.endswith(".py")}
    assert {Path("kernel/__init__.py"), Path("services/__init__.py")} <= code
    casts = {path for path in code if path.name == "versions.py" and "schemas" in path.parts}
    assert {path.parts[1] for path in code - casts if path.parts[0] == "services" and len(path.parts) > 2} == {service}


@pytest.mark.parametrize("service", SERVICES)
def test_a_bundle_holds_nothing_about_its_deployment_or_installation(service: str) -> None:
    last = {Path(name).name for name in names(service)}
    assert not last & {"infrastructure.py", "README.md", "RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock"}
    assert not [name for name in names(service) if name.endswith(".pyc") or name.startswith("bin/")]


@pytest.mark.parametrize("service", [*SERVICES, bundling.AUDIT, bundling.JOURNAL])
def test_each_module_of_a_bundle_has_bytecode_that_python_loads_unchecked(service: str, python: Path) -> None:
    bundle = bundling.bundle(service, python=python)
    assert bundle.has_bytecode
    with zipfile.ZipFile(bundle.file) as archive:
        compiled = {name: archive.read(name) for name in archive.namelist() if name.endswith(".pyc")}
        modules = {name for name in archive.namelist() if name.endswith(".py")}
    assert {name.replace("__pycache__/", "").replace(f".{bytecode.TAG}.pyc", ".py") for name in compiled} == modules
    assert {content[4:8] for content in compiled.values()} == {UNCHECKED}


def test_python_loads_the_bytecode_without_reading_a_source(python: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundling.bundle("order", python=python).file) as archive:
        archive.extractall(tmp_path)
    for source in tmp_path.rglob("*.py"):
        source.write_text("raise ImportError('the source was read')")
    code = "import aws_lambda_powertools, kernel.schemas, validators.services_order_schemas_OrderPlaced_v3"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def test_bytecode_is_the_same_wherever_it_is_compiled(python: Path, tmp_path: Path) -> None:
    here, there = bundling.bundle("order", python=python), bundling.bundle("order", tmp_path / "build", python)
    assert here == bundling.Bundle(here.file, there.digest, has_bytecode=True)
    assert here.file.read_bytes() == there.file.read_bytes()


def test_a_bundle_without_bytecode_is_another_asset_and_says_so(python: Path) -> None:
    without = bundling.bundle("order")
    assert not without.has_bytecode
    assert without.digest != bundling.bundle("order", python=python).digest


def test_a_schema_of_a_bundle_has_its_validator() -> None:
    schemas = {name for name in names("order") if Path(name).suffix == ".json" and "/row_schemas/" not in name}
    generated = {name for name in names("order") if name.startswith("validators/")}
    assert generated == {validator_module(name) for name in schemas}
    assert len(generated) == len(schemas) > 10


@pytest.mark.parametrize("service", SERVICES)
def test_bundle_carries_the_licence_of_each_library(service: str) -> None:
    folders = {name.split("/")[0] for name in names(service) if ".dist-info/" in name}
    licensed = {
        name.split("/")[0] for name in names(service) if ".dist-info/" in name and Path(name).name.startswith("LICENSE")
    }
    assert folders
    assert licensed == folders


def test_a_bundle_holds_the_schemas_of_its_own_events_and_of_those_it_consumes() -> None:
    order, shipping = "services/order/schemas", "services/shipping/schemas"
    cancelled = {f"{order}/OrderCancelled.v1.json", f"{order}/OrderCancelled.v2.json", f"{order}/versions.py"}
    of_others = {
        "payment": cancelled,
        "inventory": cancelled,
        "order": {
            *(f"{shipping}/Shipment{became}.v1.json" for became in ("Dispatched", "Delivered", "Cancelled", "Failed")),
            "services/payment/schemas/PaymentRefunded.v1.json",
            "services/payment/schemas/PaymentRefundedOutside.v1.json",
            "services/inventory/schemas/StockAllocated.v1.json",
            "services/inventory/schemas/StockReleased.v1.json",
        },
        "shipping": {f"{order}/OrderConfirmed.v1.json", f"{order}/OrderCancelRequested.v1.json"},
        "notification": {
            f"{order}/OrderBackordered.v1.json",
            f"{order}/OrderConfirmed.v1.json",
            f"{shipping}/ShipmentDispatched.v1.json",
            *cancelled,
        },
    }
    assert {service: schemas_of_others(service) for service in of_others} == of_others
    for service in SERVICES:
        folder = bundling.REPOSITORY / "services" / service / "schemas"
        assert {f"services/{service}/schemas/{path.name}" for path in folder.glob("*.json")} <= names(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_bundle_is_all_that_its_handlers_import_but_for_boto3(service: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundling.bundle(service).file) as archive:
        archive.extractall(tmp_path)
    handlers = [
        f"services.{service}.functions.{file.stem}" for file in (tmp_path / f"services/{service}/functions").glob("[a-z]*.py")
    ]
    assert imported(tmp_path, *handlers) <= BESIDE_BOTO3


@pytest.mark.parametrize(
    ("package", "also"), [(bundling.AUDIT, {"__init__.py", "states.py", "model.py", "identity.py"}), (bundling.JOURNAL, set())]
)
def test_a_bundle_of_no_service_is_all_that_it_imports_and_little_of_services(
    package: str, also: set[str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(bundling.bundle(package).file) as archive:
        archive.extractall(tmp_path)
    assert {path.name for path in tmp_path.glob("services/*/**/*.py")} == also
    assert imported(tmp_path, f"{package}.function") <= BESIDE_BOTO3


def imported(bundle: Path, *handlers: str) -> set[str]:
    """Return the modules that Lambda imports from beside the bundle when it imports the handlers."""
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", AS_LAMBDA_IMPORTS, str(bundle), site_packages, *handlers],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert done.returncode == 0, done.stderr
    beside = {Path(file).relative_to(site_packages).parts[0] for file in json.loads(done.stdout) if site_packages in file}
    return {name.removesuffix(".py") for name in beside}


def test_the_same_source_is_the_same_bundle_wherever_it_is_made(tmp_path: Path) -> None:
    here, elsewhere = bundling.bundle("order"), bundling.bundle("order", build=tmp_path / "build")
    assert here.digest == elsewhere.digest
    assert here.file.read_bytes() == elsewhere.file.read_bytes()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the sources with other times and modes, for a test to change."""
    copy = tmp_path / "checkout"
    for package in ("kernel", "services"):
        shutil.copytree(bundling.REPOSITORY / package, copy / package, copy_function=shutil.copyfile)
    return copy


def digest(service: str, checkout: Path = bundling.REPOSITORY) -> str:
    return bundling.digest_of(bundling.contents_of(service, repository=checkout))


def test_another_checkout_is_the_same_bundle(checkout: Path) -> None:
    assert digest("shipping", checkout) == digest("shipping")


@pytest.mark.parametrize(
    "file",
    [
        "services/shipping/infrastructure.py",
        "services/shipping/README.md",
        "services/shipping/functions/__pycache__/relay.cpython-313.pyc",
        "services/order/functions/api.py",
        "services/order/schemas/OrderFulfilled.v1.json",
    ],
)
def test_change_outside_a_bundle_does_not_change_it(checkout: Path, file: str) -> None:
    before = digest("shipping", checkout)
    (checkout / file).parent.mkdir(parents=True, exist_ok=True)
    (checkout / file).write_text('{"x-source": "orderflow.order", "x-detail-type": "OrderFulfilled", "new": true}')
    assert digest("shipping", checkout) == before


@pytest.mark.parametrize(
    "file",
    ["services/shipping/functions/relay.py", "kernel/aggregate_store.py", "services/order/schemas/OrderConfirmed.v1.json"],
)
def test_change_inside_a_bundle_changes_it(checkout: Path, file: str) -> None:
    before = digest("shipping", checkout)
    (checkout / file).write_text((checkout / file).read_text() + "\n")
    assert digest("shipping", checkout) != before


MAIL = """
import sys
bundle, site_packages = sys.argv[1:]
sys.path = [bundle, *sys.path, site_packages]
from kernel.contact import Contact
from services.notification.domain import mails
address = {"line1": "1 Main St", "city": "X", "postal_code": "1", "country": sys.stdin.read()}
contact = Contact("Alice", "a@example.com", address)
price = {"amount": 4998, "currency": "USD"}
purchase = {"placed_at": "2026-11-23T12:00:00.000Z", "lines": [], "left_out": [], "total": price}
for kind, facts in {"confirmed": {}, "dispatched": {"tracking": "1"}}.items():
    mail = mails.compose(kind, mails.Shop("Shop", "s@example.com"), "ord-" + "a" * 26, contact, purchase, facts)
print([module.__file__ for name, module in sys.modules.items() if name in ("babel", "jinja2")], mail.text)
"""


@pytest.mark.parametrize("country", ["US", "CH", "BR"])
def test_the_bundle_of_notification_composes_mails_by_itself(country: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundling.bundle("notification").file) as archive:
        archive.extractall(tmp_path)
    site_packages = next(path for path in sys.path if path.endswith("site-packages"))
    command = [sys.executable, "-I", "-S", "-c", MAIL, str(tmp_path), site_packages]
    done = subprocess.run(command, input=country, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Total: " in done.stdout
    assert done.stdout.count(f"{tmp_path}/") == 2


def test_only_the_bundle_that_composes_mails_has_their_libraries_and_only_their_language() -> None:
    libraries = {"babel", "jinja2", "markupsafe"}
    assert {service for service in SERVICES if libraries & {name.split("/")[0] for name in names(service)}} == {"notification"}
    locales = {Path(name).name for name in names("notification") if "/locale-data/" in name}
    assert {"root.dat", "en.dat", "en_CH.dat", "en_001.dat"} < locales
    assert {name.split(".")[0].split("_")[0] for name in locales} == {"root", "en"}


def test_the_lock_is_installed_once_for_each_of_its_contents(tmp_path: Path) -> None:
    first = bundling.install_dependencies(tmp_path)
    marker = first / "aws_lambda_powertools" / "__init__.py"
    before = marker.stat().st_mtime_ns
    assert bundling.install_dependencies(tmp_path) == first
    assert marker.stat().st_mtime_ns == before
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    ast.parse(marker.read_text())


@pytest.mark.parametrize("service", [*SERVICES, bundling.AUDIT, bundling.JOURNAL])
def test_every_module_of_a_bundle_imports_without_the_rest_of_the_repository(service: str, tmp_path: Path) -> None:
    """A module that a function imports late, such as the casts of another service's events, would fail there only."""
    with zipfile.ZipFile(bundling.bundle(service).file) as archive:
        ours = [name for name in archive.namelist() if name.endswith(".py") and name.partition("/")[0] in OURS]
        archive.extractall(tmp_path, [name for name in archive.namelist() if name.partition("/")[0] in OURS])
    modules = sorted(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in ours)
    assert "kernel.versions" in modules
    program = "import importlib, json, sys; sys.path[:0] = sys.argv[1:3]; [importlib.import_module(n) for n in sys.argv[3:]]"
    command = [sys.executable, "-I", "-S", "-c", program, str(tmp_path), sysconfig.get_path("purelib"), *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
