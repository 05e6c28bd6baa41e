"""EventBridge's event patterns: whether one takes an event, and if not, why not; and whether AWS would accept it at all.

By the user guide (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html, and
`eb-create-pattern-operators.html` beside it), and where that is silent or behind by Event Ruler, with which EventBridge itself
matches (https://github.com/aws/event-ruler): numbers are equal as numbers, so 300 is 300.0; a dot in a name makes a path, in
the pattern as in the event.
"""

from operations.event_pattern.compiler import parse
from operations.event_pattern.matcher import Mismatch, Pattern
from operations.event_pattern.refusal import InvalidPatternError

__all__ = ["InvalidPatternError", "Mismatch", "Pattern", "parse"]
