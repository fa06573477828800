"""Sources and results in object stores: over servers that speak S3 and Google's protocol, and over pyarrow's file://."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netdiffus import check, evaluate, generate, prepare, recordings, train
from netdiffus.api.describe import describe
from netdiffus.cli.main import run
from netdiffus.errors import InputError
from netdiffus.store.copies import fetched, head_of, mirrored
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.store.objects import check_absent, fetch, is_object, is_prefix, objects_below, remove, send, shown

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def local_captures(folder: Path) -> Path:
    for label in ("dns", "ntp"):
        (folder / label).mkdir(parents=True)
        shutil.copy(recordings.captures()[label][0], folder / label)
    return folder


def test_a_dataset_of_captures_in_a_store_has_the_rows_of_local_ones(place, captures, tmp_path) -> None:
    prepare(str(captures), tmp_path / "far", packets=8)
    prepare(local_captures(tmp_path / "captures"), tmp_path / "near", packets=8)
    (card, far), (other, near) = read_dataset(tmp_path / "far"), read_dataset(tmp_path / "near")
    assert far.drop("source").equals(near.drop("source"))
    assert read_packets(tmp_path / "far").equals(read_packets(tmp_path / "near"))
    names = [source.file for source in other.sources]
    assert [source.file for source in card.sources] == [
        place(f"captures/{label}/{name}") for label, name in zip(("dns", "ntp"), names, strict=True)
    ]
    assert set(far["source"]) == {source.file for source in card.sources}
    assert [source.sha256 for source in card.sources] == [source.sha256 for source in other.sources]


def test_every_verb_from_a_store_to_a_store(place, captures, tmp_path, only_metrics, capsys) -> None:
    only_metrics("marginal", "copies")
    out = {name: place(f"made/{name}") for name in ("data", "model", "drawn.parquet", "report")}
    scratch = set(tmp_path.iterdir())
    assert run(["prepare", str(captures), "--out", out["data"], "--packets", "8"]) == 0
    assert run(["train", out["data"], "--out", out["model"], "--preset", "tiny", "--steps", "3"]) == 0
    assert run(["generate", out["model"], "--out", out["drawn.parquet"], "--count", "30"]) == 0
    assert run(["evaluate", out["data"], out["drawn.parquet"], "--out", out["report"], "--no-baselines"]) == 0
    said = capsys.readouterr().out
    assert all(uri in said for uri in out.values())
    assert str(tmp_path / "netdiffus-") not in said
    assert ".netdiffus-" not in said
    assert set(tmp_path.iterdir()) == scratch
    assert {path.name for path in objects_below(Path(place("made")))} >= {"dataset.json", "model.json", "scores.json"}
    assert describe(out["model"]).kind == "model"
    with fetched(Path(out["data"])) as local:
        assert len(read_dataset(local)[1]) == sum(source.flows for source in read_dataset(local)[0].sources)
    with pytest.raises(InputError, match=r"nothing that a store holds is replaced; got .*made/data; name another"):
        prepare(str(captures), out["data"])


def test_captures_of_a_store_are_checked() -> None:
    uri = f"file://{recordings.captures()['ntp'][0]}"
    assert check(uri).packets == check(recordings.captures()["ntp"][0]).packets
    assert describe(uri).to_json()["packets"] == check(uri).packets


def test_a_dataset_is_complete_or_absent(place, captures, tmp_path, monkeypatch) -> None:
    (tmp_path / "traces").write_bytes(b"PAR1")
    sent: list[str] = []

    def fail(file: Path, path: Path) -> None:
        if path.name == "dataset.json":
            raise OSError(5, "broken")
        sent.append(path.name)
        send(file, path)

    monkeypatch.setattr("netdiffus.store.saves.send", fail)
    with pytest.raises(OSError, match="broken"):
        prepare(str(captures), place("data"), packets=8)
    assert sorted(sent) == ["packets.parquet", "traces.parquet"]
    assert not is_prefix(Path(place("data")))
    monkeypatch.setattr("netdiffus.store.saves.send", send)
    send(tmp_path / "traces", Path(place("data/traces.parquet")))  # as what was killed may leave it
    with pytest.raises(InputError, match=r"dataset\.json"):
        train(place("data"), tmp_path / "model", preset="tiny", steps=1)


def test_a_faulty_object_is_named_by_its_uri(place, tmp_path) -> None:
    (tmp_path / "bad").write_text("no capture at all")
    send(tmp_path / "bad", Path(place("x/bad.pcap")))
    with pytest.raises(InputError) as error:
        prepare(place("x/bad.pcap"), tmp_path / "out")
    assert place("x/bad.pcap") in str(error.value)
    assert ".netdiffus-" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_rows_of_captures_in_a_store(place, captures, tmp_path) -> None:
    prepare(str(captures), place("rows.nprint"))
    with fetched(Path(place("rows.nprint"))) as far:
        prepare(local_captures(tmp_path / "captures"), tmp_path / "near.nprint")
        assert far.read_bytes() == (tmp_path / "near.nprint").read_bytes()
    prepare(place("rows.nprint"), place("rows.pcap"))
    prepare(tmp_path / "near.nprint", tmp_path / "near.pcap")
    with fetched(Path(place("rows.pcap"))) as far:
        assert far.read_bytes() == (tmp_path / "near.pcap").read_bytes()


def test_captures_are_copied_one_at_a_time(place, captures, tmp_path, monkeypatch) -> None:
    at_once: list[int] = []

    @contextmanager
    def counted(path: Path) -> Iterator[Path]:
        at_once.append(1)
        with fetched(path) as local:
            yield local
        at_once.append(-1)

    monkeypatch.setattr("netdiffus.steps.convert.fetched", counted)
    prepare(str(captures), tmp_path / "rows.nprint")
    assert at_once == [1, -1] * 2


def test_a_table_in_a_store(place, small_table, tmp_path) -> None:
    send(small_table, Path(place("t/traces.parquet")))
    prepare(place("t/traces.parquet"), tmp_path / "out")
    prepare(place("t"), tmp_path / "columns", columns="size=size")
    card, traces = read_dataset(tmp_path / "out")
    assert [source.file for source in card.sources] == [place("t/traces.parquet")]
    assert set(traces["source"]) == {place("t/traces.parquet")}
    assert len(read_dataset(tmp_path / "columns")[1]) == len(traces)


def test_files_of_a_tap_in_a_store(place, tmp_path) -> None:
    for number, label in enumerate(("dns", "ntp")):
        send(recordings.captures()[label][0], Path(place(f"tap/{number}.pcap")))
    prepare(place("tap"), tmp_path / "out", rotated=True)
    (source,) = read_dataset(tmp_path / "out")[0].sources
    assert source.file in {place(f"tap/{number}.pcap and 1 more") for number in (0, 1)}


def test_copies_and_what_is_sent(place, tmp_path) -> None:
    (tmp_path / "one").write_bytes(bytes(3 << 20))
    base = Path(place("deep/er"))
    send(tmp_path / "one", base / "a" / "one two%20[3].bin")
    (only,) = objects_below(Path(place("deep")))
    assert shown(only) == place("deep/er/a/one two%20[3].bin")
    assert objects_below(only) == []
    with head_of(only) as head:
        assert head.stat().st_size == 1 << 20
    with fetched(only) as copy:
        assert copy.parts[-3:] == ("er", "a", "one two%20[3].bin")
        assert copy.read_bytes() == bytes(3 << 20)
    assert not copy.exists()
    with mirrored(base, "a") as folder:
        assert (folder / "a" / only.name).is_file()
        (folder / "new").write_text("more")
    assert [path.name for path in objects_below(base)] == [only.name, "new"]
    remove(base / "a")
    assert not is_prefix(base / "a")
    assert [path.name for path in objects_below(base)] == ["new"]


def test_paths_of_this_machine_are_no_objects(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not any(map(is_object, (Path("-"), Path("a:b"), tmp_path, Path("s3"), Path("x/s3:/y"))))
    assert is_object(Path("s3://b/k"))
    assert shown(Path("gs://b//k")) == "gs://b/k"
    assert shown(tmp_path) == str(tmp_path)
    with pytest.raises(InputError, match=r"a URI of s3://, gs://, file://; got http://x/y; copy it"):
        is_object(Path("http://x/y"))
    Path("http:/x").mkdir(parents=True)
    assert not is_object(Path("http://x"))


def test_what_is_not_there(place, tmp_path) -> None:
    with pytest.raises(InputError, match=r"that exists; got .*/none\.pcap; check bucket and key"):
        prepare(place("none.pcap"), tmp_path / "out")
    with pytest.raises(InputError, match="an object that exists"):
        fetch(Path(place("none")), tmp_path)
    assert list(tmp_path.glob("out*")) == []


def test_a_missing_bucket(s3, tmp_path) -> None:
    (tmp_path / "a").write_text("a")
    for use in (objects_below, check_absent, lambda path: send(tmp_path / "a", path)):
        with pytest.raises(InputError, match=r"a bucket that exists for s3://no-such-bucket/k; got none of that name"):
            use(Path("s3://no-such-bucket/k"))
    with pytest.raises(InputError, match="name a bucket"):
        objects_below(Path("s3://"))


def test_a_store_that_refuses_or_does_not_answer(s3, s3_server, monkeypatch) -> None:
    from urllib.request import Request, urlopen

    reset = Request(f"{s3_server}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST")
    urlopen(reset).close()  # from now on it asks who they are
    try:
        with pytest.raises(InputError, match=r"access to s3://\S+; got .*; set AWS_ACCESS_KEY_ID and"):
            objects_below(Path(s3("k")))
    finally:
        reset.data = b"1000000"
        urlopen(reset).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"access to s3://\S+; got .*; set .* and AWS_ENDPOINT_URL where"):
        objects_below(Path(s3("k")))


def test_without_pyarrow(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match="run: pip install pyarrow"):
        objects_below(Path("s3://b/k"))


def test_nothing_of_it_is_loaded_for_paths_of_this_machine(tmp_path) -> None:
    program = (
        "import sys; from pathlib import Path; from netdiffus.store.copies import fetched, mirrored\n"
        "with fetched(Path(sys.argv[1])) as a, mirrored(a) as b: sys.exit('pyarrow' in sys.modules or a != b)"
    )
    assert subprocess.run([sys.executable, "-c", program, tmp_path], check=False).returncode == 0


def test_traces_of_a_store_are_drawn_and_scored_by_functions(place, small_dataset, small_model, only_metrics) -> None:
    only_metrics("marginal")
    for folder, name in ((small_dataset, "data"), (small_model, "model")):
        for path in folder.rglob("*"):
            if path.is_file():
                send(path, Path(place(name)) / path.relative_to(folder))
    drawn = generate(place("model"), place("drawn.csv"), count=30)
    assert len(evaluate(place("data"), drawn, baselines=False).table())
