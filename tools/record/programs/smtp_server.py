"""A mail server (aiosmtpd) on port 25 that offers STARTTLS and drops every letter."""

from __future__ import annotations

import asyncio
import ssl
import sys

from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP


async def main() -> None:
    """Listen on IPv4 and IPv6 for ever."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*sys.argv[1:3])
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(Sink(), hostname="mail.example.test", tls_context=context, data_size_limit=2**24)

    servers = [await loop.create_server(session, host, 25) for host in ("0.0.0.0", "::")]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main())
