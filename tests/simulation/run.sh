#!/usr/bin/env bash
# The cluster in a simulator: many seeds, each a schedule of its own with faults, judged by the oracles.
#
#   tests/simulation/run.sh --minutes M       fresh seeds for M minutes
#   tests/simulation/run.sh --seeds A..B      these seeds
#   tests/simulation/run.sh --seed N --trace  one seed, one line per event
#   tests/simulation/run.sh --builds [A..B]   the same hashes from a debug and from a release-like build
#
# Other options go to weir-simulate (--help prints them). WEIR_SIMULATE_PRESET: dev (default) or simulation (optimised).
# The last lines: schedules a minute and core, and which rare paths were taken how often. A failing seed prints the
# line that replays it. Exit code 1 if one failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build() {  # PRESET
  [ -f "build/$1/build.ninja" ] || cmake --preset "$1" >/dev/null
  ninja -C "build/$1" weir-simulate >/dev/null
}

case "${1:-}" in
  '' | -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
  --builds)
    seeds=${2:-1..200}
    for preset in dev simulation; do
      build "$preset"
      "build/$preset/tests/simulation/weir-simulate" --seeds "$seeds" --hashes --keep-going 1000000 |
        grep -E '^[0-9]+ [0-9a-f]{16}$' | sort -n >"build/hashes-$preset" || true
    done
    if ! diff build/hashes-dev build/hashes-simulation; then
      echo "FAIL the two builds differ" >&2
      exit 1
    fi
    echo "PASS $(wc -l <build/hashes-dev) seeds have the same hash on both builds"
    exit 0
    ;;
esac
preset=${WEIR_SIMULATE_PRESET:-dev}
build "$preset"
exec "build/$preset/tests/simulation/weir-simulate" "$@"
