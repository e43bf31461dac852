#!/usr/bin/env bash
# The gate that proves the simulator: brings each known bug back (weir-simulate-gate --list) and prints a table of how
# many seeds and seconds it took to find, and which oracle found it; the same seeds must be clean without the bug.
#
#   tests/simulation/gate.sh                  all bugs, at most 10 minutes each
#   tests/simulation/gate.sh --minutes 0.5 BUG…
#
# Builds what it needs (preset dev, or WEIR_PRESET). Exit code 0 when all are found. Options: weir-simulate-gate --help.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
preset=${WEIR_PRESET:-dev}
[ -d "build/$preset" ] || cmake --preset "$preset" >/dev/null
ninja -C "build/$preset" weir-simulate-gate >/dev/null
exec "build/$preset/tests/simulation/weir-simulate-gate" "$@"
