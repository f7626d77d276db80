# SPDX-License-Identifier: MIT
"""Every allocation and every call of the client library failed in turn, on a
real server: tests/server-faults.c does it."""

import os
import subprocess

import pytest

import accounts

pytestmark = pytest.mark.ours


def test_every_failure(mariadb, request):
    """The program says itself what went wrong."""
    accounts.seed_000(mariadb)
    directory = os.path.join(request.config.getoption("--builddir"), "tests")
    subprocess.run(["make", "--silent", "-C", directory, "server-faults"],
                   check=True)
    done = subprocess.run([os.path.join(directory, "server-faults"),
                           mariadb.socket], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
