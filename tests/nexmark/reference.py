"""What each query should have given, by DuckDB, from events that Weir wrote into files."""
import json
import os
import re

import duckdb
import xxhash

from cluster import Failure

SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sql")
EVENTS = {
    "bid": "auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR, date_time TIMESTAMP, extra VARCHAR",
    "auction": "id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT, reserve BIGINT, "
               "date_time TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT, extra VARCHAR",
    "person": "id BIGINT, name VARCHAR, email_address VARCHAR, credit_card VARCHAR, city VARCHAR, state VARCHAR, "
              "date_time TIMESTAMP, extra VARCHAR",
}
# A row's columns as Weir writes keys: by those bytes, or by their hash, it orders rows that are equal otherwise.
CANONICAL = """
CREATE MACRO little_endian(value) AS array_to_string(list_reverse(regexp_extract_all(printf('%016x', value), '..')), '');
CREATE MACRO varint(n) AS CASE WHEN n < 128 THEN printf('%02x', n) ELSE printf('%02x%02x', n % 128 + 128, n // 128) END;
CREATE MACRO canonical_text(value) AS varint(octet_length(encode(value))) || lower(hex(encode(value)));
"""


def _read_csv(path, columns):
    return "read_csv(%s, header = true, delim = ',', quote = '\"', escape = '\"', auto_detect = false, columns = %s)" % (
        _quoted(path), json.dumps(columns).replace('"', "'"))


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"


def committed_files(folder):
    """The visible files of a sink, each subtask's in the order in which they were made."""
    def order(name):
        # part-<job>-<node>-<attempt>-<subtask>-<sequence>.csv
        numbers = [int(n) for n in re.findall(r"-(\d+)", name)[-3:]]
        if len(numbers) != 3:
            raise Failure("%s: no such file name is known" % name)
        return numbers
    names = [n for n in os.listdir(folder) if not n.startswith(".")] if os.path.isdir(folder) else []
    return [os.path.join(folder, n) for n in sorted(names, key=order)]


def _sql(query):
    with open(os.path.join(SQL, query + ".sql"), encoding="utf-8") as file:
        return file.read()


def key_of(query):
    """The key of a query whose result is updated; None of others."""
    return _said(_sql(query), "key")


def _said(sql, what):
    """What a comment `-- WHAT: …` of the query says; None without one."""
    found = re.search(r"^-- %s: (.*)$" % what, sql, re.MULTILINE)
    return found.group(1) if found else None


def gather(folder, path):
    """Writes all committed rows into one file, numbered in order. Returns the names of the columns, None without rows."""
    header, number = None, 0
    with open(path, "wb") as out:
        for name in committed_files(folder):
            with open(name, "rb") as file:
                data = file.read()
            if not data.endswith(b"\n"):
                raise Failure("%s does not end with a whole line" % name)
            lines = data.splitlines()
            if header is None:
                header = lines[0]
                out.write(b"number_of_row," + header + b"\n")
            elif lines[0] != header:
                raise Failure("%s has other columns: %r" % (name, lines[0]))
            for line in lines[1:]:
                out.write(b"%d,%s\n" % (number, line))
                number += 1
    return header.decode().split(",") if header else None


