"""Run benchmarks: python -m bench [NAME ...]; without a name, all of them. Options after one name are that one's."""

from __future__ import annotations

import importlib
import sys

from bench.results import TOPICS


def names() -> list[str]:
    """The benchmarks with a section in the results, by name; `sets` first, because others use what it leaves behind."""
    found = [name for group in TOPICS.values() for name in group]
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
