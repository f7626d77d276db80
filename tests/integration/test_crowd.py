# SPDX-License-Identifier: MIT
"""Ten thousand logins that come at the same time are all answered, and
rightly."""

import re

import pytest

import accounts
import at_once
import test_coalesce

LOGINS = 10_000

pytestmark = [pytest.mark.ours, pytest.mark.args(at_once.WHY_ARGS)]


@pytest.fixture(name="crowd", scope="module")
def fixture_crowd(mariadb):
    """Logins of half as many people; the other half do not know their
    password, or do not exist. With each, whether he is to be let in."""
    accounts.create_postfixadmin(mariadb)
    people = [f"user{number}@d{number % 100}.example.org"
              for number in range(LOGINS * 3 // 4)]
    with mariadb.connect("postfixadmin") as connection:
        connection.begin()
        for number in range(100):
            accounts.add_domain(connection, f"d{number}.example.org")
        accounts.add_mailboxes(connection, [
            accounts.mailbox(name, "{PLAIN}secret of " + name)
            for name in people])
        connection.commit()
    crowd = [((name, "secret of " + name), True)
             for name in people[:LOGINS // 2]]
    crowd += [((name, "secret of " + people[0]), False)
              for name in people[LOGINS // 2:]]
    crowd += [((f"nobody{number}@d{number % 100}.example.org", "secret"),
               False) for number in range(LOGINS // 4)]
    # neighbours differ
    return [crowd[number * 3001 % LOGINS] for number in range(LOGINS)]


def patient(text):
    """The configuration, with time for a machine that is busy, too."""
    if text.startswith("driver") or "\ndriver" in text:
        return re.sub(r"(?m)^connect = .*$", r"\g<0> read_timeout=60", text)
    return text + "lookup_timeout = 60 s\n"


@pytest.mark.parametrize("name,clients", [
    (test_coalesce.FORMS[0], 1),
    *(pytest.param(*row, marks=pytest.mark.once) for row in (
        (test_coalesce.FORMS[0], 500), (test_coalesce.FORMS[1], 1),
        (test_coalesce.FORMS[1], 500)))])
def test_ten_thousand(mariadb, dovecots, crowd, name, clients):
    """From one process, or from many."""
    server = at_once.start(dovecots, {
        "imap": patient(test_coalesce.configuration(mariadb, name))})
    verdicts = at_once.log_in_at_once(
        server, mariadb, [(*login, "imap") for login, _ in crowd], clients)
    for ((user, _), right), verdict in zip(crowd, verdicts):
        assert verdict.kind == ("OK" if right else "FAIL"), verdict
        assert not verdict.temporary, verdict
        assert verdict.get("user") == user
