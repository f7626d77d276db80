# SPDX-License-Identifier: MIT
"""Dovecot counts the events of the pool, by the metric blocks of
example-config."""

import csv
import os
import re
import urllib.request

import pytest

import accounts
import dovecot_24
import process

METRICS = os.path.join(
    os.path.dirname(accounts.TESTS), "example-config",
    "metrics-2.4.conf" if dovecot_24.installed() else "metrics.conf")
LISTENER = """
service stats {{
  inet_listener http {{
    {listen} = 127.0.0.1
    port = {port}
  }}
}}
"""

pytestmark = pytest.mark.ours


def counts(server):
    """What `doveadm stats dump` shows of the metrics: rows by name and
    field."""
    done = server.doveadm("stats", "dump")
    assert done.returncode == 0, done.stderr
    lines = csv.DictReader(done.stdout.splitlines(), delimiter="\t")
    return {(row["metric_name"], row["field"]): row for row in lines
            if row["metric_name"].startswith("postfixadmin_")}


def seconds(text, name):
    """How long the events of a metric took together, from OpenMetrics."""
    return float(re.search(rf"^dovecot_postfixadmin_{name}_duration_seconds"
                           r"_sum (\S+)$", text, re.MULTILINE).group(1))


def wait_for(server, name, count):
    """Events reach the stats process a moment later."""
    key = name, "duration"
    process.wait_for(
        lambda: int(counts(server).get(key, {}).get("count", 0)) >= count,
        30, f"{name} to count {count}")
    return counts(server)


def test_metrics(mariadb, dovecots):
    """Queries, and a host that goes and returns."""
    accounts.seed_000(mariadb)
    port = process.free_port()
    server = dovecots.start(
        accounts.point_to(accounts.read(accounts.data_file(
            "seed-000", "dovecot-postfixadmin.conf.ext")), mariadb.port),
        extra=accounts.read(METRICS) + LISTENER.format(
            port=port, listen="listen" if dovecot_24.installed() else
            "address"))
    dovecots.tolerate(r"Error: ")
    with server.auth_client() as client:
        assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        rows = wait_for(server, "postfixadmin_queries", 1)
        assert rows["postfixadmin_queries", "duration"]["count"] == "1"
        assert rows["postfixadmin_queries", "lookups"]["sum"] == "1"
        mariadb.stop()
        try:
            assert client.login("joe@example.org",
                                accounts.RIGHT).temporary
            wait_for(server, "postfixadmin_hosts_down", 1)
        finally:
            mariadb.start()
        assert client.login("joe@example.org", accounts.RIGHT).kind == "OK"
        rows = wait_for(server, "postfixadmin_hosts_up", 1)
        assert rows["postfixadmin_hosts_up",
                    "lookups_affected"]["sum"] == "1"
    with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/metrics", timeout=30) as reply:
        text = reply.read().decode()
    for name in ("queries", "hosts_down", "hosts_up"):
        assert (f'dovecot_postfixadmin_{name}_total{{host="127.0.0.1:'
                in text), text
    assert re.search(r'^dovecot_postfixadmin_queries_total'
                     r'\{host="[^"]+",result="ok"\} 2$', text, re.MULTILINE)
    # the outage took its time
    assert seconds(text, "hosts_up") > seconds(text, "queries") > 0
