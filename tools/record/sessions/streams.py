"""Video streaming: HLS made by ffmpeg, served by nginx, played at real pace by ffmpeg."""

from __future__ import annotations

import subprocess
from random import Random

from namespaces import Pair

from sessions.web import nginx

# width, height, kbit/s
RUNGS = [(256, 144, 150), (426, 240, 350), (640, 360, 700), (854, 480, 1200), (1024, 576, 1900)]
LENGTH_S = 60


def serve(pair: Pair) -> None:
    """Encode each rung twice: 2 s segments in MPEG-TS, 4 s segments in fragmented MP4."""
    www = nginx(pair)
    for width, height, rate in RUNGS:
        source = f"testsrc2=size={width}x{height}:rate=24,noise=alls=12:allf=t"
        quiet = ["nice", "ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", source]
        quiet += ["-f", "lavfi", "-i", "sine=frequency=330:beep_factor=3", "-t", str(LENGTH_S)]
        for seconds, kind in ((2, "mpegts"), (4, "fmp4")):
            folder = www / f"{rate}-{kind}"
            folder.mkdir()
            coding = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", f"{rate}k", "-maxrate", f"{rate * 1.3:.0f}k"]
            coding += ["-bufsize", f"{rate * 2}k", "-g", str(24 * seconds), "-sc_threshold", "0", "-c:a", "aac"]
            segments = ["-f", "hls", "-hls_time", str(seconds), "-hls_playlist_type", "vod", "-hls_segment_type", kind]
            subprocess.run([*quiet, *coding, *segments, str(folder / "index.m3u8")], check=True, stderr=pair.log)


def play(pair: Pair, rng: Random, least_s: float = 8, most_s: float = 22, persistent: str = "110") -> None:
    """Watch `least_s` to `most_s` seconds from somewhere in the film, at the pace of the film."""
    _, _, rate = rng.choices(RUNGS, [2, 4, 4, 2, 1])[0]
    kind = rng.choice(["mpegts", "fmp4"])
    scheme = rng.choice(["https", "https", "http"])
    address = f"{scheme}://{pair.host(pair.pick(rng))}/{rate}-{kind}/index.m3u8"
    length = rng.uniform(least_s, most_s)
    start = ["-ss", f"{rng.uniform(1, LENGTH_S - length - 4):.1f}"] if rng.random() < 0.6 else []
    words = ["ffmpeg", "-loglevel", "error", "-re", "-http_persistent", rng.choice(persistent), *start]
    words += ["-i", address, "-t", f"{length:.1f}"]
    pair.client(*words, "-c", "copy", "-f", "null", "-", timeout_s=most_s + 38)
