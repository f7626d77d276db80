# SPDX-License-Identifier: MIT
"""A Galera cluster under logins: a node that dies, one that loses the others
(it still takes connections, and answers 1047), and how they come back; and
changes of tables, which the nodes have kill what is in their way (1213)."""

import pytest

import accounts
import galera
from load import Load

pytestmark = [pytest.mark.ours, pytest.mark.once]

LOGINS = 2000
UPGRADES = 50
NAMED = """\
hosts = {hosts}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
encrypt = dovecot:CRAM-MD5
home = /var/mail/%d/%n
"""


@pytest.fixture(name="cluster", scope="module")
def fixture_cluster(workdir):
    """Three nodes, whole between the tests."""
    cluster = galera.Cluster(workdir)
    try:
        cluster.start(accounts.seed_000)
        yield cluster
    finally:
        cluster.close()


def under_load(cluster, dovecots, events):
    """Has each event happen to the node that is asked first, amid so many
    logins of which none fails or gets a wrong verdict."""
    server = dovecots.start(NAMED.format(hosts=" ".join(
        f"127.0.0.1:{node.port}" for node in cluster.nodes)), nodelay=True)
    for event in events:
        with server.auth_client() as client:
            load = Load(client)
            load.start()
            try:
                load.wait_for(LOGINS // 2)
                event(cluster)
                load.wait_for(LOGINS // 2)
            finally:
                done = load.finish()
        for _, _, password, verdict in done:
            wanted = "OK" if password == accounts.RIGHT else "FAIL"
            assert verdict.kind == wanted and not verdict.temporary, (
                event.__name__, verdict, trouble(server))


def trouble(server):
    """What the log says of hosts and temporary failures."""
    return "\n".join(line for line in server.log().splitlines()
                     if "Password mismatch" not in line)[-3000:]


def kill(cluster):
    """The node dies, which the others notice."""
    cluster.nodes[0].kill()
    cluster.wait_for_size(2)


def start_again(cluster):
    """It comes back and fetches all data."""
    cluster.nodes[0].start()
    cluster.wait_for_size(3)


def cut_off(cluster):
    """The node is alone, and knows it."""
    cluster.nodes[0].isolate(True)


def connect_again(cluster):
    """It is let in again, and fetches what it has missed."""
    cluster.nodes[0].isolate(False)
    cluster.wait_for_size(3)


def upgrade(cluster):
    """PostfixAdmin gets new columns, one after the other."""
    with cluster.nodes[1].connect() as connection, \
            connection.cursor() as cursor:
        for _ in range(UPGRADES):
            cursor.execute("ALTER TABLE postfixadmin.mailbox "
                           "ADD COLUMN extra INT NOT NULL DEFAULT 0")
            cursor.execute("ALTER TABLE postfixadmin.mailbox "
                           "DROP COLUMN extra")


def test_node_killed(cluster, dovecots):
    """A node dies and rejoins: nobody notices."""
    under_load(cluster, dovecots, [kill, start_again])


def test_node_not_primary(cluster, dovecots):
    """A node loses the others and finds them again: nobody notices."""
    under_load(cluster, dovecots, [cut_off, connect_again])


def test_tables_change(cluster, dovecots):
    """PostfixAdmin is upgraded: nobody notices."""
    under_load(cluster, dovecots, [upgrade])
