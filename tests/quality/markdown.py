"""Format every Markdown file of the repository: `python -m tests.quality.markdown`, or only check it: `--check`."""

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MDFORMAT = Path(sys.executable).with_name("mdformat")


def main(arguments: list[str]) -> int:
    """Run `mdformat` on the files that git tracks or could track, and return its exit code."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    there = [name for name in names if (REPOSITORY / name).is_file()]
    return subprocess.run([str(MDFORMAT), *arguments, *there], cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
