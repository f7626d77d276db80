# SPDX-License-Identifier: MIT
"""A Galera cluster of private MariaDBs, all of them on 127.0.0.1."""

import os

import pymysql

import mariadb_server
import process

PROVIDER = "/usr/lib/galera/libgalera_smm.so"
NODES = 3
# The group's own, to and fro. A node is missed after five seconds, as by
# default: with less, nodes of a busy machine miss each other.
PROVIDER_OPTIONS = {
    "gcache.size": "8M",
    "evs.inactive_check_period": "PT0.25S",
    "evs.keepalive_period": "PT0.25S",
}
OPTIONS = [
    "--binlog-format=ROW",
    "--default-storage-engine=InnoDB",
    "--innodb-autoinc-lock-mode=2",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M",
    "--wsrep-on=ON",
    # MariaDB 11.8: it would keep isolate() from its work
    "--loose-plugin-wsrep-provider=OFF",
    f"--wsrep-provider={PROVIDER}",
    "--wsrep-cluster-name=tests",
    "--wsrep-sst-method=rsync",
]
STATE_TIMEOUT = 60


class Node(mariadb_server.MariaDB):
    """One server of the group, which has a port for it."""

    def __init__(self, directory, group_port):
        super().__init__(directory)
        self.group_port = group_port

    def join(self, group):
        """Names the ports of all nodes, this one's among them; none to make
        a new cluster."""
        provider = {
            "base_port": self.group_port,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.group_port}",
            "ist.recv_addr": f"127.0.0.1:{process.free_port()}",
            **PROVIDER_OPTIONS}
        peers = ",".join(f"127.0.0.1:{port}" for port in group)
        self.options = OPTIONS + [
            f"--wsrep-cluster-address=gcomm://{peers}",
            f"--wsrep-node-address=127.0.0.1:{self.group_port}",
            f"--wsrep-sst-receive-address=127.0.0.1:{process.free_port()}",
            "--wsrep-provider-options=" + ";".join(
                f"{name}={value}" for name, value in provider.items())]

    def status(self, name):
        """A status variable's value."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW STATUS LIKE %s", (f"wsrep_{name}",))
            return cursor.fetchone()[1]

    def wait_for_status(self, name, value):
        """Waits until it has that value."""
        process.wait_for(lambda: self._has_status(name, str(value)),
                         STATE_TIMEOUT, f"wsrep_{name} = {value}")

    def _has_status(self, name, value):
        try:
            return self.status(name) == value
        except pymysql.OperationalError:
            # while it joins, it may hang up (MariaDB 11.8), or have ended
            self._ready_or_dead()
            return False

    def wait_until_ready(self):
        """Returns when the node has what the others have."""
        super().wait_until_ready()
        self.wait_for_status("local_state_comment", "Synced")

    def isolate(self, alone):
        """Cuts the node off from the others, or no longer; returns when it
        knows."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SET GLOBAL wsrep_provider_options = %s",
                           (f"gmcast.isolate={int(alone)}",))
        self.wait_for_status("cluster_status",
                             "non-Primary" if alone else "Primary")
        if not alone:
            self.wait_for_status("local_state_comment", "Synced")

    def close(self):
        """An orderly end: it may have a child that takes or gives data."""
        self.stop()
        super().close()


class Cluster:
    """Three nodes."""

    def __init__(self, directory):
        self.nodes = [
            Node(os.path.join(directory, f"node{number}"),
                 process.free_port()) for number in range(NODES)]

    def start(self, fill):
        """Starts them all. What fill() puts into the first one, the others
        get from there."""
        group = [node.group_port for node in self.nodes]
        first, *others = self.nodes
        first.install()
        first.join([])
        first.start()
        fill(first)
        first.join(group)
        for node in others:
            node.make_directories()
            node.join(group)
            node.start()

    def wait_for_size(self, size):
        """Waits until nodes that run count so many."""
        for node in self.nodes:
            if node.process is not None:
                node.wait_for_status("cluster_size", size)

    def close(self):
        """Ends them all."""
        for node in reversed(self.nodes):
            node.close()
