"""What Flink's filesystem sink wrote, in the form of Weir's: so that one comparison does for both."""
import collections
import datetime
import os
import re

import results
import cluster

MOMENT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,3}))?Z?")


def rows(folder, updating):
    """The names of the columns and the rows; of an updating result what is left at its end."""
    written = results.committed_rows(folder)
    if not written:
        raise cluster.Failure("%s: no rows were written" % folder)
    if not updating:
        return list(written[0]), [tuple(r.values()) for r in written]
    left, columns = collections.Counter(), []
    for change in written:
        row = change["before" if change["op"] == "d" else "after"]
        columns = list(row)
        left[tuple(row.values())] += -1 if change["op"] == "d" else 1
    withdrawn = [row for row, count in left.items() if count < 0]
    if withdrawn:
        raise cluster.Failure("%s: withdrawn oftener than told: %s" % (folder, withdrawn[:3]))
    return columns, list(left.elements())


def write_csv(folder, columns, values):
    """As one file of a Weir sink: times are milliseconds, NULL is nothing."""
    os.makedirs(folder)
    with open(os.path.join(folder, "part-flink-0-0-0.csv"), "w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for row in values:
            file.write(",".join(_text(v) for v in row) + "\n")


def _text(value):
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    moment = millis(value)
    return '"%s"' % value.replace('"', '""') if moment is None else str(moment)


def millis(text):
    """The time that a text says, as milliseconds; None: it says none."""
    moment = MOMENT.fullmatch(text)
    if not moment:
        return None
    second = datetime.datetime.fromisoformat("%s %s+00:00" % moment.group(1, 2))
    return int(second.timestamp()) * 1000 + int((moment.group(3) or "0").ljust(3, "0"))
