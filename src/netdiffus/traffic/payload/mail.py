"""Mail: SMTP (RFC 5321), IMAP (RFC 9051) and POP3 (RFC 1939): greetings, commands, replies and letters."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import CRLF, Dialogue, Line, fitted, paragraphs, speak, word
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Misfit, Talk
from netdiffus.traffic.payload.tls import build_tls

END = b"\r\n.\r\n"
GO_AHEAD = Line(b"354 ", CRLF, 0, 100, "words")
HELLO_BYTES = 180
"""A hello of TLS is at least so large."""
LETTER = 100
"""A command is shorter than a letter."""
GREETINGS = (Line(b"220 ", b".example.com ESMTP\r\n", 1, 60), Line(b"220 ", CRLF, 1, 400))
SMTP_REPLIES = (
    Line(b"250 ", CRLF, 0, 300, "words"), Line(b"250-", b"\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n", 1, 400),
    Line(b"25", CRLF, 0, 2, "digits"),
)  # fmt: skip
SMTP_COMMANDS = (
    Line(b"MAIL FROM:<", b"@example.com>\r\n"), Line(b"RCPT TO:<", b"@example.net>\r\n"), word(b"DATA"), word(b"QUIT"),
    word(b"RSET"), Line(b"NOOP ", CRLF), Line(b"MAIL FROM:<", b">\r\n", 0, 9),
)  # fmt: skip
HELLO = (Line(b"EHLO ", b".example.com\r\n"), Line(b"EHLO ", b".test\r\n", 1, 30), word(b"QUIT"), Line(b"HELO ", CRLF))


def build_smtp(talk: Talk, fill: Fill) -> None:
    """A server that greets, commands with replies, and letters after DATA."""
    turns = talk.turns()
    if turns[0].side != SERVER:
        raise Misfit("SMTP: the server does not send first")
    if turns[0].size < len("220 a.test\r\n"):
        raise Misfit("SMTP: the server's first message is too small for a greeting")
    said, letter = [0, 0], False
    for number, turn in enumerate(turns):
        following = turns[number + 2].size if turn.side == CLIENT and number + 2 < len(turns) else 0
        if turn.side == CLIENT:
            data = _letter(turn.size, fill) if letter else _command(turn.size, said[CLIENT], following, fill)
            letter = data == b"DATA\r\n"
        elif letter:
            data = fitted([GO_AHEAD], turn.size, fill)
        elif not said[SERVER]:
            data = fitted(
                [Line(b"220 ", b".example.com ESMTP\r\n", 1, 60), Line(b"220 ", CRLF, 1, 400)], turn.size, fill
            )
        else:
            data = fitted(SMTP_REPLIES, turn.size, fill)
        said[turn.side] += 1
        talk.put(turn.at, data if data is not None else paragraphs(turn.size, fill))


def _command(size: int, before: int, following: int, fill: Fill) -> bytes | None:
    """A client's command; DATA comes before a turn that is as large as a letter."""
    if not before:
        return fitted(HELLO, size, fill)
    if size == len("DATA\r\n"):
        return b"DATA\r\n" if following >= LETTER else b"QUIT\r\n" if not following else b"RSET\r\n"
    return fitted(SMTP_COMMANDS, size, fill) if size < LETTER else _pipelined(size, fill)


def _pipelined(size: int, fill: Fill) -> bytes | None:
    """Several commands at once (RFC 2920)."""
    first = fitted([Line(b"MAIL FROM:<", b"@example.com>\r\n", 1, 40)], 40, fill) or b""
    left, parts = size - len(first), [first]
    while left > 150:
        parts.append(fitted([Line(b"RCPT TO:<", b"@example.net>\r\n")], 60, fill) or b"")
        left -= 60
    last = fitted([Line(b"RCPT TO:<", b"@example.net>\r\n")], left, fill)
    return b"".join([*parts, last]) if last is not None else None


def _letter(size: int, fill: Fill) -> bytes:
    """A letter (RFC 5322) up to its end, or the beginning of one that is larger than its turn."""
    head = b"From: <%s@example.com>\r\nTo: <%s@example.net>\r\nSubject: %s\r\n\r\n" % (
        fill.letters(6), fill.letters(6), fill.words(12),
    )  # fmt: skip
    if size < len(head) + len(END) + 2:
        return paragraphs(size - 3, fill) + b".\r\n" if size >= 5 else paragraphs(size, fill)
    return head + paragraphs(size - len(head) - 3, fill) + b".\r\n"


