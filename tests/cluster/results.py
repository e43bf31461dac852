"""What a job should have written, computed from its input alone, and what lies in its output folder."""
import collections
import json
import os
import sys

from cluster import ROOT, Failure

sys.path.insert(0, os.path.join(ROOT, "deploy"))
make_transactions = __import__("make-transactions")

MINUTE_MILLIS = 60_000


def transactions(path, rows, seed=1, **options):
    """Makes a file of transactions unless it is there."""
    if not os.path.exists(path):
        make_transactions.write(path, rows, seed, **options)
    return path


def expected_alerts(path, more_than=10):
    """The multiset of alerts of deploy/jobs/fraud-alert.yaml."""
    counts = collections.Counter()
    with open(path, "rb") as file:
        for line in file:
            row = json.loads(line)
            counts[row["user"], row["ts"] // MINUTE_MILLIS] += 1
    return collections.Counter((user, minute * MINUTE_MILLIS, count)
                               for (user, minute), count in counts.items() if count > more_than)


def committed_rows(folder):
    """The rows of all visible files; every line must be a whole JSON object."""
    rows = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if name.startswith(".") or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            data = file.read()
        if data and not data.endswith(b"\n"):
            raise Failure("%s does not end with a whole line" % path)
        for number, line in enumerate(data.splitlines(), 1):
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise Failure("%s:%d is not JSON: %s: %r" % (path, number, error, line[:200])) from None
    return rows


def committed_alerts(folder):
    return collections.Counter((r["user"], r["window_start"], r["tx_count"]) for r in committed_rows(folder))


def difference(expected, found):
    """The two multisets' missing and extra rows."""
    return expected - found, found - expected


def verdict(expected, found):
    missing, extra = difference(expected, found)
    return "rows expected %d, found %d; missing %d, extra %d" % (
        sum(expected.values()), sum(found.values()), sum(missing.values()), sum(extra.values()))


def check_exactly_once(expected, found):
    missing, extra = difference(expected, found)
    if missing or extra:
        raise Failure("%s\nmissing: %s\nextra: %s" % (verdict(expected, found), sorted(missing.items())[:5],
                                                      sorted(extra.items())[:5]))


def check_at_least_once(expected, found):
    """Windows may be written again, and by at_least_once with other counts; each must be there as it should be."""
    missing, _ = difference(expected, found)
    if missing:
        raise Failure("%s\nmissing: %s" % (verdict(expected, found), sorted(missing.items())[:5]))


def hidden_files(folder):
    """What a sink has not committed; .weir-id is the folder's own."""
    return [n for n in sorted(os.listdir(folder)) if n.startswith(".") and n != ".weir-id"]
