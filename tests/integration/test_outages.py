# SPDX-License-Identifier: MIT
"""Real database servers in trouble: with a healthy one left, no login suffers;
with none, each is told so in time, and the first one afterwards is good."""

import collections

import pytest

import process
import trouble

pytestmark = pytest.mark.ours

# Many are a matter of load, and take long with a sanitizer.
AT_ONCE = [30, pytest.param(1, marks=pytest.mark.once),
           pytest.param(300, marks=pytest.mark.once)]
NAMED = """\
hosts = {hosts}
user = postfixadmin
password = {password}
dbname = postfixadmin
encrypt = dovecot:CRAM-MD5
home = /var/mail/%d/%n
tls = off
lookup_timeout = {timeout} s
"""
# Longer than clients wait: whoever is answered did not sit it out.
LONG = 100
# A packet that was lost is sent again after a second.
SHORT = 2
# With a healthy host left, and for the first login after an outage.
GOOD = 1


@pytest.fixture(name="hosts", scope="module")
def fixture_hosts(workdir):
    """Two servers, both healthy between the tests."""
    hosts = trouble.Hosts(workdir)
    yield hosts
    hosts.close()


def start(dovecots, hosts, outage, count, timeout):
    """A Dovecot that asks so many of the hosts."""
    where = " ".join(f"{address}:{hosts.port}"
                     for address in hosts.addresses(outage, count))
    return dovecots.start(
        NAMED.format(hosts=where, timeout=timeout,
                     password=trouble.DATABASE_PASSWORD), nodelay=True)


def check(server, client, count, fate="right", limit=GOOD):
    """Makes logins that all have the same fate, and have it in time."""
    mark = server.log_mark()
    done = trouble.logins(client, count)
    fates = collections.Counter(login.fate for login in done)
    assert fates == {fate: count}, server.log(mark)[-3000:]
    assert max(login.seconds for login in done) < limit + process.SLACK


@pytest.mark.parametrize("count", AT_ONCE)
@pytest.mark.parametrize("name", sorted(trouble.TROUBLE))
def test_one_of_two(hosts, dovecots, name, count):
    """Each login succeeds while one host is away, and also when it is back
    and the other one has gone the same way."""
    outage = trouble.TROUBLE[name]
    server = start(dovecots, hosts, outage, 2, 5)
    with server.auth_client() as client:
        check(server, client, count)
        for host in hosts.hosts:
            outage.strike(host)
            try:
                check(server, client, count)
                # those that come when it is known
                check(server, client, count)
            finally:
                outage.cure(host)
            check(server, client, 1)


@pytest.mark.parametrize("count", AT_ONCE)
@pytest.mark.parametrize("name", sorted(trouble.TROUBLE))
def test_the_only_one(hosts, dovecots, name, count):
    """Each login fails for now, at once if the host says so and else at its
    deadline. The first one after the outage is good."""
    outage = trouble.TROUBLE[name]
    timeout = LONG if outage.tells else SHORT
    server = start(dovecots, hosts, outage, 1, timeout)
    with server.auth_client() as client:
        check(server, client, count)
        outage.strike(hosts.hosts[0])
        try:
            for _ in range(2):
                check(server, client, count, "temporary", SHORT)
        finally:
            outage.cure(hosts.hosts[0])
        check(server, client, 1)
        check(server, client, count)


@pytest.mark.parametrize("name", trouble.TROUBLE)
def test_since_before_the_start(hosts, dovecots, name):
    """The first host is in trouble when Dovecot starts; the second one
    serves."""
    outage = trouble.TROUBLE[name]
    outage.strike(hosts.hosts[0])
    try:
        server = start(dovecots, hosts, outage, 2, 5)
        with server.auth_client() as client:
            check(server, client, 30)
            check(server, client, 30)
    finally:
        outage.cure(hosts.hosts[0])
