"""The forms of data that pass between a caller and AWS: boto3's requests and responses, and JSON."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
"""A value as `json.loads` returns it."""
Request = Mapping[str, Any]
"""The parameters of an API call in boto3's form. Each service has the type of its own."""
Response = Mapping[str, Any]
"""The response to an API call in boto3's form, without `ResponseMetadata`."""
Execute = Callable[[str, Any, str], Response]
"""A service: (operation, request, boundary) → response. Raises RefusalError, UnansweredError."""
