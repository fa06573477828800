"""Run benchmarks: python -m bench [NAME ...]; without a name, all of them. Options after one name are that one's."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path


def names() -> list[str]:
    """The benchmarks in this folder, by name; but `sets` first, because others take up what it leaves behind."""
    found = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    found -= {"__main__", "gates", "kernel", "packet_fidelity", "results", "shifts"}
    return sorted(found, key=lambda name: (name != "sets", name))


def main() -> int:
    """Run what the command line names."""
    given = sys.argv[1:]
    first = next((index for index, word in enumerate(given) if word.startswith("-")), len(given))
    chosen, options = given[:first] or names(), given[first:]
    unknown = [name for name in chosen if name not in names()]
    if unknown:
        print(f"expected benchmarks among {', '.join(names())}; got {unknown[0]}; name one of those", file=sys.stderr)
        return 2
    if options and len(given[:first]) != 1:
        print(f"expected one benchmark before {options[0]}; got {first}; name one", file=sys.stderr)
        return 2
    for name in chosen:
        run = importlib.import_module(f"bench.{name}").main
        run(options) if options else run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
