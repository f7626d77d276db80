# SPDX-License-Identifier: MIT
"""The servers of the integration tests and what is checked of all of them.

One MariaDB serves the whole run; every test starts the Dovecots it needs
from a Fleet, which ends them and then reads their logs: whatever a test
looks for, no log may hold a secret, a crash or a sanitizer's report. What is
left of a Dovecot then, which only sleeps, ends during the next tests.
"""

import functools
import os
import re
import shutil
import signal
import tempfile

import pytest

import accounts
import dovecot_24
import dovecot_server
import mariadb_server
import mysql_server
import process

pytest.register_assert_rewrite("seed_checks", "mail_checks")

SERVERS = {"mariadb": mariadb_server.MariaDB, "mysql": mysql_server.MySQL}
TOP = os.path.dirname(accounts.TESTS)
# Never right, whatever the test does.
BAD_LOG_LINES = re.compile(
    r"Panic:|killed with signal|dumped core|Timeout leak|leaked|BUG:|"
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def pytest_addoption(parser):
    """Which driver to test, and where it was built."""
    parser.addoption(
        "--driver", default="postfixadmin",
        help="driver under test; sql tests the tests themselves")
    parser.addoption(
        "--server", default="mariadb", choices=SERVERS,
        help="whose server the database is")
    parser.addoption(
        "--builddir",
        default=os.environ.get("PFA_BUILDDIR",
                               os.path.join(TOP, "build", "test")),
        help="where the module was built [PFA_BUILDDIR]")


LEFT_OUT = pytest.StashKey()


def pytest_collection_modifyitems(session, config, items):
    """Leaves out what cannot be asked of the stock driver or of the servers
    that are installed, or would tell a sanitizer nothing new."""
    unfit = {"args" if dovecot_24.installed() else "blocks"}
    if config.getoption("--server") != "mysql":
        unfit.add("mysql")
    if config.getoption("--driver") == "sql":
        unfit.add("ours")
    sanitizer = os.environ.get("PFA_TEST_PRELOAD", "")
    if sanitizer:
        unfit.add("once")
    if "tsan" in sanitizer:
        unfit.add("loop")
    left_out = {}
    for item in items:
        marks = {mark.name: mark for mark in item.iter_markers()
                 if mark.name in unfit}
        if marks:
            left_out[item] = marks
    for marks in left_out.values():
        if "args" in marks and not marks["args"].args:
            raise pytest.UsageError("args without the reason why there is no "
                                    "such thing in Dovecot 2.4")
    config.stash[LEFT_OUT] = [marks["args"].args[0]
                              for marks in left_out.values()
                              if "args" in marks]
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter, config):
    """What Dovecot 2.4 was not asked, and why."""
    reasons = config.stash.get(LEFT_OUT, [])
    for reason in sorted(set(reasons)):
        terminalreporter.write_line(
            f"Dovecot 2.3 only, {reasons.count(reason)}: {reason}")