class Reference:
    """The events in a database, and the comparison of results with what SQL makes of them."""

    def __init__(self, events_folder, side_input, scratch):
        self.scratch = scratch
        self.db = duckdb.connect()
        self.db.execute("SET threads = 2; SET preserve_insertion_order = true; SET TimeZone = 'UTC'")
        self.db.execute(CANONICAL)
        for name, columns in EVENTS.items():
            path = os.path.join(scratch, name + ".csv")
            gather(os.path.join(events_folder, name), path)
            types = dict(c.split() for c in columns.split(", "))
            read = {"number_of_row": "BIGINT"}
            read.update((c, "BIGINT" if t == "TIMESTAMP" else t) for c, t in types.items())
            self.db.execute("CREATE TABLE %s_read AS SELECT %s FROM %s" % (
                name, ", ".join(_typed(c, t) for c, t in types.items()), _read_csv(path, read)))
        # Not among the columns of SELECT *: `canonical` to order by, and its hash.
        values = ["little_endian(%s)" % c for c in ("auction", "bidder", "price")] + [
            "canonical_text(channel)", "canonical_text(url)", "little_endian(epoch_us(date_time))", "canonical_text(extra)"]
        self.db.execute("CREATE TABLE bid_numbered AS SELECT *, row_number() OVER () AS number, %s AS canonical FROM bid_read"
                        % " || ".join("'01' || " + v for v in values))
        self.db.execute("CREATE TABLE bid AS SELECT * EXCLUDE number FROM bid_numbered JOIN %s USING (number)"
                        % _read_csv(self._hashes(), {"number": "BIGINT", "canonical_hash": "UBIGINT"}))
        for name in ("auction", "person"):
            self.db.execute("CREATE VIEW %s AS FROM %s_read" % (name, name))
        self.db.execute("CREATE TABLE side_input AS FROM " + _read_csv(side_input, {"key": "BIGINT", "value": "VARCHAR"}))

    def _hashes(self):
        """A file of each bid's canonical bytes' hash: the database has no XXH3."""
        path = os.path.join(self.scratch, "hashes.csv")
        with open(path, "w", encoding="ascii") as file:
            file.write("number,canonical_hash\n")
            for number, text in self.db.execute("SELECT number, canonical FROM bid_numbered").fetchall():
                file.write("%d,%d\n" % (number, xxhash.xxh3_64_intdigest(bytes.fromhex(text))))
        return path

    def check(self, query, results_folder, any_of_equals=False):
        """Compares what lies in a results folder with the query's SQL. Returns the count of rows; Failure: they differ.

        any_of_equals: of bids that are equal by the query's order any may have been taken. Compared are the columns that do
        not depend on it (`-- alike:`), and each row must be a bid of its own.
        """
        sql, key = _sql(query), key_of(query)
        self.db.execute("CREATE OR REPLACE TABLE expected AS " + sql)
        columns = {c[0]: c[1] for c in self.db.execute("DESCRIBE expected").fetchall()}
        for column in {"canonical", "canonical_hash"} & set(columns):
            self.db.execute("ALTER TABLE expected DROP COLUMN " + column)
            del columns[column]
        path = os.path.join(self.scratch, query + ".csv")
        found_columns = gather(results_folder, path)
        if found_columns is None:
            raise Failure("%s: no rows were written" % query)
        own = "\n".join(re.findall(r"^-- found: (.*)$", sql, re.MULTILINE))
        self.db.execute("CREATE OR REPLACE TABLE rows AS FROM " + _read_csv(
            path, {"number_of_row": "BIGINT", **{c: "VARCHAR" for c in found_columns}}))
        if own:
            self.db.execute("CREATE OR REPLACE TABLE found AS " + own)
        else:
            if found_columns != list(columns):
                raise Failure("%s: columns %s, expected %s" % (query, found_columns, list(columns)))
            last = " QUALIFY row_number() OVER (PARTITION BY %s ORDER BY number_of_row DESC) = 1" % (
                key) if key else ""
            self.db.execute("CREATE OR REPLACE TABLE found AS SELECT %s FROM (FROM rows%s)" % (
                ", ".join(_typed(c, t, "::BIGINT" if t == "TIMESTAMP" else "::" + t) for c, t in columns.items()), last))
        alike = _said(sql, "alike")
        if any_of_equals and alike:
            self._check_bids(query)
            for table in ("expected", "found"):
                self.db.execute("CREATE OR REPLACE TABLE %s AS SELECT %s FROM %s" % (table, alike, table))
        return self._compare(query)

    def _check_bids(self, query):
        columns = ", ".join(c[0] for c in self.db.execute("DESCRIBE bid_read").fetchall())
        wrong = self.db.execute("SELECT %s FROM found EXCEPT ALL SELECT %s FROM bid_read LIMIT 5" % (columns, columns)).fetchall()
        if wrong:
            raise Failure("%s: rows that are no bids, or come twice, for instance: %s" % (query, wrong))

    def _compare(self, query):
        expected, found = (self.db.execute("SELECT count(*) FROM " + t).fetchone()[0] for t in ("expected", "found"))
        missing, extra = (self.db.execute("FROM %s EXCEPT ALL FROM %s LIMIT 5" % pair).fetchall()
                          for pair in (("expected", "found"), ("found", "expected")))
        if missing or extra:
            raise Failure("%s: %d rows, expected %d\nmissing, for instance: %s\nnot expected, for instance: %s" % (
                query, found, expected, missing, extra))
        if expected == 0:
            raise Failure("%s: nothing was expected: take more events" % query)
        return expected


def _typed(column, kind, cast=""):
    return "make_timestamp(%s%s * 1000) AS %s" % (column, cast, column) if kind == "TIMESTAMP" else (
        "%s%s AS %s" % (column, cast, column) if cast else column)
