# SPDX-License-Identifier: MIT
"""What the servers' processes use, as the kernel counts it: CPU time and
context switches so far, and memory. What a process or thread did that ended is
not counted, but for the CPU time of threads."""

import glob
import os
import re
import typing

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# fields of /proc/PID/stat behind the name in parentheses
UTIME, STIME = 11, 12
SWITCHES = re.compile(r"^(?:non)?voluntary_ctxt_switches:\t(\d+)$",
                      re.MULTILINE)
PSS = re.compile(r"^Pss:\s*(\d+) kB$", re.MULTILINE)


class Usage(typing.NamedTuple):
    """Seconds of CPU time, and how often threads were put on a CPU."""
    cpu: float = 0.0
    switches: int = 0

    def __add__(self, other):
        return Usage(self.cpu + other.cpu, self.switches + other.switches)

    def __sub__(self, other):
        return Usage(self.cpu - other.cpu, self.switches - other.switches)


def _read(path):
    with open(path, encoding="ascii", errors="replace") as source:
        return source.read()


def _cpu(path):
    fields = _read(path).rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[STIME])) / TICKS_PER_SECOND


def _switches(path):
    return sum(map(int, SWITCHES.findall(_read(path))))


def _sources(pid):
    """What is asked of a process: files, and what makes Usage of them."""
    yield f"/proc/{pid}/stat", lambda path: Usage(cpu=_cpu(path))
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        yield path, lambda path: Usage(switches=_switches(path))


def sample(pids):
    """Usage so far, by the file that says so, of those of the processes and
    their threads that exist."""
    usage = {}
    for pid in pids:
        for path, read in _sources(pid):
            try:
                usage[path] = read(path)
            except OSError:  # ended just now
                continue
    return usage


def difference(before, after):
    """What has been used since the first sample, by what is in the second."""
    return sum((used - before.get(path, Usage())
                for path, used in after.items()), Usage())


def pss(pids):
    """The memory of processes in bytes; what several processes share counts
    in parts, also if others share it."""
    total = 0
    for pid in pids:
        try:
            total += int(PSS.search(_read(f"/proc/{pid}/smaps_rollup"))[1])
        except OSError:  # ended just now
            continue
    return total * 1024
