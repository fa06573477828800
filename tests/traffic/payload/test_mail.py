"""Mail: a line in each message, tags that agree, and TLS behind STARTTLS."""

from netdiffus.traffic.payload.ja4 import ja4, read_hello
from netdiffus.traffic.payload.mail import build_imap, build_smtp
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
    assert said(talk, 2).endswith(b"\r\nA001 OK done\r\n")
    assert said(talk, 3).endswith(b" STARTTLS\r\n")
    assert said(talk, 5)[:3] == b"\x16\x03\x01"


def test_a_letter_ends_with_a_dot() -> None:
    talk = talk_of([-41, 20, -60, 40, -14, 36, -14, 6, -37, 3000, -40])
    build_smtp(talk, fill_of())
    assert said(talk, 7) == b"DATA\r\n"
    assert said(talk, 8).startswith(b"354 ")
    assert said(talk, 9).endswith(b"\r\n.\r\n")
    assert said(talk, 9).startswith(b"From: <")
    assert all(said(talk, k).endswith(b"\r\n") for k in range(len(talk.messages)))
