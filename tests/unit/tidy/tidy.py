#!/usr/bin/env python3
"""Rules of the tree that a compiler does not see. Prints every place that breaks one; exit code 1 if there is any.

tidy.py ROOT
"""
import os
import re
import sys

SKIPPED_FOLDERS = {"build", ".git", "__pycache__"}
CODE = (".h", ".cc", ".py", ".sh", ".proto")
MAX_LINES = 500
MAX_HEADER_LINES = 300

# Folders that decide and do no I/O of their own; with their sub-folders unless those are adapters.
CORE = ("jobmanager/checkpoint", "jobmanager/job", "jobmanager/cluster", "taskmanager/task", "taskmanager/operator",
        "taskmanager/state", "common/base", "common/batch", "common/expression", "common/plan", "common/job",
        "common/checkpoint", "common/control", "taskmanager/connector/kafka/transaction")
ADAPTERS = ("taskmanager/state/rocksdb", "common/base/clock", "common/base/log", "common/checkpoint/file",
            "common/checkpoint/proto", "common/job/yaml", "common/job/proto", "common/control/proto",
            "common/control/in_process", "taskmanager/connector/kafka/protocol/client")
CORE_MAY_NOT_INCLUDE = re.compile(
    r"^(grpc|grpcpp/|google/protobuf/|rocksdb/|librdkafka/|yaml-cpp/|httplib\.h|simdjson\.h|proto/|weir/v1/"
    r"|thread$|mutex$|shared_mutex$|condition_variable$|future$|stop_token$|pthread\.h|sys/socket\.h"
    r"|absl/synchronization/|absl/time/clock\.h|absl/log/)|\.pb\.h$")
CORE_MAY_NOT_CALL = re.compile(r"\b(absl::Now|time|clock_gettime|gettimeofday)\s*\(\s*(nullptr|NULL|CLOCK_|\))"
                               r"|\b(system|steady|high_resolution)_clock::now\b|\bstd::(thread|jthread|mutex)\b")
# Locks that a core folder may hold, with the reason.
EXCEPTIONS = {
    "common/base/failpoint.cc": "failpoints are hit from every thread",
    "taskmanager/state/read_ahead.h": "what a state is restored from is read beside the task's thread",
    "taskmanager/state/snapshot_chain.h": "frozen deltas go from the task's thread to the writers'",
}
# Who may include whom, by the first part of the path.
LAYERS = {
    "common": {"common", "proto"},
    "jobmanager": {"common", "proto", "jobmanager"},
    "taskmanager": {"common", "proto", "taskmanager"},
    "client": {"common", "proto", "jobmanager", "taskmanager", "client"},
}
WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK|[Nn]ot implemented|[Uu]nimplemented|[Ff]or now)\b")
MACHINE_PATHS = re.compile(r"/(?:work|farm|home|root)/[A-Za-z]")
VAGUE_FILE_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|misc)\.(h|cc)$")


def main():
    root = os.path.abspath(sys.argv[1])
    files = sorted(all_files(root))
    texts = {}
    for path in files:
        try:
            with open(os.path.join(root, path), encoding="utf-8") as file:
                texts[path] = file.read()
        except UnicodeDecodeError:
            pass
    found = []
    for path, text in texts.items():
        found += check_size(path, text)
        found += check_words(path, text)
        found += check_includes(path, text)
    found += check_failpoints(texts)
    found += check_commands(root, texts)
    found += check_rooms(texts)
    for line in found:
        print(line)
    print("tidy: %d files, %d findings" % (len(texts), len(found)))
    sys.exit(1 if found else 0)


def all_files(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED_FOLDERS]
        for name in set(names) - {".git"}:
            yield os.path.relpath(os.path.join(folder, name), root)


def lines_of(text):
    return enumerate(text.split("\n"), 1)


