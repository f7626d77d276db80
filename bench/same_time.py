#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures whether logins tell by their time who has an account.

    bench/same_time.py [--tries=N] [--driver=sql] [SITE...]

For each site, that is a way in which all its passwords are stored: the time
of unknown users, disabled users, wrong and right passwords, N of each (200),
one after the other in random order. Dovecot answers failures at once, as it
would not do outside of this measurement. Root; the module must have been
built, by scripts/bench for one. The site of bcrypt takes three minutes.
"""

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
import accounts
import dovecot_server
import mariadb_server
import process

TRIES = 200
USERS = 10
WARM_UP = 5
GOAL_MS = 5.0
# scheme, rounds (0: the scheme's default), mechanism
SITES = {
    "bcrypt-12": ("BLF-CRYPT", 12, "PLAIN"),
    "sha512-crypt": ("SHA512-CRYPT", 0, "PLAIN"),
    "cram-md5": ("CRAM-MD5", 0, "PLAIN"),
    "cram-md5-mechanism": ("CRAM-MD5", 0, "CRAM-MD5"),
}
# what the user's name begins with, the password, the answer
KINDS = {
    "unknown": ("nobody", accounts.RIGHT, "FAIL"),
    "disabled": ("off", accounts.RIGHT, "FAIL"),
    "wrong": ("joe", accounts.WRONG, "FAIL"),
    "right": ("joe", accounts.RIGHT, "OK"),
}
SETTINGS = """\
driver = mysql
connect = host=127.0.0.1 port={port} dbname=postfixadmin \
user=postfixadmin password=pa$$word
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u' AND active = 1
"""
NAMED_SETTINGS = """\
hosts = 127.0.0.1:{port}
user = postfixadmin
password = pa$$word
dbname = postfixadmin
"""


def fill(database, scheme, rounds):
    """Accounts that log in, and as many that are disabled."""
    stored = accounts.hash_password(scheme, rounds=rounds)
    accounts.create_postfixadmin(database)
    with database.connect("postfixadmin") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(f"{name}{number}@example.org", stored, active)
            for name, active in (("joe", 1), ("off", 0))
            for number in range(USERS)])


def dovecot(directory, database, options):
    """A Dovecot with the driver."""
    args = os.path.join(directory, "database.conf.ext")
    with open(args, "w", encoding="utf-8") as target:
        os.chmod(args, 0o600)
        target.write((SETTINGS if options.driver == "sql"
                      else NAMED_SETTINGS).format(port=database.port))
    module = os.path.join(options.builddir, "src", ".libs",
                          "libauthdb_postfixadmin.so")
    server = dovecot_server.Dovecot(
        os.path.join(directory, "dovecot"), options.driver, args,
        module=None if options.driver == "sql" else module,
        databases=dovecot_server.NODELAY + dovecot_server.PASSDB.format(
            driver=options.driver, args=args) +
        dovecot_server.STATIC_USERDB)
    server.install()
    return server


def login_ms(client, kind, number, mechanism):
    """One login's time in milliseconds."""
    name, password, answer = KINDS[kind]
    began = time.perf_counter()
    verdict = client.login(f"{name}{number % USERS}@example.org", password,
                           mechanism)
    took = time.perf_counter() - began
    if verdict.kind != answer or verdict.temporary:
        sys.exit(f"{kind}: {verdict}")
    return took * 1000


def measure(client, mechanism, tries):
    """The times of each kind, in milliseconds."""
    chance = random.Random(tries)
    times = {kind: [] for kind in KINDS}
    for number in range(-WARM_UP, 0):
        login_ms(client, "right", number, mechanism)
    for number in range(tries):
        for kind in chance.sample(list(KINDS), len(KINDS)):
            times[kind].append(login_ms(client, kind, number, mechanism))
    return times


def show(site, times):
    """The medians, and what most logins took."""
    medians = {kind: statistics.median(values)
               for kind, values in times.items()}
    print(f"\n{site}")
    for kind, values in times.items():
        low, *_, high = statistics.quantiles(values, n=20)
        print(f"  {kind:<10}{medians[kind]:9.3f} ms   5-95 %:"
              f" {low:.3f} to {high:.3f}")
    apart = max(medians.values()) - min(medians.values())
    print(f"  goal: medians within {GOAL_MS:g} ms:"
          f" {'met' if apart <= GOAL_MS else 'missed'}, {apart:.3f}",
          flush=True)


def run_site(directory, database, site, options):
    """Measures one site with a Dovecot of its own."""
    scheme, rounds, mechanism = SITES[site]
    fill(database, scheme, rounds)
    own = tempfile.mkdtemp(dir=directory)
    os.chmod(own, 0o755)
    server = dovecot(own, database, options)
    try:
        server.start()
        with server.auth_client() as client:
            show(site, measure(client, mechanism, options.tries))
    finally:
        server.close()


def parse_arguments():
    """The command line's."""
    parser = argparse.ArgumentParser(prog="bench/same_time.py")
    parser.add_argument("sites", metavar="SITE", nargs="*",
                        help=", ".join(SITES))
    parser.add_argument("--tries", type=int, default=TRIES)
    parser.add_argument("--driver", choices=("postfixadmin", "sql"),
                        default="postfixadmin")
    parser.add_argument("--builddir",
                        default=os.path.join(TOP, "build", "bench"))
    options = parser.parse_args()
    for site in options.sites:
        if site not in SITES:
            parser.error(f"no site {site}, but {', '.join(SITES)}")
    if options.tries < 2:
        parser.error("too few tries")
    options.sites = options.sites or list(SITES)
    return options


def main():
    """All sites that were asked for."""
    options = parse_arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = tempfile.mkdtemp(prefix="pfa-bench-")
    os.chmod(directory, 0o755)
    database = mariadb_server.MariaDB(os.path.join(directory, "mariadb"))
    try:
        database.install()
        database.start()
        for site in options.sites:
            run_site(directory, database, site, options)
    except process.ServerError as error:
        sys.exit(f"bench/same_time.py: {error}")
    except KeyboardInterrupt:
        sys.exit("bench/same_time.py: ended before it was done")
    finally:
        database.close()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
