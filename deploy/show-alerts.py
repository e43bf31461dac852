#!/usr/bin/env python3
"""Prints the alerts that fraud-alert.yaml has written, and how the run went. Part of quickstart.sh."""
import argparse
import datetime
import json
import os

SHOWN = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", required=True, help="folder of the job's file sink")
    parser.add_argument("--status", required=True, help="what `weir run -o json` printed")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    args = parser.parse_args()

    files = [name for name in sorted(os.listdir(args.alerts)) if not name.startswith(".")]
    alerts = []
    for name in files:
        with open(os.path.join(args.alerts, name), encoding="utf-8") as file:
            alerts.extend(json.loads(line) for line in file)
    alerts.sort(key=lambda a: (-a["tx_count"], a["window_start"], a["user"]))
    with open(args.status, encoding="utf-8") as file:
        status = json.loads(file.read().strip().splitlines()[-1])

    print()
    print("%-10s %-22s %s" % ("user", "minute from (UTC)", "transactions"))
    for alert in alerts[:SHOWN]:
        begin = datetime.datetime.fromtimestamp(alert["window_start"] / 1000, datetime.timezone.utc)
        print("%-10s %-22s %12d" % (alert["user"], begin.strftime("%Y-%m-%d %H:%M"), alert["tx_count"]))
    if len(alerts) > SHOWN:
        print("... and %d more" % (len(alerts) - SHOWN))
    checkpoints = status.get("checkpoints_completed", (status.get("last_checkpoint") or {}).get("id", 0))
    print()
    print("job          %s" % status["state"])
    print("alerts       %d" % len(alerts))
    print("rate         %s rows/s (%d rows in %.2f s, start and end included)"
          % (format(int(args.rows / args.seconds), ","), args.rows, args.seconds))
    print("checkpoints  %d" % checkpoints)
    print("result       %s (%d files)" % (os.path.abspath(args.alerts), len(files)))


if __name__ == "__main__":
    main()
