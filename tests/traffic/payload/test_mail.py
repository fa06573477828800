"""Mail: a line in each message, tags that agree, and TLS behind STARTTLS."""

import re
from base64 import b64decode

from netdiffus.traffic.payload.imap import build_imap
from netdiffus.traffic.payload.ja4 import ja4, read_hello
from netdiffus.traffic.payload.mail import build_smtp
from payload_talks import fill_of, said, talk_of


def test_smtp_turns_to_tls() -> None:
    talk = talk_of([-41, 9, -23, -19, -14, 10, -24, 517, -1387, 64])
    build_smtp(talk, fill_of())
    # the server's three messages are one turn here; each is a line
    assert [said(talk, k)[:4] for k in (2, 3, 4)] == [b"250-", b"250-", b"250 "]
    assert said(talk, 5) == b"STARTTLS\r\n"
    assert talk.drawn["ja4"] == ja4(read_hello(said(talk, 7)[5:]))
    assert said(talk, 8)[:3] == b"\x16\x03\x03"


def test_imap_turns_to_tls() -> None:
    talk = talk_of([-132, 17, -178, 15, -36, 517, -1391, 80])
    build_imap(talk, fill_of())
    assert said(talk, 1) == b"A001 CAPABILITY\r\n"
    assert re.fullmatch(rb"\* CAPABILITY IMAP4rev1 .* STARTTLS AUTH=PLAIN\r\nA001 OK [a-z ]+\r\n", said(talk, 2))
    assert said(talk, 3).endswith(b" STARTTLS\r\n")
    assert said(talk, 5)[:3] == b"\x16\x03\x01"


def test_imap_in_clear_answers_what_was_asked() -> None:
    talk = talk_of([-132, 17, -178, 46, -408, 19, -333, 21, -80, 13, -67])
    build_imap(talk, fill_of())
    command, secret = said(talk, 3).removesuffix(b"\r\n").rsplit(b" ", 1)
    assert command == b"A002 AUTHENTICATE PLAIN"
    assert re.fullmatch(rb"\0user\0[a-z]{9}", b64decode(secret, validate=True))
    assert said(talk, 4).startswith(b"A002 OK [CAPABILITY IMAP4rev1 ")
    assert re.match(rb"A003 SELECT [a-z]+\r\n", said(talk, 5))
    assert said(talk, 6).startswith(b"* FLAGS (")
    assert all(said(talk, k).endswith(b"\r\n") for k in range(len(talk.messages)))
    tags = [re.search(rb"(A\d{3}) OK ", said(talk, k)) for k in range(2, 11, 2)]
    assert [found.group(1) for found in tags if found] == [b"A001", b"A002", b"A003", b"A004", b"A005"]


def test_a_fetched_letter_has_the_length_that_stands_before_it() -> None:
    talk = talk_of([-132, 17, -178, 46, -408, 19, -333, 19 + 2, -3000])
    for seed in range(20):
        build_imap(talk, fill_of(seed))
        if b" FETCH 1 BODY[" in said(talk, 7):
            head, _, rest = said(talk, 8).partition(b"}\r\n")
            size = int(head.rpartition(b"{")[2])
            assert rest[size:] == b")\r\nA004 OK done\r\n"
            return
    raise AssertionError("no letter was fetched")


def test_a_letter_ends_with_a_dot() -> None:
    talk = talk_of([-41, 20, -60, 40, -14, 36, -14, 6, -37, 3000, -40])
    build_smtp(talk, fill_of())
    assert said(talk, 7) == b"DATA\r\n"
    assert said(talk, 8).startswith(b"354 ")
    assert said(talk, 9).endswith(b"\r\n.\r\n")
    assert said(talk, 9).startswith(b"From: <")
    assert all(said(talk, k).endswith(b"\r\n") for k in range(len(talk.messages)))
