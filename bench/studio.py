"""The studio in a real browser: clicks of the whole job, pages, live updates, load, and hostile requests."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import polars as pl
from playwright.sync_api import Browser, BrowserContext, Page

from bench.results import table, write_section
from bench.studio_browser import Studio, browser, studio
from netdiffus import recordings
from netdiffus.api.verbs import prepare

LABELS, DATASETS, TRACES, AT_ONCE, LOADS, LIVE_S = ("ntp", "dns"), 100, 1_000_000, 200, 5, 30
SLOW_S = 45.0
PAGES = {
    "home, 100 datasets": "/", "prepare": "/prepare", "train": "/train", "generate": "/generate", "jobs": "/jobs",
    "dataset": "/dataset?path=many-0", "capture": "/capture?path=captures/dns.pcap.xz", "check": "/check",
    "dataset of 1,000,000 traces, page 40,000": "/dataset?path=million&page=39999",
}  # fmt: skip
NOTE = (
    "Choosing files in the browser's dialogue is counted as 3 clicks; dropping them takes none. Of the 200 requests "
    "the median follows from the server's CPU and the share of the core that it gets beside other work. Tried before: "
    "making every answer anew (median 3.8 s); now what is asked for at once is made once, from templates compiled at "
    "the start."
)


def whole_job(opened: Browser, folder: Path, sources: list[Path]) -> tuple[int, float, int]:
    """From two captures to a pcap with the defaults, by mouse alone; the training is stopped once it has saved.

    Returns clicks, of which one stops the training; seconds; and bytes of the capture.
    """
    began, clicks = time.monotonic(), 0
    with studio(folder) as running:
        page = opened.new_context().new_page()
        page.set_default_timeout(900_000)
        page.goto(running.address)

        def click(role: Any, name: str) -> None:
            nonlocal clicks
            page.get_by_role(role, name=name, exact=True).first.click()
            clicks += 1

        click("link", "Add traffic")
        page.set_input_files("#file", sources)
        page.wait_for_selector("#command:has-text('--labels file')")
        clicks += 3  # "Choose files", the files in the dialogue, and its button: a drop needs none of them
        click("button", "Prepare")
        click("link", "Train a model on it")
        click("button", "Train")
        page.wait_for_selector(".curve .smooth[d*='L']", state="attached")
        click("button", "Stop and save")
        click("link", "Generate from it")
        click("button", "Generate")
        with page.expect_download() as download:
            click("link", "Download")
        size = Path(download.value.path()).stat().st_size
        page.context.close()
    return clicks, time.monotonic() - began, size


def page_figures(page: Page, address: str) -> tuple[int, float]:
    """Bytes of a page without its pictures, loaded fresh, and milliseconds to its first paint (median)."""
    weights: list[int] = []

    def weigh(answer: Any) -> None:
        if not answer.headers.get("content-type", "").startswith("image/"):
            weights.append(int(answer.headers.get("content-length") or 0))

    paints = []
    page.on("response", weigh)
    for _ in range(LOADS):
        weights.clear()
        page.goto(address)
        page.wait_for_load_state("networkidle")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
    page.remove_listener("response", weigh)
    return sum(weights), median(paints)


def cpu_seconds(pid: int) -> float:
    """CPU-seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def live(running: Studio, page: Page) -> tuple[float, float]:
    """Updates of the curve a second while a training runs, and the server's share of a core meanwhile."""
    page.goto(f"{running.base}/train?dataset=packets")
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(".curve .smooth[d*='L']", state="attached", timeout=900_000)
    page.evaluate(
        "window.updates = 0; new MutationObserver(() => window.updates++)"
        ".observe(document.querySelector('.curve .smooth'), { attributes: true })"
    )
    before, began = cpu_seconds(running.process.pid), time.monotonic()
    page.wait_for_timeout(1000 * LIVE_S)
    passed = time.monotonic() - began
    updates, used = page.evaluate("window.updates"), cpu_seconds(running.process.pid) - before
    page.get_by_role("button", name="Stop and save").click()
    return updates / passed, used / passed


