"""The audited tables and the names of the parameters and variables that locate them."""

from typing import Final

KEY_PREFIXES: Final = {
    "order": ("ORDER#", "PRICE#", "REACHABLE#", "CONTACT#"),
    "payment": ("PAY#", "DISPUTE#", "REFUND#"),
    "inventory": ("RES#", "PLACE#", "REPL#", "SKU#", "SHARD#", "LEVEL#"),
    "shipping": ("SHIP#", "BREAKER#"),
    "notification": ("NOTE#", "SUPP#"),
}
"""How the keys of the rows of `audit.row_kinds.KINDS` begin: the auditor may read no others by key."""
SERVICES: Final = tuple(KEY_PREFIXES)
"""The services with audited tables: those that take part in an order's protocol."""
LEDGER: Final = "ledger"
"""The gateway's ledger, which is audited beside the services' tables."""
TABLES: Final = (*SERVICES, LEDGER)
PARAMETERS: Final = {**{service: f"{service}/table-name" for service in SERVICES}, LEDGER: "payment/ledger-table-name"}
"""The parameter of each table's name, below `/orderflow/<stage>/`."""
VARIABLES: Final = {table: f"{table.upper()}_TABLE_NAME" for table in TABLES}
"""The environment variable of each table's name."""
STATE_KEY: Final = "PASS#2"
"""The key of the row that keeps the pass, in the auditor's own table.

The number rises if the form of the state changes: then the next run begins a pass.
"""
AT_ONCE: Final = 8
"""The number of requests for rows at a time."""
