#!/usr/bin/env bash
# Measures a release build against its targets: prints a table, keeps build/bench/*.json.
#
#   ./tests/bench/run.sh                    all figures
#   ./tests/bench/run.sh throughput idle    these: throughput intervals idle start submit failover
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
./deploy/install-dependencies.sh
cmake --preset release >/dev/null
ninja -C build/release weir
export WEIR_BINARY=$PWD/build/release/weir
exec python3 tests/bench/bench.py "$@"
