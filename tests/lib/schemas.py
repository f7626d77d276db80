# SPDX-License-Identifier: MIT
"""Databases as sites have them: every version of PostfixAdmin's tables, fresh
and upgraded, with a prefix, and with the mixed collations that upgrades and
administrators leave behind.

Owns how such a database is made; which accounts are in it is up to the caller.
"""

import typing

import accounts


class Schema(typing.NamedTuple):
    """version names a file of tests/data. collations of tables replace those
    that PostfixAdmin gave them."""
    name: str
    version: str
    prefix: str = ""
    collations: dict = {}

    def __str__(self):
        return self.name

    def collation(self, table):
        """That of the table's names; PostfixAdmin's own has been the same
        since 3.3."""
        return self.collations.get(table, "latin1_general_ci")

    def can_hold(self, table, text):
        """Whether one of its names can be this text."""
        try:
            text.encode("latin-1" if "latin1" in self.collation(table)
                        else "utf-8")
            return True
        except UnicodeEncodeError:
            return False


FRESH = [Schema(version, version)
         for version in ("3.2.4", "3.3.13", "4.x", "master")]
ALL = FRESH + [
    Schema("upgraded", "4.x-upgraded"),
    Schema("prefix", "4.x", prefix="pfa-%d `x`"),
    Schema("mixed-latin", "4.x", collations={
        "mailbox": "latin1_swedish_ci", "domain": "latin1_general_ci",
        "alias_domain": "latin1_german2_ci"}),
    Schema("mixed-unicode", "3.3.13", collations={
        "mailbox": "utf8mb4_unicode_ci", "domain": "utf8mb3_general_ci",
        "alias_domain": "utf8mb4_general_ci"}),
    Schema("mixed-newest", "master", prefix="pfa_", collations={
        "mailbox": "utf8mb4_uca1400_ai_ci", "domain": "latin1_swedish_ci",
        "alias_domain": "utf8mb4_bin"}),
    Schema("mixed-german", "3.2.4", collations={
        "mailbox": "latin1_german2_ci", "domain": "utf8mb4_unicode_ci"}),
    Schema("mixed-binary", "4.x-upgraded", collations={
        "mailbox": "latin1_bin", "domain": "utf8mb4_bin",
        "alias_domain": "latin1_swedish_ci"}),
]


def quoted(name):
    """An identifier."""
    return "`" + name.replace("`", "``") + "`"


def convert(table, collation):
    """The statement that gives a table, with all its columns, another
    collation."""
    character_set = collation.partition("_")[0]
    return (f"ALTER TABLE {quoted(table)} CONVERT TO CHARACTER SET "
            f"{character_set} COLLATE {collation}")


def create(server, schema, database, password, fill):
    """The database, and an account of its name that reads it. fill() is
    called with a connection while the tables have no prefix yet."""
    accounts.create_postfixadmin(server, database, database, password,
                                 schema.version)
    with server.connect(database) as connection, \
            connection.cursor() as cursor:
        if schema.collations:
            # foreign keys hold their columns to those of the domains
            cursor.execute("DROP TABLE IF EXISTS dkim_signing, dkim")
        for table, collation in schema.collations.items():
            cursor.execute(convert(table, collation))
        fill(connection)
        if schema.prefix:
            cursor.execute("SHOW TABLES")
            cursor.execute("RENAME TABLE " + ", ".join(
                f"{quoted(table)} TO {quoted(schema.prefix + table)}"
                for table, in cursor.fetchall()))
