"""An application that keeps its data in Redis (redis-py): runs the commands that come on its standard input."""

from __future__ import annotations

import shlex
import sys

import redis

if __name__ == "__main__":
    store = redis.Redis(sys.argv[1], socket_timeout=20)
    for line in sys.stdin:
        try:
            store.execute_command(*shlex.split(line))
        except redis.ResponseError as error:  # a list where a text was expected: applications meet it too
            print(error, file=sys.stderr)
    store.close()
