"""What a suite hands back, and how it is kept: JSON and Markdown in build/bench/, a table on the terminal."""
import dataclasses
import datetime
import json
import os
import typing

import machine

FOLDER = os.path.join(machine.ROOT, "build", "bench")


@dataclasses.dataclass
class Figure:
    """One number. A target is `>=` or `<=` a value; without one the number is for information."""
    name: str
    value: float
    sense: typing.Optional[str] = None
    target: typing.Optional[float] = None

    @property
    def reached(self):
        if self.target is None:
            return None
        return self.value >= self.target if self.sense == ">=" else self.value <= self.target

    def verdict(self):
        return {None: "", True: "reached", False: "SHORT"}[self.reached]


@dataclasses.dataclass
class Table:
    """Rows of text and numbers under a heading; for the README."""
    title: str
    columns: list
    rows: list

    def markdown(self):
        lines = ["| %s |" % " | ".join(self.columns), "|" + "---|" * len(self.columns)]
        lines += ["| %s |" % " | ".join("" if c is None else number(c) if isinstance(c, (int, float)) else str(c)
                                         for c in row)
                  for row in self.rows]
        return "\n".join(lines)


@dataclasses.dataclass
class Result:
    """What measure() of a suite returns. `setting`: what one has to know to read the figures (rows, event rate, interval)."""
    figures: list = dataclasses.field(default_factory=list)
    tables: list = dataclasses.field(default_factory=list)
    details: dict = dataclasses.field(default_factory=dict)
    setting: dict = dataclasses.field(default_factory=dict)
    broken: list = dataclasses.field(default_factory=list)  # parts that could not be measured, with the reason


def number(value):
    if value is None:
        return "-"
    if isinstance(value, int) or abs(value) >= 100:
        return format(value, ",.0f")
    return format(value, ".2f" if abs(value) >= 0.1 else ".4f")


def say(what, figures=None):
    """One line of progress."""
    print("  %-22s %s" % (what, ", ".join("%s %s" % (k, number(v) if isinstance(v, (int, float)) else v)
                                          for k, v in (figures or {}).items()
                                          if "digest" not in k and not isinstance(v, (list, dict)))), flush=True)


def keep(suite, result, peers):
    """Writes build/bench/SUITE.json and SUITE.md; returns the JSON's path."""
    os.makedirs(FOLDER, exist_ok=True)
    kept = {"suite": suite, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": machine.describe(), "versions": machine.versions(peers), "setting": result.setting,
            "figures": [dict(dataclasses.asdict(f), reached=f.reached) for f in result.figures],
            "tables": [dataclasses.asdict(t) for t in result.tables], "broken": result.broken,
            "details": result.details}
    path = os.path.join(FOLDER, suite + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(kept, file, indent=1)
    with open(os.path.join(FOLDER, suite + ".md"), "w", encoding="utf-8") as file:
        file.write(markdown(kept))
    return path


def markdown(kept):
    """The Markdown of one suite's JSON: where and when, the figures, the tables."""
    lines = ["### %s" % kept["suite"], "", provenance(kept), ""]
    if kept["figures"]:
        rows = [[f["name"].strip(), f["value"], target_text(f), Figure(f["name"], f["value"], f["sense"], f["target"]).verdict()]
                for f in kept["figures"]]
        lines += [Table("", ["figure", "measured", "target", ""], rows).markdown(), ""]
    for table in kept["tables"]:
        lines += ["**%s**" % table["title"], "", Table(**table).markdown(), ""]
    lines += ["Not measured: %s" % b for b in kept["broken"]]
    return "\n".join(lines).rstrip() + "\n"


def provenance(kept):
    at = kept["machine"]
    versions = ", ".join("%s %s" % item for item in kept["versions"].items() if item[1])
    setting = ", ".join("%s %s" % (k, number(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v)
                        for k, v in kept["setting"].items())
    return "%s; %s, %d cores, %.0f GiB, load %.1f; %s%s." % (
        kept["date"], at["cpu"], at["cores"], at["memory_gib"], at["load"][0], versions, "; " + setting if setting else "")


def target_text(figure):
    return "" if figure["target"] is None else "%s %s" % (figure["sense"], number(figure["target"]))


def show(figures):
    """The table on the terminal."""
    print("\n%-66s %14s %14s" % ("figure", "measured", "target"))
    for figure in figures:
        print("%-66s %14s %14s  %s" % (figure.name, number(figure.value), target_text(vars(figure)), figure.verdict()))
    targets = [f for f in figures if f.target is not None]
    print("\n%d of %d targets reached; %s" % (sum(f.reached for f in targets), len(targets), FOLDER), flush=True)
