"""E-mail: swaks and curl against aiosmtpd (SMTP), curl against dovecot (IMAP)."""

from __future__ import annotations

import time
from random import Random

import content
from namespaces import HERE, VENV, Pair

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = *, ::
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%u
}}
service imap-login {{
  client_limit = 400
}}
"""


def message(rng: Random, longest: int) -> str:
    """A message of a few hundred bytes to `longest`."""
    lines = [content.text(rng, 70) for _ in range(content.log_uniform(rng, 2, longest // 70))]
    head = f"From: a@example.test\r\nTo: b@example.test\r\nSubject: {content.text(rng, 30)}\r\n"
    return head + "Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n\r\n" + "\r\n".join(lines) + "\r\n"


def serve(pair: Pair, longest: int = 400_000) -> None:
    """Mailboxes of 20 users, the servers, and letters of up to `longest` bytes to send."""
    rng = Random(f"{pair.seed}/mail")
    cert, key = content.certificate(pair.folder)
    for user in range(20):
        new = pair.folder / "mail" / f"user{user}" / "new"
        for name in ("cur", "tmp", "new"):
            (new.parent / name).mkdir(parents=True)
        for number in range(rng.randint(1, 40)):
            (new / f"{1_700_000_000 + number}.m{number}.example").write_text(message(rng, min(longest, 60_000)))
    pair.start(pair.server_name, ("chown", "-R", "mail:mail", pair.folder / "mail")).wait()
    pair.folder.parent.chmod(0o755)
    config = pair.folder / "dovecot.conf"
    config.write_text(DOVECOT.format(folder=pair.folder, cert=cert, key=key))
    pair.serve("dovecot", "-F", "-c", config)
    pair.serve(VENV / "bin/python", HERE / "programs/smtp_server.py", cert, key)
    pair.shared["letters"] = []
    for number in range(40):
        letter = pair.folder / f"letter-{number}.eml"
        letter.write_text(message(rng, longest))
        pair.shared["letters"].append(letter)


def mail(pair: Pair, rng: Random) -> None:
    """Send a letter, or read a mailbox."""
    server, letter = pair.pick(rng), rng.choice(pair.shared["letters"])
    host, user = pair.host(server), f"user{rng.randrange(20)}"
    kind = rng.random()
    if kind < 0.25:
        secure = rng.choice([[], ["--tls"], ["--tls"]])
        written = content.text(rng, content.log_uniform(rng, 20, 5000))
        body = ["--attach", f"@{letter}"] if rng.random() < 0.5 else ["--body", written]
        words = ["swaks", "-s", server, "--to", "b@example.test", "--from", "a@example.test"]
        pair.client(*words, *secure, *body, timeout_s=40)
    elif kind < 0.5:
        words = ["curl", "-sk", *(["--ssl-reqd"] if rng.random() < 0.7 else [])]
        words += ["--mail-from", "a@example.test", "-T", str(letter)]
        for number in range(rng.choice([1, 1, 2, 5])):
            words += ["--mail-rcpt", f"b{number}@example.test"]
        pair.client(*words, f"smtp://{host}", timeout_s=40)
    else:
        scheme = rng.choice([["imaps://"], ["imap://", "--ssl-reqd"], ["imap://"]])
        base, options = scheme[0] + host, [*scheme[1:], "-sk", "-o", "/dev/null", "-u", f"{user}:secret"]
        words = ["curl", *options, f"{base}/", "--next", *options, f"{base}/INBOX", "-X", "FETCH 1:* (FLAGS ENVELOPE)"]
        for _ in range(rng.choice([0, 1, 2, 4, 8])):
            words += ["--next", *options, f"{base}/INBOX;MAILINDEX={rng.randint(1, 20)}"]
        if rng.random() < 0.4:
            words[1:1] = ["--rate", f"{rng.randint(40, 200)}/m"]
        pair.client(*words, timeout_s=40)
        time.sleep(rng.random())
