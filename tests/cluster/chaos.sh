#!/usr/bin/env bash
# kill -9 of random processes under a running exactly-once job; the committed files must hold exactly the right rows.
#
#   ./tests/cluster/chaos.sh [--kills N] [--seed S] [--rows R]    default 40 kills, seed 1, 5000000 rows
#   ./tests/cluster/chaos.sh --failpoints                         instead: a crash at every failpoint, 3 times each
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ "${1:-}" = --failpoints ]; then exec python3 "$here/failpoints.py" --all; fi
exec python3 "$here/chaos.py" "$@"
