"""GASF images of series beside a plain copy of memory, and series of noisy images by the whole image."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from bench.results import table, write_section
from netdiffus.diffusion.observation import GasfRows
from netdiffus.imaging.codec import STEP
from netdiffus.imaging.gasf import from_diagonal, from_image, gasf

LENGTHS = (64, 128, 256, 512)
BYTES = 1 << 28  # of one array of images: many times any cache
REPEATS = 7
WANTED_SHARE, WANTED_TRACES = 0.5, 20_000
DECODED, NOISES = (20_000, 10), (0.0, 0.02, 0.05)


def seconds(work: Callable[[], object]) -> float:
    """Of the wall, once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def copy(target: NDArray[np.float64], source: NDArray[np.float64], pool: ThreadPoolExecutor, threads: int) -> None:
    """Each thread copies its part."""
    parts = zip(np.array_split(target, threads), np.array_split(source, threads), strict=True)
    list(pool.map(lambda pair: np.copyto(*pair), parts))


def encoding(threads: int) -> list[tuple[str, ...]]:
    """A row for each length and encoder: GB/s written, of a copy in the same round, and their ratio (medians)."""
    rng = np.random.default_rng(0)
    source, target = rng.random(BYTES // 8), np.empty(BYTES // 8)
    rows: list[tuple[str, ...]] = []
    with ThreadPoolExecutor(threads) as pool:
        for n in LENGTHS:
            x = rng.random((BYTES // 8 // n**2, n))
            double = np.empty((len(x), n, n))
            single = np.empty((2 * len(x), n, n), np.float32)
            twice = np.concatenate([x, x])
            observed, z = GasfRows(n, STEP), torch.from_numpy(rng.standard_normal((2 * len(x), 1, n))).float()
            ways: dict[str, Callable[[], object]] = {
                "float64": lambda x=x, out=double: gasf(x, out),  # type: ignore[misc]
                "float32": lambda x=twice, out=single: gasf(x, out),  # type: ignore[misc]
                "in training (torch, float32, a new array)": lambda observed=observed, z=z: observed.image(z),  # type: ignore[misc]
            }
            for name, encode in ways.items():
                encode()
                copies, encodings = [], []
                for _ in range(REPEATS):
                    copies.append(seconds(lambda: copy(target, source, pool, threads)))
                    encodings.append(seconds(encode))
                written, copied = (BYTES / statistics.median(found) / 1e9 for found in (encodings, copies))
                share = statistics.median(np.divide(copies, encodings))
                rows.append((str(n), name, f"{written:.2f}", f"{copied:.2f}", f"{share:.0%}"))
    return rows


def decoding() -> list[tuple[str, ...]]:
    """A row for each noise: traces per second, per CPU-second, and errors by the whole image and by the diagonal."""
    rng = np.random.default_rng(0)
    x = rng.random(DECODED)
    rows: list[tuple[str, ...]] = []
    for noise in NOISES:
        images = gasf(x) + noise * rng.standard_normal((*DECODED, DECODED[1]))
        from_image(images)
        wall, cpu = [], []
        for _ in range(REPEATS):
            before = time.process_time()
            wall.append(len(x) / seconds(lambda images=images: from_image(images)))  # type: ignore[misc]
            cpu.append(len(x) / (time.process_time() - before))
        errors = (np.abs(read - x).mean() for read in (np.cos(from_image(images)), from_diagonal(images)))
        speeds = (f"{statistics.median(speed):,.0f}" for speed in (wall, cpu))
        rows.append((f"{noise:g}", *speeds, *(f"{error:.5f}" for error in errors)))
    return rows


def main() -> None:
    """Write the section."""
    threads = numba.get_num_threads()
    torch.set_num_threads(threads)
    body = f"{threads} threads; preallocated arrays of {BYTES >> 20} MiB; median of {REPEATS} rounds, each a "
    body += "copy (numpy.copyto, as many threads) and an encoding. "
    body += f"Wanted: {WANTED_SHARE:.0%} of the speed of the copy.\n\n"
    body += table(("n", "images", "GB/s written", "GB/s copied", "share"), encoding(threads))
    body += f"\n\nDecoding by least squares over the whole image: {DECODED[0]:,} traces of {DECODED[1]} positions, "
    body += "x uniform in [0, 1], "
    body += f"independent noise on every entry. Wanted: {WANTED_TRACES:,} traces per second.\n\n"
    header = ("noise", "traces per second", "per CPU-second", "mean error of x", "from the diagonal alone")
    body += table(header, decoding())
    write_section("encoding", "Encoding and decoding images", body)


if __name__ == "__main__":
    main()
