"""The steps on a Ray cluster of this machine: what they give is what they give without one."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from netdiffus import evaluate, generate, prepare, recordings
from netdiffus.cli.main import run
from netdiffus.cluster import connection
from netdiffus.cluster.connection import Node, connected, on_every_node
from netdiffus.cluster.paths import check_seen
from netdiffus.cluster.tasks import MOST_PIECES, TASK_S, Done, Tasks
from netdiffus.compiler import runs
from netdiffus.errors import InputError
from netdiffus.steps.outputs import streamed
from netdiffus.steps.sources import segmented
from netdiffus.store.copies import fetched
from netdiffus.store.dataset import read_dataset, read_packets
from netdiffus.store.objects import is_prefix, send
from netdiffus.traffic.flows.reader import FlowReader
from netdiffus.wire.files.writer import write_pcap
from netdiffus.wire.headers.packets import Packet
from wire_packets import udp

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
# Ray leaves sockets and logs of dead processes to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


@pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss (iproute2)")
def test_a_cluster_of_this_machine_listens_on_loopback_alone(cluster) -> None:
    assert {node["NodeManagerAddress"] for node in ray.nodes()} == {"127.0.0.1"}
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [line.split()[3] for line in listening if '"raylet"' in line or '"gcs_server"' in line]
    assert ours
    assert all(place.rpartition(":")[0] in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]") for place in ours)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_tables_are_the_same_bytes(cluster, small_model, tmp_path, monkeypatch, form) -> None:
    monkeypatch.setattr("netdiffus.models.rows.KEPT_BUDGET", 1 << 14)  # smaller blocks: there are several
    alone, spread = tmp_path / f"alone.{form}", tmp_path / f"spread.{form}"
    generate(small_model, alone, count=60, seed=5)
    records: list[object] = []
    generate(small_model, spread, count=60, seed=5, ray="auto", on_progress=records.append)
    assert len(records) > 2
    assert alone.read_bytes() == spread.read_bytes()


def test_a_dataset_has_the_same_rows(cluster, tmp_path) -> None:
    options = {"payload_shapes": True, "packets": 8, "seed": 3}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    sources = [recordings.folder() / name for name in ("dns", "ssh")]
    prepare(sources, whole, **options)
    prepare(sources, parts, ray="auto", **options)
    assert_same(whole, parts)


def test_a_large_capture_and_a_tap_are_read_in_segments(cluster, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(segmented, "SEGMENT_BYTES", 1 << 20)
    monkeypatch.setattr("netdiffus.steps.sources.captures.FlowReader", partial(FlowReader, batch_bytes=1 << 20))
    frames = [udp(bytes(k % 250), k * k % 7 // 4, ports=(1000 + k * k % 311, 53), checksum=1) for k in range(1000)]
    many = [Packet(10**18 + k * 3_000_000, frames[k % 1000], len(frames[k % 1000])) for k in range(16_000)]
    refused: list[str] = []
    finish = segmented.SegmentedSource.finish
    monkeypatch.setattr(
        segmented.SegmentedSource, "finish", lambda source: refused.append(source.why) or finish(source)
    )
    for name, packets in (("large/a", many), ("tap/b", many[: len(many) // 3]), ("tap/c", many[len(many) // 3 :])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_pcap(tmp_path / f"{name}.pcap", packets)
    sources, whole, parts = [tmp_path / "large", tmp_path / "tap"], tmp_path / "whole", tmp_path / "parts"
    prepare(sources, whole, rotated=True)
    prepare(sources, parts, rotated=True, ray="auto")
    assert_same(whole, parts)
    assert refused == ["", ""]
    assert len(list((parts / "traces").iterdir())) > 2


def assert_same(whole: Path, parts: Path) -> None:
    """Two datasets but for the files that they lie in."""
    (card, traces), (other, of_parts) = read_dataset(whole), read_dataset(parts)
    assert traces.equals(of_parts)
    assert read_packets(whole).equals(read_packets(parts))
    assert card.model_dump(exclude={"hash"}) == other.model_dump(exclude={"hash"})


def test_scores_are_the_same(cluster, small_dataset, small_model, only_metrics, tmp_path) -> None:
    only_metrics("marginal", "copies", "detection")
    drawn = generate(small_model, tmp_path / "drawn.parquet", count=40)
    alone, spread = (evaluate(small_dataset, drawn, baselines=False, ray=how) for how in (None, "auto"))
    assert alone.table().equals(spread.table())


def test_what_a_task_refuses_is_told_as_it_is(cluster, tmp_path) -> None:
    bad = tmp_path / "bad.pcap"
    bad.write_text("no capture")
    with pytest.raises(InputError, match=r"bad\.pcap"):
        prepare([bad], tmp_path / "out", ray="auto")
    assert list(tmp_path.iterdir()) == [bad]


def test_strict_refuses_a_broken_capture_that_is_else_reported(cluster, tmp_path, capsys) -> None:
    for label in ("dns", "ntp"):
        (tmp_path / "captures" / label).mkdir(parents=True)
        shutil.copy(recordings.captures()[label][0], tmp_path / "captures" / label / "whole.pcap")
    broken = tmp_path / "captures" / "ntp" / "broken.pcap"
    broken.write_bytes((broken.parent / "whole.pcap").read_bytes()[:1000])  # ends inside a packet
    prepare(tmp_path / "captures", tmp_path / "out", packets=4, ray="auto")
    faults = {source.file: source.faults for source in read_dataset(tmp_path / "out")[0].sources}
    assert [name for name, found in faults.items() if found] == [broken.name]
    with pytest.raises(InputError, match=r"sources without faults \(--strict\); got .*broken\.pcap: .*; mend it"):
        prepare(tmp_path / "captures", tmp_path / "strict", packets=4, strict=True, ray="auto")
    words = ["prepare", str(tmp_path / "captures"), "--out", str(tmp_path / "strict"), "--strict", "--ray"]
    assert run(words) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line.startswith("netdiffus: ")] == said[-1:]
    assert {path.name for path in tmp_path.iterdir()} == {"captures", "out"}


def test_datasets_in_an_object_store_have_the_same_rows(cluster, tmp_path) -> None:
    """The tasks copy their sources, and send what they make; each machine has its own copies only."""
    far = Path(f"file://{tmp_path}/store")
    for label in ("dns", "ntp"):
        send(recordings.captures()[label][0], far / "captures" / label / "a.pcap")
    prepare(tmp_path / "store" / "captures", tmp_path / "near", packets=8, anonymise=key_file(tmp_path))
    out, key = far / "made" / "dataset", tmp_path / "key"
    prepare(far / "captures", out, packets=8, anonymise=key, ray="auto")
    with fetched(out) as copy:
        (card, near), (other, traces) = read_dataset(tmp_path / "near"), read_dataset(copy)
        assert traces.drop("source").equals(near.drop("source"))
        assert read_packets(copy).equals(read_packets(tmp_path / "near"))
        assert {path.name for path in copy.iterdir()} == {"dataset.json", "packets", "traces"}
    assert card.labels == other.labels
    assert {source.file for source in other.sources} == {
        f"file://{tmp_path}/store/captures/{label}/a.pcap" for label in ("dns", "ntp")
    }
    send(key, far / "bad.pcap")
    with pytest.raises(InputError, match=r"bad\.pcap"):
        prepare(far / "bad.pcap", far / "made" / "other", ray="auto")
    assert not is_prefix(far / "made" / "other")


def key_file(folder: Path) -> Path:
    (folder / "key").write_bytes(bytes(range(32)))
    return folder / "key"


def test_a_defect_in_a_task_names_the_file(cluster) -> None:
    with pytest.raises(RuntimeError, match=r"^web\.pcap: ZeroDivisionError: .*zero$"):
        list(Tasks(cluster)(lambda name: 1 // len(name[8:]), ["web.pcap"]))


def test_short_pieces_share_tasks_and_fail_one_by_one(cluster) -> None:
    def piece(number: int) -> tuple[int, str]:
        if number == 60:
            raise InputError("another number", "60", "leave it out")
        if number == 80:
            raise ZeroDivisionError
        return number, cluster.ray.get_runtime_context().get_task_id()

    results, tasks = Tasks(cluster)(piece, range(70)), Counter[str]()
    for expected in range(60):
        number, task = next(results)
        assert number == expected
        tasks[task] += 1
    with pytest.raises(InputError, match="got 60"):
        next(results)
    assert 1 < max(tasks.values()) <= MOST_PIECES
    with pytest.raises(RuntimeError, match=r"^piece 20: ZeroDivisionError"):
        list(Tasks(cluster)(piece, range(61, 100)))


def test_tasks_take_as_many_pieces_as_fill_their_time() -> None:
    def taken(seconds: float, together: int) -> int:
        return Done([None] * together, None, "", seconds).pieces_of_next(together)

    assert [taken(0.0, 1), taken(0.1, 4), taken(TASK_S, 4), taken(4 * TASK_S, 8), taken(60.0, 1)] == [2, 8, 4, 2, 1]
    assert taken(0.0, MOST_PIECES) == MOST_PIECES


def test_a_full_disk_of_a_task_is_one_here(cluster) -> None:
    def fill(_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as error:
        list(Tasks(cluster)(fill, ["a"]))
    assert error.value.errno == 28


def test_paths_that_workers_do_not_see(cluster, tmp_path, monkeypatch) -> None:
    there = tmp_path / "a.pcap"
    there.write_bytes(b"0123")
    check_seen(cluster, [there, tmp_path], tmp_path / "new" / "out")
    assert list(tmp_path.iterdir()) == [there]
    monkeypatch.setattr(Path, "resolve", lambda path, strict=False: Path("/elsewhere") / path.name)
    with pytest.raises(
        InputError, match=r"that every machine of the cluster sees; got /elsewhere/a\.pcap, which is not"
    ):
        check_seen(cluster, [there], tmp_path / "out")


def test_too_little_room(cluster, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("netdiffus.cluster.paths.LEAST_FREE", 1 << 60)
    with pytest.raises(InputError, match=r"GB of free space at .*; got .* GB; free some"):
        check_seen(cluster, [], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_died_is_left_out(cluster) -> None:
    gone = Node("ab" * 28, "gone", 1)
    said = on_every_node(ray, (gone, *cluster.nodes), connection._version)
    assert [node for node, _ in said] == list(cluster.nodes)
    with pytest.raises(InputError, match=r"machine gone of the cluster to answer; .*; look at 'ray status'"):
        on_every_node(ray, (gone,), connection._version)


def test_another_version_on_a_machine(cluster, monkeypatch) -> None:
    monkeypatch.setattr(connection, "__version__", "9.9")
    with pytest.raises(InputError, match=r"netdiffus 9\.9, as here, on every machine"), connected("auto"):
        pass


def test_standard_input_is_refused(cluster, tmp_path) -> None:
    with pytest.raises(InputError, match="got standard input"):
        prepare("-", tmp_path / "out", unlabelled=True, ray="auto")


@pytest.mark.parametrize("name", ["flows.pcapng", "flows.pcap"])
def test_captures_are_the_same_bytes_and_compiled_by_tasks(cluster, packet_model, tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(streamed, "COMPILED_PACKETS", 64)  # several pieces
    monkeypatch.setattr(runs, "RUN_PACKETS", 200)
    done: list[str] = []
    compile_ = streamed.Compile.__call__
    monkeypatch.setattr(streamed.Compile, "__call__", lambda *given: done.append("here") or compile_(*given))
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    generate(packet_model, alone / name, count=40, seed=5)
    assert len(done) > 2
    done.clear()
    generate(packet_model, spread / name, count=40, seed=5, ray="auto")
    assert not done
    assert {path.name for path in alone.iterdir()} == {name, f"{name}.labels.csv", f"{name}.json"}
    for path in alone.iterdir():
        assert path.read_bytes() == (spread / path.name).read_bytes()


# The last two: other tests use what the workers have loaded, which these two lose, and load.


def test_results_come_in_order_and_a_killed_worker_costs_nothing(cluster, tmp_path) -> None:
    def die_once(number: int) -> int:
        mark = tmp_path / f"{number}"
        if number % 3 == 0 and not mark.exists():
            mark.touch()
            os._exit(9)
        return number * number

    tasks = Tasks(cluster)
    assert list(tasks(die_once, range(7))) == [number**2 for number in range(7)]
    assert tasks.done.total() == 7
    assert "1 node, " in tasks.speeds()


def test_workers_load_beforehand_what_they_will_need(cluster) -> None:
    tasks = Tasks(cluster)
    tasks.warm("netdiffus.no_such_module")  # is told by the first piece, not here
    tasks.warm("netdiffus.traffic.moments")
    assert tasks.at_a_time == 2
    until = time.monotonic() + 30
    while not any(tasks(lambda name: name in sys.modules, ["netdiffus.traffic.moments"] * 4)):
        assert time.monotonic() < until
