"""Golden draws: small models of every kind, trained for a few steps, and the hashes of all that is drawn from them.

`PYTHONPATH=tests python -m tests.golden.draws` draws again and writes this machine's hashes into draws.json. Do that
only in a commit that says why a seed draws something else than before.

Weights are sums of floats, so their last bits depend on the CPU's instruction set, on the number of threads and on the
version of torch; drawn codes follow them. Hashes are therefore kept by machine and versions (`machine`), with one
thread. Those of SOURCES are of whole numbers and need no network: every machine with the same versions has the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import polars as pl
import torch
import torch._dynamo  # optimisers import it, which takes each child seconds

import netdiffus
from bench.small_traffic import two_labels
from netdiffus import TrafficModel, generate, prepare, recordings, train
from netdiffus.cli import main as cli
from netdiffus.diffusion.unet import UNet, UNetShape
from netdiffus.imaging.gasf import gasf

HERE = Path(__file__).parent
HASHES = HERE / "draws.json"
Hashes = dict[str, str]
MARK, FAILED = "drawn: ", "failed"


def machine() -> str:
    """What the bits of a training depend on."""
    cpu = platform.machine()
    found = Path("/proc/cpuinfo")
    if found.is_file():
        lines = (line.partition(":") for line in found.read_text().splitlines())
        said = {name.strip(): value.strip() for name, _, value in lines}
        cpu = " ".join(said.get(name, "?") for name in ("vendor_id", "cpu family", "model"))
    return f"{cpu}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}, {versions()}"


def versions() -> str:
    """What the bytes of a table depend on."""
    return f"numpy {np.__version__}, polars {pl.__version__}, netdiffus {netdiffus.__version__}"


def hash_of(path: Path) -> str:
    """Of a file, or of the names and bytes of all files in and below a folder."""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(path.rglob("*")):
        if file.is_file():
            raw = file.read_bytes()
            digest.update(f"{file.relative_to(path.parent)}\0{len(raw)}\0".encode() + raw)
    return digest.hexdigest()[:20]


def hash_of_table(table: pl.DataFrame) -> str:
    """Of the rows of a table, as JSON."""
    return hashlib.sha256(table.write_json().encode()).hexdigest()[:20]


def hash_of_numbers(values: np.ndarray) -> str:
    """Of numbers with six digits."""
    return hashlib.sha256(" ".join(f"{value:.6g}" for value in values.ravel().tolist()).encode()).hexdigest()[:20]


def table(folder: Path, count: int = 60) -> Path:
    """A table of traces of two labels."""
    two_labels(count, seed=0).write_parquet(folder / "traces.parquet")
    return folder / "traces.parquet"


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """The causal core on GASF images: every form of output, windows, continuation, likelihoods."""
    dataset = prepare(table(folder), folder / "dataset")
    model = train(dataset, folder / "model", preset="tiny", steps=8)
    yield "weights", hash_of(model / "weights.safetensors")
    for name in ("made.parquet", "made.csv", "made.npz", "images"):
        yield name, hash_of(generate(model, folder / name, count=20, seed=3))
    yield "window", hash_of(generate(model, folder / "w.csv", count={"bulk": 5}, window=3, sampling_steps=4))
    begun = generate(model, folder / "begun.csv", beginnings=folder / "made.parquet", seed=1)
    yield "beginnings", hash_of(begun)
    loaded = TrafficModel.load(model)
    yield "long", hash_of_table(loaded.sample({"bulk": 9}, seed=2, length=40))
    yield "likelihoods", hash_of_numbers(loaded.log_likelihood(pl.read_parquet(folder / "traces.parquet")))


def series(folder: Path) -> Iterator[tuple[str, str]]:
    """The causal core on bare series: coarse rows, labels hidden and balanced, guidance; traces in groups."""
    rng = np.random.default_rng(0)
    lines = [rng.integers(0, 500, 40).tolist() for _ in range(24)]
    pl.DataFrame({"label": ["a", "b"] * 12, "down_bytes": lines}).write_parquet(folder / "series.parquet")
    dataset = prepare(folder / "series.parquet", folder / "dataset", bins=100.0, window=8)
    options = {"coarse": 2, "balance": 1.0, "label_dropout": 0.2, "guidance": 2.0, "scale": "log"}
    model = train(dataset, folder / "model", preset="tiny", image="series", steps=6, **options)
    yield "weights", hash_of(model / "weights.safetensors")
    yield "made.parquet", hash_of(generate(model, folder / "made.parquet", count=20, seed=3))
    yield "plain.csv", hash_of(generate(model, folder / "plain.csv", count=20, guidance=1.0, balance=True))


def unet(folder: Path) -> Iterator[tuple[str, str]]:
    """The published network."""
    small = {"width": 32, "depth": 1, "timesteps": 20}
    dataset = prepare(table(folder), folder / "dataset")
    model = train(dataset, folder / "model", preset="netdiffus2", steps=2, label_dropout=0.1, **small)
    yield "weights", hash_of(model / "weights.safetensors")
    for name, options in (("made.parquet", {}), ("images", {"sampler": "dpm++2m"}), ("pushed.csv", {"guidance": 2.0})):
        yield name, hash_of(generate(model, folder / name, count=5, sampling_steps=3, seed=3, **options))


def imported(folder: Path) -> Iterator[tuple[str, str]]:
    """A guided-diffusion checkpoint, with a scale and without, of both schedules."""
    torch.manual_seed(0)
    network = UNet(UNetShape(1, 2, 32, (1, 2), 1, frozenset({2}), 4, 3))
    for value in network.parameters():
        torch.nn.init.normal_(value, std=0.05)
    torch.save(network.state_dict(), folder / "ema.pt")
    for name, options in (("images", []), ("traces", ["--scale", "-1460,1460"])):
        command = ["import", str(folder / "ema.pt"), "--out", str(folder / name), "--image-size", "6", "--steps", "40"]
        if cli.run([*command, "--schedule", "linear" if options else "cosine", *options]):
            raise RuntimeError(f"import of {name} failed")
        yield f"weights of {name}", hash_of(folder / name / "weights.safetensors")
    options = {"count": 6, "sampling_steps": 4, "seed": 3}
    yield "made.npz", hash_of(generate(folder / "images", folder / "made.npz", **options))
    yield "made.parquet", hash_of(generate(folder / "traces", folder / "made.parquet", **options))


def packets(folder: Path) -> Iterator[tuple[str, str]]:
    """A model of packets' fields: captures, nPrint rows, tables, bit images."""
    captures = [recordings.captures()[label][0] for label in ("dns", "mqtt", "ntp")]
    dataset = prepare(captures, folder / "dataset", packets=12)
    model = train(dataset, folder / "model", image="bits", preset="tiny", steps=4, batch=32)
    yield "weights", hash_of(model / "weights.safetensors")
    made = {
        "made.pcap": {}, "made.pcapng": {"link": "raw", "payload": "zero", "rate": 5.0}, "made.nprint": {},
        "made.nprint.npz": {"packets": 3}, "made.parquet": {}, "bit-images": {}, "udp.csv": {"protocol": "udp"},
    }  # fmt: skip
    for name, options in made.items():
        yield name, hash_of(generate(model, folder / name, count=12, seed=3, **options))
    yield "made.pcap.labels.csv", hash_of(folder / "made.pcap.labels.csv")
    (folder / "labels").mkdir()
    generate(model, folder / "labels" / "x.pcap", count={"dns": 4, "ntp": 2}, per_label=True)
    yield "per label", hash_of(folder / "labels")
    yield "sample", hash_of_table(TrafficModel.load(model).sample(12, seed=4))


