#!/usr/bin/env python3
"""The simulator's model of Kafka against real brokers: the same script of steps on both, the same answers from both."""
import environment  # pylint: disable=unused-import

import os
import subprocess

from cluster import BINARY, Failure, main
from kafka_broker import Broker

CONTRACT = os.path.join(os.path.dirname(BINARY), "tests", "kafka", "contract", "weir_kafka_contract")
SLOW = ("epochs_run_out", "last_epoch_fenced")  # 65 000 requests
# Transactions are looked through twice a second instead of every ten.
SETTINGS = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": 500}


def run(broker, version, names):
    """Restarts the broker when it is told to."""
    command = [CONTRACT, "--brokers", broker.direct, "--version", str(version)] + names
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.strip() == "RESTART":
                broker.kill()
                broker.start()
                process.stdin.write("done\n")
                process.stdin.flush()
            else:
                print("  " + line.rstrip(), flush=True)
    return process.returncode


def contract(version, slow):
    names = subprocess.run([CONTRACT, "--list"], capture_output=True, text=True, check=True).stdout.split()
    names = [name for name in names if (name in SLOW) == slow]
    with Broker("contract-%d" % version, transaction_version=version, settings=SETTINGS) as broker:
        for name in names:
            broker.create_topic("contract-" + name, partitions=2)
        if run(broker, version, names) != 0:
            raise Failure("the model and Kafka with transaction.version %d answer differently" % version)


def contract_v2():
    """transaction.version 2, as new clusters of Kafka 4 have it."""
    contract(2, slow=False)


def contract_v0():
    """transaction.version 0, as clusters of Kafka 3 have it."""
    contract(0, slow=False)


def epochs_v2():
    """The epochs of an id run out."""
    contract(2, slow=True)


def epochs_v0():
    """Likewise with transaction.version 0."""
    contract(0, slow=True)


if __name__ == "__main__":
    main([contract_v2, contract_v0, epochs_v2, epochs_v0])
