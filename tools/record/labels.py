"""The labels, and how much of each is recorded."""

from __future__ import annotations

from label import SESSIONS, WHOLE, Cut, Label

from sessions import (
    attacks,
    boot,
    brokers,
    browsing,
    calls,
    intrusion,
    mail,
    mailing,
    names,
    quic,
    shell,
    streams,
    torrent,
    web,
    whole,
)

LABELS = {
    "web": Label(web.serve_web, web.browse, sessions=62, parallel=3),
    "video-call": Label(calls.serve_video, calls.video_calls, sessions=34, parallel=3, cut=Cut(flows=160)),
    "video-stream": Label(streams.serve, streams.play, sessions=150, parallel=10, cut=Cut(flows=220)),
    "quic": Label(quic.serve, quic.visits, sessions=24, parallel=4, cut=Cut(flows=200)),
    "voice-call": Label(calls.serve_voice, calls.voice_call, sessions=190, parallel=6, cut=Cut(flows=320)),
    "ssh": Label(shell.serve, shell.type_session, sessions=200, parallel=12, cut=Cut(flows=160)),
    "bittorrent": Label(torrent.serve, torrent.fetch, sessions=75, parallel=3),
    "attack-guess": Label(attacks.serve_guess, attacks.guess, sessions=70, parallel=6),
    "attack-scan": Label(attacks.serve_many, attacks.scan, sessions=70, parallel=4),
    "mqtt": Label(brokers.serve_mqtt, brokers.mqtt, sessions=330, parallel=12),
    "postgres": Label(brokers.serve_postgres, brokers.postgres, sessions=250, parallel=6),
    "redis": Label(brokers.serve_redis, brokers.redis, sessions=240, parallel=6),
    "mail": Label(mail.serve, mail.mail, sessions=230, parallel=5),
    "scp": Label(shell.serve_files, shell.copy, sessions=190, parallel=4, cut=Cut(flows=160)),
    "ntp": Label(names.serve_time, names.ask_time, sessions=170, parallel=8),
    "upload": Label(web.serve_upload, web.upload, sessions=190, parallel=4, cut=Cut(flows=160)),
    "download": Label(web.serve_download, web.download, sessions=190, parallel=4, cut=Cut(flows=160)),
    "api": Label(web.serve_api, web.call_api, sessions=320, parallel=5),
    "dns": Label(names.serve, names.look_up, sessions=180, parallel=4),
    "dns-over-tls": Label(names.serve, names.look_up_over_tls, sessions=280, parallel=5),
    "attack-slowhttp": Label(attacks.serve_slow, attacks.slow, sessions=24, parallel=2),
    "whole/download": Label(whole.serve_downloads, whole.download, sessions=25, parallel=4, cut=WHOLE),
    "whole/upload": Label(whole.serve_uploads, whole.upload, sessions=25, parallel=4, cut=WHOLE),
    "whole/voice-call": Label(calls.serve_voice, whole.voice_call, sessions=13, parallel=5, cut=WHOLE),
    "whole/video-stream": Label(streams.serve, whole.play, sessions=8, parallel=4, cut=WHOLE),
    "whole/ssh": Label(shell.serve, whole.type_session, sessions=24, parallel=8, cut=WHOLE),
    "whole/scp": Label(whole.serve_copies, whole.copy, sessions=24, parallel=4, cut=WHOLE),
    "whole/quic": Label(quic.serve, whole.quic, sessions=18, parallel=3, cut=WHOLE),
    "sessions/browse": Label(browsing.serve, browsing.browse, sessions=100, parallel=7, cut=SESSIONS),
    "sessions/boot": Label(boot.serve, boot.boot, sessions=100, parallel=10, cut=SESSIONS),
    "sessions/mail": Label(mailing.serve, mailing.read_mail, sessions=100, parallel=10, cut=SESSIONS),
    "sessions/attack": Label(intrusion.serve, intrusion.attack, sessions=100, parallel=10, cut=SESSIONS),
}