def sample_seconds(folder: Path) -> float:
    """CPU-seconds of drawing the samples of two labels that are shown beside real traces every minute."""
    before = os.times()
    counts = [word for label in LABELS for word in ("--count", f"{label}=2")]
    line = ["generate", "model", "--out", "sample.parquet", *counts]
    subprocess.run([sys.executable, "-m", "netdiffus", *line], cwd=folder, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


async def load(running: Studio) -> tuple[int, float, float]:
    """200 requests at once: errors, and median and longest milliseconds."""
    paths = ["/jobs", "/static/studio.css", "/train", "/dataset?path=many-0", "/capture?path=captures/ntp.pcap.xz"]
    host, port = running.base.removeprefix("http://").split(":")
    cookie = f"netdiffus-studio-{port}={running.token}"

    async def one(number: int) -> tuple[bool, float]:
        """Over a connection of its own, by sockets: a client with comforts would take longer than the server."""
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"GET {paths[number % len(paths)]} HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {cookie}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return not answer.startswith(b"HTTP/1.1 200"), 1000 * (time.monotonic() - began)

    found = await asyncio.gather(*map(one, range(AT_ONCE)))
    times = [ms for _, ms in found]
    return sum(failed for failed, _ in found), median(times), max(times)


def hostile(running: Studio, folder: Path) -> tuple[int, int, bool]:
    """50 hostile requests: how many, how many were refused, and whether nothing was written."""
    before = {str(path) for path in folder.rglob("*")}
    own = {"origin": running.base}
    with httpx.Client(base_url=running.base, timeout=120) as client:
        client.get("/", params={"token": running.token})
        statuses = [
            client.get(page, params={"path": path}).status_code
            for page in ("/download", "/dataset", "/capture", "/report")
            for path in ("../x", "/etc/passwd", "a/../../x", "%2e%2e/x", "many-0/../../x", "\0", "a" * 3000)
        ]
        hosts = ("evil.example", "a.b:80", "10.1.1.1", "")
        statuses += [client.get("/", headers={"host": host}).status_code for host in hosts]
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            for path in ("/start/prepare", "/start/train", "/preview", "/upload?name=a.pcap"):
                statuses.append(client.post(path, content=b"a=1", headers={"origin": origin}).status_code)
        for name in ("../a.pcap", "/a.pcap", ".a.pcap", "a.exe", "a\nb.pcap"):
            statuses.append(client.post("/upload", params={"name": name}, content=b"x", headers=own).status_code)
        statuses.append(client.post("/upload?name=a.pcap", content=b"no capture", headers=own).status_code)
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    bare = httpx.Client(base_url=running.base, timeout=60)
    statuses += [bare.get(path).status_code for path in ("/", "/jobs", "/download?path=captures", "/static/studio.css")]
    statuses += [_raw(running, cookie, length, pause) for length, pause in ((1 << 40, 0.0), (1 << 20, SLOW_S))]
    bare.close()
    after = {str(path) for path in folder.rglob("*")}
    return len(statuses), sum(400 <= status < 500 for status in statuses), before == after


def _raw(running: Studio, cookie: str, length: int, pause: float) -> int:
    """The answer to an upload that announces so many bytes and sends one, then waits."""
    host, port = running.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sent:
        head = f"POST /upload?name=slow.pcap HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {running.base}\r\n"
        sent.sendall(f"{head}Cookie: {cookie}\r\nContent-Length: {length}\r\n\r\nx".encode())
        if pause:
            sent.settimeout(pause)
        return int(sent.recv(1 << 12).split()[1])


def fill(folder: Path) -> list[Path]:
    """Captures, a hundred datasets, and one of a million traces; returns the captures."""
    (folder / "captures").mkdir(parents=True)
    captures = []
    for label in LABELS:
        (source,) = recordings.captures()[label]
        captures.append(Path(shutil.copy(source, folder / "captures" / source.name)))
    prepare(folder / "captures", folder / "packets", labels="file", packets=32)
    for number in range(DATASETS):
        shutil.copytree(folder / "packets", folder / f"many-{number}")
    shutil.copytree(folder / "packets", folder / "million")
    traces = pl.read_parquet(folder / "million" / "traces.parquet")
    rows = pl.concat([traces] * (TRACES // len(traces) + 1)).head(TRACES)
    rows.write_parquet(folder / "million" / "traces.parquet", row_group_size=1 << 16, compression="zstd")
    return captures


def measured(opened: Browser, folder: Path) -> str:
    """All figures of one filled folder, as Markdown."""
    captures = fill(folder)
    (folder.parent / "empty").mkdir()
    clicks, seconds, size = whole_job(opened, folder.parent / "empty", captures)
    with studio(folder) as running:
        context: BrowserContext = opened.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        began, used = time.monotonic(), cpu_seconds(running.process.pid)
        page.goto(running.address)
        first, work = time.monotonic() - began, cpu_seconds(running.process.pid) - used
        figures = [(name, *page_figures(page, running.base + path)) for name, path in PAGES.items()]
        with ThreadPoolExecutor(1) as pool:  # playwright's loop runs in this thread
            pool.submit(asyncio.run, load(running)).result()  # templates and kernels are loaded then
            used = cpu_seconds(running.process.pid)
            errors, middle, longest = pool.submit(asyncio.run, load(running)).result()
            used = cpu_seconds(running.process.pid) - used
        asked, refused, clean = hostile(running, folder)  # before the training, which writes too
        updates, share = live(running, page)
        page.wait_for_selector("#state:text-is('stopped')", timeout=900_000)
        sample = sample_seconds(folder)
        context.close()
    rows = [
        ("clicks of the whole job, one of them to stop the training", f"{clicks}", "12"),
        ("the first page after the start, 100 datasets", f"{first:.2f} s, of them {work:.2f} s of CPU", "1 s"),
        ("heaviest page, without pictures", f"{max(weight for _, weight, _ in figures) / 1000:.0f} kB", "300 kB"),
        ("slowest first paint, median of 5", f"{max(paint for _, _, paint in figures):.0f} ms", "300 ms"),
        ("updates of the live curve", f"{updates:.2f} a second", "1 a second"),
        ("CPU of the server meanwhile", f"{100 * share:.1f} % of a core", "3 %"),
        ("CPU of a process that draws live samples, once a minute", f"{sample:.1f} s", "–"),
        (f"{AT_ONCE} requests at once: errors", f"{errors}", "0"),
        (f"{AT_ONCE} requests at once: median, longest", f"{middle:.0f} ms, {longest:.0f} ms", "100 ms, –"),
        (f"{AT_ONCE} requests at once: CPU of the server", f"{used:.2f} s", "–"),
        ("hostile requests refused; anything written", f"{refused} of {asked}; {'no' if clean else 'yes'}", "all; no"),
    ]
    each = table(("page", "kB", "first paint, ms"), [(n, f"{w / 1000:.1f}", f"{p:.0f}") for n, w, p in figures])
    note = (
        f"The whole job took {seconds:.0f} s with the other work of the machine; its capture has {size:,} bytes. {NOTE}"
    )
    return table(("figure", "measured", "wanted"), rows) + f"\n\n{note}\n\n{each}"


def main() -> None:
    """Measure, and write the section."""
    with tempfile.TemporaryDirectory() as place, browser() as opened:
        body = measured(opened, Path(place) / "work")
    write_section("studio", "Studio", body)


if __name__ == "__main__":
    main()
