"""Fuzzing: how often each target has run on the code as it is now; what is missing to two million is run first."""

from __future__ import annotations

from bench.results import table, write_section
from fuzz import TARGETS, ledger
from fuzz.__main__ import HANG_SECONDS, MEMORY_MIB, fuzz

EXECUTIONS = 2_000_000
HEADER = ("target", "executions", "seconds", "per second", "features seen", "failed inputs")


def main() -> None:
    """Run what is missing and write the section."""
    rows = []
    for target in TARGETS:
        missing = EXECUTIONS - ledger.total(target).executions
        if missing > 0:
            fuzz(target, runs=missing)
        done = ledger.total(target)
        rate = f"{done.executions / done.seconds:,.0f}"
        rows.append([target, f"{done.executions:,}", f"{done.seconds:,.0f}", rate, f"{done.features:,}", done.found])
    words = (
        f"An input fails if anything but an InputError is raised, if it takes more than {HANG_SECONDS} seconds or "
        f"{MEMORY_MIB:,} MiB, if the compiled and the interpreted form of netdiffus disagree, or if an invariant of "
        "the target (`fuzz/`) is violated. Inputs that failed with earlier code are in `tests/wire/found`."
    )
    write_section("fuzz", "Fuzzing the readers", f"{words}\n\n{table(HEADER, rows)}")


if __name__ == "__main__":
    main()
