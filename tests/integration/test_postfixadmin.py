# SPDX-License-Identifier: MIT
"""The real PostfixAdmin beside the driver: whatever its command line tool
does to an account, the next login sees, over all protocols, whichever way
$CONF['encrypt'] has it store passwords."""

import os

import pytest

import accounts
import mail_clients
import postfixadmin_app

pytestmark = pytest.mark.ours

DATABASE = "postfixadmin_app"
FILE = """\
hosts = 127.0.0.1:{port}
user = postfixadmin_app
password = application-canary-4b
dbname = postfixadmin_app
encrypt = {encrypt}
home = {home}/%d/%n
uid = 2000
gid = 2000
alias_domains = yes
"""
# Any character that PostfixAdmin allows before the @. Dovecot itself is
# content with fewer.
ANY_CHARACTER = "auth_username_chars =\n"
LEGAL = "az-!#$%&'*+./0-9=?^_{|}~"

DOMAIN = "new.example"
ALIAS_DOMAIN = "alias.example"
USER = "joe@" + DOMAIN
ALIAS_USER = "joe@" + ALIAS_DOMAIN

# Each with another form of hash, or of telling which one it is.
ENCRYPT = ["php_crypt"] + [
    pytest.param(encrypt, marks=pytest.mark.once) for encrypt in (
        "md5crypt", "md5", "system", "cleartext", "mysql_encrypt", "authlib",
        "sha512.b64", "php_crypt:BLOWFISH:05",
        "php_crypt:SHA256:5000:{SHA256-CRYPT}", "dovecot:CRAM-MD5",
        "dovecot:BLF-CRYPT", "dovecot:SSHA512")]

UNKNOWN = r"unknown user$"
MAILBOX_INACTIVE = r"unknown user \(mailbox is inactive\)$"
DOMAIN_INACTIVE = r"unknown user \(domain is inactive\)$"
MISMATCH = r"[Pp]assword mismatch$"


@pytest.fixture(name="app", scope="module")
def fixture_app(mariadb, shared_dovecots):
    """PostfixAdmin, and an account of the driver that only reads."""
    accounts.SECRETS.add("application-canary-4b")
    mariadb.create_database(DATABASE, DATABASE, "application-canary-4b")
    program = postfixadmin_app.PostfixAdmin(
        os.path.join(shared_dovecots.directory(), "app"), mariadb, DATABASE)
    program.install()
    return program


class Site:
    """PostfixAdmin and Dovecot on one database."""

    def __init__(self, app, server, mariadb):
        self.app = app
        self.server = server
        self.mariadb = mariadb

    def add_mailbox(self, user, password):
        """As an administrator does it."""
        self.app.cli("mailbox", "add", user, password=password,
                     password2=password, name="Joe", welcome_mail=0)
        self.remember_hash(user)

    def set_password(self, user, password):
        """A new one."""
        self.app.cli("mailbox", "update", user, password=password,
                     password2=password)
        self.remember_hash(user)

    def remember_hash(self, user):
        """What is stored must not show up in a log."""
        with self.mariadb.connect(DATABASE) as connection, \
                connection.cursor() as cursor:
            cursor.execute("SELECT password FROM mailbox WHERE username = %s",
                           (user,))
            accounts.SECRETS.add(cursor.fetchone()[0])

    def logins(self, user, password):
        """Who lets the user in with it, and who does not."""
        services = ("smtp", "submission")
        with self.server.auth_client() as client:
            verdicts = client.logins([
                ("PLAIN", user, password, service) for service in services])
        assert not any(verdict.temporary for verdict in verdicts)
        return {
            # imaplib does not quote names
            "imap": mail_clients.imap_login(
                self.server.imap_port, user, password, "PLAIN")[0],
            "pop3": mail_clients.pop3_login(
                self.server.pop3_port, user, password)[0],
            **{service: verdict.kind == "OK"
               for service, verdict in zip(services, verdicts)}}

    def check(self, right=None, reason=None, user=USER):
        """The one password that opens the mailbox, if there is one, and why
        another one does not, or none does."""
        for password in (accounts.RIGHT, accounts.WRONG):
            mark = self.server.log_mark()
            verdicts = self.logins(user, password)
            assert set(verdicts.values()) == {password == right}, verdicts
            if password != right:
                # by the name that was asked for, or the mailbox's
                self.server.wait_log(
                    rf"\(({user}|{USER}),.*: {reason or MISMATCH}", mark)
        with self.server.master_client() as client:
            assert (client.user(user).kind == "USER") == (right is not None)


