#!/usr/bin/env bash
# Installs what Weir needs to be built, run and tested on Debian 12, by apt, and only what is missing.
#
#   ./deploy/install-dependencies.sh            compiler, libraries, test tools
#   ./deploy/install-dependencies.sh --tools    also clang-format and clang-tidy
#   ./deploy/install-dependencies.sh --kafka    also what runs a Kafka broker and the tests against it
#   ./deploy/install-dependencies.sh --check    only says what is missing (exit 1 if anything is)
set -euo pipefail

packages=(
  build-essential cmake ninja-build pkg-config ca-certificates
  ccache mold
  libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  librocksdb-dev libyaml-cpp-dev libxxhash-dev libsimdjson-dev libcli11-dev
  libfmt-dev libjemalloc-dev catch2
  libboost-context-dev clang-14 libclang-rt-14-dev
  librdkafka-dev libssl-dev zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev
  python3 openssl etcd-server
)
check_only=false
for argument in "$@"; do
  case "$argument" in
    --tools) packages+=(clang-format clang-tidy) ;;
    --kafka) packages+=(openjdk-17-jre-headless maven python3-venv openssl) ;;
    --check) check_only=true ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "install-dependencies.sh: unknown option $argument" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "dependencies: all ${#packages[@]} packages are installed"
  exit 0
fi
echo "dependencies: missing ${missing[*]}"
if $check_only; then exit 1; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-dependencies.sh: run it as root, or install sudo" >&2
    exit 1
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "dependencies: installed ${#missing[@]} packages"
