# SPDX-License-Identifier: MIT
"""What every configuration of a seed has to do, whichever way it is written.

A seed's test file makes a class of SeedChecks: it names the files, the users
and what is expected of them. All checks then run for the drop-in file and
for the named one, with userdb prefetch and without, next to a Dovecot with
the stock driver on the same drop-in file.
"""

import concurrent.futures
import os

import pytest

import accounts
import mail_clients

FORMS = [("drop-in", False), ("drop-in", True),
         pytest.param(("named", False), marks=pytest.mark.ours),
         pytest.param(("named", True), marks=pytest.mark.ours)]


def form_name(form):
    """The form as part of a test's name."""
    return form[0] + ("-prefetch" if form[1] else "")


def logins(server, attempts):
    """The verdicts of a server, see AuthClient.logins()."""
    with server.auth_client() as client:
        return client.logins(attempts)


def at_once(function, *arguments):
    """The results of calls that are made all at the same time: Dovecot takes
    half a second to say no."""
    with concurrent.futures.ThreadPoolExecutor(16) as executor:
        return list(executor.map(function, *arguments))


class SeedChecks:
    """Base class; the attributes are set by the classes made of it."""

    # directory below tests/data
    data = None
    # fills the database
    create = None
    # the directory that holds the mail, and who owns it
    mail_root, owner = None, None
    # users that can log in, by their home below mail_root and quota
    users = {}
    # users that cannot, and other ways to write those that can
    strangers, aliases = [], {}
    # mechanisms that the stored passwords allow
    mechanisms = []

    # -- servers

    @pytest.fixture(scope="class")
    def database(self, mariadb):
        """The server, holding the seed's accounts."""
        type(self).create(mariadb)
        return mariadb

    def configuration(self, name, port):
        """One of the seed's files for the private server."""
        return accounts.point_to(
            accounts.read(accounts.data_file(self.data, name)), port)

    def mounts(self, fleet):
        """Puts an empty directory over the one that holds the mail."""
        outside = fleet.directory()
        root = outside
        top = self.mail_root
        if not os.path.isdir(top):
            # made in the private namespace, by way of its parent
            top, name = os.path.split(top)
            root = os.path.join(outside, name)
            os.mkdir(root)
        os.chown(root, self.owner, self.owner)
        return [(outside, top)], root

    @pytest.fixture(scope="class", params=FORMS, ids=form_name)
    def tested(self, request, database, shared_dovecots):
        """Dovecot with the driver under test."""
        form, prefetch = request.param
        name = {"drop-in": "dovecot-sql.conf.ext",
                "named": "dovecot-postfixadmin.conf.ext"}[form]
        mounts, root = self.mounts(shared_dovecots)
        server = shared_dovecots.start(
            self.configuration(name, database.port), prefetch=prefetch,
            mounts=mounts)
        server.form = form
        server.prefetch = prefetch
        server.mail_root = root
        yield server
        shared_dovecots.stop(server)

    @pytest.fixture(scope="class")
    def stock(self, tested, database, shared_dovecots):
        """Dovecot with the stock driver."""
        text = self.configuration("dovecot-sql.conf.ext", database.port)
        server = shared_dovecots.start(text, driver="sql",
                                       prefetch=tested.prefetch)
        yield server
        shared_dovecots.stop(server)

    def all_names(self):
        """Everybody who tries."""
        return [*self.users, *self.aliases, *self.strangers]

    def expected(self, user, password, mechanism):
        """Whether a login has to work."""
        return (password == accounts.RIGHT and user not in self.strangers and
                mechanism in self.mechanisms)

    @staticmethod
    def same(ours, theirs, form):
        """Whether two replies agree. The drop-in form keeps the order of the
        query's columns too; the named form has an order of its own."""
        if form == "drop-in":
            return ours.answer() == theirs.answer()
        return sorted(ours.answer()) == sorted(theirs.answer())

    # -- the checks

    @pytest.mark.parametrize("mechanism", [
        "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
    def test_verdicts(self, stock, tested, mechanism):
        """Right and wrong passwords, field for field as stock answers."""
        attempts = [(mechanism, user, password)
                    for user in self.all_names()
                    for password in (accounts.RIGHT, accounts.WRONG, "")]
        theirs, ours = at_once(lambda server: logins(server, attempts),
                               (stock, tested))
        for attempt, mine, their in zip(attempts, ours, theirs):
            _, user, password = attempt
            wanted = self.expected(user, password, mechanism)
            assert (mine.kind == "OK") == wanted, (attempt, mine)
            assert not mine.temporary, (attempt, mine)
            assert self.same(mine, their, tested.form), (attempt, mine, their)

    def test_user_fields(self, stock, tested):
        """A user lookup, as LMTP makes it."""
        with stock.master_client() as client:
            theirs = {user: client.user(user) for user in self.all_names()}
        with tested.master_client() as client:
            for user, their in theirs.items():
                mine = client.user(user)
                assert (mine.kind == "USER") == (user not in self.strangers)
                assert self.same(mine, their, tested.form), (mine, their)

    def test_home_mail_and_owner(self, tested):
        """The values themselves, not only that stock has them too."""
        with tested.master_client() as client:
            for user, fields in self.users.items():
                reply = client.user(user)
                assert {field: reply.get(field) for field in fields} == fields
                assert reply.get("uid") == str(self.owner)
                assert reply.get("gid") == str(self.owner)

    def test_password_lookup(self, stock, tested):
        """A passdb lookup without a password, as an LMTP proxy makes it."""
        with stock.master_client() as client:
            theirs = {user: client.passdb(user) for user in self.all_names()}
        with tested.master_client() as client:
            for user, their in theirs.items():
                mine = client.passdb(user)
                assert self.same(mine, their, tested.form), (mine, their)

    def test_fields_after_login(self, stock, tested):
        """What a mail process is told about the user who logged in."""
        for user in [*self.users, *self.aliases]:
            replies = []
            for server in (stock, tested):
                with server.auth_client(name="auth-login") as client, \
                        server.master_client() as master:
                    verdict = client.login(user, accounts.RIGHT)
                    assert verdict.kind == "OK", (user, verdict)
                    replies.append(master.logged_in(client, verdict))
            theirs, mine = replies
            # the token is made anew for every login
            for reply in replies:
                reply.fields = [field for field in reply.fields
                                if not field.startswith("auth_token=")]
            assert mine.kind == "USER"
            assert sorted(mine.fields) == sorted(theirs.fields)

    def check_mail_program(self, log_in, port, refusal):
        """Logins of a mail program by every way it has; returns the user."""
        user = next(iter(self.users))
        ways = (None, *self.mechanisms)
        for way in ways:
            done, text = log_in(port, user, accounts.RIGHT, way)
            assert done, (way, text)
        for way, (done, text) in zip(ways, at_once(
                lambda way: log_in(port, user, accounts.WRONG, way), ways)):
            assert not done and refusal in text, (way, text)
        return user

    def test_imap(self, tested):
        """Logins of a mail program, down to the user's own mail directory."""
        user = self.check_mail_program(
            mail_clients.imap_login, tested.imap_port, "AUTHENTICATIONFAILED")
        self.check_mail_directory(tested, user)

    def test_pop3(self, tested):
        """The same over POP3."""
        user = self.check_mail_program(
            mail_clients.pop3_login, tested.pop3_port, "[AUTH]")
        self.check_mail_directory(tested, user)

    def check_mail_directory(self, tested, user):
        """The mail is where the answer said, and the user's."""
        mail = self.users[user]["mail"].partition(":")[2]
        inside = os.path.relpath(mail, self.mail_root)
        status = os.stat(os.path.join(tested.mail_root, inside, "cur"))
        assert (status.st_uid, status.st_gid) == (self.owner, self.owner)

    def test_doveadm(self, stock, tested):
        """doveadm auth test and doveadm user say what they say of stock."""
        users = (next(iter(self.users)), self.strangers[0])
        attempts = [(user, password) for user in users
                    for password in (accounts.RIGHT, accounts.WRONG)]
        mine, theirs = (
            at_once(lambda attempt, server=server: server.doveadm(
                "auth", "test", attempt[0], stdin=attempt[1] + "\n"),
                    attempts)
            for server in (tested, stock))
        for (user, password), my, their in zip(attempts, mine, theirs):
            right = user in self.users and password == accounts.RIGHT
            assert my.returncode == (0 if right else 77)
            assert my.returncode == their.returncode
            assert my.stdout == their.stdout
        for user in users:
            my, their = (server.doveadm("user", user)
                         for server in (tested, stock))
            assert my.returncode == their.returncode
            assert (sorted(my.stdout.splitlines()) ==
                    sorted(their.stdout.splitlines()))
