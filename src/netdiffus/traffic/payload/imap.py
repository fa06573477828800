"""IMAP (RFC 9051): a greeting with capabilities, tagged commands, and the replies that fit them."""

from __future__ import annotations

from base64 import b64encode

from netdiffus.traffic.payload.fill import Fill
from netdiffus.traffic.payload.lines import CRLF, Line, fitted, paragraphs, word
from netdiffus.traffic.payload.mail import greeted, hello_turn, secured
from netdiffus.traffic.payload.talk import CLIENT, SERVER, Talk

CAPABILITIES = b"CAPABILITY IMAP4rev1 SASL-IR ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN"
GREETINGS = (Line(b"* OK [" + CAPABILITIES + b"] ", CRLF, 1, 400, "words"), Line(b"* OK ", CRLF, 1, 400, "words"))
COMMANDS = (
    Line(b"SELECT ", CRLF), Line(b"FETCH 1 BODY[", b"]\r\n", 0, 60), word(b"NOOP"), Line(b"LIST \"\" ", CRLF),
    word(b"LOGOUT"), word(b"IDLE"), word(b"CAPABILITY"),
)  # fmt: skip
LOGIN = Line(b"LOGIN user ", CRLF, 4)
AUTHENTICATE = b"AUTHENTICATE PLAIN "
LEAST_SECRET = len(b64encode(b"\0user\0pass"))


def build_imap(talk: Talk, fill: Fill) -> None:
    """A server that greets, tagged commands and their replies; or TLS where sizes are those of STARTTLS."""
    turns = greeted(talk, "IMAP", len("* OK a\r\n"))
    begins = hello_turn(turns, range(len("1 STARTTLS\r\n"), len("a00001 STARTTLS\r\n")))
    if begins:
        turns = secured(talk, turns, begins, fill)
    commands, asked = 0, b""
    for number, turn in enumerate(turns):
        commands += turn.side == CLIENT
        tag = b"A%03d" % commands
        if number == 0:
            data = fitted(GREETINGS, turn.size, fill)
        elif turn.side == SERVER:
            data = _reply(turn.size, tag, asked, fill)
        elif begins and number == begins - 2:
            data = b"A" + fill.digits(turn.size - len("A STARTTLS\r\n")) + b" STARTTLS\r\n"
        else:
            command = _command(turn.size - len(tag) - 1, commands, fill)
            asked = command.split()[0] if command is not None else b""
            data = tag + b" " + command if command is not None else fitted([word(b"DONE")], turn.size, fill)
        talk.put(turn.at, data if data is not None else paragraphs(turn.size, fill))


def _command(room: int, number: int, fill: Fill) -> bytes | None:
    """A client's command: it asks what the server can, identifies itself, and selects a mailbox."""
    if number == 1 and (word(b"CAPABILITY").fits(room) or LOGIN.fits(room)):
        return fitted([word(b"CAPABILITY")], room, fill) or fitted([LOGIN], room, fill)
    if number == 2:
        command = _authenticated(room, fill) or fitted([LOGIN], room, fill)
        if command is not None:
            return command
    return fitted(COMMANDS[:1] if number == 3 else COMMANDS, room, fill) or fitted([*COMMANDS, LOGIN], room, fill)


def _authenticated(room: int, fill: Fill) -> bytes | None:
    """AUTHENTICATE with an initial response of the PLAIN mechanism (RFC 4616, RFC 4959), of a drawn user and secret."""
    secret = room - len(AUTHENTICATE) - len(CRLF)
    if secret < LEAST_SECRET or secret % 4:
        return None
    return AUTHENTICATE + b64encode(b"\0user\0" + fill.letters(secret // 4 * 3 - 6)) + CRLF


def _reply(size: int, tag: bytes, asked: bytes, fill: Fill) -> bytes | None:
    """Data and the tag of the command that they answer (RFC 9051 section 7)."""
    done = CRLF + tag + b" OK "
    usual: dict[bytes, tuple[Line, ...]] = {
        b"CAPABILITY": (Line(b"* " + CAPABILITIES + done, CRLF, 1, 400, "words"),),
        b"AUTHENTICATE": (Line(tag + b" OK [" + CAPABILITIES + b"] ", CRLF, 1, 1 << 20, "words"),),
        b"SELECT": (
            Line(b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* 1 EXISTS\r\n* 0 RECENT" + done, CRLF, 1,
                 1 << 20, "words"),
        ),
        b"FETCH": (*_literal(size, tag),),
        b"LOGOUT": (Line(b"* BYE ", done + b"bye\r\n", 1, 300, "words"),),
    }  # fmt: skip
    usual[b"LOGIN"] = usual[b"AUTHENTICATE"]
    lines = (
        Line(b"* 1 EXISTS" + done, CRLF, 1, 1 << 20, "words"), Line(tag + b" OK ", CRLF, 1, 1 << 20, "words"),
        Line(b"+ ", CRLF, 0, 100, "words"),
    )  # fmt: skip
    options = [usual.get(asked, ()), *([line] for line in lines)]
    return next((data for each in options if (data := fitted(each, size, fill)) is not None), None)


def _literal(size: int, tag: bytes) -> list[Line]:
    """The reply to FETCH: a letter behind its length (RFC 9051 section 4.3), if there is one of this size."""
    for digits in range(1, 8):
        head, tail = b"* 1 FETCH (BODY[] {%s}\r\n", b")\r\n" + tag + b" OK done\r\n"
        room = size - len(head) + 2 - digits - len(tail)
        if room > 0 and len(str(room)) == digits:
            return [Line(head % str(room).encode(), tail, 1, 1 << 20, "words")]
    return []
