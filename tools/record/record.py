"""Record the labels: servers and clients in namespaces, tcpdump at the client, one raw capture per label."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path as File
from random import Random

import table
from label import Label
from labels import LABELS
from namespaces import Pair, stop
from trim import chosen, read, trim

RECORDINGS = File(__file__).resolve().parents[2] / "src/netdiffus/recordings"


def raw_capture(name: str, options: argparse.Namespace) -> File:
    """Where tcpdump writes the capture of a label."""
    return File(options.work) / name / f"{File(name).name}.pcap"


def shipped(name: str, options: argparse.Namespace) -> File:
    """Where the trimmed capture of a label goes: labels without a folder of their own lie in data/."""
    return File(options.out) / (name if "/" in name else f"data/{name}") / f"{File(name).name}.pcap.xz"


def record(name: str, label: Label, network: int, options: argparse.Namespace) -> str:
    """Record one label and return a line about it."""
    pair = Pair(name, network, options.seed, options.work / name)
    raw = raw_capture(name, options)
    began = time.monotonic()
    failed = 0
    try:
        pair.open()
        label.serve(pair)
        time.sleep(1.0)
        tcpdump = ["tcpdump", "-i", "eth0", "-n", "-U", "--time-stamp-precision=nano", "-B", "16384", "-w", str(raw)]
        capture = pair.start(pair.client_name, (*tcpdump, "-Z", "root", "tcp or udp"))
        time.sleep(1.0)

        def run(number: int) -> bool:
            rng = Random(f"{pair.seed}/session/{number}")
            if number < label.parallel:
                time.sleep(rng.uniform(0, 3))
            if time.monotonic() - began > options.minutes * 60:
                return False
            try:
                label.session(pair, rng)
            except Exception:  # one lost session costs a flow, not the recording; the log tells
                pair.log.write(traceback.format_exc().encode())
                pair.log.flush()
                return False
            return True

        sessions = max(1, round(label.sessions * options.share))
        with ThreadPoolExecutor(label.parallel) as pool:
            failed = sessions - sum(pool.map(run, range(sessions)))
        time.sleep(2.0)
        stop(capture)
        if "sessions" in pair.shared:
            (pair.folder / "sessions.json").write_text(json.dumps(sorted(pair.shared["sessions"])))
    finally:
        pair.close()
    return f"{name}: {sessions} sessions, {failed} failed or left out, {time.monotonic() - began:.0f} s"


def ship(name: str, options: argparse.Namespace) -> str:
    """Trim a raw capture into the recordings, with the rows of its sessions, and return a line about it."""
    raw, cut = raw_capture(name, options), LABELS[name].cut
    packets = read(raw)
    if not packets:
        return f"{name}: no packets, nothing written"
    noted = raw.with_name("sessions.json")
    if not noted.exists():
        return trim(packets, chosen(packets, cut.flows), shipped(name, options), cut)
    sessions = table.windows(noted)
    line = trim(packets, table.session_of_flows(packets, sessions), shipped(name, options), cut)
    new = table.rows(raw.stem, packets, sessions)
    table.replace(options.out / "sessions.csv", raw.stem, new)
    return f"{line}, {len(new)} sessions"


def main() -> None:
    """Record all labels, or those named by --only, several at a time, then trim them into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", metavar="LABEL", choices=sorted(LABELS), help="may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=File, default=File("/var/tmp/netdiffus-record/raw"), help="raw captures")
    parser.add_argument("--out", type=File, default=RECORDINGS, help="where the trimmed captures go")
    parser.add_argument("--share", type=float, default=1.0, help="share of the sessions to run, for a trial")
    parser.add_argument("--minutes", type=float, default=30.0, help="start no session of a label after so long")
    parser.add_argument("--at-once", type=int, default=8, help="labels recorded at a time")
    parser.add_argument("--raw-only", action="store_true", help="do not trim")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("expected to run as root: network namespaces and TAP devices need it")
    os.nice(5)
    order = list(LABELS)
    names = [name for name in order if name in (options.only or order)]
    for name in names:
        shutil.rmtree(options.work / name, ignore_errors=True)

    def run(name: str) -> None:
        try:
            print(record(name, LABELS[name], order.index(name), options), flush=True)
        except Exception:  # the other labels go on; the trace says what to mend
            print(f"{name}: failed\n{traceback.format_exc()}", flush=True)

    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(run, names))
    if options.raw_only:
        return
    for name in names:
        if raw_capture(name, options).exists():
            print(ship(name, options), flush=True)
    subprocess.run([sys.executable, str(File(__file__).with_name("summary.py")), str(options.out)], check=True)


if __name__ == "__main__":
    main()
