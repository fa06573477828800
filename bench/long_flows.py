"""Flows of tens of thousands of packets, which the recordings have none of: recorded here, learned, drawn and checked.

Transfers between two sockets in a network namespace of their own, without segmentation offload, captured by tcpdump
(both need unshare, ip and ethtool of iproute2, and root or user namespaces). LONG_FOLDER=DIR keeps capture, dataset,
model and draws there, and goes on with those that it finds; LONG_STEPS=N trains for N steps, not 150.

    python -m bench long_flows
"""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.results import table, write_section
from bench.whole import gated, packets_of
from netdiffus import generate, prepare, train

FLOWS, AT_ONCE = 24, 3
BYTES = 15_000_000, 70_000_000
CHUNK, PAUSE_S = 1 << 17, 0.01
SETUP = ("ip link set lo mtu 1500 gso_max_size 1500 gso_max_segs 1 up", "ethtool -K lo tso off gso off gro off")
STEPS, DRAWN = 150, 64


def transfer(size: int, port: int, pause_s: float) -> None:
    """A connection in which the server sends so many bytes, a chunk at a time."""
    listening = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        peer, _ = listening.accept()
        with peer:
            peer.recv(100)
            for _ in range(size // CHUNK):
                peer.sendall(bytes(CHUNK))
                time.sleep(pause_s)

    thread = threading.Thread(target=serve)
    thread.start()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET")
        while client.recv(1 << 20):
            pass
    thread.join()
    listening.close()


def record(capture: Path) -> None:
    """Transfers of BYTES to a capture; in a namespace of its own."""
    for command in SETUP:
        subprocess.run(command.split(), check=True, stdout=subprocess.DEVNULL)
    options = ["-i", "lo", "-Z", "root", "-s", "96", "-B", "262144", "--time-stamp-precision=nano", "-w", str(capture)]
    with subprocess.Popen(["tcpdump", *options], stderr=subprocess.PIPE, text=True) as listener:
        time.sleep(2)
        rng = random.Random(0)
        jobs = [(int(rng.uniform(*BYTES)), 7000 + n, rng.uniform(0.5, 2) * PAUSE_S) for n in range(FLOWS)]
        for first in range(0, FLOWS, AT_ONCE):
            threads = [threading.Thread(target=transfer, args=job) for job in jobs[first : first + AT_ONCE]]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        time.sleep(2)
        listener.terminate()
        said = listener.communicate()[1]
    print(said.strip().replace("\n", "; "), file=sys.stderr)


def main() -> None:
    """Write the section; `record CAPTURE` is what runs in the namespace."""
    if sys.argv[-2:-1] == ["record"]:
        record(Path(sys.argv[-1]))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(os.environ.get("LONG_FOLDER", scratch))
        capture = folder / "captures" / "transfer" / "transfer.pcap"
        if not capture.exists():
            capture.parent.mkdir(parents=True)
            subprocess.run(
                [
                    "unshare",
                    "-n" if os.geteuid() == 0 else "-rn",
                    sys.executable,
                    "-m",
                    "bench.long_flows",
                    "record",
                    capture,
                ],
                check=True,
            )
        dataset, model, made = folder / "dataset", folder / "model", folder / "made.pcapng"
        if not dataset.exists():
            prepare(folder / "captures", dataset, packets="all")
        if not model.exists():
            train(dataset, model, image="fields", steps=int(os.environ.get("LONG_STEPS", STEPS)))
        if not made.exists():
            generate(model, made, count=DRAWN, seed=1)
        found = packets_of(made)
        text = (
            f"{FLOWS} transfers recorded; drawn: {len(found)} flows, {int((found > 50_000).sum())} of more than 50,000 "
            f"packets.\n\n{table(('gate', 'answer', 'wanted'), gated(made))}"
        )
    if "LONG_STEPS" in os.environ:
        print(text)
    else:
        write_section("long_flows", "Flows of tens of thousands of packets", text)


if __name__ == "__main__":
    main()
