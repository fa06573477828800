"""The fuzz targets run without atheris, notice what they should, and pass on every input that once failed."""

import importlib
import itertools
import re
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from fuzz import TARGETS, forms, ledger
from fuzz import __main__ as runner

FOUND = sorted((Path(__file__).parent / "found").glob("*-*"))
SEEDS = 25


@pytest.fixture(scope="module")
def both():
    """The two forms of netdiffus for a target."""
    made: dict[str, tuple[forms.Form, forms.Form]] = {}

    def get(target: str) -> tuple[forms.Form, forms.Form]:
        modules = importlib.import_module(f"fuzz.{target}").MODULES
        if target not in made:
            made[target] = forms.plain_form(*modules), forms.compiled_form(*modules)
        return made[target]

    return get


@pytest.mark.parametrize("target", TARGETS)
def test_targets_accept_their_seeds(target, both):
    module = importlib.import_module(f"fuzz.{target}")
    for data in itertools.islice(module.seeds(), 0, None, 97):
        assert len(data) <= module.MAX_BYTES
        module.one(data, *both(target))
    for data in itertools.islice(module.seeds(), SEEDS):
        module.one(data, *both(target))
        module.one(data[: len(data) // 2], *both(target))


@pytest.mark.parametrize("target", TARGETS)
def test_targets_accept_nothing_and_little(target, both):
    for data in (b"", b"\0", b"\xff" * 7, bytes(40)):
        importlib.import_module(f"fuzz.{target}").one(data, *both(target))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_is_mended(path, both):
    target = path.name.split("-")[0]
    importlib.import_module(f"fuzz.{target}").one(path.read_bytes(), *both(target))


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "dissect"])
def test_mutations_keep_to_their_size(target):
    module = importlib.import_module(f"fuzz.{target}")
    rng = Random(0)
    for data in itertools.islice(module.seeds(), SEEDS):
        for size in (64, module.MAX_BYTES):
            changed = module.mutate(data, size, lambda part, most: (part + b"\x55")[:most], rng)
            assert len(changed) <= size


def test_a_read_past_the_packet_is_noticed(both):
    plain, compiled = both("dissect")
    module = importlib.import_module("fuzz.dissect")
    with pytest.raises(IndexError):
        plain["wire.headers.dissect"]._u32(forms.Octets(b"abc"), 0)
    rows = module.fields(compiled, [b"\x45" * 20] * 2, [bytes(9), b"\xff" * 9], 101, 20)
    assert rows[0] == rows[1]


def test_a_number_that_does_not_fit_is_noticed():
    array = np.zeros(2, np.dtype([("small", "u1")]))
    rows = forms.Rows(array)
    rows[1].small = 256
    with pytest.raises(OverflowError):
        rows.keep()
    with pytest.raises(IndexError):
        rows[-1]


def test_a_form_that_differs_is_noticed(both):
    module = importlib.import_module("fuzz.pcap")
    data = next(iter(module.seeds()))
    plain, compiled = forms.plain_form(*module.MODULES), both("pcap")[1]
    module.one(data, plain, compiled)
    plain["wire.files.pcap"].MAX_TIME_NS = 7
    with pytest.raises(AssertionError):
        module.one(data, plain, compiled)


def test_the_hash_is_the_same_in_both_forms(both):
    from netdiffus.traffic.flows.kernels import _mix

    rng = np.random.default_rng(0)
    for h, value in rng.integers(0, 2**64, (100, 2), dtype=np.uint64):
        assert int(_mix(h, value)) == forms.mix(int(h), int(value))


def test_netdiffus_is_as_before_after_both_forms():
    before = importlib.import_module("netdiffus.wire.files.reader")
    for make in (forms.plain_form, forms.compiled_form):
        form = make("wire.files.reader")
        assert form["wire.files.reader"] is not before
        assert sys.modules["netdiffus.wire.files.reader"] is before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["pcap", "pacp", "--runs", "1"],
            "expected targets among pcap, pcapng, files, dissect, flows, tables, labels, manifests; got pacp",
        ),
        (["pcap"], "expected --seconds or --runs above 0; got neither; say how long to run"),
        (["--runs", "1"], r"expected atheris; got none; install it with: pip install 'netdiffus\[fuzz\]'"),
    ],
)
def test_the_runner_says_what_is_wrong(arguments, words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["fuzz", *arguments])
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="2"):
        runner.main()
    assert re.search(words, capsys.readouterr().err)


def test_the_runner_counts_rounds_until_something_is_found(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    monkeypatch.setattr(ledger, "LEDGER", tmp_path / "ledger.jsonl")
    monkeypatch.setattr(runner, "ROUND", 10)
    rounds = []

    def libfuzzer(target, runs, seconds, folders):
        rounds.append(runs)
        if len(rounds) == 3:
            (folders[2] / "crash-1").write_bytes(b"x")
        return f"#{runs}\tDONE cov: 1 ft: {len(rounds)}\nDone {runs} runs in 1 second(s)\n"

    monkeypatch.setattr(runner, "_libfuzzer", libfuzzer)
    assert runner.fuzz("pcap", runs=15).executions == 15
    assert rounds == [10, 5]
    assert (ledger.total("pcap").executions, ledger.total("pcap").features) == (15, 2)
    monkeypatch.setattr(sys, "argv", ["fuzz", "pcap", "--runs", "100"])
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: True)
    assert runner.main() == 1
    assert "crash-1" in capsys.readouterr().out
    assert (ledger.total("pcap").executions, ledger.total("pcap").found) == (25, 1)
    monkeypatch.setattr(ledger, "code_of", lambda target: "changed since")
    assert ledger.total("pcap").executions == 0


def test_a_run_that_never_began_is_no_success(monkeypatch, tmp_path):
    monkeypatch.setattr(ledger, "FOLDER", tmp_path)
    monkeypatch.setattr(runner, "_libfuzzer", lambda *_: "ImportError")
    with pytest.raises(SystemExit, match="ended without a finding and without an end"):
        runner.fuzz("pcap", runs=1)
