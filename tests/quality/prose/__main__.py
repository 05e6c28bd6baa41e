"""Print what the prose check finds: `python -m tests.quality.prose [--lower] [FILE ...]`."""

import sys

from tests.quality.prose import baseline
from tests.quality.prose.rules import DENSITIES
from tests.quality.prose.sources import REPOSITORY, checked_files, passages


def main(arguments: list[str]) -> int:
    """Print each finding and the total; return 1 if there are any in the files named, else 0."""
    if "--lower" in arguments:
        baseline.lower()
        return 0
    chosen = [argument.rstrip("/") for argument in arguments]
    names = [name for name in checked_files() if not chosen or any(name == one or name.startswith(f"{one}/") for one in chosen)]
    total = 0
    for name, findings in baseline.find(names).items():
        total += len(findings)
        sys.stdout.write(f"{name}: {len(findings)}\n")
        for finding in findings:
            sys.stdout.write(f"  {finding.line}: {finding.rule}: {finding.excerpt}\n      -> {finding.plain}\n")
    if chosen:
        _print_counted_words(names)
    else:
        for (corpus, density), figure in baseline.densities(names).items():
            sys.stdout.write(f"{density.name} per 1,000 words of {corpus}: {figure:.1f} (limit {density.most})\n")
    sys.stdout.write(f"{total} findings in {len(names)} files\n")
    return 1 if total else 0


def _print_counted_words(names: list[str]) -> None:
    """Print the places of the words that have a limit; the limit holds for all docs, or all docstrings, together."""
    for name in names:
        for passage in passages(name, (REPOSITORY / name).read_text()):
            found = [match for density in DENSITIES for match in density.pattern.findall(passage.text)]
            if found:
                sys.stdout.write(f"{name}:{passage.first}: counted in the density: {', '.join(found)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
