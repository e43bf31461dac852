#!/usr/bin/env bash
# Everything that must pass: dependencies, build, unit tests, lint of the jobs, cluster tests.
#
#   ./tests/run.sh               all of it (about 20 minutes on 2 cores when nothing is built)
#   ./tests/run.sh --unit        without the cluster tests
#   ./tests/run.sh --sanitize    instead: unit tests under address + undefined and under thread sanitizer
#
# Logs of each test: build/test-logs/. The last line is `N passed, N failed`; exit code 0 if none failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=all
case "${1:-}" in
  '') ;;
  --unit) mode=unit ;;
  --sanitize) mode=sanitize ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "tests/run.sh: unknown option $1" >&2; exit 2 ;;
esac

logs=build/test-logs
rm -rf "$logs"
mkdir -p "$logs"
passed=0 failed=0 failures=()
cores=$(nproc)

finish() {
  echo
  for name in ${failures[@]+"${failures[@]}"}; do echo "failed: $name"; done
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
  exit $?
}
say() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1; }
pass() { passed=$((passed + 1)); echo "PASS $1"; }
fail() { failed=$((failed + 1)); failures+=("$1"); echo "FAIL $1"; }

# A step that everything after it needs: its failure ends the run.
need() {  # NAME COMMAND...
  local name=$1 log=$logs/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 60 "$log"
    fail "$name (log: $log)"
    finish
  fi
}

build() {  # PRESET
  say "build $1"
  need "configure-$1" cmake --preset "$1"
  need "build-$1" ninja -C "build/$1" -j "$cores"
}

