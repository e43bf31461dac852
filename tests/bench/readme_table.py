#!/usr/bin/env python3
"""Puts what build/bench/*.json says into README.md, between the two lines that mark the place.

    ./tests/bench/readme_table.py [SUITE...]    without names: all that are there, in the order below
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import figures  # noqa: E402
import machine  # noqa: E402

ORDER = ("nexmark", "nexmark-flink", "fraud", "fraud-flink", "kafka", "kafka-flink", "wordcount", "wordcount-flink", "exchange",
         "latency", "checkpoint", "recovery", "growth", "daemons")
FIGURES_TOO = ("checkpoint", "growth")  # whose tables do not say all of them
BEGIN, END = "<!-- figures: tests/bench/readme_table.py -->", "<!-- end of figures -->"


def section(kept):
    """The suite's tables, its figures if it has none or if they say more."""
    lines = ["**%s.** %s" % (kept["suite"].replace("-", " beside "), figures.provenance(kept)), ""]
    for table in kept["tables"]:
        lines += [table["title"] + ":", "", figures.Table(**table).markdown(), ""]
    if not kept["tables"] or kept["suite"] in FIGURES_TOO:
        rows = [[re.sub(r"^ +", "… ", f["name"]), f["value"], figures.target_text(f)] for f in kept["figures"]]
        lines += [figures.Table("", ["figure", "measured", "target"], rows).markdown(), ""]
    return "\n".join(lines)


def main():
    chosen = sys.argv[1:] or [s for s in ORDER if os.path.exists(os.path.join(figures.FOLDER, s + ".json"))]
    sections = []
    for suite in chosen:
        with open(os.path.join(figures.FOLDER, suite + ".json"), encoding="utf-8") as file:
            sections.append(section(dict(json.load(file), suite=suite)))
    path = os.path.join(machine.ROOT, "README.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, found, rest = text.partition(BEGIN)
    if not found or END not in rest:
        sys.exit("README.md lacks the lines %s and %s" % (BEGIN, END))
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n\n" + "\n".join(sections) + "\n" + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
