#!/usr/bin/env bash
# Measures a release build: prints figures against their targets, keeps JSON and Markdown in build/bench/.
#
#   ./tests/bench/run.sh                         daemons and fraud
#   ./tests/bench/run.sh SUITE... [OPTION...]    --help lists both
#   ./tests/bench/run.sh nexmark --peer flink    the same work in Flink, set up in build/, in turns with ours
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kafka=() targets=(weir)
for argument in "$@"; do
  case "$argument" in
    -h | --help) exec python3 tests/bench/bench.py --help ;;
    kafka | latency)
      kafka=(--kafka)
      targets+=(weir_kafka_load weir_kafka_drain weir_kafka_latency weir_kafka_bare)
      ;;
    checkpoint | recovery | growth) targets+=(weir_state_bench) ;;
    flink | --peer=flink) kafka=(--kafka) ;;  # a JVM and Maven
  esac
done
./deploy/install-dependencies.sh "${kafka[@]}"
# As it is configured: another user of build/release may have asked for the tests.
if [ ${#targets[@]} -gt 1 ]; then
  cmake --preset release -DWEIR_TESTS=ON >/dev/null
else
  [ -e build/release/CMakeCache.txt ] && cmake build/release >/dev/null || cmake --preset release >/dev/null
fi
ninja -C build/release "${targets[@]}"
export WEIR_BINARY=$PWD/build/release/weir
exec python3 tests/bench/bench.py "$@"
