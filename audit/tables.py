"""The tables that are audited, and where to find them. Names only: the stack takes them from here."""

from typing import Final

from kernel.naming import SERVICES

LEDGER: Final = "ledger"
"""The sandbox gateway's ledger, which is in the books beside the services' tables."""
TABLES: Final = (*SERVICES, LEDGER)
PARAMETERS: Final = {**{service: f"{service}/table-name" for service in SERVICES}, LEDGER: "payment/ledger-table-name"}
"""Where each table's name is published, below `/orderflow/<stage>/`."""
VARIABLES: Final = {table: f"{table.upper()}_TABLE_NAME" for table in TABLES}
"""The environment variable that tells the auditor each table's name."""
