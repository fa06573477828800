"""Every numeric option of every command, with numbers that make no sense; and options that exclude each other."""

import os
import re
import resource
import shutil
import time
import typing
from pathlib import Path

import pytest

from netdiffus import limits
from netdiffus.cli import main as cli
from netdiffus.cli.app import app
from netdiffus.config import Config
from netdiffus.errors import InputError
from netdiffus.models.counts import parse_counts
from netdiffus.models.import_config import ImportConfig
from netdiffus.models.options import RowOptions, UNetOptions
from netdiffus.models.prompt_options import PromptOptions
from netdiffus.steps.evaluate_config import EvaluateConfig
from netdiffus.steps.images.config import BitImageConfig, ImageConfig
from netdiffus.steps.outputs.capture_config import CaptureConfig
from netdiffus.steps.outputs.generate_config import GenerateConfig
from netdiffus.steps.outputs.nprint_config import NprintConfig
from netdiffus.steps.sources.prepare_config import PrepareConfig
from netdiffus.studio.options import StudioConfig
from netdiffus.wire.files.reader import Packet
from netdiffus.wire.files.writer import write_pcap

ODD = ("nan", "inf", "-inf", "-1", "0", "1e30", "1" + "0" * 30, "1e-300", "9" * 5000)
SECONDS, KIB = 60, 500_000  # generous: the machine may be busy

COMMANDS = {
    "demo": "demo --out letter.pcap",  # what is accepted must not run for minutes
    "prepare": "prepare table.csv --out out",
    "train": "train dataset --out out --preset tiny",
    "generate": "generate model --out x.csv --count 2",
    "evaluate": "evaluate table.csv table.csv --out out",
    "image": "image table.csv --out out",
    "import": "import letter.pcap --out out",
    "studio": "studio letter.pcap",  # what is accepted must not be served
}
TEXTS = [
    ("generate", "--count"), ("prepare", "--test"), ("prepare", "--gasf"), ("import", "--scale"), ("image", "--scale"),
]  # fmt: skip
"""Options that are text and mean numbers."""


def numeric() -> list[tuple[str, str]]:
    """Command and option, of all that are numbers."""
    found = []
    for command in app.registered_commands:
        hints = typing.get_type_hints(command.callback, include_extras=True)
        for name, hint in hints.items():
            kinds = (
                typing.get_args(hint)[:1] + typing.get_args(typing.get_args(hint)[0]) if typing.get_args(hint) else ()
            )
            if {int, float} & set(kinds):
                (option,) = hint.__metadata__
                named = option.param_decls or (f"--{name.strip('_').replace('_', '-')}",)
                found.append((command.name or command.callback.__name__, named[0]))
    return found


@pytest.fixture
def places(tmp_path, small_dataset, small_model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small_dataset, "dataset")
    shutil.copytree(small_model, "model")
    Path("letter.pcap").write_text("Dear reader")
    write_pcap("a.pcap", [Packet(1, b"x", 1)])
    os.link("a.pcap", "hard.pcap")
    os.symlink("a.pcap", "soft.pcap")
    rows = "".join(f'{"web" if k % 2 else "dns"},"[{k}, 2, 3]"\n' for k in range(12))
    Path("table.csv").write_text("label,size\n" + rows)
    Path("web").mkdir()
    write_pcap("web/a.pcap", [Packet(1, b"x", 1)])
    return tmp_path


def test_there_are_numeric_options_of_every_command_that_has_any() -> None:
    assert {command for command, _ in numeric()} == set(COMMANDS)
    assert len(numeric()) > 30


@pytest.mark.parametrize(("command", "option"), [*numeric(), *TEXTS])
def test_odd_numbers(command, option, places, capsys) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for value in ODD:
        arguments = COMMANDS[command].split()
        if command == "train" and option not in ("--minutes", "--steps"):
            arguments += ["--steps", "1"]
        if command == "import" and option != "--image-size":
            arguments += ["--image-size", "4"]
        if option == "--count":
            arguments = arguments[:-2]
        shutil.rmtree("out", ignore_errors=True)
        began = time.monotonic()
        code = cli.run([*arguments, option, value])
        said = capsys.readouterr().err.splitlines()[-1:]
        assert code in (0, 2), (value, said)
        if code == 2:
            assert said[0].startswith("netdiffus: "), said
        if value in ("nan", "inf", "-inf", "1e30", ODD[6], ODD[8]) and option != "--test":
            assert code == 2, value
        assert time.monotonic() - began < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KIB


