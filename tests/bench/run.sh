#!/usr/bin/env bash
# Measures a release build against its targets: prints a table, keeps build/bench/*.json.
#
#   ./tests/bench/run.sh                    all figures but Kafka's
#   ./tests/bench/run.sh throughput idle    these: throughput intervals idle start submit failover
#   ./tests/bench/run.sh kafka              the Kafka figures, on a broker of their own (5 minutes)
#   ./tests/bench/run.sh kafka latency      these: throughput latency failover
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
./deploy/install-dependencies.sh
if [ "${1:-}" = kafka ]; then
  shift
  cmake --preset release -DWEIR_TESTS=ON >/dev/null
  ninja -C build/release weir weir_kafka_load weir_kafka_drain weir_kafka_latency weir_kafka_bare
  export WEIR_BINARY=$PWD/build/release/weir
  exec python3 tests/bench/kafka.py "$@"
fi
cmake --preset release >/dev/null
ninja -C build/release weir
export WEIR_BINARY=$PWD/build/release/weir
exec python3 tests/bench/bench.py "$@"
