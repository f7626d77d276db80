# SPDX-License-Identifier: MIT
"""What is in the databases: tables, accounts, passwords, configurations.

Owns the test data of both seeds and the way a configuration file of theirs
is pointed at a private server. Every secret that is made here is remembered,
so that the tests can look for it in logs.
"""

import os
import re
import subprocess

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(TESTS, "data")

RIGHT = "Right-canary-7c1f"
WRONG = "Wrong-canary-93ab"
DATABASE_PASSWORDS = ("pa$$word", "mail_admin_password")
# passwords and hashes: none of them may show up in a log
SECRETS = {RIGHT, WRONG, *DATABASE_PASSWORDS}

MAILBOX_COLUMNS = ("username", "password", "name", "maildir", "quota",
                   "local_part", "domain", "active")


def data_file(*names):
    """A file of tests/data."""
    return os.path.join(DATA, *names)


def read(path):
    """A text file's content."""
    with open(path, encoding="utf-8") as source:
        return source.read()


def hash_password(scheme, password=RIGHT, prefix=True, rounds=0):
    """What PostfixAdmin would store; made by Dovecot. The password goes in
    by standard input; 0 rounds are the scheme's default."""
    done = subprocess.run(
        ["doveadm", "pw", "-s", scheme, "-r", str(rounds)], input=f"{password}\n{password}\n",
        text=True, check=True, stdout=subprocess.PIPE)
    stored = done.stdout.strip()
    bare = re.sub(r"^\{[^}]*\}", "", stored)
    SECRETS.add(bare)
    return stored if prefix else bare


def point_to(text, port):
    """A configuration that names the server on 127.0.0.1, with the private
    server's port: nothing else is changed."""
    text = re.sub(r"(?m)^(connect\s*=.*\bhost=127\.0\.0\.1)\b",
                  rf"\1 port={port}", text)
    return re.sub(r"(?m)^(hosts\s*=\s*127\.0\.0\.1)$", rf"\1:{port}", text)


def add_domain(connection, domain, active=1):
    """A row of PostfixAdmin's domain table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO domain (domain, description, transport, active)"
            " VALUES (%s, '', 'virtual', %s)", (domain, active))


def mailbox(address, password, active=1, quota=0):
    """A row of PostfixAdmin's mailbox table, for add_mailboxes()."""
    local_part, _, domain = address.partition("@")
    return (address, password, "Name of " + local_part,
            f"{domain}/{local_part}/", quota, local_part, domain, active)


def add_mailboxes(connection, rows):
    """Inserts rows made by mailbox()."""
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO mailbox ({', '.join(MAILBOX_COLUMNS)})"
            f" VALUES ({', '.join(['%s'] * len(MAILBOX_COLUMNS))})", rows)


def create_postfixadmin(server, database="postfixadmin",
                        user="postfixadmin", password="pa$$word",
                        version="3.3.13"):
    """PostfixAdmin's tables, empty, and the account that reads them."""
    server.create_database(database, user, password)
    server.run_sql(read(data_file(f"schema-{version}.sql")), database)


def seed_000(server):
    """The database of seed 000: CRAM-MD5 hashes, with and without prefix."""
    create_postfixadmin(server)
    with server.connect("postfixadmin") as connection:
        add_domain(connection, "example.org")
        add_mailboxes(connection, [
            mailbox("joe@example.org", hash_password("CRAM-MD5")),
            mailbox("bare@example.org",
                    hash_password("CRAM-MD5", prefix=False)),
            mailbox("off@example.org", hash_password("CRAM-MD5"), active=0),
            mailbox("o'brien@example.org", hash_password("CRAM-MD5")),
            mailbox("Anna.Case@example.org", hash_password("CRAM-MD5")),
            mailbox("quota@example.org", hash_password("CRAM-MD5"),
                    quota=1048576),
        ])


def seed_002(server):
    """The database of seed 002: crypt passwords of several ages."""
    server.create_database("mail", "mail_admin", "mail_admin_password")
    server.run_sql(read(data_file("seed-002", "schema.sql")), "mail")
    rows = [
        ("des@example.org", hash_password("DES-CRYPT", prefix=False), 1000),
        ("md5@example.org", hash_password("MD5-CRYPT", prefix=False), 2000),
        ("sha@example.org", hash_password("SHA512-CRYPT", prefix=False),
         10485760),
        ("noquota@example.org", hash_password("SHA512-CRYPT", prefix=False),
         None),
    ]
    with server.connect("mail") as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO users VALUES (%s, %s, %s)", rows)
