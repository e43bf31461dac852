#!/usr/bin/env bash
# From nothing to exactly-once alerts on Debian 12: installs, builds, makes a sample of card transactions, runs
# deploy/jobs/fraud-alert.yaml over it in one process and shows what it found. May be run again and again.
#
#   ./deploy/quickstart.sh [ROWS]      default 1000000
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rows=${1:-1000000}
case "$rows" in '' | *[!0-9]*) echo "usage: $0 [ROWS]" >&2; exit 2 ;; esac
work=build/quickstart
say() { printf '\n== %s\n' "$*"; }

say "1/4 dependencies"
./deploy/install-dependencies.sh

say "2/4 build (build/release, some minutes the first time)"
mkdir -p build
cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
ninja -C build/release weir

say "3/4 $rows sample transactions"
sample=$work/transactions-$rows.jsonl
[ -s "$sample" ] || python3 deploy/make-transactions.py --rows "$rows" --output "$sample"
ln -sf "$(basename "$sample")" "$work/transactions.jsonl"  # where the job looks by itself
printf '%s\n' "$sample, the first rows:"
sed -n '1,3p' "$sample"

say "4/4 weir run deploy/jobs/fraud-alert.yaml"
rm -rf "$work/alerts" "$work/state"  # of an earlier run
export WEIR_TRANSACTIONS=$PWD/$sample WEIR_ALERTS=$PWD/$work/alerts
began=$(date +%s.%N)
build/release/weir run deploy/jobs/fraud-alert.yaml --state-dir "$work/state" -o json >"$work/result.json"
ended=$(date +%s.%N)
python3 deploy/show-alerts.py --alerts "$work/alerts" --status "$work/result.json" --rows "$rows" \
  --seconds "$(awk "BEGIN { print $ended - $began }")"
