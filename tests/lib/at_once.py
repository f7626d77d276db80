# SPDX-License-Identifier: MIT
"""Many configuration files in one Dovecot, each a userdb for a service of its
own, and lookups that all wait at the same time.

Knows nothing of what the files say and who is asked for.
"""

# Nobody logs in here, but auth wants a passdb.
HEAD = """\
passdb {
  driver = static
  args = nopassword=y
}
"""
SERVICE = """\
protocol {service} {{
  userdb {{
    driver = {driver}
    args = {args}
  }}
}}
"""
# Answered without a database, as soon as it is read.
FENCE = "fence"
FENCE_ARGS = "uid=2000 gid=2000 home=/"
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


def start(fleet, files, driver=None):
    """A Dovecot for files, a dict of texts by service."""
    driver = driver or fleet.driver
    blocks = [SERVICE.format(service=service, driver=driver,
                             args=fleet.write(text))
              for service, text in files.items()]
    blocks.append(SERVICE.format(service=FENCE, driver="static",
                                 args=FENCE_ARGS))
    return fleet.start("", driver=driver, databases=HEAD + "".join(blocks),
                       extra=EXTRA)


def ask(server, questions):
    """The answers to questions, tuples of user and service, in that
    order."""
    with server.master_client() as client:
        return client.lookups(questions, IN_FLIGHT)


def ask_at_once(server, mariadb, questions):
    """The same, with the database frozen until auth has read all of them: what
    can be answered together is."""
    with server.master_client(timeout=120) as client:
        mariadb.freeze()
        try:
            requests = [client.begin("USER", *question)
                        for question in questions]
            fence = client.begin("USER", "anybody", FENCE)
            replies = {}
            while fence not in replies:
                reply = client.receive()
                replies[reply.request] = reply
        finally:
            mariadb.thaw()
        while len(replies) < len(requests) + 1:
            reply = client.receive()
            replies[reply.request] = reply
    return [replies[request] for request in requests]
