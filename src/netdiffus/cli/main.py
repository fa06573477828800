"""Exit codes: 0 done, 1 `check` found faults, 2 bad input or usage, 70 a defect of ours, 130 interrupted."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence

import typer

from netdiffus.cli.app import app
from netdiffus.cli.options import with_ray_address
from netdiffus.cli.progress import Interrupted
from netdiffus.cli.say import tolerate_encodings
from netdiffus.errors import NetdiffusError
from netdiffus.text import visible
from netdiffus.version import __version__

USAGE, DEFECT, INTERRUPTED = 2, 70, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code."""
    tolerate_encodings()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; an error is one line on stderr."""
    try:
        arguments = with_ray_address(sys.argv[1:] if arguments is None else arguments)
        code = app(arguments, prog_name="netdiffus", standalone_mode=False)
        if code == INTERRUPTED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except typer.TyperException as error:
        return _complain(f"{error.format_message()} ('netdiffus --help' lists what there is)", USAGE)
    except NetdiffusError as error:
        return _complain(str(error), USAGE)
    except Interrupted as stop:
        return _complain(str(stop), INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted; nothing half-written was left", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read our output has gone
        return 0
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return _complain(
                "expected room to write; got no space left on the disk; free some, or name another --out", USAGE
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            name = error.filename or "a file"
            return _complain(f"expected access to {name}; got {error.strerror}; name another path", USAGE)
        if error.errno == errno.ENAMETOOLONG:
            name = error.filename or "the name"
            return _complain(f"expected a name that the file system can hold; got {name}; name a shorter one", USAGE)
        return _defect(error)
    except Exception as error:
        return _defect(error)


def _complain(message: str, code: int) -> int:
    print("netdiffus: " + visible(" ".join(message.split())), file=sys.stderr)
    return code


def _defect(error: Exception) -> int:
    if os.environ.get("NETDIFFUS_TRACEBACK"):
        traceback.print_exception(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error} ({os.path.basename(where.filename)}:{where.lineno})"
    return _complain(
        f"this is a defect of netdiffus {__version__}, not of your input: {said}; "
        "run again with NETDIFFUS_TRACEBACK=1 and report what it prints",
        DEFECT,
    )
