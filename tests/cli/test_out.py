"""--out: what is not ours, and what the command reads, is refused before the work and stays as it is."""

import json
import os
import shutil
from pathlib import Path

import pytest

from handmade import ethernet, ipv4, udp
from netdiffus.api.traffic_model import TrafficModel
from netdiffus.cli import main as cli
from netdiffus.errors import InputError
from netdiffus.wire.files.reader import Packet, write_pcap


def run(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str]:
    code = cli.run(command.split())
    return code, capsys.readouterr().err


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else "folder"
    return found


@pytest.fixture
def places(tmp_path, small_dataset, small_model, small_table, monkeypatch) -> Path:
    """Captures, results of ours, results with a user's files in them, and folders whose manifest is somebody else's."""
    monkeypatch.chdir(tmp_path)
    packets = [Packet(k * 10**9, ethernet(0x0800, ipv4(udp(bytes(k + 1)))), 64) for k in range(4)]
    for place in ("caps/dns", "self/caps/dns", "marked/dns"):
        Path(place).mkdir(parents=True)
        write_pcap(f"{place}/a.pcap", packets)
    Path("self/key").write_bytes(bytes(range(32)))
    Path("self/map.csv").write_text("file,label\na,dns\n")
    Path("marked/dataset.json").write_text("")
    shutil.copy(small_table, "t.parquet")
    shutil.copytree(small_dataset, "ds")
    shutil.copytree(small_model, "model")
    shutil.copytree(small_dataset, "proj")
    Path("proj/notes.txt").write_text("a user's")
    shutil.copytree(small_model, "proj/model")
    for name in ("dataset.json", "model.json", "scale.json", "scores.json"):
        folder = Path(f"foreign-{name[:-5]}")
        folder.mkdir()
        (folder / name).write_text('{"made by": "somebody else"}')
        (folder / "thesis.tex").write_text("a user's")
    Path("foreign.csv").write_text("label,size\nweb,3\n")
    Path("foreign.parquet").write_bytes(Path("t.parquet").read_bytes())
    Path("folder.csv").mkdir()
    Path("link").symlink_to("ds")
    Path("dangling").symlink_to("nowhere")
    Path("circle").symlink_to("circle")
    return tmp_path


OTHERS, MANIFEST = "which holds other files: ", "of netdiffus in the folder"
READ = "an --out apart from what is read; got "
REFUSED = [
    ("prepare caps --out proj", OTHERS + "notes.txt, model/"),
    ("prepare caps --out foreign-dataset", "a dataset.json " + MANIFEST),
    ("prepare self/caps --out self", READ + "self, which holds self/caps"),
    ("prepare caps --out .", READ + "., which holds caps"),
    ("prepare caps --out caps", READ + "caps, which is caps"),
    ("prepare marked/dns --out marked", READ + "marked, which holds marked/dns"),
    ("prepare caps --anonymise self/key --out self", READ + "self, which holds self/key"),
    ("prepare caps --labels self/map.csv --out self", READ + "self, which holds self/map.csv"),
    ("prepare t.parquet --test self/caps --out self", READ + "self, which holds self/caps"),
    ("prepare ds/traces.parquet --out ds", READ + "ds, which holds ds/traces.parquet"),
    ("prepare link/traces.parquet --out ds", READ + "ds, which holds link/traces.parquet"),
    ("prepare ds/traces.parquet --out link", READ + "link, which holds ds/traces.parquet"),
    ("prepare caps --out caps/dns/a.pcap", READ + "caps/dns/a.pcap"),
    ("prepare caps --out model", OTHERS),
    ("prepare caps --out dangling", "dangling, a link to what does not exist"),
    ("prepare caps --out circle", "circle, a link to itself"),
    ("prepare caps --out t.parquet", "a folder for --out; got t.parquet, a file"),
    ("train ds --out foreign-model", "a model.json " + MANIFEST),
    ("train ds --out proj", OTHERS),
    ("train ds --out ds", READ + "ds, which is ds"),
    ("generate model --out foreign-scale", "a scale.json " + MANIFEST),
    ("generate model --out foreign.csv", "got foreign.csv, which is there already and does not"),
    ("generate model --out foreign.parquet", "got foreign.parquet, which is there already and does not"),
    ("generate model --out folder.csv", "a file for --out; got folder.csv, a folder"),
    ("generate model --out model", READ + "model, which is model"),
    ("image t.parquet --out foreign-scale", "a scale.json " + MANIFEST),
    ("image ds --out ds", READ),
    ("evaluate ds t.parquet --out foreign-scores", "a scores.json " + MANIFEST),
    ("evaluate ds t.parquet --out proj", OTHERS),
    ("evaluate ds t.parquet --model model --out model", READ + "model, which is model"),
    ("import t.parquet --image-size 4 --out foreign-model", "a model.json " + MANIFEST),
    ("repair caps/dns/a.pcap --out caps/dns/a.pcap", READ + "caps/dns/a.pcap, which is caps/dns/a.pcap"),
    ("repair caps/dns/a.pcap --out self/caps/dns/a.pcap", "which is there already and does not"),
    ("demo --out foreign", "foreign/model"),
]


@pytest.mark.parametrize(("command", "words"), REFUSED)
def test_refused_before_the_work(command, words, places, capsys, monkeypatch) -> None:
    Path("foreign").mkdir()
    shutil.copytree("foreign-model", "foreign/model")
    before = tree(places)
    code, err = run(capsys, command)
    assert code == 2, err
    assert words in err
    assert len(err.splitlines()) == 1
    assert tree(places) == before


def test_from_inside_the_folder(places, capsys, monkeypatch) -> None:
    before = tree(places)
    monkeypatch.chdir(places / "self")
    code, err = run(capsys, "prepare caps --out .")
    assert code == 2
    assert "got ., which holds caps" in err
    assert tree(places) == before


def test_results_of_ours_are_replaced_also_through_links(places, capsys) -> None:
    for out in ("ds", "link"):
        assert run(capsys, f"prepare caps --out {out}")[0] == 0
        assert sorted(os.listdir("ds")) == ["dataset.json", "packets.parquet", "traces.parquet"]
    assert Path("link").is_symlink()
    for name in ("s.parquet", "s.csv", "s.npz"):
        for seed in (0, 1):
            assert run(capsys, f"generate model --out {name} --count 4 --seed {seed}")[0] == 0
    for _ in range(2):
        assert run(capsys, "repair caps/dns/a.pcap --out fixed.pcapng")[0] == 0
        assert run(capsys, "prepare caps --out rows.nprint.npz")[0] == 0
    assert run(capsys, "prepare caps --out rows.nprint")[0] == 0
    code, err = run(capsys, "prepare caps --out rows.nprint")
    assert (code, "move it away, or name another --out" in err) == (2, True)
    assert not list(places.rglob(".netdiffus-*"))


def test_a_saved_model_is_not_written_over_itself(places) -> None:
    model = TrafficModel.load("model")
    Path("model/notes.txt").write_text("a user's")
    model.save("copy")
    assert not Path("copy/notes.txt").exists()
    assert json.loads(Path("copy/model.json").read_text()) == json.loads(Path("model/model.json").read_text())
    with pytest.raises(InputError, match="an --out apart from what is read; got model, which is model"):
        model.save("model")
    with pytest.raises(InputError, match=r"a model\.json of netdiffus in the folder"):
        model.save("foreign-model")
