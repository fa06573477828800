"""BitTorrent peers (libtorrent): `seed FOLDER ADDRESSES` seeds on each address, `fetch PLAN` fetches by a JSON plan."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import libtorrent

PORT = 6881


def session(listen: str, **more: object) -> libtorrent.session:
    """A session that neither looks for peers on the network nor maps ports."""
    settings = {"listen_interfaces": listen, "enable_dht": False, "enable_lsd": False, "enable_upnp": False}
    settings |= {"enable_natpmp": False, "allow_multiple_connections_per_ip": True, "alert_mask": 0}
    return libtorrent.session(settings | more)


def dotted(address: str, port: int) -> str:
    """An address and port as libtorrent writes them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def seed(folder: Path, addresses: list[str]) -> None:
    """One seed per address, each with its own rate."""
    sessions = []
    for address in addresses:
        one = session(dotted(address, PORT), upload_rate_limit=random.randint(30_000, 300_000), unchoke_slots_limit=50)
        for name in folder.glob("*.torrent"):
            info = libtorrent.torrent_info(str(name))
            flags = libtorrent.torrent_flags.seed_mode | libtorrent.torrent_flags.upload_mode
            one.add_torrent({"ti": info, "save_path": str(folder), "flags": flags})
        sessions.append(one)
        time.sleep(0.2)
    while True:
        time.sleep(60)


def fetch(plan: dict[str, Any]) -> None:
    """Fetch one torrent from the peers of the plan; leave when it is there, or after 35 s."""
    policy = libtorrent.enc_policy.forced if plan["crypto"] else libtorrent.enc_policy.disabled
    listen = ",".join(dotted(address, plan["port"]) for address in plan["listen"])
    transport = {"enable_outgoing_utp": plan["utp"], "enable_outgoing_tcp": not plan["utp"]}
    here = session(listen, out_enc_policy=int(policy), **transport)
    handle = here.add_torrent({"ti": libtorrent.torrent_info(plan["torrent"]), "save_path": plan["away"]})
    for address in plan["peers"]:
        handle.connect_peer((address, PORT))
    began = time.monotonic()
    while time.monotonic() - began < 35 and not handle.status().is_seeding:
        time.sleep(0.3)
    time.sleep(random.uniform(0, 3))
    here.pause()
    time.sleep(1)


if __name__ == "__main__":
    if sys.argv[1] == "seed":
        seed(Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))
    else:
        fetch(json.loads(Path(sys.argv[2]).read_text()))
