#!/usr/bin/env bash
# Fuzzes what reads bytes that nobody vouches for, under address and undefined behaviour sanitizer.
#
#   ./tests/fuzz/run.sh                          each target for 60 s, as many at a time as there are cores
#   ./tests/fuzz/run.sh --seconds 600 json csv   only these, for longer
#   ./tests/fuzz/run.sh --seed 0                 by other dice than usual: each run is another
#   ./tests/fuzz/run.sh --build                  only builds
#   ./tests/fuzz/run.sh --replay FILE json       runs one input
#
# An input that breaks a target is kept in build/fuzz/found/TARGET and named; put it into tests/fuzz/corpus/TARGET with the
# fix. What is new in coverage stays in build/fuzz/corpus/TARGET for the next run. Prints PASS or FAIL for each target.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=60 seed=1 build_only=false replay='' targets=()
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=${2:?}; shift ;;
    --seed) seed=${2:?}; shift ;;
    --build) build_only=true ;;
    --replay) replay=$(realpath "${2:?}"); shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "tests/fuzz/run.sh: unknown option $1" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
all=$(sed -nE '/^set\(targets /,/\)/p' tests/fuzz/CMakeLists.txt | tr -d '()' | sed 's/set targets//; s/settargets//')
# shellcheck disable=SC2206 # words
[ ${#targets[@]} -gt 0 ] || targets=($all)
cores=$(nproc)

mkdir -p build
if ! { cmake --preset fuzz && ninja -C build/fuzz -j "$cores" "${targets[@]/#/fuzz_}"; } >build/fuzz-build.log 2>&1; then
  tail -n 40 build/fuzz-build.log
  echo "FAIL fuzz_build (log: build/fuzz-build.log)"
  exit 1
fi
if $build_only; then exit 0; fi

# The libraries of the system are not built with these sanitizers, and a container that crosses over looks overflown.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0:allocator_may_return_null=0
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# Bounded memory is a promise, too: one allocation, and all.
limits=(-malloc_limit_mb=256 -rss_limit_mb=1500 -timeout=20 -max_len=8192)

if [ -n "$replay" ]; then
  exec "build/fuzz/tests/fuzz/fuzz_${targets[0]}" "${limits[@]}" "$replay"
fi

run_one() {  # TARGET
  local target=$1 work=build/fuzz/corpus/$1 found=build/fuzz/found/$1 log=build/fuzz/$1.log dictionary=() executions
  mkdir -p "$work" "$found"
  [ -f "tests/fuzz/dictionaries/$target.dict" ] && dictionary=("-dict=tests/fuzz/dictionaries/$target.dict")
  if "build/fuzz/tests/fuzz/fuzz_$target" "${limits[@]}" ${dictionary[@]+"${dictionary[@]}"} -max_total_time="$seconds" -seed="$seed" \
    -print_final_stats=1 -artifact_prefix="$found/" "$work" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "PASS fuzz_$target (${executions:-?} inputs in ${seconds} s, $(ls "$work" | wc -l) kept)"
  else
    grep -E '^(SUMMARY|==[0-9]+==|broken promise|.*runtime error|artifact_prefix)|Test unit written' "$log" | head -n 8
    echo "FAIL fuzz_$target (log: $log; inputs in $found)"
    return 1
  fi
}

status=0 running=0
for target in "${targets[@]}"; do
  if [ "$running" -ge "$cores" ]; then
    wait -n || status=1
    running=$((running - 1))
  fi
  run_one "$target" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || status=1
  running=$((running - 1))
done
exit $status
