#!/usr/bin/env bash
# A Kafka broker on this machine: one KRaft node from Maven Central, for trying things out and for tests.
#
#   ./deploy/local-kafka.sh up [TOPIC[:PARTITIONS]]... start it on 127.0.0.1:9092, fetched and formatted first if it must
#                                                      be, and make these topics
#   ./deploy/local-kafka.sh topic NAME [PARTITIONS]    make a topic (1 partition); a topic that is there is fine
#   ./deploy/local-kafka.sh read TOPIC                 what read_committed readers see of it
#   ./deploy/local-kafka.sh tool CLASS [ARGUMENT]...   a tool of Kafka, such as org.apache.kafka.tools.TopicCommand
#   ./deploy/local-kafka.sh status                     does it run, and which topics has it
#   ./deploy/local-kafka.sh down [--wipe]              end it; --wipe also deletes what it stored
#   ./deploy/local-kafka.sh install                    only fetch it; prints the folder of its jars
#
# Options of all, before the rest: --dir DIR (data and log of this broker, default $WEIR_KAFKA_DIR/broker), --port PORT
# (default 9092; the controller takes the next one), --version VERSION (default 4.1.0). The jars are below
# $WEIR_KAFKA_DIR (default build/kafka), checked by Maven against the checksums of the repository.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")

usage() { sed -n '2,15s/^# \{0,1\}//p' "$0"; }
fail() { echo "local-kafka.sh: $*" >&2; exit 1; }

verb=${1:-}
[ $# -gt 0 ] && shift
home=${WEIR_KAFKA_DIR:-$root/build/kafka}
folder='' port='' version='' wipe=false
while [ $# -gt 0 ]; do
  case "$1" in
    --dir | --port | --version) [ $# -ge 2 ] || { usage >&2; exit 2; } ;;&
    --dir) folder=$2; shift 2 ;;
    --port) port=$2; shift 2 ;;
    --version) version=$2; shift 2 ;;
    --wipe) wipe=true; shift ;;
    *) break ;;
  esac
done
[ -n "$folder" ] || folder=$home/broker
mkdir -p "$home" "$folder"
home=$(cd "$home" && pwd)
folder=$(cd "$folder" && pwd)
# A broker that is there keeps its port and version unless told otherwise.
[ -n "$port" ] || port=$(cat "$folder/port" 2>/dev/null || echo 9092)
[ -n "$version" ] || version=$(cat "$folder/version" 2>/dev/null || echo 4.1.0)
libs=$home/kafka-$version

install_kafka() {
  [ -e "$libs/.complete" ] && return
  if ! command -v java >/dev/null || ! command -v mvn >/dev/null; then
    "$here/install-dependencies.sh" --kafka >&2
  fi
  exec 8>"$home/.install-lock"
  flock 8
  if [ ! -e "$libs/.complete" ]; then
    echo "fetching Kafka $version into $libs" >&2
    local arguments=(-q -B -C -f "$here/kafka/pom.xml" "-Dkafka.version=$version"
      dependency:copy-dependencies "-DoutputDirectory=$libs" -DincludeScope=runtime)
    mvn "${arguments[@]}" >"$home/maven.log" 2>&1 || mvn "${arguments[@]}" >"$home/maven.log" 2>&1 || {
      tail -n 20 "$home/maven.log" >&2
      fail "Maven could not fetch Kafka $version (log: $home/maven.log)"
    }
    # Kafka 3 brings a logging library of its own.
    if compgen -G "$libs/slf4j-reload4j-*.jar" >/dev/null; then rm -f "$libs"/slf4j-simple-*.jar; fi
    : >"$libs/.complete"
  fi
  exec 8>&-
}

jvm=(java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.showDateTime=true
  -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS "-Dlog4j.configuration=file:$here/kafka/log4j.properties")
