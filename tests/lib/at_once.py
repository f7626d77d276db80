# SPDX-License-Identifier: MIT
"""Many configuration files in one Dovecot, each for a service of its own, and
requests that all wait at the same time.

Knows nothing of what the files say and who is asked for.
"""

import dovecot_server

SERVICE = """\
protocol {service} {{
  passdb {{
    driver = {driver}
    args = {args}
  }}
  userdb {{
    driver = {driver}
    args = {args}
  }}
}}
"""
# Answered without a database, as soon as it is read.
FENCE = "fence"
FENCE_SERVICE = """\
protocol fence {
  passdb {
    driver = static
    args = password=fence
  }
  userdb {
    driver = static
    args = uid=2000 gid=2000 home=/
  }
}
"""
# Each stock worker keeps a connection for each file, and the connections of
# as many files need more memory and descriptors than auth has by default.
EXTRA = """\
auth_username_chars =
auth_username_format =
auth_worker_max_count = 2
service auth {
  client_limit = 5000
  vsz_limit = 0
}
"""
IN_FLIGHT = 64
TIMEOUT = 120


def start(fleet, files, driver=None):
    """A Dovecot for files, a dict of texts by service."""
    driver = driver or fleet.driver
    blocks = [SERVICE.format(service=service, driver=driver,
                             args=fleet.write(text))
              for service, text in files.items()]
    return fleet.start(
        "", driver=driver, extra=EXTRA, databases="".join(
            [dovecot_server.NODELAY, *blocks, FENCE_SERVICE]))


def ask(server, questions):
    """The userdb's answers to questions, tuples of user and service, in that
    order."""
    with server.master_client() as client:
        return client.lookups(questions, IN_FLIGHT)


def log_in(server, attempts):
    """The verdicts on logins, tuples of user, password and service, in that
    order."""
    with server.auth_client() as client:
        return client.logins([("PLAIN", *attempt) for attempt in attempts],
                             IN_FLIGHT)


def _all_at_once(mariadb, begun, fence, receive):
    """The replies to all requests, which begun() begins. The database is
    frozen until auth has read all of them, as the answer to a last one, the
    fence, tells: what can be answered together is."""
    mariadb.freeze()
    try:
        requests = begun()
        last = fence()
        replies = {}
        while last not in replies:
            reply = receive()
            replies[reply.request] = reply
    finally:
        mariadb.thaw()
    while len(replies) <= len(requests):
        reply = receive()
        replies[reply.request] = reply
    return [replies[request] for request in requests]


def ask_at_once(server, mariadb, questions):
    """ask(), with all of them waiting together."""
    with server.master_client(TIMEOUT) as client:
        return _all_at_once(
            mariadb,
            lambda: [client.begin("USER", *question)
                     for question in questions],
            lambda: client.begin("USER", "anybody", FENCE), client.receive)


def log_in_at_once(server, mariadb, attempts):
    """log_in(), with all of them waiting together."""
    with server.auth_client(TIMEOUT) as client:
        return _all_at_once(
            mariadb,
            lambda: [client.begin("PLAIN", *attempt) for attempt in attempts],
            lambda: client.begin("PLAIN", "anybody", FENCE, FENCE),
            client.verdict)
