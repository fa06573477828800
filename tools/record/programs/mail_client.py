"""A mail program: reads a mailbox over IMAP, sends over SMTP (imaplib and smtplib of Python), by a JSON plan."""

from __future__ import annotations

import imaplib
import json
import smtplib
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

LIMIT_S = 40.0


def trusting() -> ssl.SSLContext:
    """TLS without a check of the self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(plan: dict[str, Any]) -> imaplib.IMAP4:
    """Log in, on the port for TLS or with STARTTLS."""
    mailbox: imaplib.IMAP4
    if plan["starttls"]:
        mailbox = imaplib.IMAP4(plan["imap"], timeout=LIMIT_S)
        mailbox.starttls(trusting())
    else:
        mailbox = imaplib.IMAP4_SSL(plan["imap"], ssl_context=trusting(), timeout=LIMIT_S)
    mailbox.login(plan["user"], "secret")
    return mailbox


def glance(plan: dict[str, Any]) -> None:
    """Look at another folder on a connection of its own, as mail programs do."""
    mailbox = connect(plan)
    mailbox.select("Sent", readonly=True)
    mailbox.search(None, "ALL")
    time.sleep(plan["glance_s"])
    mailbox.logout()


def send(plan: dict[str, Any], letter: bytes) -> None:
    """Send a letter."""
    with smtplib.SMTP(plan["smtp"], 25, local_hostname="client", timeout=LIMIT_S) as server:
        server.starttls(context=trusting())
        server.sendmail("a@example.test", plan["to"], letter)


def main() -> None:
    """Fetch what is new, read, answer, check again, leave."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    mailbox = connect(plan)
    mailbox.list()
    mailbox.create("Sent")
    second = threading.Thread(target=glance, args=(plan,))
    if plan["glance_s"]:
        second.start()
    _, count = mailbox.select("INBOX")
    mailbox.fetch("1:*", "(FLAGS RFC822.SIZE)")
    last = int(count[0] or 0)
    for number, pause_s in plan["read"]:
        mailbox.fetch(str(max(last - number, 1)), "(BODY[])")
        time.sleep(pause_s)
    for name, pause_s in plan["send"]:
        time.sleep(pause_s)
        letter = Path(name).read_bytes()
        send(plan, letter)
        mailbox.append("Sent", "(\\Seen)", "", letter)
    for pause_s in plan["checks"]:
        time.sleep(pause_s)
        mailbox.noop()
    if plan["glance_s"]:
        second.join()
    mailbox.logout()


if __name__ == "__main__":
    main()
