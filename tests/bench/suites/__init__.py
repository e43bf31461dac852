"""The suites of tests/bench/run.sh.

A suite is a module with a docstring, whose first line is what --help says of it, and with

    def measure(options): -> figures.Result
    HAS_PEERS = True                         if it does its work in another engine too, with --peer

options has the command line's `events` (rows of the suite's input, None: the suite's own default), `repeats`, `parallelism`,
`only` (names of parts, None: all) and `peers` (what --peer asked for, by name; empty: none). A suite starts and ends its own
processes, and raises cluster.Failure when a result is wrong.
"""
