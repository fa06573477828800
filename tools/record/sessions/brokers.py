"""Message brokers and stores: mosquitto (MQTT), Redis and PostgreSQL."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path as File
from random import Random
from typing import IO

import content
from namespaces import HERE, VENV, Pair


def serve_mqtt(pair: Pair) -> None:
    cert, key = content.certificate(pair.folder)
    config = pair.folder / "mosquitto.conf"
    secure = f"listener 8883\ncertfile {cert}\nkeyfile {key}\n"
    config.write_text(f"user root\npersistence false\nallow_anonymous true\nlistener 1883\n{secure}")
    pair.serve("mosquitto", "-c", config)


def mqtt(pair: Pair, rng: Random) -> None:
    """A sensor that reports, a subscriber that listens, or a request and its response."""
    server = pair.pick(rng)
    words = ["-h", pair.host(server), "-q", str(rng.choice([0, 0, 1, 1, 2])), "-V", rng.choice(["mqttv311", "mqttv5"])]
    if rng.random() < 0.25:
        cert, _ = content.certificate(pair.folder)
        words += ["-p", "8883", "--cafile", str(cert), "--insecure"]
    topic = f"house/{rng.randrange(6)}/{rng.choice(content.WORDS)}"
    kind = rng.random()
    if kind < 0.5:
        count, gap_s, length = content.log_uniform(rng, 2, 60), rng.uniform(0.05, 1.5), content.log_uniform(rng, 6, 900)
        until = time.monotonic() + 25

        def report(pipe: IO[bytes]) -> None:
            for number in range(count):
                if time.monotonic() > until:
                    break
                pipe.write(f"{number} {content.text(rng, length)}\n".encode())
                pipe.flush()
                time.sleep(rng.expovariate(1 / gap_s))
            pipe.close()

        pair.client("mosquitto_pub", *words, "-t", topic, "-l", feed=report, timeout_s=40)
    elif kind < 0.85:
        words += ["-t", rng.choice(["house/#", f"house/{rng.randrange(6)}/#", "house/+/river"])]
        words += ["-k", str(rng.choice([5, 5, 10, 60])), "-W", str(rng.randint(4, 25))]
        pair.client("mosquitto_sub", *words, timeout_s=40)
    else:
        message = content.text(rng, content.log_uniform(rng, 10, 3000))
        pair.client("mosquitto_pub", *words, "-t", topic, "-m", message, "--repeat", str(rng.randint(1, 8)))


def serve_redis(pair: Pair) -> None:
    options = ["--save", "", "--appendonly", "no", "--protected-mode", "no", "--bind", "*", "-::*"]
    pair.serve("redis-server", *options, "--dir", pair.folder)


def redis_lines(rng: Random) -> list[str]:
    """Commands of an application: counters, caches, lists, a scan."""
    lines = []
    for _ in range(content.log_uniform(rng, 2, 80)):
        key = f"{rng.choice(content.WORDS)}:{rng.randrange(300)}"
        value = content.text(rng, content.log_uniform(rng, 5, 4000))
        choices = [f"GET {key}", f'SET {key} "{value}"', f"INCR hits:{key}", f'LPUSH list:{key} "{value}"', "PING"]
        choices += [f"LRANGE list:{key} 0 20", "DBSIZE", "SCAN 0 COUNT 100", f"EXPIRE {key} 60", "INFO memory"]
        lines.append(rng.choice(choices))
    return lines


def redis(pair: Pair, rng: Random) -> None:
    """An application (redis-py), redis-cli by hand or on a timer, or a few clients of redis-benchmark."""
    server = ["-h", pair.pick(rng)]
    kind = rng.random()
    if kind < 0.65:
        gap_s = rng.choice([0.0, 0.01, 0.1, 0.4])
        typed = kind < 0.1  # redis-cli begins with 200 kB of documentation, an application does not
        program = (
            ["redis-cli", *server] if typed else [VENV / "bin/python", HERE / "programs/redis_client.py", server[1]]
        )

        def ask(pipe: IO[bytes]) -> None:
            for line in redis_lines(rng):
                pipe.write(line.encode() + b"\n")
                pipe.flush()
                time.sleep(rng.expovariate(1 / gap_s) if gap_s else 0)
            pipe.close()

        pair.client(*program, feed=ask, timeout_s=30)
    elif kind < 0.82:
        words = ["-r", str(rng.randint(2, 30)), "-i", f"{rng.uniform(0.05, 0.6):.2f}"]
        words += rng.choice([["INCR", "n"], ["INFO"], ["PING"], ["GET", "river:1"]])
        pair.client("redis-cli", *server, *words, timeout_s=30)
    else:
        clients = rng.randint(1, 3)
        words = ["-c", str(clients), "-n", str(clients * rng.randint(10, 80))]
        words += [
            "-d",
            str(content.log_uniform(rng, 3, 3000)),
            "-P",
            str(rng.choice([1, 1, 4, 16])),
            "-t",
            rng.choice(["set", "get", "lpush", "mset", "incr"]),
            "-q",
        ]
        pair.client("redis-benchmark", *server, *words, timeout_s=30)


def serve_postgres(pair: Pair) -> None:
    """A fresh cluster in a temporary folder, with pgbench's tables and one of texts."""
    folder, home = pair.folder / "pg", max(File("/usr/lib/postgresql").iterdir()) / "bin"
    cert, key = content.certificate(pair.folder)
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    as_user = ["runuser", "-u", "postgres", "--"]
    subprocess.run([*as_user, home / "initdb", "-D", folder / "d", "-A", "trust"], check=True, stdout=pair.log)
    for name in (cert, key):
        target = folder / name.name
        target.write_bytes(name.read_bytes())
        subprocess.run(["chown", "postgres", str(target)], check=True)
        target.chmod(0o600)
    with (folder / "d" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 0.0.0.0/0 trust\nhost all all ::/0 trust\n")
    options: dict[str, object] = {"listen_addresses": "*", "ssl": "on"}
    options |= {"ssl_cert_file": folder / cert.name, "ssl_key_file": folder / key.name}
    options |= {"unix_socket_directories": folder, "shared_buffers": "32MB", "fsync": "off", "max_connections": 60}
    words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    pair.serve(*as_user, home / "postgres", "-D", folder / "d", *words)
    time.sleep(4)
    local = ["-h", str(folder), "-U", "postgres"]
    subprocess.run(["pgbench", *local, "-i", "-q", "postgres"], check=True, stderr=pair.log)
    table = "create table texts as select i as id, repeat(md5(i::text), (random() * 12)::int) as body"
    table += " from generate_series(1, 5000) i"
    subprocess.run(
        ["psql", *local, "-c", table, "-c", "create index on texts (id)", "postgres"], check=True, stdout=pair.log
    )


QUERIES = [
    "select * from texts where id = {n};",
    "select * from texts where id between {n} and {n} + {few};",
    "select count(*) from texts where body like '%{n}%';",
    "insert into texts values ({n}, repeat('x', {many}));",
    "update texts set body = body || 'y' where id = {n};",
    "select id, length(body) from texts order by random() limit {few};",
    "begin; select 1; commit;",
    "\\d texts",
]


def postgres(pair: Pair, rng: Random) -> None:
    """psql with the queries of a person or a program, or pgbench with one to three connections."""
    secure = rng.choice(["disable", "disable", "require"])
    address = f"host={pair.pick(rng)} user=postgres dbname=postgres sslmode={secure}"
    if rng.random() < 0.7:
        gap_s = rng.choice([0.0, 0.02, 0.2, 0.8])

        def ask(pipe: IO[bytes]) -> None:
            for _ in range(content.log_uniform(rng, 1, 50 if gap_s < 0.5 else 15)):
                few, many = content.log_uniform(rng, 1, 200), content.log_uniform(rng, 1, 5000)
                query = rng.choice(QUERIES).format(n=rng.randrange(5000), few=few, many=many)
                pipe.write(query.encode() + b"\n")
                pipe.flush()
                time.sleep(rng.expovariate(1 / gap_s) if gap_s else 0)
            pipe.close()

        pair.client("psql", "-q", address, feed=ask, timeout_s=40)
        return
    words = ["-n", "-c", str(rng.randint(1, 3)), "-t", str(rng.randint(2, 15))]
    words += ["-M", rng.choice(["simple", "extended", "prepared"])]
    words += rng.choice([["-b", "tpcb-like"], ["-S"], ["-N"]])
    words += ["-R", str(rng.randint(3, 20))] if rng.random() < 0.5 else []
    pair.client("pgbench", *words, address, timeout_s=40)