IMAP = Dialogue(
    (
        ((Line(b"a001 CAPABILITY", CRLF, 0, 0), Line(b"A01 LOGIN user ", CRLF, 4)),),
        ((Line(b"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE] ", CRLF, 1, 400, "words"),
          Line(b"* OK ", CRLF, 1, 400, "words")),),
    ),
    (
        (
            Line(b"A002 LOGIN user ", CRLF, 4), Line(b"A003 SELECT ", CRLF),
            Line(b"A004 FETCH 1 BODY[", b"]\r\n", 0, 60),
            Line(b"A005 LIST \"\" ", CRLF), word(b"A006 LOGOUT"), word(b"A007 NOOP"),
            Line(b"A", b" NOOP\r\n", 1, 9, "digits"),
            Line(b"A", b" CAPABILITY\r\n", 1, 9, "digits"), Line(b"A", b" LOGOUT\r\n", 1, 9, "digits"), word(b"DONE"),
        ),
        (
            Line(b"* CAPABILITY IMAP4rev1 ", b"\r\nA001 OK done\r\n", 1, 900, "words"),
            Line(b"A002 OK ", CRLF, 1, 300, "words"),
            Line(b"* 1 EXISTS\r\nA003 OK ", CRLF, 1, 300, "words"), Line(b"* BYE ", CRLF, 1, 200, "words"),
            Line(b"+ ", CRLF, 0, 100, "words"),
        ),
    ),
)  # fmt: skip
POP3 = Dialogue(
    ((), ((Line(b"+OK POP3 ", CRLF, 1, 300, "words"), Line(b"+OK ", CRLF, 0, 300, "words")),)),
    (
        (
            Line(b"USER ", CRLF), Line(b"PASS ", CRLF), word(b"STAT"), word(b"LIST"), word(b"QUIT"), word(b"CAPA"),
            Line(b"RETR ", CRLF, 1, 6, "digits"), Line(b"DELE ", CRLF, 1, 6, "digits"), word(b"NOOP"),
        ),
        (Line(b"+OK ", CRLF, 0, 200, "words"), Line(b"+OK\r\n", b"\r\n.\r\n", 20, 1 << 20, "words"),
         Line(b"-ERR ", CRLF, 0, 99, "words")),
    ),
)  # fmt: skip


def build_imap_tls(talk: Talk, fill: Fill) -> None:
    """IMAP in clear until STARTTLS (RFC 2595), then TLS."""
    _until_tls(talk, "IMAP", IMAP, (Line(b"A", b" STARTTLS\r\n", 1, 30, "digits"), word(b"STARTTLS")), fill)


def build_smtp_tls(talk: Talk, fill: Fill) -> None:
    """SMTP in clear until STARTTLS (RFC 3207), then TLS."""
    dialogue = Dialogue(((HELLO,), (GREETINGS,)), (SMTP_COMMANDS, SMTP_REPLIES))
    _until_tls(talk, "SMTP", dialogue, (word(b"STARTTLS"), Line(b"STARTTLS ", CRLF)), fill)


def _until_tls(talk: Talk, protocol: str, dialogue: Dialogue, asks: tuple[Line, ...], fill: Fill) -> None:
    """Both sides speak the dialogue until the client's turn that has a size of a hello; the one before asks for it."""
    _greeted(talk, protocol, len("* OK a\r\n"))
    turns = talk.turns()
    begins = next((k for k, turn in enumerate(turns) if turn.side == CLIENT and k > 2 and turn.size >= HELLO_BYTES), 0)
    asked = fitted(asks, turns[begins - 2].size, fill) if begins else None
    if asked is None:
        raise Misfit(f"{protocol}: no turn has a size of STARTTLS before one of a hello")
    first = next(k for k, message in enumerate(talk.messages) if message.at == turns[begins].at)
    rest = talk.messages[first:]
    build_tls(Talk(talk.facts, rest, talk.out, drawn=talk.drawn), fill)
    speak(Talk(talk.facts, talk.messages[:first], talk.out), dialogue, fill)
    talk.put(turns[begins - 2].at, asked)


def build_imap(talk: Talk, fill: Fill) -> None:
    """A server that greets, tagged commands, and untagged and tagged replies."""
    _greeted(talk, "IMAP", len("* OK a\r\n"))
    speak(talk, IMAP, fill)


def build_pop3(talk: Talk, fill: Fill) -> None:
    """A server that greets, commands, and replies."""
    _greeted(talk, "POP3", len("+OK \r\n"))
    speak(talk, POP3, fill)


def _greeted(talk: Talk, protocol: str, least: int) -> None:
    first = talk.messages[0]
    if first.side != SERVER:
        raise Misfit(f"{protocol}: the server does not send first")
    if first.size < least:
        raise Misfit(f"{protocol}: the server's first message is too small for a greeting")