unit_tests() {  # PRESET
  say "unit tests ($1)"
  local log=$logs/unit-$1.log line
  ctest --test-dir "build/$1" --output-on-failure --timeout 600 -j "$cores" >"$log" 2>&1
  local code=$?
  while IFS= read -r line; do
    case "$line" in
      *' Passed '*) pass "unit ($1) $(test_name "$line")" ;;
      *'***'*sec*) fail "unit ($1) $(test_name "$line")" ;;
    esac
  done < <(grep -E '^ *[0-9]+/[0-9]+ Test' "$log")
  if [ "$code" -ne 0 ]; then
    tail -n 150 "$log"
    [ "$failed" -gt 0 ] || fail "unit tests ($1): ctest ended with $code (log: $log)"
  fi
}
test_name() { sed -E 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .*/\1/' <<<"$1"; }

lint_jobs() {
  say "lint of deploy/jobs and tests/bench/nexmark"
  local job name
  for job in deploy/jobs/*.yaml tests/bench/nexmark/*.yaml; do
    name=$(basename "$job")
    if build/dev/weir lint "$job" >"$logs/lint-$name.log" 2>&1; then
      pass "lint $name"
    else
      cat "$logs/lint-$name.log"
      fail "lint $name"
    fi
  done
}

# Seeds of the simulator; a line FAIL for each that fails, with how to replay it.
simulate() {  # NAME OPTION...
  local name=$1 log=$logs/$1.log
  shift
  say "weir-simulate $*"
  if timeout --kill-after=20 900 build/dev/tests/simulation/weir-simulate "$@" --jobs "$cores" >"$log" 2>&1; then
    grep -E '^[0-9]+ schedules' "$log"
    pass "$name"
  else
    grep -A3 '^FAIL' "$log" | cut -c1-500 | head -n 40
    tail -n 3 "$log" | cut -c1-500
    fail "$name (log: $log)"
  fi
}

# The known bugs that are found fast; all of them: tests/simulation/gate.sh.
gate() {
  local log=$logs/simulation_gate.log
  say "weir-simulate-gate"
  if timeout --kill-after=20 900 build/dev/tests/simulation/weir-simulate-gate --minutes 2 --clean 10 --jobs "$cores" \
    FLINK-8132 FLINK-17568 FLINK-21132 FLINK-40626 FLINK-40689 KAFKA-17754 torn-manifest missing-folder-fsync \
    acknowledged-before-fsync notify-before-record unfenced-zombie commit-skipped-after-recovery window-fired-again \
    latest-resolved-twice attempt-reused older-recorded-after-newer >"$log" 2>&1; then
    tail -n 1 "$log"
    pass simulation_gate
  else
    cut -c1-200 "$log"
    fail "simulation_gate (log: $log)"
  fi
}

# A script that prints PASS, FAIL or SKIP and a name per test. One that breaks without saying so has failed.
cluster_tests() {  # NAME COMMAND...
  local name=$1 log=$logs/$1.log line failed_before=$failed code
  shift
  say "$*"
  timeout --kill-after=20 900 "$@" 2>&1 | tee "$log"
  code=${PIPESTATUS[0]}
  while IFS= read -r line; do
    case "$line" in
      'PASS '*) passed=$((passed + 1)) ;;
      'FAIL '*) failed=$((failed + 1)); failures+=("$(cut -d' ' -f2 <<<"$line") (log: $log)") ;;
    esac
  done < <(grep -E '^(PASS|FAIL) ' "$log")
  if [ "$code" -ne 0 ] && [ "$failed" -eq "$failed_before" ]; then
    fail "$name: ended with $code (log: $log)"
  fi
}

say dependencies
need dependencies ./deploy/install-dependencies.sh
if [ "$mode" = all ]; then
  need kafka-dependencies ./tests/kafka/setup.sh
  need nexmark-dependencies python3 tests/nexmark/environment.py
fi

if [ "$mode" = sanitize ]; then
  export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
  export UBSAN_OPTIONS=print_stacktrace=1
  export TSAN_OPTIONS="suppressions=$PWD/tests/support/tsan.supp second_deadlock_stack=1"
  for preset in asan tsan; do
    build "$preset"
    unit_tests "$preset"
  done
  finish
fi

build dev
unit_tests dev
lint_jobs
simulate simulation_fixed_seeds --seeds 1..1000
simulate simulation_fresh_seeds --count 1000
simulate simulation_same_twice --seeds 1..100 --twice
gate
if [ "$mode" = all ]; then
  say "build of the fuzz targets"
  need fuzz-build ./tests/fuzz/run.sh --build
  cluster_tests fuzz ./tests/fuzz/run.sh --seconds 60
  cluster_tests bad_input ./tests/cluster/bad_input.py
  cluster_tests lifecycle ./tests/cluster/lifecycle.py
  # The other kinds of damage: ./tests/cluster/corruption.py
  cluster_tests corruption ./tests/cluster/corruption.py flipped_bit missing_file flipped_bit_in_manifest \
    at_least_once_falls_back
  cluster_tests security ./tests/security/security.py
  # All connections: WEIR_HOSTILE_CONNECTIONS=10000 ./tests/security/hostile.py
  cluster_tests hostile ./tests/security/hostile.py plain_idle tls_noise
  cluster_tests full_disk ./tests/cluster/full_disk.py
  cluster_tests failpoints ./tests/cluster/failpoints.py
  cluster_tests chaos ./tests/cluster/chaos.sh --kills 10 --seed 1 --rows 500000
  # The figures: ./tests/bench/run.sh --help
  cluster_tests bench env WEIR_BINARY="$PWD/build/dev/weir" python3 tests/bench/bench.py --smoke fraud wordcount exchange
  # The queries of tests/bench/nexmark, compared with DuckDB. More: --events 2000000; --kills 10 --seed N
  cluster_tests nexmark ./tests/nexmark/verify.py
  cluster_tests nexmark_kills ./tests/nexmark/verify.py --kills 10 --events 100000
  # Longer times: ./tests/cluster/ha.py --long; the figures: ./tests/kafka/ha.py --kills 10 --strict
  cluster_tests ha ./tests/cluster/ha.py
  # Against a real broker. All of the crash matrix: ./tests/kafka/crash_matrix.py --full
  cluster_tests with_kafka ./tests/kafka/with_kafka.py
  cluster_tests kafka_protocol ./tests/kafka/protocol.py
  cluster_tests kafka_contract ./tests/kafka/contract.py contract_v2 contract_v0
  cluster_tests kafka_crash_matrix ./tests/kafka/crash_matrix.py
  cluster_tests kafka_timeout ./tests/kafka/timeout.py
  cluster_tests kafka_groups ./tests/kafka/groups.py
  cluster_tests kafka_mode_b ./tests/kafka/mode_b.py kafka_before_end_txn in_repair_produce in_repair_before_commit
  # The others of both wait for long: client_certificate, small_client, password_changed_while_running; topic_deleted
  cluster_tests kafka_security ./tests/kafka/security.py whole_jobs wrong_credentials
  cluster_tests kafka_bad_input ./tests/kafka/bad_input.py refused_at_submit no_rights too_large poison topic_grown \
    out_of_range same_name_twice
  cluster_tests kafka_ha ./tests/kafka/ha.py
  cluster_tests kafka_chaos ./tests/kafka/chaos.sh --minutes 2 --seed 1
fi
finish
