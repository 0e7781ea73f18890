#!/usr/bin/env python3
"""Writes a CTF trace of system calls, made up: report-trace.py DIR [piste|lttng] [lossy]

Four threads of three processes on two CPUs, always the same. In LTTng's form events do not say whose
they are: sched_switch does. `lossy` leaves out some events of a CPU, and says how many.
"""
import os
import random
import struct
import sys

form = sys.argv[2] if len(sys.argv) > 2 else "piste"
lossy = "lossy" in sys.argv[3:]
random.seed(7)

CALLS = ["openat", "read", "write", "close", "futex", "clone", "execve", "exit_group"]
FIELDS = {
    "openat": "int32_t dfd; string filename; int32_t flags;",
    "read": "uint32_t fd; uint64_t count;",
    "write": "uint32_t fd; uint64_t count;",
    "close": "uint32_t fd;",
    "futex": "uint64_t uaddr; int32_t op;",
    "clone": "uint64_t clone_flags;",
    "execve": "string filename;",
    "exit_group": "int32_t error_code;",
}


def pack(call, args):
    out = b""
    for field, value in zip(FIELDS[call].split(";"), args):
        kind = field.split()[0]
        if kind == "string":
            out += value.encode() + b"\0"
        else:
            out += struct.pack({"int32_t": "<i", "uint32_t": "<I", "uint64_t": "<Q"}[kind], value)
    return out


def entry_name(call):
    return "syscall:%s_entry" % call if form == "piste" else "syscall_entry_%s" % call


def exit_name(call):
    return "syscall:%s_exit" % call if form == "piste" else "syscall_exit_%s" % call


events = []  # (time, cpu, id, tid, pid, payload)
ENTRY = {c: i for i, c in enumerate(CALLS)}
EXIT = {c: len(CALLS) + i for i, c in enumerate(CALLS)}
SWITCH = 2 * len(CALLS)


class Thread:
    def __init__(self, tid, pid, cpu):
        self.tid, self.pid, self.cpu, self.now = tid, pid, cpu, 1000 + tid

    def event(self, id, payload):
        events.append((self.now, self.cpu, id, self.tid, self.pid, payload))

    def call(self, call, args, took, result):
        self.event(ENTRY[call], pack(call, args))
        self.now += took
        if result is not None:
            self.event(EXIT[call], struct.pack("<q", result))
        self.now += random.randrange(50, 500)


def work(t, n):
    files = {}
    for _ in range(n):
        kind = random.choice(["openat", "read", "read", "write", "close", "futex"])
        took = int(random.lognormvariate(7, 2)) + 30
        if kind == "openat":
            name = random.choice(["/etc/passwd", "/usr/lib/libc.so.6", "/missing", "data \"x\".bin"])
            if name == "/missing":
                t.call("openat", (-100, name, 0), took, -2)
            else:
                fd = 3 + len(files)
                files[fd] = name
                t.call("openat", (-100, name, 0), took, fd)
        elif kind == "futex":
            t.call("futex", (0x7000, 0), took * 1000, random.choice([0, 0, -11]))
        elif kind == "close":
            fd = random.choice(list(files) + [99])
            t.call("close", (fd,), took, 0 if files.pop(fd, None) else -9)
        else:
            fd = random.choice(list(files) + [0])
            t.call(kind, (fd, 4096), took, random.choice([4096, 4096, -11]))


# LTTng's form needs one thread a CPU, so that the switches are few
threads = [Thread(100, 100, 0), Thread(200, 200, 1)]
if form == "piste":
    threads += [Thread(101, 100, 0), Thread(300, 300, 1)]
for t in threads:
    if form == "lttng":
        t.event(SWITCH, struct.pack("<i", t.tid) + (b"worker%d" % t.tid).ljust(16, b"\0"))
    t.now += 10
    if t.tid == t.pid:
        t.call("execve", ("/usr/bin/worker%d" % t.pid,), 150000, 0)
    work(t, 3000)
threads[0].call("clone", (0,), 40000, 400)
if form == "piste":
    # the child's own return from it, which is no call
    events.append((threads[0].now, 1, EXIT["clone"], 400, 400, struct.pack("<q", 0)))
    # a return without a beginning, two calls without an end
    events.append((900, 0, EXIT["read"], 500, 500, struct.pack("<q", 1)))
    threads[3].call("futex", (1, 2), 1000, None)
threads[1].call("exit_group", (0,), 10, None)
events.sort(key=lambda e: e[0])

meta = """/* CTF 1.8 */
typealias integer { size = 16; align = 8; } := uint16_t;
typealias integer { size = 32; align = 8; } := uint32_t;
typealias integer { size = 64; align = 8; } := uint64_t;
typealias integer { size = 32; align = 8; signed = true; } := int32_t;
typealias integer { size = 64; align = 8; signed = true; } := int64_t;
clock { name = monotonic; freq = 1000000000; offset_s = 1700000000; };
typealias integer { size = 64; align = 8; map = clock.monotonic.value; } := ticks;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct { uint32_t magic; uint32_t stream_id; }; };
env { domain = "kernel"; };
stream { id = 0;
  packet.context := struct { ticks timestamp_begin; ticks timestamp_end; uint64_t content_size;
    uint64_t packet_size; uint64_t events_discarded; uint32_t cpu_id; };
  event.header := struct { uint16_t id; ticks timestamp; };
  %s
};
""" % ("event.context := struct { uint32_t tid; uint32_t pid; };" if form == "piste" else "")
for c in CALLS:
    meta += 'event { id = %d; stream_id = 0; name = "%s"; fields := struct { %s }; };\n' % (
        ENTRY[c], entry_name(c), FIELDS[c])
    meta += 'event { id = %d; stream_id = 0; name = "%s"; fields := struct { int64_t ret; }; };\n' % (
        EXIT[c], exit_name(c))
meta += ('event { id = %d; stream_id = 0; name = "sched_switch"; fields := struct { int32_t next_tid; '
         "integer { size = 8; align = 8; encoding = UTF8; } next_comm[16]; }; };\n" % SWITCH)

os.makedirs(sys.argv[1])
open(sys.argv[1] + "/metadata", "w").write(meta)
for cpu in 0, 1:
    mine = [e for e in events if e[1] == cpu]
    discarded = 0
    with open("%s/stream_%d" % (sys.argv[1], cpu), "wb") as out:
        for at in range(0, len(mine), 40):
            packet = mine[at:at + 40]
            if lossy and cpu == 1 and at in (400, 2000):
                del packet[10:17]
                discarded += 7
            body = b""
            for time, _, id, tid, pid, payload in packet:
                body += struct.pack("<HQ", id, time)
                if form == "piste":
                    body += struct.pack("<II", tid, pid)
                body += payload
            size = 8 + 44 + len(body)
            out.write(struct.pack("<IIQQQQQI", 0xC1FC1FC1, 0, packet[0][0], packet[-1][0], size * 8,
                                  size * 8, discarded, cpu))
            out.write(body)
