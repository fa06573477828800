"""FTP's control connection (RFC 959): replies with codes, and commands."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import CRLF, Dialogue, Line, speak, word
from netdiffus.traffic.payload.talk import SERVER, Misfit, Talk

FTP = Dialogue(
    (
        ((Line(b"USER ", CRLF), word(b"QUIT"), word(b"FEAT")), (Line(b"PASS ", CRLF),)),
        (
            (Line(b"220 (FTP ", b")\r\n", 1, 100), Line(b"220 ", CRLF, 0, 300, "words"),
             Line(b"220-", b"\r\n220 ready\r\n", 1, 999, "words")),
            (Line(b"331 Please specify the password.", CRLF, 0, 0), Line(b"331 ", CRLF, 0, 200, "words")),
            (Line(b"530 Login incorrect.", CRLF, 0, 0), Line(b"230 ", CRLF, 0, 200, "words")),
        ),
    ),
    (
        (
            Line(b"USER ", CRLF), Line(b"PASS ", CRLF), word(b"PASV"), word(b"EPSV"), word(b"QUIT"), word(b"TYPE I"),
            Line(b"RETR ", CRLF), Line(b"SIZE ", CRLF), Line(b"CWD ", CRLF), word(b"SYST"), word(b"PWD"), word(b"NOOP"),
        ),
        (Line(b"200 ", CRLF, 0, 300, "words"), Line(b"530 ", CRLF, 0, 300, "words"),
         Line(b"211-", b"\r\n211 End\r\n", 1, 999, "words")),
    ),
)  # fmt: skip


def build_ftp(talk: Talk, fill: Fill) -> None:
    """A server that greets, then commands with replies."""
    if talk.messages[0].side != SERVER:
        raise Misfit("FTP: the server does not send first")
    if talk.messages[0].size < len("220 \r\n"):
        raise Misfit("FTP: the server's first message is too small for a greeting")
    speak(talk, FTP, fill)
