"""The error tree: every error that the services raise on purpose is of one of three kinds.

| entry point | `RejectedError` | `RetryableError` | `BugError`, and every other exception |
|---|---|---|---|
| HTTP API | responds with problem details (400, 413, 422) | HTTP 500; the caller repeats | HTTP 500, alarm |
| subscriber | quarantines an `InvalidEventError` at once | SQS delivers the message again, with back-off | the same |
| saga step | ends the run (`Refused`) | retries, then the order stays undecided | ends the run (`Refused`) |
| operator's command | shows the text | shows the text; the same command again is safe | shows the text |
| sweeper, relay | - | logs and counts the row, takes the next one | the same |

A message that keeps failing goes to its dead-letter queue, where it waits for an operator. The saga knows errors by their class
names: `workflow/order_saga.asl.yaml` lists those that end a run, and a test compares that list with this tree.
"""


class OrderflowError(Exception):
    """An error that Orderflow raises on purpose."""


class RejectedError(OrderflowError):
    """The input is refused: the same input is refused again. The text names the field."""


class RetryableError(OrderflowError):
    """The outcome is unknown or the time is wrong: the same call again is safe, and may succeed."""


class BugError(OrderflowError):
    """Code, rows or deployment contradict each other: repeating does not help, and an operator must look."""
