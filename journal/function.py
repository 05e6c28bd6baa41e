"""The journal's function: it makes a line of each record of the delivery stream, before the stream writes its objects."""

from collections.abc import Mapping

from journal.records import Results, StreamBatch, result_of
from kernel.clients import Clients
from kernel.handler import Handler, lambda_handler
from kernel.metrics import count


def transform(batch: StreamBatch) -> Results:
    """Return a line for each record. A record that the journal does not keep fails alone, and is counted."""
    results = [result_of(record) for record in batch["records"]]
    count("EventsNotJournaled", sum(result["result"] != "Ok" for result in results))
    return {"records": results}


def bootstrap(clients: Clients, environ: Mapping[str, str]) -> Handler:
    """Return the handler of the delivery stream's records. It calls no service."""

    def handle(event: StreamBatch, context: object) -> Results:
        return transform(event)

    return handle


handler = lambda_handler(bootstrap)
