"""Web browsing, API calls, downloads and uploads: nginx with TLS against chromium and curl."""

from __future__ import annotations

import shutil
import time
from pathlib import Path as File
from random import Random

import content
from namespaces import HERE, VENV, Pair

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/html; client_max_body_size 0; server_names_hash_bucket_size 128;
  types {{ text/html html; text/css css; application/javascript js; application/json json; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; {extra}
  ssl_certificate {cert}; ssl_certificate_key {key};
  server {{
    listen 80; listen [::]:80; listen 443 ssl http2; listen [::]:443 ssl http2;
    root {folder}/www;
    location ~ [.]html$ {{ sub_filter_once off; sub_filter CDN cdn$family; sub_filter IMG img$family; }}
    location /api/ {{ proxy_pass http://127.0.0.1:8080; proxy_http_version 1.1; proxy_request_buffering off; }}
  }}
  map $host $family {{ default ""; "~^[a-z]+(?<rest>.*)$" $rest; }}
}}
"""
QUIET = ["--headless=new", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
QUIET += ["--disable-sync", "--disable-default-apps", "--disable-extensions", "--disable-domain-reliability"]
QUIET += ["--disable-breakpad", "--disable-gpu", "--no-sandbox", "--disable-dev-shm-usage", "--no-pings"]
QUIET += ["--ignore-certificate-errors"]
QUIET += ["--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND"]
QUIET += ["--disable-features=DnsOverHttps,AsyncDns,OptimizationHints,MediaRouter,NetworkTimeServiceQuerying"]


def nginx(pair: Pair, extra: str = "") -> File:
    """Start nginx on ports 80 and 443 of every server address; returns the folder it serves."""
    www = pair.folder / "www"
    www.mkdir(exist_ok=True)
    cert, key = content.certificate(pair.folder)
    config = pair.folder / "nginx.conf"
    config.write_text(NGINX.format(folder=pair.folder, cert=cert, key=key, extra=extra))
    pair.serve("nginx", "-c", config)
    return www


def api_server(pair: Pair) -> None:
    """Start the application behind /api/."""
    pair.serve(VENV / "bin/python", HERE / "programs/api_server.py")


def serve_web(pair: Pair) -> None:
    content.pages(nginx(pair), 120, Random(f"{pair.seed}/pages"))


def browse(pair: Pair, rng: Random) -> None:
    """Load one to three pages of a site in a fresh browser."""
    profile = pair.folder / f"profile-{rng.randrange(10**9)}"
    quiet = [*QUIET, "--timeout=20000", "--dump-dom", *(["--disable-http2"] if rng.random() < 0.35 else [])]
    host = pair.host(pair.pick(rng))
    for _ in range(rng.choice([1, 1, 2])):
        url = f"https://{host}/{rng.randrange(120)}.html"
        pair.client("chromium", *quiet, f"--user-data-dir={profile}", url)
        time.sleep(rng.expovariate(1.0))
    shutil.rmtree(profile, ignore_errors=True)


def serve_api(pair: Pair) -> None:
    content.items(nginx(pair), 80, Random(f"{pair.seed}/items"))
    api_server(pair)


def call_api(pair: Pair, rng: Random) -> None:
    """A handful of requests on one connection: documents, searches, new records, with and without pauses."""
    host = pair.host(pair.pick(rng))
    base = f"https://{host}" if rng.random() < 0.9 else f"http://{host}"
    words = ["curl", "-sk", "-o", "/dev/null", "--max-time", "40", rng.choice(["--http2", "--http2", "--http1.1"])]
    if rng.random() < 0.4:
        words += ["--rate", f"{rng.randint(30, 200)}/m"]
    if rng.random() < 0.6:
        words += ["-H", f"Authorization: Bearer {rng.randbytes(rng.choice([16, 32, 128, 400])).hex()}"]
    if rng.random() < 0.5:
        words.append("--compressed")
    requests = []
    for _ in range(content.log_uniform(rng, 1, 14)):
        kind = rng.random()
        if kind < 0.35:
            requests.append([f"{base}/{rng.randrange(80)}.json"])
        elif kind < 0.7:
            words_wanted, rows = content.text(rng, 20).replace(" ", "+"), content.log_uniform(rng, 1, 300)
            requests.append([f"{base}/api/search?q={words_wanted}&n={rows}"])
        else:
            body = f'{{"text": "{content.text(rng, content.log_uniform(rng, 10, 8000))}"}}'
            requests.append(["-d", body, "-H", "Content-Type: application/json", f"{base}/api/items"])
    for number, request in enumerate(requests):
        words += (["--next", "-sk", "-o", "/dev/null"] if number else []) + request
    pair.client(*words)


def serve_download(pair: Pair) -> None:
    rng = Random(f"{pair.seed}/files")
    www = nginx(pair)
    pair.shared["files"] = content.files(www, [content.log_uniform(rng, 80_000, 2_500_000) for _ in range(60)], rng)


def download(pair: Pair, rng: Random) -> None:
    """Fetch one large file, sometimes in ranges, sometimes slowed by the client."""
    words = ["curl", "-sk", "-o", "/dev/null", "--max-time", "25", rng.choice(["--http2", "--http1.1"])]
    if rng.random() < 0.2:
        words += ["--limit-rate", f"{rng.randint(100, 600)}k"]
    if rng.random() < 0.2:
        words += ["-r", f"{rng.randint(1, 100_000)}-"]
    scheme = rng.choice(["https", "https", "http"])
    pair.client(*words, f"{scheme}://{pair.host(pair.pick(rng))}/{rng.choice(pair.shared['files'])}")


def serve_upload(pair: Pair) -> None:
    rng = Random(f"{pair.seed}/files")
    nginx(pair)
    api_server(pair)
    sizes = [content.log_uniform(rng, 60_000, 2_000_000) for _ in range(60)]
    pair.shared["files"] = content.files(pair.folder / "files", sizes, rng)


def upload(pair: Pair, rng: Random) -> None:
    """Send one large file, as a form or as a plain body."""
    name = pair.folder / "files" / rng.choice(pair.shared["files"])
    words = ["curl", "-sk", "-o", "/dev/null", "--max-time", "25", rng.choice(["--http2", "--http1.1"])]
    if rng.random() < 0.2:
        words += ["--limit-rate", f"{rng.randint(100, 400)}k"]
    words += rng.choice([["-T", str(name)], ["-F", f"file=@{name}"]])
    scheme = rng.choice(["https", "https", "http"])
    pair.client(*words, f"{scheme}://{pair.host(pair.pick(rng))}/api/upload")
