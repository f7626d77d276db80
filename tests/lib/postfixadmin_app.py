# SPDX-License-Identifier: MIT
"""PostfixAdmin itself, as administrators run it: its own command line tool on
a database of its own.

Debian's package is not installed, which would set up a web site. scripts/test
unpacks it into build/postfixadmin, and each installation here is a copy of
that with a configuration of its own, as PostfixAdmin looks for everything
beside its files. Knows nothing of Dovecot.
"""

import json
import os
import shutil
import subprocess

import accounts
import process

PACKAGE = os.path.join(os.path.dirname(accounts.TESTS), "build",
                       "postfixadmin")
# The package's config.inc.php reads them, first and last.
DBCONFIG = """\
<?php
$dbtype = 'mysqli';
$dbserver = 'localhost';
$dbuser = 'root';
$dbpass = '';
$dbname = '';
"""
LOCAL = """\
<?php
$CONF = array_merge($CONF, json_decode(
    file_get_contents(__DIR__ . '/settings.json'), true));
"""
# What setup.php calls when a browser asks it to.
UPGRADE = "define('POSTFIXADMIN_CLI', 1); require 'upgrade.php';"
# Nothing leaves the machine.
SETTINGS = {
    "sendmail": "NO",
    "emailcheck_resolve_domain": "NO",
    "default_aliases": {},
}


class PostfixAdmin:
    """One installation below a directory that it creates, and its database.
    settings are those of $CONF."""

    def __init__(self, directory, server, database, **settings):
        self.directory = directory
        self.settings = {**SETTINGS, **settings,
                         "database_socket": server.socket,
                         "database_name": database}

    def install(self):
        """Copies the program and has it make its tables."""
        program = os.path.join(PACKAGE, "usr", "share", "postfixadmin")
        if not os.path.isdir(program):
            raise process.ServerError(
                f"{program} is missing: scripts/test integration unpacks it")
        # links lead to the machine's own configuration
        shutil.copytree(program, self.directory, symlinks=True)
        os.remove(self._path("config.inc.php"))
        os.remove(self._path("config.local.php"))
        shutil.copy(os.path.join(PACKAGE, "etc", "postfixadmin",
                                 "config.inc.php"), self.directory)
        self._write("dbconfig.inc.php", DBCONFIG)
        self._write("config.local.php", LOCAL)
        self.configure()
        self._run(["php", "-r", UPGRADE], self._path("public"))

    def configure(self, **settings):
        """Changes settings."""
        self.settings.update(settings)
        self._write("settings.json", json.dumps(self.settings))

    def cli(self, *arguments, **options):
        """postfixadmin-cli MODULE TASK NAME --option value ..."""
        words = list(arguments)
        for name, value in options.items():
            words += ["--" + name.replace("_", "-"), str(value)]
        return self._run(["scripts/postfixadmin-cli", *words], self.directory)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as target:
            target.write(text)

    @staticmethod
    def _run(argv, directory):
        """Runs a command and returns what it says."""
        done = subprocess.run(
            argv, cwd=directory, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise process.ServerError(f"{argv} failed: {done.stdout}")
        return done.stdout
