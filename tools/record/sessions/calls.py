"""Voice calls (RTP between two ffmpegs) and video calls (WebRTC between two aiortc peers)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path as File
from random import Random

import content
from namespaces import HERE, VENV, Pair, stop
from paths import client_address

CODECS = [  # samples per second, then coding options and filter; 20 ms frames unless said otherwise
    (8000, ["-c:a", "pcm_mulaw"], "asetnsamples=160"),
    (8000, ["-c:a", "pcm_alaw"], "asetnsamples=160"),
    (8000, ["-c:a", "pcm_alaw"], "asetnsamples=240"),
    (16000, ["-c:a", "g722"], "asetnsamples=320"),
    (48000, ["-c:a", "libopus", "-application", "voip", "-b:a", "24k", "-vbr", "on"], "anull"),
    (48000, ["-c:a", "libopus", "-application", "voip", "-b:a", "16k", "-vbr", "on", "-frame_duration", "40"], "anull"),
    (48000, ["-c:a", "libopus", "-application", "voip", "-b:a", "40k", "-vbr", "constrained"], "anull"),
    (16000, ["-c:a", "libspeex", "-vbr", "1"], "anull"),
]


def speech(folder: File, count: int, rng: Random) -> list[File]:
    """Recordings of a synthetic voice with pauses between the sentences."""
    made = []
    for number in range(count):
        name, once = folder / f"speech-{number}.wav", folder / "once.wav"
        pause = f"apad=pad_dur={rng.uniform(0.3, 2.5):.1f}"
        voice, said = rng.choice(["kal", "slt", "rms", "awb"]), content.text(rng, rng.randint(20, 90))
        graph = f"flite=voice={voice}:text='{said}',{pause}"
        quiet = ["ffmpeg", "-loglevel", "error", "-y"]
        subprocess.run([*quiet, "-f", "lavfi", "-i", graph, "-ar", "48000", "-ac", "1", str(once)], check=True)
        subprocess.run([*quiet, "-stream_loop", "9", "-i", str(once), "-t", "18", str(name)], check=True)
        made.append(name)
    return made


def serve_voice(pair: Pair) -> None:
    pair.shared["speech"] = speech(pair.folder, 16, Random(f"{pair.seed}/speech"))


def some_seconds(rng: Random) -> float:
    """How long a short call lasts."""
    return rng.uniform(2.5, 9)


def voice_call(pair: Pair, rng: Random, length_s: Callable[[Random], float] = some_seconds) -> None:
    """Both sides talk; RTP and RTCP go between the same two ports in both directions."""
    server = pair.pick(rng)
    client = client_address(6 if ":" in server else 4, pair.network)
    near, far = rng.randrange(10_000, 32_000, 2), rng.randrange(10_000, 32_000, 2)
    samples, coding, frames = rng.choice(CODECS)
    length = length_s(rng)

    def words(to: str, port: int, local: str, local_port: int) -> list[str]:
        to = f"[{to}]" if ":" in to else to
        target = f"rtp://{to}:{port}?localrtpport={local_port}&localrtcpport={local_port + 1}&localaddr={local}"
        begin = ["ffmpeg", "-loglevel", "error", "-re", "-max_size", "1920", "-ss", f"{rng.uniform(0, 5):.1f}"]
        begin += ["-stream_loop", "-1"]
        source = ["-i", str(rng.choice(pair.shared["speech"])), "-t", f"{length + rng.uniform(0, 0.5):.1f}"]
        filters = ["-ar", str(samples), "-af", f"aresample={samples},{frames}"]
        return [*begin, *source, *filters, *coding, "-f", "rtp", target]

    answer = pair.start(pair.server_name, tuple(words(client, near, server, far)))
    pair.client(*words(server, far, client, near), timeout_s=length + 20)
    stop(answer)


def serve_video(pair: Pair) -> None:
    """Film to send, and the peer that answers; the offer and the answer travel through a local socket."""
    rng = Random(f"{pair.seed}/film")
    for number, size in enumerate(["320x240", "480x270", "426x240", "176x144"]):
        picture = rng.choice(["testsrc2", "mandelbrot", "life", "cellauto"])
        graph = f"{picture}=size={size}:rate={rng.choice([10, 15, 20])}"
        words = ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", graph, "-f", "lavfi"]
        words += ["-i", f"flite=text='{content.text(rng, 150)}'", "-t", "12", "-pix_fmt", "yuv420p"]
        words += ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", str(pair.folder / f"film-{number}.mp4")]
        subprocess.run(words, check=True)
    pair.serve(VENV / "bin/python", HERE / "programs/call_peer.py", "answer", pair.folder)


def video_calls(pair: Pair, rng: Random) -> None:
    """Six calls, one after the other."""
    calls = []
    for _ in range(6):
        server = pair.pick(rng)
        client = client_address(6 if ":" in server else 4, pair.network)
        calls += [server, client, f"{rng.uniform(1.5, 5):.1f}", str(rng.randrange(4)), str(rng.randrange(4))]
        calls += [rng.choice(["both", "both", "video", "audio"]), rng.choice(["VP8", "VP8", "H264"])]
    pair.client(VENV / "bin/python", HERE / "programs/call_peer.py", "offer", pair.folder, *calls, timeout_s=120)
