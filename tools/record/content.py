"""What the servers hand out: certificates, pages with objects, files of many sizes."""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path as File
from random import Random

WORDS = ["flow", "packet", "queue", "window", "delay", "river", "stone", "light"]
WORDS += ["market", "garden", "season", "letter", "number", "island", "signal"]


def log_uniform(rng: Random, low: float, high: float) -> int:
    """An integer between `low` and `high` whose logarithm is uniform."""
    return round(math.exp(rng.uniform(math.log(low), math.log(high))))


def certificate(folder: File) -> tuple[File, File]:
    """A self-signed certificate and its key in `folder`."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if not cert.exists():
        subject = ["-subj", "/CN=example.test", "-addext", "subjectAltName=DNS:example.test,DNS:*.v4.example.test"]
        make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", *subject]
        subprocess.run([*make, "-keyout", str(key), "-out", str(cert)], check=True, stderr=subprocess.DEVNULL)
        key.chmod(0o644)
    return cert, key


def text(rng: Random, length: int) -> str:
    """Words, about `length` characters of them."""
    return " ".join(rng.choices(WORDS, k=max(1, length // 7)))


def files(folder: File, sizes: list[int], rng: Random) -> list[str]:
    """Files of the given sizes filled with noise, which no compression shrinks; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for size in sizes:
        name = f"f{size}.bin"
        (folder / name).write_bytes(rng.randbytes(size))
        names.append(name)
    return names


def pages(folder: File, count: int, rng: Random, largest: int = 250_000, most: int = 35) -> None:
    """Pages 0.html ... with style sheets, scripts and pictures, some of them on the cdn and img hosts.

    A page has up to `most` pictures of up to `largest` bytes.
    """
    files(folder / "o", [log_uniform(rng, 600, largest) for _ in range(160)], rng)
    objects = sorted((folder / "o").iterdir())
    for number in range(count):
        parts = ["<!doctype html><html><head><title>page</title>"]
        for _ in range(rng.randint(1, 4)):
            name = f"s{rng.randrange(10**9)}.css"
            (folder / "o" / name).write_text("/* " + text(rng, log_uniform(rng, 500, largest * 3 // 25)) + " */")
            parts.append(f'<link rel="stylesheet" href="{rng.choice(["", "//CDN"])}/o/{name}">')
        for _ in range(rng.randint(0, 5)):
            name = f"j{rng.randrange(10**9)}.js"
            (folder / "o" / name).write_text("/* " + text(rng, log_uniform(rng, 500, largest * 9 // 25)) + " */")
            parts.append(f'<script src="{rng.choice(["", "//CDN"])}/o/{name}"></script>')
        parts.append("</head><body>")
        for _ in range(log_uniform(rng, 2, most)):
            parts.append(f"<p>{text(rng, rng.randint(20, 900))}</p>")
            parts.append(f'<img src="{rng.choice(["", "//CDN", "//IMG"])}/o/{rng.choice(objects).name}">')
        (folder / f"{number}.html").write_text("".join(parts))


def items(folder: File, count: int, rng: Random) -> None:
    """JSON documents 0.json ... of a few bytes to some ten kilobytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        rows = [{"id": i, "text": text(rng, rng.randint(5, 90))} for i in range(log_uniform(rng, 1, 200))]
        (folder / f"{number}.json").write_text(json.dumps(rows))