def pytest_configure(config):
    """Registers the marks. A run that is ended from outside ends its servers
    and removes its files, as one that is interrupted at the keyboard does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "ours: what the stock driver does not do")
    config.addinivalue_line(
        "markers", "args(why): what only Dovecot 2.3 has")
    config.addinivalue_line(
        "markers", "blocks: settings that only Dovecot 2.4 has")
    config.addinivalue_line(
        "markers", "mysql: ways to log in to Oracle's server")
    config.addinivalue_line(
        "markers", "once: long, and nothing for sanitizers to find")
    config.addinivalue_line(
        "markers", "loop: many of a kind, of what one thread does: nothing for "
        "the thread sanitizer to find")


def pytest_sessionfinish(session):
    """A test that was skipped has proved nothing: that is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def workdir():
    """A directory that the servers' own accounts can reach."""
    path = tempfile.mkdtemp(prefix="pfa-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb(workdir, request):
    """The run's MariaDB, or what is in its place."""
    kind = SERVERS[request.config.getoption("--server")]
    server = kind(os.path.join(workdir, "mariadb"))
    server.install()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def driver(request):
    """The name of the driver under test."""
    return request.config.getoption("--driver")


def check_end(stubborn, log, tolerated):
    """The end of a Dovecot: its processes end when asked to, and the log has
    nothing that no test may find, but for lines that match a pattern."""
    assert not stubborn, f"processes had to be killed:\n{log[-3000:]}"
    for line in log.splitlines():
        if any(pattern.search(line) for pattern in tolerated):
            continue
        assert not BAD_LOG_LINES.search(line), line
        for secret in accounts.SECRETS:
            assert secret not in line, f"a secret is in the log: {line}"


def all_of(actions):
    """Does all of them; the first one that fails is the error."""
    failures = []
    for action in actions:
        try:
            action()
        except AssertionError as error:
            failures.append(error)
    if failures:
        raise failures[0]


class Leaving:
    """Dovecots whose services have ended, while their masters still sleep
    for a second. Nobody waits for that, but it is looked at in the end."""

    def __init__(self):
        self.servers = []

    def add(self, server, tolerated):
        """Takes a server over from a test."""
        self.servers.append((server, tolerated,
                             os.environ.get("PYTEST_CURRENT_TEST")))

    def collect(self, wait=False):
        """Sees to those that have ended, or to all."""
        gone = [entry for entry in self.servers
                if wait or entry[0].ended()]
        self.servers = [entry for entry in self.servers if entry not in gone]
        all_of(functools.partial(self.see_off, *entry) for entry in gone)

    @staticmethod
    def see_off(server, tolerated, test):
        """The end of one of them, and what its log got at last."""
        stubborn = server.stop()
        log = server.log()
        server.close()
        try:
            check_end(stubborn, log, tolerated)
        except AssertionError as error:
            raise AssertionError(f"Dovecot of {test}: {error}") from error


@pytest.fixture(scope="session")
def leaving(workdir):
    """Where the Dovecots of all tests end."""
    servers = Leaving()
    yield servers
    servers.collect(wait=True)


class Fleet:
    """Starts Dovecots and ends them all."""

    def __init__(self, workdir, leaving, config):
        self.workdir = workdir
        self.leaving = leaving
        self.builddir = config.getoption("--builddir")
        self.driver = config.getoption("--driver")
        self.servers = []
        self.tolerated = []

    def module(self):
        """The module under test, which must have been built."""
        path = os.path.join(self.builddir, "src", ".libs",
                            "libauthdb_postfixadmin.so")
        if not os.path.exists(path):
            pytest.fail(f"{path} is missing: build it, or name its build "
                        "directory with --builddir")
        return path

    def directory(self):
        """A new directory that the servers' own accounts can reach."""
        path = tempfile.mkdtemp(dir=self.workdir)
        os.chmod(path, 0o755)
        return path

    def write(self, text, mode=0o600, name="database.conf.ext"):
        """Writes a configuration file of the driver and returns its path."""
        path = os.path.join(self.directory(), name)
        with open(path, "w", encoding="utf-8",
                  errors="surrogateescape") as config:
            config.write(text)
        os.chmod(path, mode)
        return path

    def tolerate(self, pattern, server=None):
        """Lines that the log checks shall let pass, of one server or all."""
        self.tolerated.append((re.compile(pattern), server))

    def start(self, text, driver=None, wait_for_auth=True,
              kind=dovecot_server.Dovecot, **options):
        """A Dovecot whose passdb and userdb have this configuration."""
        driver = driver or self.driver
        if driver == "postfixadmin":
            options.update(module=self.module(),
                           preload=os.environ.get("PFA_TEST_PRELOAD"))
        server = kind(
            os.path.join(self.directory(), "dovecot"), driver,
            text if os.path.isabs(text) else self.write(text), **options)
        server.install()
        self.servers.append(server)
        server.start(wait_for_auth)
        return server

    def refusal(self, text, **options):
        """Why Dovecot, or its auth, does not start."""
        try:
            return self.start(text, wait_for_auth=False, **options).refusal()
        except process.ServerError as error:
            return str(error)

    def stop(self, server):
        """Ends one of them and reads its log."""
        self.servers.remove(server)
        allowed = [pattern for pattern, whose in self.tolerated
                   if whose in (None, server)]
        tolerated = [re.compile("")]  # no second look at a log that is bad
        try:
            check_end(server.end_services(), server.log(), allowed)
            tolerated = allowed
        finally:
            self.leaving.add(server, tolerated)

    def close(self):
        """Ends what is left."""
        for server in self.servers:
            server.ask_to_stop()
        all_of([functools.partial(self.stop, server)
                for server in reversed(self.servers)] +
               [self.leaving.collect])


@pytest.fixture
def dovecots(workdir, leaving, request):
    """Dovecots for one test."""
    fleet = Fleet(workdir, leaving, request.config)
    yield fleet
    fleet.close()


@pytest.fixture(scope="module")
def shared_dovecots(workdir, leaving, request):
    """Dovecots for the tests of one file."""
    fleet = Fleet(workdir, leaving, request.config)
    yield fleet
    fleet.close()
