#!/usr/bin/env python3
"""Fails when a program needs one of the libraries that core folders may not use. Locks are not looked for here: strings
of absl bring their library along; tidy.py reads the includes.

needed_libraries.py PROGRAM
"""
import re
import subprocess
import sys

FORBIDDEN = re.compile(r"lib(grpc|gpr|protobuf|rocksdb|rdkafka|yaml-cpp|cpp-httplib|simdjson)")

dynamic = subprocess.run(["readelf", "-d", sys.argv[1]], capture_output=True, text=True, check=True).stdout
needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
found = [n for n in needed if FORBIDDEN.match(n)]
print("needs: " + " ".join(needed))
for name in found:
    print("a core folder has brought in " + name)
sys.exit(1 if found else 0)
