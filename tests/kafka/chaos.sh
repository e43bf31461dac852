#!/usr/bin/env bash
# kill -9, SIGSTOP and SIGCONT of random processes, the broker among them, under two exactly-once jobs; what readers of
# committed records see must be exactly right.
#
#   ./tests/kafka/chaos.sh [--minutes M] [--seed S] [--rate R]    default 10 minutes, seed 1, 2000 records/s
set -euo pipefail
exec python3 "$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/chaos.py" "$@"
