"""The imports of the command line before it knows the command: each library more makes every command slower."""

import json
import subprocess
import sys

HEAVY = {"aws_cdk", "boto3", "constructs", "jinja2", "jsii", "starlette", "uvicorn"}
"""Libraries of one command, or of a few. `aws_cdk` alone takes seconds."""
MOST_MODULES = 600
"""The bar on the loaded modules. Python 3.11 loads 496."""
HELP = """
import json, sys
from orderctl.cli import main
sys.argv = ["orderctl", "--help"]
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def test_help_loads_no_library_of_one_command() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True, timeout=120)
    loaded = json.loads(done.stderr)
    assert "Usage: orderctl" in done.stdout
    assert HEAVY & {name.partition(".")[0] for name in loaded} == set()
    assert len(loaded) <= MOST_MODULES
