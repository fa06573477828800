#!/bin/sh
# Record every label (or those named by --only) into the package; install what is missing first. Needs root.
set -eu
here=$(dirname "$(readlink -f "$0")")
venv=${NETDIFFUS_RECORD_VENV:-/var/tmp/netdiffus-record/venv}
[ -x "$venv/bin/python" ] || "$here/install.sh"
exec "$venv/bin/python" "$here/record.py" "$@"
