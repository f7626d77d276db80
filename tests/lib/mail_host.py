# SPDX-License-Identifier: MIT
"""A mail server of its own beside the machine's: Postfix and Dovecot with a
set of files of example-config, each file in its real place.

Every command and server runs in a mount namespace in which /etc, /run,
/home, /var/mail and Postfix's directories are private ones. The set is
installed there by make-mail-server.sh. What differs from a real machine is
little: LOCAL_CONFIG, and what Postfix.install() sets. Who looks at one from
outside needs inside(), who wants to be in it command() or run().
"""

import glob
import os
import re
import shutil
import subprocess

import dovecot_server
import postfix_server
import process

EXAMPLES = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(
        os.path.abspath(__file__)))), "example-config")
# the account vmail of each set
OWNERS = {"postfixadmin": 2000, "users-table": 5000}
DRIVER_CONFIG = "/etc/dovecot/dovecot-postfixadmin.conf.ext"

LOCAL_CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
listen = 127.0.0.1
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = {pop3s_port}
  }}
}}
# dovecot-lda is not root, who owns the other one
protocol lda {{
  log_path = {directory}/lda.log
}}
# repeated failures of the tests shall not be slowed down
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{extra}
"""


class MailHost:
    """The files of one mail server, below a directory that every account can
    reach; name is the set's."""

    def __init__(self, directory, name, mariadb, detached=False):
        self.directory = directory
        self.name = name
        self.owner = OWNERS[name]
        self.port = mariadb.port
        self.mounts = [
            (self.inside("etc"), "/etc"),
            (self.inside("run"), "/run"),
            # the database's socket is where it always is
            (mariadb.directory, "/run/mysqld"),
            (self.inside("home"), "/home"),
            (self.inside("mail"), "/var/mail"),
            (self.inside("spool"), "/var/spool/postfix"),
            (self.inside("lib"), "/var/lib/postfix")]
        self.postfix = postfix_server.Postfix(
            directory, self.inside("etc/postfix"), self.inside("spool"),
            self.mounts, detached)

    def inside(self, path):
        """The place of a file of ours on the machine."""
        return os.path.join(self.directory, path)

    def install(self):
        """Makes a whole mail server of the set."""
        self.prepare()
        self.run(os.path.join(EXAMPLES, "make-mail-server.sh"), self.name)
        self.finish()

    def prepare(self):
        """Makes the directories, as on a machine that never had mail."""
        subprocess.run(["cp", "-a", "/etc", self.inside("etc")], check=True)
        # who was never booted has none
        if not os.path.lexists(self.inside("etc/mtab")):
            os.symlink("/proc/self/mounts", self.inside("etc/mtab"))
        for name in ("run/mysqld", "home", "mail", "spool", "lib"):
            os.makedirs(self.inside(name))
        shutil.chown(self.inside("lib"), "postfix", "postfix")
        self.forget_the_machine()

    def finish(self):
        """Moves what was installed away from the machine's own servers."""
        self.point_to_database()
        self.postfix.install()
        # makes the directories of its queue, in which Dovecot listens too
        self.run("postfix", "check")

    def forget_the_machine(self):
        """Takes away what the machine's own mail server has left in /etc."""
        shutil.rmtree(self.inside("etc/ssl/mail"), ignore_errors=True)
        for name in ("passwd", "group", "shadow"):
            path = self.inside(os.path.join("etc", name))
            with open(path, "r+", encoding="utf-8") as accounts:
                text = accounts.read()
                accounts.seek(0)
                accounts.write(re.sub(r"(?m)^vmail:.*\n", "", text))
                accounts.truncate()

    def point_to_database(self):
        """Where a server is named by its address, the private one's port."""
        for path in (*glob.glob(self.inside("etc/postfix/**/*.cf"),
                                recursive=True),
                     self.inside(DRIVER_CONFIG[1:])):
            with open(path, "r+", encoding="utf-8") as config:
                text = config.read()
                config.seek(0)
                config.write(re.sub(r"(?m)^(\w*hosts\s*=\s*127\.0\.0\.1)$",
                                    rf"\1:{self.port}", text))
                config.truncate()

    def command(self, *argv):
        """The arguments that run a command on this host."""
        return process.behind_mounts(self.mounts, argv)

    def run(self, *argv, text="", status=0):
        """Runs a command on this host and returns its output."""
        done = subprocess.run(
            self.command(*argv), input=text, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != status:
            raise process.ServerError(
                f"{argv} ended with {done.returncode}: {done.stdout}")
        return done.stdout


class Dovecot(dovecot_server.Dovecot):
    """The Dovecot of a mail host. Its configuration is the set's, of which
    local.conf is the last part."""

    def __init__(self, directory, driver, args, *, host, **options):
        super().__init__(directory, driver, args, mounts=host.mounts,
                         **options)
        self.host = host
        self.config = "/etc/dovecot/dovecot.conf"
        self.imaps_port = process.free_port()
        self.pop3s_port = process.free_port()

    def install(self):
        super().install()
        # commands of this host find the modules, too
        self.host.mounts += [pair for pair in self.mounts
                             if pair not in self.host.mounts]

    def _write_config(self, extra):
        with open(self.host.inside("etc/dovecot/local.conf"), "w",
                  encoding="utf-8") as config:
            config.write(LOCAL_CONFIG.format(
                directory=self.directory,
                imap_port=self.imap_port, imaps_port=self.imaps_port,
                pop3_port=self.pop3_port, pop3s_port=self.pop3s_port,
                extra=extra))
        log = os.path.join(self.directory, "lda.log")
        with open(log, "w", encoding="ascii"):
            pass
        os.chown(log, self.host.owner, self.host.owner)

    def doveadm(self, *arguments, stdin=""):
        return subprocess.run(
            self.host.command("doveadm", *arguments), input=stdin,
            text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=180)