def pictures(folder: Path) -> Iterator[tuple[str, str]]:
    """A folder of images of a table, of floats, and its way back."""
    for command, out in (
        (f"image {table(folder)} --out {folder}/pictures", "pictures"),
        (f"image {folder}/pictures --out {folder}/back.parquet", "back.parquet"),
    ):
        if cli.run(command.split()):
            raise RuntimeError(f"{out} failed")
        yield out, hash_of(folder / out)


def sources(folder: Path) -> Iterator[tuple[str, str]]:
    """What needs no network and gives whole numbers: datasets of every kind of source, and images turned back."""

    def dataset(name: str, sources: list[Path], **options: object) -> str:
        return hash_of(prepare(sources, folder / name, **options) / "traces.parquet")

    captures = [recordings.captures()[label][0] for label in ("dns", "ntp")]
    made = table(folder)
    yield "captures", dataset("captures", captures, packets=12)
    yield "bins", dataset("bins", captures, bins=50.0)
    yield "table", dataset("table", [made])
    rng = np.random.default_rng(0)
    sizes = rng.integers(-1460, 1461, (6, 8))
    (folder / "gasf" / "App").mkdir(parents=True)
    for k, row in enumerate(sizes):
        np.savez(folder / "gasf" / "App" / f"App_{k}.npz", x=gasf((row + 1460) / 2920))
    np.savez(folder / "gasf" / "Many_synthetic_samples.npz", images=gasf((sizes + 1460) / 2920)[..., None])
    yield "gasf", dataset("of-gasf", [folder / "gasf"], gasf="-1460,1460")
    yield "nprint", hash_of(prepare(captures, folder / "rows.nprint", timestamps="absolute"))
    yield "capture of nprint", hash_of(prepare(folder / "rows.nprint", folder / "rows.pcap"))
    commands = {
        "foreign back": f"image {folder}/gasf --out {folder}/foreign.csv --scale -1460,1460",
        "bits": f"image {folder}/captures --image bits --out {folder}/bits --length 6",
        "bits back": f"image {folder}/bits --out {folder}/bits.pcap",
        "bits as a table": f"image {folder}/bits --out {folder}/bits.csv",
    }
    for name, command in commands.items():
        out = command.split("--out ")[1].split()[0]
        if name == "foreign back":
            (folder / "gasf" / "Many_synthetic_samples.npz").unlink()
        if cli.run(command.split()):
            raise RuntimeError(f"{name} failed")
        yield name, hash_of(Path(out))


