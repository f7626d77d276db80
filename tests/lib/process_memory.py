# SPDX-License-Identifier: MIT
"""What a process remembers: a search of all its readable memory."""

import re

MAP = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r\S+ \S+ \S+ \S+\s*(.*)$")
PIECE = 1 << 24


def readable_maps(pid):
    """The areas that hold the process's own data: start, end, name."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            match = MAP.match(line.rstrip("\n"))
            # the kernel's clocks cannot be read so
            if match and not match.group(3).startswith("[v"):
                yield (int(match.group(1), 16), int(match.group(2), 16),
                       match.group(3))


def find(pid, needle):
    """Where the needle is: a list of name of the area, address, and what
    stands around it."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, name in readable_maps(pid):
            # pieces overlap, so that none hides a needle at its edge
            for piece in range(start, end, PIECE):
                memory.seek(piece)
                data = memory.read(min(PIECE + len(needle), end - piece))
                place = data.find(needle)
                while place >= 0:
                    found.append((name, piece + place,
                                  data[max(place - 24, 0):place + 40]))
                    place = data.find(needle, place + 1)
    return found
