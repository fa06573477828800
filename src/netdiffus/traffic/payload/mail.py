"""Mail: SMTP (RFC 5321) and POP3 (RFC 1939): greetings, commands, replies and letters."""

from __future__ import annotations

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import CRLF, Dialogue, Line, fitted, paragraphs, speak, word
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Message, Misfit, Talk
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
    """A server that greets, commands with replies, and letters after DATA; or TLS where sizes are those of STARTTLS."""
    turns = greeted(talk, "SMTP", len("220 a.test\r\n"))
    begins = hello_turn(turns, range(len("STARTTLS\r\n"), len("STARTTLS\r\n") + 1))
    if begins:
        turns = secured(talk, turns, begins, fill)
    said, letter = [0, 0], False
    for number, turn in enumerate(turns):
        following = turns[number + 2].size if turn.side == CLIENT and number + 2 < len(turns) else 0
        if turn.side == SERVER:
            data = _reply(talk, turn, said[SERVER], fill) if not letter else fitted([GO_AHEAD], turn.size, fill)
        elif begins and number == begins - 2:
            data = b"STARTTLS\r\n"
        else:
            data = _letter(turn.size, fill) if letter else _command(turn.size, said[CLIENT], following, fill)
        if turn.side == CLIENT:
            letter = data == b"DATA\r\n"
        said[turn.side] += 1
        talk.put(turn.at, data if data is not None else paragraphs(turn.size, fill))


def _reply(talk: Talk, turn: Message, before: int, fill: Fill) -> bytes | None:
    """A server's reply, a line in each of its messages (RFC 5321 section 4.2.1)."""
    if not before:
        return fitted(GREETINGS, turn.size, fill)
    sizes = [each.size for each in talk.messages if turn.at <= each.at < turn.at + turn.size]
    lines = [fitted((Line(b"250-", CRLF, 1, 500, "words"),), size, fill) for size in sizes[:-1]]
    lines.append(fitted((Line(b"250 ", CRLF, 0, 500, "words"),), sizes[-1], fill))
    whole = [line for line in lines if line is not None]
    return b"".join(whole) if len(whole) == len(sizes) else fitted(SMTP_REPLIES, turn.size, fill)


def hello_turn(turns: list[Message], asks: range) -> int:
    """The turn with a size of a hello of TLS whose turn before has a size of STARTTLS; 0: there is none."""
    return next(
        (
            k
            for k, turn in enumerate(turns)
            if turn.side == CLIENT and k > 2 and turn.size >= HELLO_BYTES and turns[k - 2].size in asks
        ),
        0,
    )


def secured(talk: Talk, turns: list[Message], begins: int, fill: Fill) -> list[Message]:
    """Write TLS from a turn on; returns the turns before."""
    first = next(k for k, message in enumerate(talk.messages) if message.at == turns[begins].at)
    build_tls(Talk(talk.facts, talk.messages[first:], talk.out, drawn=talk.drawn), fill)
    return turns[:begins]


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


def build_pop3(talk: Talk, fill: Fill) -> None:
    """A server that greets, commands, and replies."""
    greeted(talk, "POP3", len("+OK \r\n"))
    speak(talk, POP3, fill)


def greeted(talk: Talk, protocol: str, least: int) -> list[Message]:
    """The turns of a flow whose server greets.

    Raises:
        Misfit: it does not, or its first turn is too small.
    """
    turns = talk.turns()
    if turns[0].side != SERVER:
        raise Misfit(f"{protocol}: the server does not send first")
    if turns[0].size < least:
        raise Misfit(f"{protocol}: the server's first message is too small for a greeting")
    return turns
