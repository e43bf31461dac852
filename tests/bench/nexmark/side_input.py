#!/usr/bin/env python3
"""The table that query 13 joins: `side_input.py FILE` writes 10 000 rows."""
import os
import sys

ROWS = 10_000


def write(path):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write("key,value\n")
        file.writelines("%d,value-%d\n" % (key, key * 7919 % ROWS) for key in range(ROWS))


if __name__ == "__main__":
    write(sys.argv[1])
