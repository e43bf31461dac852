#!/usr/bin/env python3
"""Writes card transactions as JSON lines: the same rows for the same arguments, on every machine.

    make-transactions.py --rows 1000000 --output transactions.jsonl

A row is {"user":"u01234","amount":12.34,"ts":1700000000000}. Event time advances evenly; a row's own time lies up to
4.095 s behind it, so a job with `max_delay: 5s` has no late rows. A few users (`c00` ... `c39`) spend so often that
they have more than 10 transactions in some minutes.
"""
import argparse
import array
import os
import random

CHUNK_ROWS = 1 << 16
START_MILLIS = 1_700_000_040_000  # a whole minute


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--output", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=20_000, help="users that spend seldom (at most 60000)")
    parser.add_argument("--rows-per-minute", type=int, default=10_000, help="rows per minute of event time")
    parser.add_argument("--suspects", type=int, default=40, help="users that spend often")
    parser.add_argument("--suspect-share", type=float, default=0.025, help="share of the rows that are theirs")
    args = parser.parse_args()
    write(args.output, args.rows, args.seed, args.users, args.rows_per_minute, args.suspects, args.suspect_share)


def write(output, rows, seed, users=20_000, rows_per_minute=10_000, suspects=40, suspect_share=0.025):
    """The file appears under its name only when it is whole."""
    rng = random.Random(seed)
    # A row takes 64 random bits: 16 choose the user, 12 the amount, 12 how late the row is.
    suspect_entries = int(65536 * suspect_share)
    heads = ['{"user":"c%02d","amount":' % (i % suspects) if i < suspect_entries
             else '{"user":"u%05d","amount":' % (i % users) for i in range(65536)]
    amounts = ['%d.%02d,"ts":' % divmod(rng.randrange(100, 100_000), 100) for _ in range(4096)]
    temporary = "%s.%d.tmp" % (output, os.getpid())
    os.makedirs(os.path.dirname(os.path.abspath(output)), exist_ok=True)
    with open(temporary, "w", encoding="ascii", newline="\n") as file:
        for first in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - first)
            bits = array.array("Q", rng.randbytes(8 * count))
            file.write("".join(
                ["%s%s%d}\n" % (heads[r & 0xFFFF], amounts[r >> 16 & 0xFFF],
                                START_MILLIS + (first + i) * 60_000 // rows_per_minute - (r >> 28 & 0xFFF))
                 for i, r in enumerate(bits)]))
    os.replace(temporary, output)


if __name__ == "__main__":
    main()