def test_help_says_every_range(capsys) -> None:
    for command, option in numeric():
        cli.run([command, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        said = re.split(r" --[a-z-]+ [<A-Z]", re.split(rf" {option} (?=[<A-Z])", text)[-1])[0]
        assert "<=x<=" in said, (command, option)


CONFIGS = (
    RowOptions, UNetOptions, PrepareConfig, GenerateConfig, CaptureConfig, EvaluateConfig, ImportConfig, ImageConfig,
    BitImageConfig, NprintConfig, PromptOptions, StudioConfig,
)  # fmt: skip


@pytest.mark.parametrize("kind", CONFIGS)
def test_no_field_of_a_configuration_takes_any_number(kind: type[Config]) -> None:
    need = {ImportConfig: {"image_size": 4}, UNetOptions: {"length": 10}}.get(kind, {})
    checked = 0
    for name, field in kind.model_fields.items():
        text = str(field.annotation)
        if name in ("count", "scale", "start"):  # times may be negative; tests/traffic/test_moments.py
            continue
        for value in (float("nan"), float("inf"), -1.0, 1e30) if "float" in text else (-1, 10**30):
            if "float" in text or "int" in text:
                with pytest.raises(InputError):
                    kind.of(**need | {name: value})
                checked += 1
    assert checked


EXCLUSIVE = [
    ("train dataset --out out --steps 3 --minutes 3", "expected --minutes or --steps; got both; leave one of them out"),
    ("train dataset --out out --steps 0", "'--steps': Input should be greater than or equal to 1"),
    (
        "generate model --out x.csv --sampler heun",
        "--sampler for a published model (netdiffus, netdiffus2); got 'heun'",
    ),
    ("generate model --out x.csv --guidance 2", "a model trained with --label-dropout for --guidance; got one without"),
    ("generate model --out x.csv --sampling-steps 4", "expected --window of 2 or more for --sampling-steps; got rows"),
    ("generate model --out x.csv --window 0", "'--window': Input should be greater than or equal to 1"),
    ("prepare table.csv --out out --labels folder --unlabelled", "expected --labels or --unlabelled; got both"),
    ("prepare table.csv --out out --gasf 0,1 --columns size=PL", "expected --gasf or --columns; got both"),
    ("prepare web --out out --bins 1 --packets 65537", "--packets of at most 65,536 bins; got 65,537"),
    ("prepare table.csv --out out --stride 3", "--stride together with --window"),
    ("prepare table.csv --out out --inner", "captures for --inner; got none among the sources; leave --inner out"),
    ("prepare web --out out --window 9", "tables for --window; got none among the sources; leave --window out"),
    ("prepare web --out out --strip-padding", "tables for --strip-padding; got none among the sources"),
    ("prepare a.pcap a.pcap --out out", "each file once; got a.pcap twice; name it once"),
    ("prepare a.pcap ./a.pcap --out out", "each file once; got a.pcap twice; name it once"),
    ("prepare a.pcap soft.pcap --out out", "each file once; got soft.pcap, in a.pcap and in soft.pcap"),
    ("prepare a.pcap hard.pcap --out out", "each file once; got hard.pcap, in a.pcap and in hard.pcap"),
    ("prepare web web/a.pcap --out out", "each file once; got web/a.pcap, in web and in web/a.pcap"),
    ("prepare web web --out out", "each file once"),
    ("prepare table.csv table.csv --out out", "each file once; got table.csv"),
    ("prepare - - --out out --unlabelled", "each file once; got -"),
    ("generate model --out x.csv --count =3", "--count N, or --count LABEL=N once for each label; got =3"),
    ("generate model --out x.csv --count chat=2 --count chat=3", "once for each label; got chat=2 chat=3"),
    ("generate model --out x.csv --count 1000000000000", "at most 10,000,000 traces at a time; got 1000000000000"),
    ("generate model --out x.csv --count chat=" + "1" + "0" * 23, "at most 10,000,000 traces at a time"),
    ("generate model --out x.csv --count chat=9999999 --count bulk=9", "at most 10,000,000 traces at a time"),
    ("generate model --out x.csv --count chat=0", "a count of at least 1; got 0"),
    ("generate model --out x.csv --count chat=2 --balance", "expected --balance, or counts of labels; got both"),
    ("generate model --out x.csv --per-label", "a model of packets (train --image fields) for x.csv"),
    (
        "generate model --out x.csv --seed 18446744073709551616",
        "'--seed': Input should be less than or equal to 4294967295",
    ),
    ("generate model --out x.pcap --rate 2 --duration 2", "expected --rate or --duration; got both"),
    ("generate model --out x.pcap --rate 0", "'--rate': Input should be greater than or equal to 0.001"),
    ("generate model --out x.pcap --duration 0", "'--duration': Input should be greater than or equal to 0.000001"),
    ("image table.csv --out out --bare", "options that have a meaning for GASF images; got --bare"),
    ("image table.csv --out out --model model --scale log", "of a model's scale and length; got --scale"),
    ("image dataset --out out --image bits --scale log", "have a meaning for bit images; got --scale"),
]


@pytest.mark.parametrize(("command", "words"), EXCLUSIVE, ids=[command[:60] for command, _ in EXCLUSIVE])
def test_options_that_exclude_each_other(command, words, places, capsys) -> None:
    assert cli.run(command.split()) == 2
    assert words in capsys.readouterr().err
    assert not Path("out").exists()


def test_options_of_captures_need_one() -> None:
    for options in ({"per_label": True}, {"link": "raw"}, {"payload": "zero"}):
        with pytest.raises(InputError, match=r"a capture \(\.pcap, \.pcapng\) for --.*; got x\.parquet"):
            CaptureConfig.of(**options).check_form(Path("x.parquet"), 5)
        CaptureConfig.of(**options).check_form(Path("x.pcap"), 5)
    CaptureConfig.of(rate=2.0).check_form(Path("x.parquet"), 5)
    with pytest.raises(InputError, match=r"begin within 100,000,000 seconds; got 10,000,000 at --rate 0\.001"):
        CaptureConfig.of(rate=0.001).check_form(Path("x.pcap"), limits.TRACES)


def test_counts() -> None:
    assert parse_counts(["12"]) == 12
    assert parse_counts(["a=b=1", "c=2"]) == {"a=b": 1, "c": 2}


def test_a_share_that_a_clock_cannot_reach_is_shown_as_all(capsys) -> None:
    from netdiffus.cli.progress import Shown

    with Shown("training") as shown:
        shown.show(258_710_174.2, "", final=True)
    assert "100%" in capsys.readouterr().err
