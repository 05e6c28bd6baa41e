"""ministack's DynamoDB, asked line by line: run by the embedded AWS's own interpreter, imports nothing of ours.

Reads `{"operation": ..., "request": ...}` a line, writes `{"status": ..., "body": ...}` a line.
"""

import json
import sys
from typing import Any

from ministack.services import dynamodb


def ask(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the response to one request."""
    headers = {"x-amz-target": f"DynamoDB_20120810.{operation}", "content-type": "application/x-amz-json-1.0"}
    coroutine = dynamodb.handle_request("POST", "/", headers, json.dumps(request).encode(), {})
    try:
        coroutine.send(None)
    except StopIteration as done:
        status, _, body = done.value
        return {"status": status, "body": json.loads(body)}
    raise RuntimeError(f"{operation} waits for something")


for line in sys.stdin:
    asked = json.loads(line)
    sys.stdout.write(json.dumps(ask(asked["operation"], asked["request"])) + "\n")
