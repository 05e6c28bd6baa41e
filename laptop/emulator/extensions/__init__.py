"""The features of AWS that Orderflow needs and the engine lacks: one module for each gap, with `register()`.

`tests/emulator/test_gaps.py` shows, for each, that the gap is there without it and closed with it; when the engine
closes a gap itself the first of the two fails, and the module can go.

Known gaps that stay, because an assertion on the template or the simulation covers them. The engine lacks:
- a retrier's `MaxDelaySeconds` and `JitterStrategy`; a Parallel that ends its other branches at the first failure; Express
  execution logs;
- a rule target's `RetryPolicy`: a delivery is tried once, then goes to the target's dead-letter queue (`target_dlq`);
- IAM, unless `ORDERFLOW_IAM` is set, and even then some of it (`docs/reference/permissions.md` lists what);
- quotas; alarms that turn from OK to ALARM by themselves.

The engine allows more than AWS:
- a function finds the packages of the engine's environment, also those that its bundle lacks, and runs on this machine's
  Python and processor, whatever its `Runtime` and `Architectures` say;
- `States.ALL` catches `States.Runtime` and `States.DataLimitExceeded`;
- `PutEvents` takes an unknown bus and a `Detail` that is not JSON.
"""

from importlib import import_module

EXTENSIONS = (
    "api_address",
    "api_turns",
    "delivery_streams",
    "events_archive",
    "express_workflows",
    "forked_functions",
    "handler_error_names",
    "http_server",
    "iam_facts",
    "inert",
    "log_lines",
    "queue_concurrency",
    "queue_redrive",
    "replay_filter",
    "row_copies",
    "secret_references",
    "stream_batch_failures",
    "target_dlq",
    "unpacked_bundles",
    "workflow_outputs",
    "workflow_versions",
)


def register_all() -> None:
    """Register every extension. Raises EngineChangedError if the engine no longer fits one."""
    for name in EXTENSIONS:
        import_module(f"{__name__}.{name}").register()
