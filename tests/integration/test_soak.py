# SPDX-License-Identifier: MIT
"""A short run of scripts/soak: nothing grows with lookups and reconnects."""

import pytest

import accounts
import soak


@pytest.mark.ours
@pytest.mark.once
def test_nothing_grows(mariadb, dovecots):
    """Memory, descriptors, threads and connections of the auth process."""
    accounts.seed_000(mariadb)
    text = accounts.point_to(accounts.read(accounts.data_file(
        "seed-000", "dovecot-postfixadmin.conf.ext")), mariadb.port)
    server = dovecots.start(text + soak.SETTINGS, nodelay=True,
                            extra="auth_verbose = no")
    soak.run(mariadb, server, lookups=20_000, reconnects=400)
