# SPDX-License-Identifier: MIT
"""A private server of Oracle's MySQL, where scripts/chroot has put one: beside
MariaDB, with which its package conflicts. Accounts log in as they do by
default there, with caching_sha2_password.
"""

import os
import pwd
import subprocess

import mariadb_server
import process

PLACE = "/opt/mysql/usr"
PROGRAM = os.path.join(PLACE, "sbin", "mysqld")
SERVER_OPTIONS = [
    "--no-defaults",
    f"--basedir={PLACE}",
    f"--plugin-dir={PLACE}/lib/mysql/plugin",
    f"--lc-messages-dir={PLACE}/share/mysql",
    f"--character-sets-dir={PLACE}/share/mysql/charsets",
    # it would have to be there otherwise
    "--secure-file-priv=NULL",
    "--mysqlx=OFF",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
]


class MySQL(mariadb_server.MariaDB):
    """One server, as MariaDB's, without a network of its own."""

    def install(self):
        """Makes the data directory, and certificates in it."""
        self.make_directories()
        done = subprocess.run(
            [PROGRAM, *SERVER_OPTIONS, "--initialize-insecure",
             f"--datadir={self.datadir}"], user="mysql", group="mysql",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        if done.returncode != 0:
            raise process.ServerError(f"mysqld failed: {done.stdout}")

    def launch(self):
        """Starts the server without waiting for it."""
        account = pwd.getpwnam("mysql")
        self.process = process.spawn(
            [PROGRAM, *SERVER_OPTIONS, f"--bind-address={self.address}",
             *self.options, f"--datadir={self.datadir}",
             f"--tmpdir={self.tmpdir}", f"--socket={self.socket}",
             f"--port={self.port}", f"--pid-file={self.directory}/pid"],
            self.error_log, user=account.pw_uid, group=account.pw_gid,
            extra_groups=[])

    def add_reader(self, name, user, password):
        """An account that may read a database, for logins by socket and by
        TCP, of which the server has no hash in its cache."""
        quoted = password.replace("\\", "\\\\").replace("'", "\\'")
        self.run_sql("".join(
            f"DROP USER IF EXISTS '{user}'@'{client}';"
            f"CREATE USER '{user}'@'{client}' IDENTIFIED BY '{quoted}';"
            f"GRANT SELECT, EXECUTE ON `{name}`.* TO '{user}'@'{client}';"
            for client in ("localhost", self.address)))
