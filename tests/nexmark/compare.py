#!/usr/bin/env python3
"""Results of several engines, each compared with what DuckDB computes from the same events.

  compare.py FOLDER --events N --event-rate N ENGINE...

FOLDER/ENGINE/QUERY holds CSV files as Weir's file sink writes them. Prints JSON: by query and engine the count of rows, or in
what they differ. Weir's choice among rows that are equal by a query's order is the reference's; other engines choose freely."""
import environment  # pylint: disable=unused-import  # first: it runs this script under its own Python
import argparse
import json
import os
import shutil

import cluster
import events
import reference
import side_input


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("engines", nargs="+", metavar="ENGINE")
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--event-rate", type=int, required=True)
    args = parser.parse_args()
    scratch, exported = (os.path.join(args.folder, name) for name in (".scratch", ".events"))
    for folder in (scratch, exported):
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(scratch)
    side_input.write(os.path.join(scratch, "side_input.csv"))
    events.write(exported, args.events, args.event_rate, generators=1)
    right = reference.Reference(exported, os.path.join(scratch, "side_input.csv"), scratch)
    verdicts = {}
    for engine in args.engines:
        for query in sorted(os.listdir(os.path.join(args.folder, engine))):
            verdicts.setdefault(query, {})[engine] = verdict(right, query, os.path.join(args.folder, engine, query),
                                                             engine != "weir")
    print(json.dumps(verdicts))


def verdict(right, query, folder, other_engine):
    try:
        return {"rows": right.check(query, folder, any_of_equals=other_engine)}
    except cluster.Failure as error:
        return {"differs": str(error)}


if __name__ == "__main__":
    main()
