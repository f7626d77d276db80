# SPDX-License-Identifier: MIT
"""Many configuration files in one Dovecot, each for a service of its own, and
requests that all wait at the same time.

Knows nothing of what the files say and who is asked for.
"""

import contextlib

import auth_protocol

# For tests that use it.
WHY_ARGS = "many files of settings, each named in a block of its protocol"
# Failures are answered at once, see dovecot_server.NODELAY.
SERVICE = """\
protocol {service} {{
  passdb {{
    driver = static
    args = nopassword=y noauthenticate=y nodelay=y
  }}
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
# Answered without a database, as soon as it is read. Dovecot wants a passdb
# for all services; it is asked after those of each, and knows nobody's
# password.
FENCE = "fence"
FENCE_SERVICE = """\
passdb {
  driver = static
  args = password=fence
}
protocol fence {
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
    return fleet.start("", driver=driver, extra=EXTRA,
                       databases="".join(blocks) + FENCE_SERVICE)


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


def _all_at_once(mariadb, clients, begun, fence, receive):
    """The replies to all requests, which begun(client) begins, for each of
    the clients. The database is frozen until auth has read all of them, as the
    answers to last ones, the fences, tell: what can be answered together is.
    """
    replies = {client: {} for client in clients}

    def take(client):
        reply = receive(client)
        replies[client][reply.request] = reply

    mariadb.freeze()
    try:
        requests = {client: begun(client) for client in clients}
        for client in clients:
            last = fence(client)
            while last not in replies[client]:
                take(client)
    finally:
        mariadb.thaw()
    for client in clients:
        while len(replies[client]) <= len(requests[client]):
            take(client)
    return [[replies[client][request] for request in requests[client]]
            for client in clients]


def ask_at_once(server, mariadb, questions):
    """ask(), with all of them waiting together."""
    with server.master_client(TIMEOUT) as master:
        return _all_at_once(
            mariadb, [master],
            lambda client: [client.begin("USER", *question)
                            for question in questions],
            lambda client: client.begin("USER", "anybody", FENCE),
            auth_protocol.MasterClient.receive)[0]


def log_in_at_once(server, mariadb, attempts, clients=1):
    """log_in(), with all of them waiting together; each of so many clients
    makes its share."""
    with contextlib.ExitStack() as stack:
        shares = {
            stack.enter_context(server.auth_client(TIMEOUT)):
            attempts[number::clients] for number in range(clients)}
        verdicts = _all_at_once(
            mariadb, list(shares),
            lambda client: [client.begin("PLAIN", *attempt)
                            for attempt in shares[client]],
            lambda client: client.begin("PLAIN", "anybody", FENCE, FENCE),
            auth_protocol.AuthClient.verdict)
    in_turn = [None] * len(attempts)
    for number, share in enumerate(verdicts):
        in_turn[number::clients] = share
    return in_turn
