"""Run the engine with Orderflow's extensions: `.venv-embedded/bin/python laptop/emulator/launcher.py [--plain]`.

Started by `laptop.emulator.process`, which sets its environment. It runs in the engine's own environment of packages,
so it imports nothing of the project but this package.
"""

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Register the extensions and the switch for faults, unless `--plain`, and serve until the process ends."""
    # The engine would parse these arguments as its own.
    sys.argv = ["ministack"]
    if "--plain" not in arguments:
        from laptop.emulator import faults
        from laptop.emulator.extensions import register_all

        register_all()
        faults.register()
    from ministack.app import main as serve

    serve()


if __name__ == "__main__":
    # The repository replaces this folder, so that `import laptop` works. PYTHONPATH would reach the functions too: they
    # would find a module on the laptop that their bundle lacks on AWS.
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    main(sys.argv[1:])
