#!/usr/bin/env python3
"""Computes what `piste report syscalls --json` should say from the text of `piste print`:
report-check.py PRINTED JSON BY   prints what differs, in the words of both."""
import json
import re
import sys
from collections import defaultdict

line = re.compile(r"\[(\d+):(\d+):(\d+)\.(\d{9})\] \(.*?\) (?:\S+ )?(\S+): (.*)")
inside, rows, paths, names = {}, defaultdict(list), {}, {}
by = sys.argv[3]
for text in open(sys.argv[1]):
    m = line.match(text)
    if not m:
        sys.exit("not a line of piste print: " + text)
    ns = ((int(m[1]) * 60 + int(m[2])) * 60 + int(m[3])) * 10**9 + int(m[4])
    event, rest = m[5], m[6]
    kind = re.match(r"syscall:(\w+)_(entry|exit)", event)
    if not kind:
        continue
    tid, pid = (int(re.search(r"\b%s = (\d+)" % f, rest)[1]) for f in ("tid", "pid"))
    if kind[2] == "entry":
        name = re.search(r'filename = "((?:[^"\\]|\\.)*)"', rest)
        fd = re.search(r"\bfd = (\d+)", rest)
        name = name[1].replace('\\"', '"') if name else None
        inside[tid] = (kind[1], ns, name, int(fd[1]) if fd else None)
        continue
    call, begin, name, fd = inside.pop(tid, (None, 0, None, None))
    if call != kind[1]:
        continue
    ret = int(re.search(r"ret = (-?\d+)", rest)[1])
    path = name if name is not None else paths.get((pid, fd)) if fd is not None else None
    if by == "file" and path is None and fd is None:
        continue
    key = {"call": call, "process": pid, "file": path or "(opened before the trace)"}[by]
    rows[key].append((ns - begin, -ret if ret < 0 else 0))
    if call == "openat" and ret >= 0:
        paths[pid, ret] = name
    if call == "close" and ret >= 0:
        paths.pop((pid, fd), None)

table = [t for t in json.load(open(sys.argv[2]))["tables"] if t["by"] == by][0]["rows"]
is_ = {(r["pid"] if by == "process" else r[by]): r for r in table}
bad = 0


def differ(*what):
    global bad
    bad = 1
    print(*what)


for key, calls in rows.items():
    r = is_.pop(key, None)
    if not r:
        differ("no row", key)
        continue
    took = sorted(ns for ns, _ in calls)
    wanted = {"count": len(calls), "errors": sum(e > 0 for _, e in calls), "total_ns": sum(took),
              "mean_ns": sum(took) // len(took), "max_ns": took[-1]}
    for column, value in wanted.items():
        if r[column] != value:
            differ(key, column, "is", r[column], "wanted", value)
    for column, q in ("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99):
        rank = max(1, -(-int(q * 100) * len(took) // 100))
        value = took[rank - 1]
        if abs(r[column] - value) > value / 64 + 1:
            differ(key, column, "is", r[column], "wanted", value)
    if sum(r["errnos"].values()) != wanted["errors"]:
        differ(key, "errnos", r["errnos"])
for key, r in is_.items():
    if r["count"]:
        differ("a row too many", key, r["count"])
if not rows:
    differ("nothing to compare")
sys.exit(bad)