@pytest.fixture(name="site")
def fixture_site(request, app, dovecots, mariadb):
    """All hashes by one method, and no cache of logins."""
    app.configure(encrypt=request.param)
    home = dovecots.directory()
    os.chown(home, 2000, 2000)
    text = FILE.format(port=mariadb.port, encrypt=request.param, home=home)
    server = dovecots.start(text, nodelay=True, extra=ANY_CHARACTER)
    yield Site(app, server, mariadb)
    # another form of hash is for another one's accounts
    mariadb.run_sql("DELETE FROM mailbox; DELETE FROM alias;"
                    "DELETE FROM alias_domain; DELETE FROM domain;", DATABASE)


@pytest.mark.parametrize("site", ENCRYPT, indirect=True)
def test_life_of_an_account(site):
    """Everything takes effect on the next login."""
    cli = site.app.cli
    site.check(reason=UNKNOWN)
    cli("domain", "add", DOMAIN, description="new")
    site.check(reason=UNKNOWN)
    site.add_mailbox(USER, accounts.RIGHT)
    site.check(right=accounts.RIGHT)

    site.set_password(USER, accounts.WRONG)
    site.check(right=accounts.WRONG)

    cli("mailbox", "update", USER, active=0)
    site.check(reason=MAILBOX_INACTIVE)
    cli("mailbox", "update", USER, active=1)
    site.check(right=accounts.WRONG)

    cli("domain", "update", DOMAIN, active=0)
    site.check(reason=DOMAIN_INACTIVE)
    cli("mailbox", "update", USER, active=0)
    site.check(reason=MAILBOX_INACTIVE)
    cli("domain", "update", DOMAIN, active=1)
    site.check(reason=MAILBOX_INACTIVE)
    cli("mailbox", "update", USER, active=1)
    site.check(right=accounts.WRONG)

    cli("mailbox", "delete", USER)
    site.check(reason=UNKNOWN)
    site.add_mailbox(USER, accounts.RIGHT)
    site.check(right=accounts.RIGHT)
    cli("domain", "delete", DOMAIN)
    site.check(reason=UNKNOWN)


@pytest.mark.parametrize("site", ["php_crypt"], indirect=True)
def test_alias_domain(site):
    """The name with the alias domain is the mailbox's as long as
    PostfixAdmin says so."""
    def check(right=None, reason=None):
        site.check(right, reason, ALIAS_USER)

    cli = site.app.cli
    for domain in (DOMAIN, ALIAS_DOMAIN):
        cli("domain", "add", domain, description="new")
    site.add_mailbox(USER, accounts.RIGHT)
    check(reason=UNKNOWN)
    cli("aliasdomain", "add", ALIAS_DOMAIN, target_domain=DOMAIN)
    check(right=accounts.RIGHT)
    with site.server.auth_client() as client:
        assert client.login(ALIAS_USER, accounts.RIGHT).get("user") == USER
    site.set_password(USER, accounts.WRONG)
    check(right=accounts.WRONG)

    cli("aliasdomain", "update", ALIAS_DOMAIN, active=0)
    check(reason=UNKNOWN)
    cli("aliasdomain", "update", ALIAS_DOMAIN, active=1)
    check(right=accounts.WRONG)
    cli("domain", "update", DOMAIN, active=0)
    check(reason=DOMAIN_INACTIVE)
    cli("domain", "update", DOMAIN, active=1)
    cli("mailbox", "update", USER, active=0)
    check(reason=MAILBOX_INACTIVE)
    cli("mailbox", "update", USER, active=1)
    check(right=accounts.WRONG)

    cli("aliasdomain", "delete", ALIAS_DOMAIN)
    check(reason=UNKNOWN)
    site.check(right=accounts.WRONG)


@pytest.mark.parametrize("site", ["php_crypt"], indirect=True)
def test_every_legal_character(site):
    """PostfixAdmin takes the name, and so does the driver."""
    user = f"{LEGAL}@{DOMAIN}"
    site.app.cli("domain", "add", DOMAIN, description="new")
    site.add_mailbox(user, accounts.RIGHT)
    for name, known in ((user, True), (user.upper(), True),
                        (user.replace("~", "-"), False)):
        verdicts = site.logins(name, accounts.RIGHT)
        assert set(verdicts.values()) == {known}, verdicts
