"""Run the engine with Orderflow's extensions: `.venv-embedded/bin/python laptop/emulator/launcher.py [--plain]`.

Started by `laptop.emulator.process`, which sets its environment. It runs in the engine's own environment of packages,
so it imports nothing of the project but this package.
"""

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Register the extensions, unless `--plain`, and serve until the process is ended."""
    # The engine would read our arguments as its own.
    sys.argv = ["ministack"]
    if "--plain" not in arguments:
        from laptop.emulator.extensions import register_all

        register_all()
    from ministack.app import main as serve

    serve()


if __name__ == "__main__":
    # In place of this folder, so that `import orderctl` works here; as PYTHONPATH it would reach the functions too, and
    # a module missing from a function's bundle would be found on the laptop and not on AWS.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    main(sys.argv[1:])
