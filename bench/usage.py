# SPDX-License-Identifier: MIT
"""What the servers' processes use, as the kernel counts it: CPU time and
context switches so far, and memory. A process that ended is not counted."""

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


def _cpu(pid):
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[UTIME]) + int(fields[STIME])) / TICKS_PER_SECOND


def _switches(pid):
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        try:
            total += sum(map(int, SWITCHES.findall(_read(path))))
        except OSError:  # a thread that ended just now
            continue
    return total


def sample(pids):
    """Usage by process, of those of the ids that exist."""
    usage = {}
    for pid in pids:
        try:
            usage[pid] = Usage(_cpu(pid), _switches(pid))
        except OSError:  # ended just now
            continue
    return usage


def difference(before, after):
    """What the processes of the second sample have used since the first."""
    return sum((used - before.get(pid, Usage())
                for pid, used in after.items()), Usage())


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
