"""The audited tables and the names of the parameters and variables that locate them."""

from typing import Final

from kernel.naming import SERVICES

LEDGER: Final = "ledger"
"""The gateway's ledger, which is audited beside the services' tables."""
TABLES: Final = (*SERVICES, LEDGER)
PARAMETERS: Final = {**{service: f"{service}/table-name" for service in SERVICES}, LEDGER: "payment/ledger-table-name"}
"""The parameter of each table's name, below `/orderflow/<stage>/`."""
VARIABLES: Final = {table: f"{table.upper()}_TABLE_NAME" for table in TABLES}
"""The environment variable of each table's name."""
