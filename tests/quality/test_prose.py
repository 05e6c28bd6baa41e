"""Our prose keeps the writing rules: the check itself, held against good and bad sentences, and what it finds in every file."""

import pytest

from tests.quality.prose import baseline
from tests.quality.prose.passage import Kind, Passage
from tests.quality.prose.rules import (
    LONG_LINE,
    LONG_SENTENCE,
    LONGEST_SENTENCE,
    Finding,
    broken,
    check,
    exceptions,
    sentences,
    words,
)
from tests.quality.prose.sources import REPOSITORY, checked_files, of_python, passages

MOST_EXCEPTIONS = 10
BAD = {
    "who waits for goods is served in order of arrival; the queue stands in the SKU's row": "who as a subject",
    "Orders are served in turn; who waits for goods is next.": "who as a subject",
    "What came of it is printed.": "what as a subject",
    "What goes without saying is not said, so that saying it is no other request.": "what as a subject",
    "Shipping has the word.": "personification",
    "Is nothing held that costs anything, of an order that does, it is out of stock.": "inverted condition",
    "`request_id` tells whose write it was, should its answer be lost.": "should it",
    "The flag tells whose write it was.": "tell or hear",
    "Finish backward, on the evidence that money and stock are let go.": "personification",
    "Print the events that it told and heard, in that order.": "tell or hear",
    "No retries and no redirects, for whoever calls knows them.": "who as a subject",
    "What so many available mean for a SKU that is watched.": "what as a subject",
    "One of which more or less became available is due.": "of which",
    "What an order waits for in vain is kept for it.": "what as a subject",
    "The stock is kept for the order all the same.": "all the same",
    "It counts what somebody must look at.": "nobody or somebody",
    "A parcel is prepared, which binds nobody.": "nobody or somebody",
    "Who is not written to stands in a list.": "who as a subject",
    "The list of who is not written to holds no address.": "who as a subject",
    "Back-orders stand in a queue, and who waits stands in the row.": "who as a subject",
    "Rules that are nobody's to choose.": "nobody or somebody",
    "The relay, who publishes the event, is a function.": "who of a system part",
    "It is nothing that the caller must know.": "is nothing",
    "It is written so that it be found.": "so that it be",
    "The audit refuses such rows.": "such",
    "Should the event be lost, the sweeper asks again.": "inverted condition",
    "The services tell the order what they did.": "tell or hear",
    "The rows hear of it later.": "tell or hear",
    "The auditor, who reads all rows, is a function.": "who of a system part",
    "The simulator, who draws the faults, has a seed.": "who of a system part",
    "The lambda who reads the bucket is new.": "who of a system part",
    "Money is not released yet; the alarm tells after three attempts": "tell or hear",
}
"""Sentences from earlier versions of this project, each with the rule that refuses it."""
GOOD = (
    "The relay publishes the event.",
    "Every accepted order ends up confirmed or cancelled.",
    "Defaults are dropped, so stating one explicitly yields the same request hash.",
    "`request_id` identifies the writer if the response is lost.",
    "Return True if a subscription with this replay policy should handle the event.",
    "Callers decide what is safe to repeat.",
    "The customer who placed the order may cancel it.",
    "Say who does what: subject, verb, object.",
    "Is the order still undecided?",
    "What happens to a payment if the carrier fails?",
    "You are told the order id in the response.",
    "It cannot tell the two apart, since they are told apart by their ids.",
    "Use an AWS service such as SQS. There is no such key.",
    "There is nothing to do.",
    "The payment, whose total is zero, needs no gateway.",
    "Should-cost figures are left out.",
    "Do not delete the row. Let the sweeper retry it.",
    "The customers who pay in advance tell the shop.",
)


JAVASCRIPT = """// The list.
/* All of it. */
let url = 'https://a.b/c';
html`<p>There are ${count(
  all)} orders here.</p>`;
fail("It took too long.");
say(`It took ${n} s.`);
"""


@pytest.mark.parametrize("sentence", BAD)
def test_bad_sentence_breaks_its_rule(sentence: str) -> None:
    assert BAD[sentence] in {rule.name for rule in broken(sentence)}


@pytest.mark.parametrize("sentence", GOOD)
def test_good_sentence_breaks_no_rule(sentence: str) -> None:
    assert [rule.name for part in sentences(sentence) for rule in broken(part)] == []


def test_heading_may_ask() -> None:
    assert list(broken("What is in it", Kind.HEADING)) == []
    assert list(broken("Who is not written to", Kind.CELL)) == []
    assert list(broken("What is in it is yours.", Kind.CELL)) != []


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = 'Use it, e.g. for SQS. It costs 0.10 USD (see orders.py). "Yes!" It says so'
    assert sentences(text) == ["Use it, e.g. for SQS.", "It costs 0.10 USD (see orders.py).", '"Yes!"', "It says so"]


def test_code_span_counts_as_one_word() -> None:
    assert words("Run CODE in 2 minutes.") == 5


def test_long_sentence_and_long_line_are_found() -> None:
    line = " ".join(["word"] * (LONGEST_SENTENCE + 1))
    assert [finding.rule for finding in check("a.md", f"{line}.\n")] == [LONG_LINE, LONG_SENTENCE]
    assert check("a.md", f"| {'a' * 120}|\n|---|\n\n```\n{'b' * 120}\n```\n\n# {'c' * 120}\n") == []
    assert check("a.md", f"See [the page](https://example.com/{'d' * 100}).\n") == []


