"""Coverage-guided fuzzing of what reads files (make fuzz): a file a target, run by libFuzzer through atheris.

A target is a module with

    MAX_BYTES                    the longest input that libFuzzer tries
    seeds() -> Iterator[bytes]   inputs to begin with
    MODULES                      what it needs of netdiffus
    one(data, plain, compiled)   reads one input; raises when anything about it is wrong
    mutate(data, size, native, random) -> bytes     optional: changes that keep the structure; native is libFuzzer's own

`plain` and `compiled` are the two forms of netdiffus (forms.py). Only libFuzzer's loop (child.py) needs atheris; `one`
runs without it, which is how tests/wire/test_fuzz.py repeats every input that once failed.
"""

TARGETS = ("pcap", "pcapng", "files", "dissect", "flows", "tables", "labels", "manifests")
