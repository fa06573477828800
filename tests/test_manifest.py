"""Manifests: bounded before they are parsed, typed afterwards, and every fault in one line."""

import resource

import pytest
from pydantic import Field

from netdiffus import limits
from netdiffus.errors import InputError
from netdiffus.manifest import SHOWN, Labels, Manifest, Text, parse_manifest, read_manifest, shown


class Small(Manifest):
    """What the tests read."""

    name: Text
    numbers: list[float] = Field(default_factory=list)
    labels: Labels[int] = Field(default_factory=dict)


def refused(raw: bytes) -> str:
    with pytest.raises(InputError) as error:
        Small.of(parse_manifest(raw, "small.json", "make it again"), "small")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    return str(error.value)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "JSON in small.json"),
        (b"\xff", "JSON in small.json"),
        (b'{"name": "a"', "JSON in small.json"),
        (b"[" * 10_000_000, "recursion limit exceeded"),
        (b'{"a":' * 3_000_000, "recursion limit exceeded"),
        (b"9" * 5000, "number out of range"),
        (b'{"name": "a", "numbers": [NaN]}', "JSON in small.json"),
        (b'{"name": "a", "numbers": [1e999]}', "small.numbers.0 a finite number; got inf"),
        (b'{"name": "a", "numbers": [' + b"9" * 4000 + b"]}", "small.numbers.0 a valid number; got a number of more"),
        (b'{"name": "a", "numbers": ["8"]}', "small.numbers.0 a valid number; got '8'"),
        (b'{"name": "a", "numbers": null}', "small.numbers a valid list; got None"),
        (b'{"name": 5}', "small.name a valid string; got 5"),
        (b"{}", "small.name to be there; got nothing"),
        (b"[]", "small a valid dictionary or instance of Small; got list of 0"),
        (b'{"name": "a", "surprise": 1}', "small without unknown keys; got surprise"),
        (b'{"name": "' + b"a" * 5000 + b'"}', "names and labels of at most 4,096 characters; got one of 5,000"),
        (b'{"name": "\\ud800"}', "JSON in small.json"),
    ],
)
def test_what_is_refused(raw, words) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert words in refused(raw)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_bytes_and_values_are_bounded(monkeypatch, tmp_path) -> None:
    raw = b'{"name": "a", "numbers": [1, 2, 3]}'
    monkeypatch.setattr(limits, "MANIFEST_VALUES", 2)
    assert "at most 2 values in small.json; got about 3" in refused(raw)
    monkeypatch.setattr(limits, "MANIFEST_BYTES", len(raw) - 1)
    assert f"at most {len(raw) - 1} bytes of JSON" in refused(raw)
    (tmp_path / "large.json").write_bytes(raw)
    with pytest.raises(InputError, match=r"bytes of JSON in .*large\.json; got more; make it again"):
        read_manifest(tmp_path / "large.json", "make it again")


def test_labels_are_bounded(monkeypatch) -> None:
    monkeypatch.setattr(limits, "LABELS", 1)
    assert "at most 1 labels; got 2" in refused(b'{"name": "a", "labels": {"web": 1, "dns": 2}}')


def test_floats_come_back_exactly() -> None:
    numbers = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2.0**53 + 2]
    raw = Small(name="é\u2028", numbers=numbers).model_dump_json().encode()
    assert Small.of(parse_manifest(raw, "small.json", ""), "small").numbers == numbers


def test_values_are_shown_in_few_characters() -> None:
    for value in ("x" * 10**6, 10**5000, [[]] * 10**6, {"a": 1}, 2.5, None, b"\n" * 9):
        assert len(shown(value)) < 3 * SHOWN
        assert "\n" not in shown(value)
