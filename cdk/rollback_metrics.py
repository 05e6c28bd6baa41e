"""The metrics of the alarms that a broken deployment makes ring within minutes. Does not import the CDK."""

OF_A_SERVICE = ("5xx", "ExecutionsFailed", "GatewayMisconfigured", "ReceiptRefused", "EventsNotPublished", "Errors")
"""The most telling ones first."""
ABOUT_A_RESOURCE_BEHIND_A_FUNCTION = ("ExecutionsFailed", "Errors")
"""Those of a resource that is itself made from a function's alias, so its deployment cannot wait for that alarm."""