tool() {
  install_kafka
  "${jvm[@]}" -Xmx256m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$libs/*" "$@"
}

# The broker's process, if it lives and is ours (a pid may have been given to another program).
running() {
  local pid
  pid=$(cat "$folder/pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$folder/server.properties" || return 1
  echo "$pid"
}

write_properties() {
  cat >"$folder/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$folder/data
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.max.timeout.ms=900000
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
END
}

up() {
  local pid
  if pid=$(running); then
    echo "Kafka $version runs already on 127.0.0.1:$port (pid $pid)"
    return
  fi
  install_kafka
  for used in "$port" "$((port + 1))"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$used") 2>/dev/null; then
      fail "127.0.0.1:$used is taken by another process; choose another --port, and a --dir for it"
    fi
  done
  write_properties
  echo "$port" >"$folder/port"
  echo "$version" >"$folder/version"
  if [ ! -e "$folder/data/meta.properties" ]; then
    tool kafka.tools.StorageTool format --cluster-id "$(cluster_id)" --config "$folder/server.properties" \
      >"$folder/format.log" 2>&1 || { cat "$folder/format.log" >&2; fail "the storage could not be formatted"; }
  fi
  : >"$folder/broker.log"
  cd "$folder"
  # KAFKA_HEAP and KAFKA_JVM: for benchmarks, where the compiler's tiers and the heap matter.
  setsid nohup "${jvm[@]}" -Xms128m "-Xmx${WEIR_KAFKA_HEAP:-512m}" ${WEIR_KAFKA_JVM:-} \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    -cp "$libs/*" kafka.Kafka "$folder/server.properties" >"$folder/broker.log" 2>&1 </dev/null &
  echo $! >"$folder/pid"
  for _ in $(seq 600); do
    if grep -q 'Kafka Server started' "$folder/broker.log"; then
      echo "Kafka $version on 127.0.0.1:$port (data and log: $folder)"
      return
    fi
    kill -0 "$(cat "$folder/pid")" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 20 "$folder/broker.log" >&2
  fail "the broker did not get ready (log: $folder/broker.log)"
}

cluster_id() { head -c 16 /dev/urandom | base64 | tr '+/' 'AB' | tr -d '='; }

down() {
  local pid
  if ! pid=$(running); then
    echo "no broker runs in $folder"
  else
    kill -CONT "$pid" 2>/dev/null || true
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    if kill -0 "$pid" 2>/dev/null; then
      echo "pid $pid does not end on SIGTERM: killed" >&2
      kill -9 "$pid" 2>/dev/null || true
    fi
    echo "ended the broker (pid $pid)"
  fi
  rm -f "$folder/pid"
  if $wipe; then rm -rf "$folder/data"; fi
}

topics() { tool org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" "$@"; }

make_topic() {  # NAME PARTITIONS
  local said
  said=$(topics --create --if-not-exists --topic "$1" --partitions "$2" --replication-factor 1 2>/dev/null) || fail "$said"
  if [ -n "$said" ]; then echo "$said" | grep -v '^WARNING'; else echo "Topic $1 is there."; fi
}

case "$verb" in
  up)
    up
    for topic in "$@"; do
      case "$topic" in
        *:*) make_topic "${topic%:*}" "${topic##*:}" ;;
        *) make_topic "$topic" 1 ;;
      esac
    done
    ;;
  down)
    [ "${1:-}" = --wipe ] && wipe=true
    down
    ;;
  status)
    if pid=$(running); then
      echo "Kafka $version runs on 127.0.0.1:$port (pid $pid, data and log: $folder)"
      topics --list
    else
      echo "no broker runs in $folder"
      exit 3
    fi
    ;;
  topic)
    [ $# -ge 1 ] || { usage >&2; exit 2; }
    running >/dev/null || fail "no broker runs in $folder; start it: $0 up"
    make_topic "$1" "${2:-1}"
    ;;
  read)
    [ $# -eq 1 ] || { usage >&2; exit 2; }
    running >/dev/null || fail "no broker runs in $folder; start it: $0 up"
    # It ends when nothing came for a while, which the consumer may report as an error.
    tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "127.0.0.1:$port" --topic "$1" \
      --isolation-level read_committed --from-beginning --timeout-ms 3000 2>"$folder/read.log" ||
      grep -q TimeoutException "$folder/read.log" || { cat "$folder/read.log" >&2; exit 1; }
    ;;
  tool)
    [ $# -ge 1 ] || { usage >&2; exit 2; }
    tool "$@"
    ;;
  install)
    install_kafka
    echo "$libs"
    ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
