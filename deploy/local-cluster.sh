#!/usr/bin/env bash
# A cluster on this machine: one JobManager and some TaskManagers, each a process of its own.
#
#   ./deploy/local-cluster.sh up [--taskmanagers N] [--slots N]    start what is not running (3 TaskManagers, 2 slots)
#   ./deploy/local-cluster.sh status                               processes, TaskManagers and slots
#   ./deploy/local-cluster.sh down                                 end all of them; jobs stay recorded
#
# Options of all three: --dir DIR (default build/local-cluster), --port PORT (JobManager, default 6123),
# --http-port PORT (default 8081). The executable is $WEIR_BINARY, else build/release/weir, else build/dev/weir.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }
fail() { echo "local-cluster.sh: $*" >&2; exit 1; }

verb=${1:-}
[ $# -gt 0 ] && shift
taskmanagers=3 slots=2 port=6123 http_port=8081 folder=$root/build/local-cluster
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { usage >&2; exit 2; }
  case "$1" in
    --taskmanagers) taskmanagers=$2 ;;
    --slots) slots=$2 ;;
    --dir) folder=$2 ;;
    --port) port=$2 ;;
    --http-port) http_port=$2 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift 2
done

binary=${WEIR_BINARY:-}
for candidate in "$root/build/release/weir" "$root/build/dev/weir"; do
  [ -n "$binary" ] || { [ -x "$candidate" ] && binary=$candidate; }
done

# The process of NAME.pid, if it lives and is ours (a pid may have been given to another program).
running() {
  local pid
  pid=$(cat "$folder/$1.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q -- " --config $here/config/" || return 1
  echo "$pid"
}

start() {  # NAME ROLE SETTING...
  local name=$1 role=$2 setting arguments=()
  shift 2
  if running "$name" >/dev/null; then echo "$name runs already"; return; fi
  for setting in "$@"; do arguments+=(--set "$setting"); done
  : >"$folder/$name.out"
  setsid nohup "$binary" "$role" --config "$here/config/$role.yaml" "${arguments[@]}" \
    >"$folder/$name.out" 2>>"$folder/$name.log" </dev/null &
  echo $! >"$folder/$name.pid"
  for _ in $(seq 300); do
    if [ -s "$folder/$name.out" ]; then head -n 1 "$folder/$name.out"; return; fi
    kill -0 "$(cat "$folder/$name.pid")" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 15 "$folder/$name.log" >&2
  fail "$name did not get ready (log: $folder/$name.log)"
}

names() { for file in "$folder"/*.pid; do [ -e "$file" ] && basename "$file" .pid; done; return 0; }

case "$verb" in
  up)
    [ -n "$binary" ] && [ -x "$binary" ] ||
      fail "no executable; build it: cmake --preset release && ninja -C build/release weir"
    mkdir -p "$folder"
    folder=$(cd "$folder" && pwd)
    binary=$(realpath "$binary")
    cd "$root"  # relative paths of jobs are those of the daemons
    start jobmanager jobmanager "listen=127.0.0.1:$port" "http_listen=127.0.0.1:$http_port" \
      "state_dir=$folder/jobmanager" "checkpoint_storage=file://$folder/checkpoints"
    for i in $(seq "$taskmanagers"); do
      start "tm-$i" taskmanager "name=tm-$i" "jobmanager=127.0.0.1:$port" "slots=$slots" "state_dir=$folder/tm-$i"
    done
    echo "logs and state: $folder"
    [ "$port" = 6123 ] || echo "for the command line: export WEIR_JOBMANAGER=127.0.0.1:$port"
    ;;
  status)
    for name in $(names); do
      if pid=$(running "$name"); then echo "$name runs (pid $pid)"; else echo "$name is not running"; fi
    done
    [ -n "$binary" ] && exec "$binary" cluster --jobmanager "127.0.0.1:$port"
    ;;
  down)
    pids=()
    for name in $(names | sort -r); do  # TaskManagers first
      if pid=$(running "$name"); then
        kill -CONT "$pid" 2>/dev/null || true
        kill "$pid" 2>/dev/null || true
        pids+=("$pid")
      fi
      rm -f "$folder/$name.pid"
    done
    for pid in ${pids[@]+"${pids[@]}"}; do
      for _ in $(seq 150); do kill -0 "$pid" 2>/dev/null || continue 2; sleep 0.1; done
      echo "pid $pid does not end on SIGTERM: killed" >&2
      kill -9 "$pid" 2>/dev/null || true
    done
    echo "ended ${#pids[@]} processes"
    ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
