"""BitTorrent: libtorrent seeds on many server addresses, libtorrent and aria2 fetch, opentracker introduces them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from pathlib import Path as File
from random import Random

import content
from namespaces import HERE, Pair
from paths import SERVERS, client_address, server_address

SEEDS = 16  # per address family
PIECE = 32_768


def bencode(value: object) -> bytes:
    """Bencoding (BEP 3), to write the torrent files."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(f"expected int, bytes or dict, got {type(value).__name__}")


def torrent(file: File, tracker: str) -> tuple[bytes, str]:
    """The torrent file of `file`, and its info hash."""
    data = file.read_bytes()
    pieces = b"".join(hashlib.sha1(data[at : at + PIECE]).digest() for at in range(0, len(data), PIECE))
    info = {b"name": file.name.encode(), b"length": len(data), b"piece length": PIECE, b"pieces": pieces}
    return bencode({b"announce": tracker.encode(), b"info": info}), hashlib.sha1(bencode(info)).hexdigest()


def serve(pair: Pair) -> None:
    """The tracker, and seeds that together have every file."""
    rng = Random(f"{pair.seed}/files")
    files = pair.folder / "seeds"
    names = content.files(files, [content.log_uniform(rng, 100_000, 2_500_000) for _ in range(40)], rng)
    trackers = {4: server_address(4, pair.network, SERVERS), 6: server_address(6, pair.network, SERVERS)}
    for name in names:
        url = rng.choice(["udp", "http"]) + f"://{trackers[4]}:6969/announce"
        (files / f"{name}.torrent").write_bytes(torrent(files / name, url)[0])
    pair.serve("opentracker", "-i", trackers[4], "-p", "6969", "-P", "6969")
    numbers = rng.sample(range(1, SERVERS), SEEDS)
    addresses = [server_address(family, pair.network, number) for family in (4, 6) for number in numbers]
    pair.shared |= {"names": names, "addresses": addresses}
    (pair.folder / "seeds.json").write_text(json.dumps(addresses))
    pair.serve("/usr/bin/python3", HERE / "programs/torrent_peer.py", "seed", files, pair.folder / "seeds.json")
    time.sleep(12)  # until the tracker knows the seeds


def fetch(pair: Pair, rng: Random) -> None:
    """Fetch one file from two to six peers, over TCP or uTP (libtorrent), or from those the tracker knows (aria2)."""
    name = rng.choice(pair.shared["names"])
    away = pair.folder / f"away-{rng.randrange(10**9)}"
    away.mkdir()
    if rng.random() < 0.25:
        words = ["aria2c", "-q", "--seed-time=0", "--enable-dht=false", "--enable-peer-exchange=false"]
        words += [
            "--bt-stop-timeout=15",
            f"--listen-port={rng.randint(20000, 60000)}",
            "--dir",
            str(away),
            "--bt-max-peers=5",
        ]
        words += rng.choice([[], ["--bt-require-crypto=true"]])
        pair.client(*words, pair.folder / "seeds" / f"{name}.torrent", timeout_s=45)
    else:
        plan = {"peers": rng.sample(pair.shared["addresses"], rng.randint(2, 6)), "utp": rng.random() < 0.5}
        plan |= {"listen": [client_address(4, pair.network), client_address(6, pair.network)]}
        plan |= {"port": rng.randint(20_000, 60_000), "crypto": rng.random() < 0.4}
        plan |= {"torrent": str(pair.folder / "seeds" / f"{name}.torrent"), "away": str(away)}
        (away / "plan.json").write_text(json.dumps(plan))
        pair.client("/usr/bin/python3", HERE / "programs/torrent_peer.py", "fetch", away / "plan.json", timeout_s=45)
    subprocess.run(["rm", "-rf", str(away)], check=False)
