"""One target in one process under libFuzzer: python -m fuzz.child TARGET FOUND [libFuzzer's options and folders]."""

from __future__ import annotations

import hashlib
import importlib
import sys
from itertools import islice
from pathlib import Path
from random import Random

import atheris

from fuzz import forms

WARM = 200


def main() -> None:
    """Never returns: libFuzzer ends the process."""
    target, found = importlib.import_module(f"fuzz.{sys.argv[1]}"), Path(sys.argv[2])
    compiled = forms.compiled_form(*target.MODULES)
    plain = forms.plain_form(*target.MODULES, instrument=atheris.instrument_imports(include=["netdiffus"]))

    for seed in islice(target.seeds(), WARM):  # what is compiled now takes no time of an input
        target.one(seed, plain, compiled)

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.randrange(3) == 0:
            return bytes(atheris.Mutate(data, size))
        return bytes(target.mutate(data, size, lambda part, most: bytes(atheris.Mutate(part, most)), random))

    def one(data: bytes) -> None:
        try:
            target.one(data, plain, compiled)
        except Exception:  # libFuzzer writes the same file, unless the process ends before it can
            (found / f"crash-{hashlib.sha1(data).hexdigest()}").write_bytes(data)
            raise

    atheris.Setup(
        [sys.argv[0], *sys.argv[3:]],
        one,
        **({"custom_mutator": mutate} if hasattr(target, "mutate") else {}),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