def check_size(path, text):
    if not path.endswith(CODE):
        return []
    count = text.count("\n")
    most = MAX_HEADER_LINES if path.endswith(".h") and not path.startswith("tests/") else MAX_LINES
    found = ["%s: %d lines, at most %d; give it one job" % (path, count, most)] if count > most else []
    if VAGUE_FILE_NAMES.search(os.path.basename(path)):
        found.append("%s: name it after what it is" % path)
    return found


def check_words(path, text):
    if path == "tests/unit/tidy/tidy.py" or path == "LICENSE":
        return []
    found = []
    for number, line in lines_of(text):
        if path.endswith(CODE) and WORDS.search(line):
            found.append("%s:%d: unfinished: %s" % (path, number, line.strip()))
        if MACHINE_PATHS.search(line):
            found.append("%s:%d: a path of one machine: %s" % (path, number, line.strip()))
    return found


def is_core(path):
    return path.startswith(tuple(f + "/" for f in CORE)) and not path.startswith(tuple(f + "/" for f in ADAPTERS))


def check_includes(path, text):
    if not path.endswith((".h", ".cc")):
        return []
    found = []
    layer = path.split("/")[0]
    core = is_core(path) and path not in EXCEPTIONS
    for number, line in lines_of(text):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if match:
            included = match.group(1)
            first = included.split("/")[0]
            if layer in LAYERS and first in ("common", "proto", "jobmanager", "taskmanager", "client", "tests"):
                if first not in LAYERS[layer]:
                    found.append("%s:%d: %s may not include %s" % (path, number, layer, included))
            if core and CORE_MAY_NOT_INCLUDE.search(included):
                found.append("%s:%d: a core folder may not include %s" % (path, number, included))
            if core and included.startswith(tuple(f + "/" for f in ADAPTERS)):
                found.append("%s:%d: a core folder may not include an adapter: %s" % (path, number, included))
        elif core and CORE_MAY_NOT_CALL.search(line.split("//")[0]):
            found.append("%s:%d: a core folder has neither clock nor threads: %s" % (path, number, line.strip()))
    if path.endswith(".h") and "#pragma once" not in text:
        found.append("%s: no #pragma once" % path)
    return found


def check_failpoints(texts):
    header = texts["common/base/failpoint.h"]
    names = re.findall(r'^\s+"(\w+)",', header.split("kNames[]")[1].split("};")[0], re.MULTILINE)
    used = set()
    for path, text in texts.items():
        if path.endswith((".cc", ".h")) and not path.startswith("tests/") and path != "common/base/failpoint.h":
            used.update(re.findall(r'WEIR_FAILPOINT\(\s*"(\w+)"', text))
    found = ["common/base/failpoint.h: %s stands nowhere in the code" % n for n in names if n not in used]
    if not names:
        found.append("common/base/failpoint.h: no names found")
    return found


def check_commands(root, texts):
    """Scripts that a README names exist and can be run; links lead somewhere."""
    found = []
    for path, text in texts.items():
        if not path.endswith("README.md"):
            continue
        folder = os.path.dirname(path)
        for script in set(re.findall(r"(?:^|[\s`(])\./((?:deploy|tests|\.ci)/[\w./-]*\w)", text)):
            if not os.access(os.path.join(root, script), os.X_OK):
                found.append("%s: ./%s is not there or not executable" % (path, script))
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            if not os.path.exists(os.path.join(root, folder, link)):
                found.append("%s: the link %s leads nowhere" % (path, link))
    return found


def check_rooms(texts):
    """Every unit test file is compiled."""
    found = []
    for path in texts:
        if path.startswith("tests/unit/") and path.endswith(".cc"):
            cmake = os.path.join(os.path.dirname(path), "CMakeLists.txt")
            while cmake not in texts and cmake.count("/") > 2:
                cmake = os.path.join(os.path.dirname(os.path.dirname(cmake)), "CMakeLists.txt")
            if os.path.basename(path) not in texts.get(cmake, ""):
                found.append("%s: not in %s" % (path, cmake))
    return found


if __name__ == "__main__":
    main()