DRAWN: dict[str, Callable[[Path], Iterator[tuple[str, str]]]] = {
    "rows": rows, "series": series, "unet": unet, "imported": imported, "packets": packets, "pictures": pictures,
}  # fmt: skip
SOURCES = {"sources": sources}


def recorded() -> dict[str, dict[str, Hashes]]:
    """By machine or versions: by kind the hash of everything that is made."""
    found: dict[str, dict[str, Hashes]] = json.loads(HASHES.read_text())
    return found


class Drawer:
    """Draws each kind in a process of its own, for what ran before may move the last bits of a sum.

    They are forked from one that has imported everything and run nothing.
    """

    def __init__(self) -> None:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        command = [sys.executable, "-m", "tests.golden.draws", "-"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=HERE.parents[1], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )

    def drawn(self, kind: str) -> Hashes:
        """The hashes of one kind.

        Raises:
            RuntimeError: it cannot be drawn.
        """
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("no pipes")
        print(kind, file=process.stdin, flush=True)
        for line in process.stdout:
            if line.startswith(MARK):
                found: Hashes = json.loads(line.removeprefix(MARK))
                return found
            if line.startswith(FAILED):
                break
        process.kill()
        raise RuntimeError(f"{kind}: {process.communicate()[1]}")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def draw_asked() -> None:
    """Draw the kinds that are named on standard input, each in a child."""
    for line in sys.stdin:
        if child := os.fork():
            if os.waitpid(child, 0)[1]:
                print(FAILED, flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(MARK + json.dumps(dict((DRAWN | SOURCES)[line.strip()](Path(folder)))), flush=True)
        os._exit(0)  # taking all modules down, page by page copied from the parent, would take longer than most draws


def main(arguments: Sequence[str]) -> None:
    """Write the hashes of this machine beside those of others; with an argument, draw what standard input asks for."""
    if arguments:
        draw_asked()
        return
    drawer = Drawer()
    new = {
        machine(): {kind: drawer.drawn(kind) for kind in DRAWN},
        versions(): {kind: drawer.drawn(kind) for kind in SOURCES},
    }
    drawer.close()
    HASHES.write_text(json.dumps((recorded() if HASHES.is_file() else {}) | new, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
