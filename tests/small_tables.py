"""Tables of a few rows as traces."""

import polars as pl

from netdiffus.traffic.tables.columns import parse_columns
from netdiffus.traffic.tables.traces import traces_of_table


def of(table: dict | pl.DataFrame, columns: str = "", **options):
    """What `traces_of_table` makes of a table's columns."""
    return traces_of_table(pl.DataFrame(table), parse_columns(columns), **options)
