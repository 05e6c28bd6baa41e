"""EventBridge's event patterns: match an event, explain a mismatch, and refuse a pattern that AWS refuses.

The rules are those of the user guide (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html, and
`eb-create-pattern-operators.html` beside it). If the guide is silent or outdated, the rules are those of Event Ruler, with
which EventBridge matches (https://github.com/aws/event-ruler). Numbers are equal as numbers, so 300 equals 300.0. A dot in a
name makes a path, in the pattern and in the event.

Example:
    >>> Pattern({"source": ["orderflow.order"]}).matches({"source": "orderflow.order"})
    True
"""

from operations.event_pattern.compiler import parse
from operations.event_pattern.matcher import Mismatch, Pattern
from operations.event_pattern.refusal import InvalidPatternError

__all__ = ["InvalidPatternError", "Mismatch", "Pattern", "parse"]
