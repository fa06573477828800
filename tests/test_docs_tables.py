"""The commands of docs/tables.md do what it says: on its examples, and on the public sets where they are."""

import re
import shlex
from pathlib import Path

import pytest

from netdiffus.cli.main import run
from netdiffus.store.cards import DatasetCard
from shared_files import shared

PAGE = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- tests/test_docs_tables.py writes this to (\S+) -->\n```\n(.*?)```", PAGE, re.DOTALL))


def commands(comment: str) -> list[tuple[str, list[str]]]:
    """What the page says comes out, and the arguments of the command below it."""
    found = re.search(rf"<!-- {comment} -->\n```sh\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"no block that is {comment}"
    return [(said, shlex.split(line)) for said, line in re.findall(r"# (.*)\nnetdiffus (.*)", found[1])]


EXAMPLES = commands("executed by tests/test_docs_tables.py")
SETS = commands("executed by tests/test_docs_tables.py where the files are")


def check(said: str, arguments: list[str]) -> None:
    assert run(arguments) == 0
    card = DatasetCard.read(Path(arguments[arguments.index("--out") + 1]))
    traces, labels, channels = re.search(r"([\d,]+) traces, (\d+) labels?: (.*)", said).groups()
    assert sum(sum(counts.values()) for counts in card.labels.values()) == int(traces.replace(",", ""))
    assert len(card.labels) == int(labels)
    assert ", ".join(channel.name for channel in card.channels) == channels


@pytest.mark.parametrize(("said", "arguments"), EXAMPLES, ids=[arguments[-1] for _, arguments in EXAMPLES])
def test_examples(said, arguments, tmp_path, monkeypatch) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    check(said, arguments)


@pytest.mark.parametrize(("said", "arguments"), SETS, ids=[arguments[-1] for _, arguments in SETS])
def test_public_sets(said, arguments, tmp_path, monkeypatch) -> None:
    folder = shared("data")
    monkeypatch.chdir(tmp_path)
    for entry in folder.iterdir():
        (tmp_path / entry.name).symlink_to(entry.resolve())
    check(said, arguments)


def test_every_option_that_is_named_exists(capsys) -> None:
    assert run(["prepare", "--help"]) == 0
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert set(re.findall(r"--[a-z][a-z-]*", re.sub(r"<!--.*?-->", "", PAGE))) <= options


def test_every_name_of_a_column_is_on_the_page() -> None:
    from netdiffus.traffic.tables.columns import KNOWN

    hidden = {"start_us", "start_ms"}  # between start_ns ... start_s
    assert [name for name in KNOWN if f"`{name}`" not in PAGE and name not in hidden] == []
