#!/usr/bin/env bash
# What the tests against a broker need: a JVM and Maven by apt, Kafka from Maven Central, confluent-kafka from PyPI.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
./deploy/install-dependencies.sh --kafka
./deploy/local-kafka.sh install
python3 tests/kafka/environment.py
