# SPDX-License-Identifier: MIT
"""Password schemes that Dovecot 2.4 calls weak, and lets in only where
auth_allow_weak_schemes says so: which ones is the stock driver's word."""

import re
import subprocess

import pytest

import accounts

pytestmark = [pytest.mark.ours,
              pytest.mark.blocks]

NAMED = """\
hosts = 127.0.0.1:{port}
user = weak
password = weak-canary-2e
dbname = weak
encrypt = php_crypt
home = /var/mail/%d/%n
"""
DROPIN = """\
driver = mysql
connect = host=127.0.0.1 port={port} user=weak password=weak-canary-2e \
dbname=weak
default_pass_scheme = CRYPT
password_query = SELECT username AS user, password FROM mailbox \
WHERE username = '%u'
user_query = SELECT '/var/mail' AS home FROM mailbox WHERE username = '%u'
"""
# of those that nobody would call strong; {MD5} is MD5-CRYPT
KNOWN_WEAK = ["DES-CRYPT", "MD5", "MD5-CRYPT", "PLAIN-MD5",
              "LDAP-MD5", "SMD5", "LANMAN", "NTLM"]


def listed():
    """The schemes that the installed Dovecot has."""
    names = subprocess.run(["doveadm", "pw", "-l"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    # it would have to say how long the password was
    return [name for name in names if name != "PLAIN-TRUNC"]


def address(scheme):
    """The user with a password of that scheme."""
    return f"{scheme.lower()}@example.org"


def stored(scheme):
    """What a scheme makes of the right password."""
    # some make it of the name, too
    return subprocess.run(
        ["doveadm", "pw", "-s", scheme, "-u", address(scheme)],
        input=f"{accounts.RIGHT}\n" * 2, text=True, check=True,
        stdout=subprocess.PIPE).stdout.strip()


@pytest.fixture(name="schemes", scope="module")
def fixture_schemes():
    """All schemes."""
    return listed()


@pytest.fixture(name="database", scope="module")
def fixture_database(mariadb, schemes):
    """A mailbox for each scheme."""
    accounts.SECRETS.add("weak-canary-2e")
    accounts.create_postfixadmin(mariadb, "weak", "weak", "weak-canary-2e")
    with mariadb.connect("weak") as connection:
        accounts.add_domain(connection, "example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(address(scheme), stored(scheme))
            for scheme in schemes])
    return mariadb


def who_gets_in(server, schemes):
    """The schemes with which a login works. What the stock driver does not
    take is trouble for it, and here a wrong password."""
    with server.auth_client() as client:
        return {scheme for scheme in schemes if client.login(
            address(scheme), accounts.RIGHT).kind == "OK"}


@pytest.mark.parametrize("form", [NAMED, DROPIN], ids=["named", "drop-in"])
@pytest.mark.parametrize("allowed", ["no", "yes"])
def test_as_stock(database, dovecots, schemes, allowed, form):
    """The same ones are let in as by the stock driver, and the log says of
    the others what to do."""
    options = {"extra": f"auth_allow_weak_schemes = {allowed}",
               "nodelay": True}
    stock = dovecots.start(DROPIN.format(port=database.port), driver="sql",
                           **options)
    ours = dovecots.start(form.format(port=database.port), **options)
    found = who_gets_in(ours, schemes)
    assert found == who_gets_in(stock, schemes)
    assert {"SHA512-CRYPT", "BLF-CRYPT"} <= found
    for scheme in set(KNOWN_WEAK) & set(schemes):
        assert (scheme in found) == (allowed == "yes"), scheme
    for scheme in set(schemes) - found:
        ours.wait_log(rf"{re.escape(address(scheme))}.*weak")


def test_heal(database, dovecots):
    """With rehash, each login makes a strong hash of a weak one, until none
    has to be allowed any more."""
    user = address("MD5-CRYPT")
    database.run_sql(
        "GRANT UPDATE (password) ON weak.mailbox TO weak@127.0.0.1")
    text = NAMED.format(port=database.port) + "rehash = BLF-CRYPT\n"
    healing = dovecots.start(text, extra="auth_allow_weak_schemes = yes")
    with healing.auth_client() as client:
        assert client.login(user, accounts.RIGHT).kind == "OK"
    healing.wait_log(f"rehash: password of {user}")
    strict = dovecots.start(text, extra="auth_allow_weak_schemes = no")
    with strict.auth_client() as client:
        assert client.login(user, accounts.RIGHT).kind == "OK"
