"""The constructions that our prose avoids, and how often others may occur; see the writing rules in CONTRIBUTING.md."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markdown_it import MarkdownIt

from tests.quality.prose.passage import Kind, Passage
from tests.quality.prose.sources import passages

LONGEST_SENTENCE: Final = 35
WIDEST_LINE: Final = 100
PEOPLE: Final = (
    r"(?:customer|caller|operator|person|people|user|reader|engineer|developer|anyone|everyone|someone|those|one|you|owner|team"
    r"|buyer|shopper|stranger|attacker|author|maintainer|contributor|human)"
)
SYSTEM_PARTS: Final = (
    r"(?:service|handler|function|lambda|relay|sweeper|row|queue|worker|process|order|consumer|subscriber|publisher|event|message"
    r"|bus|auditor|simulator|simulation|shard|index|bucket|stage|client|stock"
    r"|table|engine|gateway|carrier|module|command|saga|machine|stack|emulator|test|rule|role|aggregate|lease|shipment|parcel"
    r"|payment|reservation|SKU|journal|audit|archive|subscription|outbox|inbox)"
)
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|no|fig|p|pp|Inc|Ltd)|\b[A-Z])\.$")
_END = re.compile(r"[.!?]+[\"')\]\u2019\u201d]*(?=\s|$)")
_WORD = re.compile(r"[\w$%'\u2019./:+-]*\w[\w$%'\u2019./:+-]*")
_ALLOWED = re.compile(r"prose: allow (?P<rule>[\w ]+?) because (?P<reason>\w.{7,})")


@dataclass(frozen=True)
class Rule:
    """`pattern` finds the construction in one sentence; `plain` says what to write in its place."""

    name: str
    pattern: re.Pattern[str]
    plain: str
    in_questions: bool = True
    """Whether the construction is refused in questions and headings too."""


def _rule(name: str, pattern: str, plain: str, *, in_questions: bool = True) -> Rule:
    return Rule(name, re.compile(pattern, re.IGNORECASE), plain, in_questions)


RULES: Final = (
    _rule(
        "what as a subject",
        r"^what\b|(?:[;:]|\b(?:and|but|because|that|if|since|so|where)) what (?:is|was|are|were|came|comes)\b",
        "name the thing: 'the missing records', not 'what is missing'",
        in_questions=False,
    ),
    _rule(
        "who as a subject",
        r"^who(?:se|ever)?\b|\bwhoever\b"
        r"|\b(?:of|for|to|by|with|as|than) who (?:is|are|was|were|has|have|\w+s)\b"
        r"|^(?:(?!\b(?:what|which|who|whose|when|where|how|why)\b).)*(?:;|\band|\bbut|\bthat) who\b",
        "name the person or the part: 'the caller', 'the owner of the row'",
        in_questions=False,
    ),
    _rule("who of a system part", rf"\b{SYSTEM_PARTS}(?:s|es)?,? who\b", "use 'that' or 'which', or make it the subject"),
    _rule(
        "tell or hear",
        rf"^(?!.*\b(?:you|{PEOPLE}s?) "
        r"(?:(?:is|are|was|were|be|been|must be|(?:has|have|had) been) )?(?:told|heard|hears|tells)\b)"
        r".*(?:\b(?:tells|told|hears|heard)|\b" + SYSTEM_PARTS + r"(?:s|es)? (?:tell|hear))\b(?!(?: \w+){0,2} apart\b)",
        "publishes, consumes, returns, reports, shows, says",
    ),
    _rule(
        "nobody or somebody",
        r"\b(?:nobody|somebody)\b",
        "name the role: 'no one' only of people, else 'no service', 'an operator'",
    ),
    _rule("all the same", r"\ball the same\b", "'anyway', 'still', or leave it out"),
    _rule(
        "inverted condition",
        r"^(?-i:Is|Are|Was|Were|Has|Had|Does|Did|Should)\b(?!-| not\b)",
        "'if it is short, ...'",
        in_questions=False,
    ),
    _rule(
        "should it",
        r"(?:[,;:]|\b(?:and|or|but)) should (?:it|they|he|she|this|that|its|the|a|an|one|no)\b",
        "'if it ...'",
        in_questions=False,
    ),
    _rule("is nothing", r"(?<!there )\bis nothing\b", "'there is no ...'"),
    _rule("of which", r"\bof which\b", "'and one of them', or a sentence of its own"),
    _rule("so that it be", r"\bso that \w+ be\b", "'so that it is ...'"),
    _rule("such", r"(?<!\bno )(?<!\bas )\bsuch\b(?! as\b)", "name the thing again, or 'like this one'"),
    _rule(
        "personification",
        r"\bha(?:s|ve|d) the (?:last )?word\b|\blets?(?: (?:it|them|him|her))? go\b"
        r"|\bgo(?:es)? without saying\b|\bto be had\b|\bin vain\b",
        "the verb of AWS or of the field: decides, releases, unavailable",
    ),
)
LONG_SENTENCE: Final = "long sentence"
LONG_LINE: Final = "long line"
NO_REASON: Final = "exception without a reason"
BY_NAME: Final = {rule.name for rule in RULES} | {LONG_SENTENCE, LONG_LINE}


@dataclass(frozen=True)
class Finding:
    """One sentence, or one line of Markdown, that breaks a rule."""

    path: str
    line: int
    rule: str
    excerpt: str
    plain: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.excerpt}"


@dataclass(frozen=True)
class Density:
    """How many occurrences of `pattern` per 1,000 words our docs, and our docstrings, may have."""

    name: str
    pattern: re.Pattern[str]
    most: float


DENSITIES: Final = (
    Density("what is/was/came/does", re.compile(r"\bwhat (?:is|was|came|does)\b", re.IGNORECASE), 1.0),
    Density("who/whose/whoever", re.compile(r"\bwho(?:se|ever)?\b", re.IGNORECASE), 0.8),
    Density("tell/told/hear/heard", re.compile(r"\b(?:tells?|told|hears?|heard)\b", re.IGNORECASE), 0.4),
    Density("nobody/somebody", re.compile(r"\b(?:nobody|somebody)\b", re.IGNORECASE), 0.2),
)


def sentences(text: str) -> list[str]:
    """Cut a passage into sentences at `.`, `!` and `?`, but not after an abbreviation or before a small letter."""
    if "\n" in text:
        return [sentence for line in text.splitlines() for sentence in sentences(line)]
    cut, start = [], 0
    for end in _END.finditer(text):
        rest = text[end.end() :].lstrip()
        if rest and (_ABBREVIATION.search(text[start : end.end()]) or rest[0].islower()):
            continue
        cut.append(text[start : end.end()].strip())
        start = end.end()
    cut.append(text[start:].strip())
    return [sentence for sentence in cut if sentence]


def words(text: str) -> int:
    """Count the words of a text; a code span is one word."""
    return len(_WORD.findall(text))


def broken(sentence: str, kind: Kind = Kind.PARAGRAPH) -> Iterator[Rule]:
    """Yield the rules that a sentence breaks, apart from its length."""
    bare = sentence.lstrip("*_\"'(“ ")
    asks = kind is Kind.HEADING or sentence.endswith("?") or (kind in (Kind.CELL, Kind.LABEL) and not sentence.endswith("."))
    for rule in RULES:
        if not (asks and not rule.in_questions) and rule.pattern.search(bare):
            yield rule


def check(path: str, source: str) -> list[Finding]:
    """Return the findings in a file, in the order of its lines."""
    allowed, findings = _exceptions(path, source)
    for passage in passages(path, source):
        for finding in _check_passage(passage):
            if not any((line, finding.rule) in allowed for line in range(passage.first - 1, passage.last + 1)):
                findings.append(finding)
    if path.endswith(".md"):
        findings += [finding for finding in _long_lines(path, source) if (finding.line - 1, LONG_LINE) not in allowed]
    return sorted(findings, key=lambda finding: (finding.line, finding.rule))


def exceptions(path: str, source: str) -> int:
    """Count the places in a file that are excepted from a rule."""
    return len(_exceptions(path, source)[0])


def _check_passage(passage: Passage) -> Iterator[Finding]:
    for sentence in sentences(passage.text):
        excerpt = sentence if len(sentence) <= 160 else f"{sentence[:157]}..."
        for rule in broken(sentence, passage.kind):
            yield Finding(passage.path, passage.first, rule.name, excerpt, rule.plain)
        length = words(sentence)
        if length > LONGEST_SENTENCE:
            plain = f"{length} words; one idea a sentence, {LONGEST_SENTENCE} words at most"
            yield Finding(passage.path, passage.first, LONG_SENTENCE, excerpt, plain)


def _long_lines(path: str, source: str) -> Iterator[Finding]:
    """Yield the lines of Markdown that are too wide, outside tables, code, headings and without the targets of links."""
    free: set[int] = set()
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.map is not None and token.type in ("fence", "code_block", "table_open", "heading_open", "html_block"):
            free |= set(range(token.map[0], token.map[1]))
    for number, line in enumerate(source.splitlines()):
        shown = re.sub(r"\]\([^)]*\)|https?://\S+", "]", line)
        if number not in free and len(shown) > WIDEST_LINE:
            yield Finding(path, number + 1, LONG_LINE, f"{line[:80]}...", f"wrap at {WIDEST_LINE} columns")


def _exceptions(path: str, source: str) -> tuple[set[tuple[int, str]], list[Finding]]:
    """Return the (line, rule) pairs that `prose: allow RULE because REASON` excepts, and a finding for each remark without."""
    allowed, wrong = set(), []
    for number, line in enumerate(source.splitlines(), start=1):
        if "prose: allow" not in line or path.startswith("tests/quality/"):
            continue
        found = _ALLOWED.search(line)
        if found is None or found["rule"] not in BY_NAME:
            wrong.append(Finding(path, number, NO_REASON, line.strip(), "prose: allow RULE because REASON"))
        else:
            allowed.add((number, found["rule"]))
    return allowed, wrong
