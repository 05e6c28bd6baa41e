"""The page's scripts as one module: what each imports and exports, and the line of each in its source."""

import json
import re
import subprocess
from itertools import accumulate
from pathlib import Path

import pytest

from console.bundle import DIGITS, Bundle, ScriptError, stripped
from console.static_files import FOLDER, OWN_SCRIPTS

SCRIPT = """// What it is.
/** Return one.
 *  @see two */
export const one = 1; // kept: it ends a line
  /* a block */
  const text = `
    http://example.com // not a comment`;
"""
SMALL = """


export const one = 1; // kept: it ends a line

const text = `
http://example.com // not a comment`;
"""
OWN = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in FOLDER.rglob(f"*{OWN_SCRIPTS}")}
APP = """// The start.
import { twice as double, Thing } from "./parts/two.js";
import { one } from "./one.js";
console.log(double(one), new Thing().name);
"""
PARTS = {
    "one.js": "/** One. */\nexport const one = 1;\n",
    "parts/two.js": """import { one } from "../one.js";
export function twice(x) {
  return x + one;
}
export class Thing {
  name = "thing";
}
""",
}


def places(bundle: Bundle) -> dict[str, tuple[str, int]]:
    """Return the script and the line (from 1) of each line of the module that has one, by its text."""
    found = json.loads(bundle.source_map)
    lines = found["mappings"].split(";")
    numbers = [[decoded(segment) for segment in line.split(",") if segment] for line in lines]
    script = list(accumulate(line[0][1] if line else 0 for line in numbers))
    at = list(accumulate(line[0][2] if line else 0 for line in numbers))
    return {
        text: (found["sources"][script[index]], at[index] + 1)
        for index, text in enumerate(bundle.code.splitlines())
        if numbers[index]
    }


def decoded(segment: str) -> list[int]:
    """Return the numbers of a segment in Base64 VLQ."""
    numbers, shift, value = [], 0, 0
    for digit in map(DIGITS.index, segment):
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            shift = value = 0
    return numbers


def test_comment_lines_and_indentation_go_and_each_line_keeps_its_number() -> None:
    assert stripped(SCRIPT) == SMALL


@pytest.mark.parametrize("name", OWN)
def test_own_script_loses_comments_only(name: str) -> None:
    source, small = OWN[name].splitlines(), stripped(OWN[name]).splitlines()
    left_out = [before for before, after in zip(source, small, strict=True) if before.strip() != after]
    assert all(line.strip().startswith(("//", "/*", "*")) for line in left_out)


def test_module_runs_as_its_scripts_would(tmp_path: Path) -> None:
    module = tmp_path / "app.mjs"
    module.write_text(Bundle({"app.js": APP, **PARTS}).code)
    node = Path(__file__).parents[3] / ".venv" / "lib" / "node" / "bin" / "node"
    ran = subprocess.run([node, module], capture_output=True, text=True, check=True)
    assert ran.stdout == "2 thing\n"


def test_source_map_names_the_line_of_each_statement() -> None:
    found = places(Bundle({"app.js": APP, **PARTS}))
    assert found["console.log(double(one), new Thing().name);"] == ("app.js", 4)
    assert found["return x + one;"] == ("parts/two.js", 3)
    assert found["const one = 1;"] == ("one.js", 2)


def test_source_map_of_the_page_has_each_script_whole() -> None:
    bundle = Bundle(OWN)
    found = json.loads(bundle.source_map)
    assert dict(zip(found["sources"], found["sourcesContent"], strict=True)) == OWN
    for text, (name, line) in places(bundle).items():
        if text and not re.match("const .* = (\\$|library)", text):
            assert OWN[name].splitlines()[line - 1].strip().removeprefix("export ") == text


@pytest.mark.parametrize(
    ("scripts", "why"),
    [
        ({"app.js": 'import { a } from "./none.js";'}, "app.js imports none.js, which does not exist"),
        ({"app.js": 'import * as all from "./one.js";'}, "in another form"),
        ({"app.js": "export default 1;"}, "no name of its own"),
        ({"app.js": 'import { a } from "./a.js";', "a.js": 'import { b } from "./app.js";'}, "app.js → a.js → app.js"),
        ({"app.js": "", "left.js": ""}, "no script imports left.js"),
    ],
)
def test_script_of_another_form_is_refused(scripts: dict[str, str], why: str) -> None:
    with pytest.raises(ScriptError, match=re.escape(why)):
        Bundle(scripts)
