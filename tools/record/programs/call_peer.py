"""A WebRTC peer (aiortc): `answer FOLDER` takes calls, `offer FOLDER CALL...` makes them.

A CALL is seven words: server, client, seconds, film, their film, what (both, video, audio), codec.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole, MediaPlayer

Call = dict[str, str]


def only(address: str) -> None:
    """Let the next peer gather this address alone: the hosts here have hundreds."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]


def peer(call: Call, film: str, folder: Path, play: bool) -> tuple[RTCPeerConnection, MediaBlackhole, MediaPlayer]:
    """A connection that sends the film and swallows what comes."""
    connection, sink = RTCPeerConnection(RTCConfiguration(iceServers=[])), MediaBlackhole()
    connection.on("track", sink.addTrack)
    player = MediaPlayer(str(folder / f"film-{film}.mp4"), loop=True)
    if play:
        add_tracks(connection, player, call)
    return connection, sink, player


def add_tracks(connection: RTCPeerConnection, player: MediaPlayer, call: Call) -> None:
    """Send what the call is about: sound, picture or both."""
    if call["what"] != "video":
        connection.addTrack(player.audio)
    if call["what"] != "audio":
        connection.addTrack(player.video)
    for transceiver in connection.getTransceivers():
        if transceiver.kind == "video":
            known = RTCRtpSender.getCapabilities("video").codecs
            first = [codec for codec in known if codec.mimeType == f"video/{call['codec']}"]
            transceiver.setCodecPreferences(first + [codec for codec in known if codec not in first])


async def answer(folder: Path) -> None:
    """Take calls until stopped."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = json.loads(await reader.readline())
        only(call["server"])
        connection, sink, player = peer(call, call["their_film"], folder, play=False)
        await connection.setRemoteDescription(RTCSessionDescription(call["sdp"], "offer"))
        add_tracks(connection, player, call)
        await connection.setLocalDescription(await connection.createAnswer())
        await sink.start()
        writer.write(json.dumps(connection.localDescription.sdp).encode() + b"\n")
        await reader.read()  # until the caller hangs up
        await connection.close()
        await sink.stop()

    server = await asyncio.start_unix_server(take, folder / "calls.socket", limit=2**20)
    await server.serve_forever()


async def offer(folder: Path, call: Call) -> None:
    """Make one call."""
    reader, writer = await asyncio.open_unix_connection(folder / "calls.socket", limit=2**20)
    only(call["client"])
    connection, sink, _ = peer(call, call["film"], folder, play=True)
    await connection.setLocalDescription(await connection.createOffer())
    writer.write(json.dumps({**call, "sdp": connection.localDescription.sdp}).encode() + b"\n")
    await connection.setRemoteDescription(RTCSessionDescription(json.loads(await reader.readline()), "answer"))
    await sink.start()
    await asyncio.sleep(float(call["seconds"]))
    await connection.close()
    await sink.stop()
    writer.close()


async def main() -> None:
    """Answer or offer."""
    role, folder, *rest = sys.argv[1:]
    if role == "answer":
        await answer(Path(folder))
    names = ["server", "client", "seconds", "film", "their_film", "what", "codec"]
    for at in range(0, len(rest), len(names)):
        await asyncio.wait_for(offer(Path(folder), dict(zip(names, rest[at:], strict=False))), 30)


if __name__ == "__main__":
    asyncio.run(main())