def test_every_kind_of_text_in_a_module_is_read() -> None:
    source = '''"""Module."""
LIMIT = 3
"""Attribute."""
# A comment
# of two lines.
def pay(order):
    """Pay.

    Args:
        order: The order.
        amount: The amount.
    """
    raise PaymentError(f"The order {order} is paid.", hint("Look at it."))  # trailing
app = Option(help="Help text.")
cause = f"the order was cancelled ({reason})"
codes = "AED AFN ALL AMD"
'''
    found = {(passage.kind, passage.first, passage.text) for passage in of_python("orderctl/a.py", source)}
    assert found == {
        (Kind.DOCSTRING, 1, "Module."),
        (Kind.DOCSTRING, 3, "Attribute."),
        (Kind.COMMENT, 4, "A comment of two lines."),
        (Kind.DOCSTRING, 7, "Pay."),
        (Kind.DOCSTRING, 10, "order: The order."),
        (Kind.DOCSTRING, 11, "amount: The amount."),
        (Kind.ERROR, 13, "The order CODE is paid."),
        (Kind.ERROR, 13, "Look at it."),
        (Kind.COMMENT, 13, "trailing"),
        (Kind.HELP, 14, "Help text."),
        (Kind.TEXT, 15, "the order was cancelled (CODE)"),
    }


def test_other_texts_of_a_test_are_not_read() -> None:
    assert passages("tests/unit/a.py", 'said = "a text of four words"  # why\n') == [
        Passage("tests/unit/a.py", 1, 1, Kind.COMMENT, "why")
    ]


@pytest.mark.parametrize(
    ("path", "source", "texts"),
    [
        (
            "a.asl.yaml",
            "# A comment\n# of two lines.\n# - an item\nEnd:  # trailing\n  Cause: >-\n    It is `X`,\n    not Y.\n",
            [(1, "A comment of two lines."), (3, "- an item"), (4, "trailing"), (5, "It is CODE, not Y.")],
        ),
        ("api.yaml", '- {name: Prefer, description: "Do not wait."}\n', [(1, "Do not wait.")]),
        ("a.json", '{\n  "title": "Heard",\n  "description": "A \\"row\\"."\n}\n', [(2, "Heard"), (3, 'A "row".')]),
        (
            "a.js",
            JAVASCRIPT,
            [
                (1, "The list."),
                (2, "All of it."),
                (4, "There are CODE orders here."),
                (6, "It took too long."),
                (7, "It took CODE s."),
            ],
        ),
        ("Makefile", "test: setup ## Run the tests\n\t@pytest $(X) # quick\n", [(1, "Run the tests"), (2, "quick")]),
        ("a.pml", "/* ---- rows ---- */\nbyte a; /* its `x` */\n", [(1, "rows"), (2, "its CODE")]),
    ],
)
def test_texts_of_other_files_are_read(path: str, source: str, texts: list[tuple[int, str]]) -> None:
    assert sorted((passage.first, passage.text) for passage in passages(path, source)) == texts


def test_every_kind_of_file_that_we_write_is_checked(files: list[str]) -> None:
    assert {
        ".github/workflows/searches.yml",
        "Makefile",
        "audit/row_schemas/common.json",
        "console/static/views/orders.js",
        "docs/explanation/protocol.pml",
        "operations/economics/prices.yaml",
        "services/order/api.yaml",
        "services/order/workflow/order_saga.asl.yaml",
        "services/payment/responses/webhook_outcome.json",
        "simulation/known_bugs/bugs/11-nothing-is-republished.yaml",
        "stages/example-production.yaml",
    } <= set(files)


def test_mail_is_read_by_paragraph() -> None:
    page = "<p>Hello $name,</p>\n<style>p {}</style>\n<ul><li>One <b>two</b></li></ul>"
    assert [(passage.first, passage.text) for passage in passages("a.html", page)] == [(1, "Hello CODE,"), (3, "One two")]
    assert [passage.text for passage in passages("a.txt", "Subject: a\n\nOne\ntwo.\n")] == ["Subject: a", "One two."]


def test_exception_holds_for_one_rule_and_needs_a_reason() -> None:
    text = "Nobody reads it."
    excepted = f"<!-- prose: allow nobody or somebody because it is a quotation -->\n{text}\n"
    assert check("a.md", excepted) == []
    assert exceptions("a.md", excepted) == 1
    assert len(check("a.md", f"<!-- prose: allow such because it is a quotation -->\n{text}\n")) == 1
    assert len(check("a.md", f"<!-- prose: allow nobody or somebody -->\n{text}\n")) == 2


@pytest.fixture(scope="module")
def files() -> list[str]:
    return checked_files()


@pytest.fixture(scope="module")
def found(files: list[str]) -> dict[str, list[Finding]]:
    return baseline.find(files)


def test_every_file_keeps_the_writing_rules(found: dict[str, list[Finding]]) -> None:
    allowed = baseline.load()
    worse = [finding for name, findings in found.items() if len(findings) > allowed.get(name, 0) for finding in findings]
    assert worse == [], "\n".join(f"{finding}\n    -> {finding.plain}" for finding in worse)


def test_baseline_is_as_low_as_it_can_be(found: dict[str, list[Finding]]) -> None:
    high = [
        name for name, most in baseline.load().items() if " per 1,000 words " not in name and len(found.get(name, ())) < most
    ]
    assert high == [], "these files have become better: run `make prose-lower` and commit the lower baseline"


def test_density_of_doubtful_words_is_within_its_limit(files: list[str]) -> None:
    allowed = baseline.load()
    over = {
        baseline.key_of(corpus, density): f"{figure:.2f}"
        for (corpus, density), figure in baseline.densities(files).items()
        if figure > max(density.most, allowed.get(baseline.key_of(corpus, density), 0.0))
    }
    assert over == {}, "`make prose FILES=...` shows the words that count"


def test_exceptions_are_few(files: list[str]) -> None:
    assert sum(exceptions(name, (REPOSITORY / name).read_text()) for name in files) <= MOST_EXCEPTIONS
