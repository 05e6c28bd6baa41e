"""The style of the page: its scales of type and space, its contrasts, and its palette as the colour-blind see it."""

import re
from itertools import combinations
from typing import Final

import pytest
from coloraide import Color

from console.static_files import FOLDER

STYLES: Final = "".join(path.read_text() for path in sorted(FOLDER.glob("*.css")))
CSS: Final = re.sub(r"/\*.*?\*/", "", STYLES, flags=re.DOTALL)
SPACES: Final = re.compile(r"(margin|padding|([a-z]+-)?gap)(-[a-z]+)?")
TYPE: Final = {f"var(--{name})" for name in ("small", "body", "large", "heading", "title")}
SPACE: Final = {f"var(--s{number})" for number in range(1, 6)} | {"0", "auto"}
TONES: Final = ("good", "bad", "back", "open", "again")
MARKS: Final = ("step", "refusal", "compensation")
GROUNDS: Final = ("ground", "surface", "raised")
BLIND: Final = ("protan", "deutan", "tritan")
MODELS: Final = ("brettel", "machado")
"""Two models of what they see: Brettel, Viénot and Mollon (1997), and Machado, Oliveira and Fernandes (2009)."""
APART: Final = 10.0
"""The least difference of two tones by CIEDE2000. Below 10, a look at both is needed to tell them apart."""
TEXT_RATIO, SIGN_RATIO = 4.5, 3.0
"""The least contrasts by WCAG 2.2: 1.4.3 for text, 1.4.11 for signs."""


def declared() -> list[tuple[str, str]]:
    """Return each property with its value."""
    return [(name, value.strip()) for name, value in re.findall(r"([\w-]+)\s*:\s*([^;{}]+)[;}]", CSS)]


def tokens(block: str) -> dict[str, str]:
    """Return the tokens of a block by their names."""
    return {name: value.strip() for name, value in re.findall(r"--([\w-]+)\s*:\s*([^;}]+)", block)}


def theme(name: str) -> dict[str, str]:
    """Return the tokens of a theme: the dark one replaces some of the light one's. One that names another has its value."""
    light, dark = map(tokens, re.findall(r":root\s*\{(.*?)\}", CSS, flags=re.DOTALL))
    found = {**light, **dark} if name == "dark" else light
    named = re.compile(r"var\(--([\w-]+)\)")
    return {key: named.sub(lambda other: found[other[1]], value) for key, value in found.items()}


def seen(colour: str) -> list[Color]:
    """Return a colour as people see it: with full sight, and with each blindness by each model."""
    return [Color(colour), *(Color(colour).filter(kind, method=model).fit("srgb") for kind in BLIND for model in MODELS)]


@pytest.mark.parametrize(
    ("kind", "properties", "scale"),
    [("type", re.compile("font-size"), TYPE), ("space", SPACES, SPACE)],
)
def test_sizes_are_those_of_the_scale(kind: str, properties: re.Pattern[str], scale: set[str]) -> None:
    sizes = [(name, value) for name, value in declared() if properties.fullmatch(name)]
    assert sizes
    assert [(name, value) for name, value in sizes if not {*value.split()} <= scale] == []


def test_type_that_is_declared_with_its_family_is_of_the_scale() -> None:
    sizes = {value.split()[0].partition("/")[0] for name, value in declared() if name == "font"}
    assert sizes <= TYPE | {"inherit"}


def test_scripts_set_no_size_of_type_or_space() -> None:
    styles = [text for path in FOLDER.rglob("*.js") for text in re.findall(r"style=\$\{\{(.*?)\}\}", path.read_text())]
    names = {name for text in styles for name in re.findall(r"(\w+):", text)}
    assert "top" in names
    assert [name for name in names if re.match("margin|padding|gap|font", name)] == []


def test_each_token_is_used() -> None:
    used = set(re.findall(r"var\(--([\w-]+)\)", CSS))
    assert {*tokens(CSS)} - used == set()


@pytest.mark.parametrize("name", ["light", "dark"])
def test_tones_stay_apart_for_the_colour_blind(name: str) -> None:
    palette = theme(name)
    views = {tone: seen(palette[tone]) for tone in TONES}
    differences = {
        (one, other): min(a.delta_e(b, method="2000") for a, b in zip(views[one], views[other], strict=True))
        for one, other in combinations(TONES, 2)
    }
    assert {pair: round(found, 1) for pair, found in differences.items() if found < APART} == {}


@pytest.mark.parametrize("name", ["light", "dark"])
def test_marks_have_the_tones_of_the_palette(name: str) -> None:
    palette = theme(name)
    assert [mark for mark in MARKS if palette[mark] not in {palette[tone] for tone in TONES}] == []


@pytest.mark.parametrize("name", ["light", "dark"])
def test_texts_and_signs_stand_out_from_their_grounds(name: str) -> None:
    palette = theme(name)
    pairs = [(text, ground) for text in ("text", "muted", "accent", *TONES) for ground in GROUNDS]
    pairs += [("text", "fresh"), ("muted", "fresh"), ("surface", "bad")]
    low = [(one, other) for one, other in pairs if Color(palette[one]).contrast(palette[other]) < TEXT_RATIO]
    assert low == []
    signs = [(mark, ground) for mark in MARKS for ground in ("surface", "raised")]
    assert [(one, other) for one, other in signs if Color(palette[one]).contrast(palette[other]) < SIGN_RATIO] == []
