"""How much a table may hold: what its file declares is checked before memory is taken for it."""

from __future__ import annotations

from netdiffus.errors import InputError

MOST_VALUES = 100_000_000
VALUES_A_BYTE = 16
"""What compression reaches on real tables; files that declare more are allowed MOST_VALUES."""


class TableLimit:
    """The number of values that one file may hold: `most`, or 16 for each byte of the file, whichever is more."""

    def __init__(self, name: str, file_bytes: int, most: int = MOST_VALUES) -> None:
        self.name, self.values = name, max(most, VALUES_A_BYTE * file_bytes)

    def rows(self, columns: int) -> int:
        """How many rows of so many columns fit."""
        return self.values // max(columns, 1)

    def check(self, values: int, what: str) -> None:
        """Raise InputError where a table holds more.

        Args:
            what: the table's size for the message, e.g. "10 rows of 3 columns".
        """
        if values > self.values:
            raise InputError(
                f"a table of at most {self.values:,} values",
                f"{self.name} with {what}",
                f"if that is right and fits into memory, run 'netdiffus prepare' with --max-values {_rounded(values)}",
            )


def _rounded(values: int) -> int:
    """A round number that is not below: two digits and zeros."""
    unit: int = 10 ** max(len(str(values)) - 2, 0)
    return -(-values // unit) * unit
