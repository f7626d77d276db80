# SPDX-License-Identifier: MIT
"""The benchmark: each kind of load puts real requests, and takes no reply
for right that is not; a run from the servers to the report."""

import collections
import functools
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

import accounts
import experiments
import plot
import report
import test_coalesce

pytestmark = pytest.mark.ours

TOP = os.path.dirname(accounts.TESTS)
SEED = accounts.data_file("seed-000", "dovecot-sql.conf.ext")
KINDS = ("plain", "cram-md5", "userdb", "login")
USER, OTHER, MISSING = (f"{name}@example.org"
                        for name in ("joe", "bare", "missing"))
PEOPLE = 2000
Caller = collections.namedtuple("Caller", "user password home answer")


def home(user):
    """As the configuration has it."""
    local_part, _, domain = user.partition("@")
    return f"/var/mail/{domain}/{local_part}"


RIGHT = Caller(USER, accounts.RIGHT, home(USER), "OK")
# Expectations that each reply of our server disappoints, by kind.
DISAPPOINTED = {
    "refused": (KINDS, RIGHT._replace(answer="FAIL")),
    "let in": (("plain", "cram-md5", "login"),
               RIGHT._replace(password=accounts.WRONG)),
    "found": (KINDS, RIGHT._replace(user=MISSING, home=home(MISSING))),
    "another's home": (("userdb", "login"), RIGHT._replace(home=home(OTHER))),
    "another's name": (KINDS, RIGHT._replace(user=USER.upper())),
    "another refused": (("plain", "cram-md5", "login"), RIGHT._replace(
        user=USER.upper(), password=accounts.WRONG, answer="FAIL")),
}


@pytest.fixture(scope="module")
def server(mariadb, shared_dovecots):
    """Our Dovecot, with seed 000."""
    accounts.seed_000(mariadb)
    return shared_dovecots.start(
        accounts.point_to(accounts.read(SEED), mariadb.port), prefetch=True)


@pytest.fixture(name="put_load", scope="module")
def fixture_put_load(request, tmp_path_factory):
    """Puts a load on a server. Returns what auth-load reports."""
    program = os.path.join(request.config.getoption("--builddir"), "bench",
                           "auth-load")
    path = tmp_path_factory.mktemp("load") / "callers"

    def run(server, kind, callers, *arguments):
        path.write_text("".join("all\t" + "\t".join(caller) + "\n"
                                for caller in callers), encoding="utf-8")
        done = subprocess.run(
            [program, f"--base-dir={server.run_dir}", f"--kind={kind}",
             f"--accounts={path}", "--connections=3", *arguments, "all=1"],
            stdout=subprocess.PIPE, check=True, text=True)
        return json.loads(done.stdout)

    return run


@pytest.fixture(name="load", scope="module")
def fixture_load(server, put_load):
    """Puts a load on that server."""
    return functools.partial(put_load, server)


@pytest.fixture(name="busy", scope="module", params=test_coalesce.FORMS)
def fixture_busy(server, mariadb, shared_dovecots, request):
    """A Dovecot with one of the forms, and the callers of a whole town:
    lookups of different names go out together."""
    names = [f"person{number}@example.org" for number in range(PEOPLE)]
    with mariadb.connect("postfixadmin") as connection:
        connection.begin()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM mailbox WHERE username LIKE 'person%'")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, "{PLAIN}secret of " + name)
            for name in names])
        connection.commit()
    busy = shared_dovecots.start(
        test_coalesce.configuration(mariadb, request.param), prefetch=True)
    busy.callers = [Caller(name, "secret of " + name, home(name), "OK")
                    for name in names]
    yield busy
    shared_dovecots.stop(busy)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_town(busy, put_load, kind):
    """As the benchmark does, with as many requests under way: sanitizers see
    the driver at work on batches."""
    callers = []
    for number, caller in enumerate(busy.callers):
        callers.append(caller)
        if number % 8 == 0:
            callers.append(caller._replace(user="no" + caller.user,
                                           answer="FAIL"))
        if number % 8 == 4 and kind != "userdb":
            callers.append(caller._replace(password=accounts.WRONG,
                                           answer="FAIL"))
    result = put_load(busy, kind, callers, "--seconds=1",
                      "--outstanding=128")
    assert result["requests"] > 0
    assert result["wrong"] == result["temp_fail"] == 0


@pytest.mark.parametrize("arguments", [
    ("--outstanding=1",), ("--outstanding=128",), ("--rate=200",)])
@pytest.mark.parametrize("kind", KINDS)
def test_every_reply_is_right(load, kind, arguments):
    """Those who log in, have no name in the database, or do not know their
    password: all of them at once. Sanitizers see the driver under load."""
    callers = [RIGHT, RIGHT._replace(user=OTHER, home=home(OTHER)),
               RIGHT._replace(user=MISSING, answer="FAIL")]
    if kind != "userdb":
        callers.append(RIGHT._replace(password=accounts.WRONG, answer="FAIL"))
    result = load(kind, callers, "--seconds=1", *arguments)
    assert result["requests"] > 0
    assert result["wrong"] == result["temp_fail"] == 0


@pytest.mark.once
@pytest.mark.parametrize("kind, caller", [
    pytest.param(kind, caller, id=f"{name}-{kind}")
    for name, (kinds, caller) in DISAPPOINTED.items() for kind in kinds])
def test_no_wrong_reply_is_taken_for_right(load, kind, caller):
    """The generator notices each reply that is not as it should be."""
    result = load(kind, [caller], "--outstanding=4", "--seconds=0.1")
    assert result["requests"] > 0
    assert result["wrong"] == result["requests"]


def test_all_contenders_can_be_plotted():
    """A run of everything does not end in an error after all its time."""
    groups = {name: dict.fromkeys(experiment.contenders, 1.0)
              for name, experiment in experiments.EXPERIMENTS.items()
              if experiment.plot}
    assert "stock-two" in plot.bars("", groups)


@pytest.mark.once
def test_run_and_report(request, tmp_path):
    """All that the contenders need is made, and they are checked; the report
    has goals, figures and the plot, and keeps what was written by hand."""
    names = ("plain-16", "userdb")
    run = {name: experiments.EXPERIMENTS[name] for name in names}
    document = tmp_path / report.DOCUMENT
    document.write_text(f"# By hand\n{report.MARK}of the last run\n")
    done = subprocess.run(
        [sys.executable, os.path.join(TOP, "bench", "run.py"),
         f"--builddir={request.config.getoption('--builddir')}",
         "--rounds=2", "--seconds=0.2", "--mailboxes=1500",
         f"--report={tmp_path}", *names],
        env={**os.environ, "PYTHONPATH": os.path.join(TOP, "tests", "lib")},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        text=True)
    assert done.returncode == 0, done.stdout
    text = document.read_text()
    assert text.startswith(f"# By hand\n{report.MARK}")
    assert "of the last run" not in text
    for name, experiment in run.items():
        assert f"\n### {name}: {experiment.title}\n" in done.stdout
        assert f"\n### {name}: {experiment.title}\n" in text
        goals = re.findall(rf"^\| {name} .*\| (?:met|missed) *\|$", text,
                           re.MULTILINE)
        assert len(goals) == len(experiment.goals)
    drawn = xml.etree.ElementTree.parse(tmp_path / report.PLOT)
    bars = [contender for experiment in run.values()
            for contender in experiment.contenders]
    # each contender is in the legend, and there is the background
    assert len(drawn.findall(".//{*}rect")) == len(bars) + len(set(bars)) + 1
