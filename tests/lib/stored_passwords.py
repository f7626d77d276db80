# SPDX-License-Identifier: MIT
"""What PostfixAdmin really stored: the rows of tests/data/passwords-*.tsv."""

import re
import typing

import accounts

VERSIONS = ("3.3.13", "4.x")
# What a string tells of itself, whatever encrypt says: a prefix, a crypt
# string's "$id$", an MD5 in hex, a DES hash.
SHAPES = re.compile(r"\{[^}]+\}.|\$\w+\$|[0-9a-f]{32}$|[./0-9A-Za-z]{13}$")


class Row(typing.NamedTuple):
    """One line; see tests/data/README.md for the columns."""
    encrypt: str
    plaintext: str
    stored: str
    scheme: str
    doveadm: str

    @property
    def verifiable(self):
        """Whether any scheme verifies it."""
        return self.doveadm != "unverifiable"

    @property
    def unambiguous(self):
        """Whether its shape is enough."""
        return SHAPES.match(self.stored) is not None


def rows(version):
    """A version's rows."""
    lines = accounts.read(
        accounts.data_file(f"passwords-{version}.tsv")).split("\n")
    return [Row(*line.split("\t")) for line in lines[1:] if line]
