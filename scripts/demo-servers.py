#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The servers of scripts/demo: starts them, finds them again, ends them.

The state file holds what a later call needs: ids and start times of the
processes, ports and paths. It exists from before the first process starts
until the last one has ended.
"""

import email.message
import email.utils
import json
import os
import re
import shutil
import smtplib
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))

# pylint: disable=wrong-import-position
import accounts  # noqa: E402
import dovecot_24  # noqa: E402
import dovecot_server  # noqa: E402
import mail_host  # noqa: E402
import mariadb_server  # noqa: E402
import process  # noqa: E402

DRIVER_CONFIG = """\
# The whole configuration of the driver: where the database is, and where
# the mail. See example-config for all settings.
hosts    = {socket}
user     = postfixadmin
password = demo "#; password
dbname   = postfixadmin
encrypt  = dovecot:SHA512-CRYPT
home     = {directory}/mail/%d/%n
mail     = maildir:~/Maildir
uid      = {owner}
gid      = {owner}
"""
# Most of the stored passwords are hashes that no challenge can be made of.
MECHANISMS = "auth_mechanisms = plain login"
MAIL_OWNER = 2000
# name, scheme of the stored password, active, quota in bytes
MAILBOXES = [("alice", "SHA512-CRYPT", 1, 104857600),
             ("bob", "BLF-CRYPT", 1, 0),
             ("carol", "CRAM-MD5", 1, 0),
             ("dave", "SHA512-CRYPT", 0, 0)]
# in the order in which they end
SERVERS = ["postfix", "dovecot", "mariadb"]


def load(path):
    """The state, empty if there is none."""
    try:
        return json.loads(accounts.read(path))
    except FileNotFoundError:
        return {}


def save(path, state):
    """Writes the state, at once or not at all."""
    with open(path + ".new", "w", encoding="ascii") as target:
        json.dump(state, target, indent=1)
    os.rename(path + ".new", path)


def alive(state, name):
    """Whether a process of ours still is what it was."""
    pid, started = state.get(name, (0, None))
    return pid and process.start_time(pid) == started


def remember(path, state, name, server):
    """Notes a process that was just started."""
    pid = server.process.pid
    state[name] = [pid, process.start_time(pid)]
    save(path, state)


def fill(server, password, database_password):
    """PostfixAdmin's tables and the demo's accounts."""
    accounts.create_postfixadmin(server, password=database_password)
    server.run_sql(
        "INSERT INTO domain (domain, description, transport)"
        " VALUES ('example.org', 'demo', 'virtual');" +
        "".join("INSERT INTO mailbox (username, password, name, maildir,"
                f" local_part, domain, active, quota) VALUES ('{name}@example"
                f".org', '{accounts.hash_password(scheme, password)}',"
                f" '{name}', 'example.org/{name}/', '{name}', 'example.org',"
                f" {active}, {quota});"
                "INSERT INTO alias (address, goto, domain, active) VALUES"
                f" ('{name}@example.org', '{name}@example.org',"
                f" 'example.org', {active});"
                for name, scheme, active, quota in MAILBOXES) +
        "INSERT INTO alias (address, goto, domain) VALUES"
        " ('info@example.org', 'alice@example.org', 'example.org');",
        "postfixadmin")


def start_database(path, state, password, database_password):
    """Makes a new directory for all that follows, and a MariaDB in it."""
    directory = tempfile.mkdtemp(prefix="pfa-demo-")
    os.chmod(directory, 0o755)
    state["directory"] = directory
    save(path, state)
    database = mariadb_server.MariaDB(os.path.join(directory, "mariadb"),
                                      detached=True)
    database.install()
    database.launch()
    remember(path, state, "mariadb", database)
    database.wait_until_ready()
    fill(database, password, database_password)
    state["socket"] = database.socket
    return database


def start_dovecot(path, state, server):
    """Starts a Dovecot of either kind."""
    server.install()
    server.launch()
    remember(path, state, "dovecot", server)
    server.wait_until_ready()
    state.update(config=server.config, log=server.log_path,
                 imap=server.imap_port, pop3=server.pop3_port)


def start(path, module, password):
    """Starts MariaDB and Dovecot below a new directory."""
    state = {}
    database = start_database(path, state, password, 'demo "#; password')
    directory = state["directory"]
    mail = os.path.join(directory, "mail")
    os.mkdir(mail, 0o700)
    os.chown(mail, MAIL_OWNER, MAIL_OWNER)
    config = os.path.join(directory, "dovecot-postfixadmin.conf.ext")
    with open(config, "w", encoding="utf-8") as target:
        target.write(DRIVER_CONFIG.format(
            socket=database.socket, directory=directory, owner=MAIL_OWNER))
    os.chmod(config, 0o600)
    server = dovecot_server.Dovecot(
        os.path.join(directory, "dovecot"), "postfixadmin", config,
        module=module, detached=True, extra=MECHANISMS)
    start_dovecot(path, state, server)
    # 2.4 has no file of the driver's own
    state.update(driver_config=server.config if dovecot_24.installed() else
                 config, lmtp=server.lmtp_port, running="quick")
    save(path, state)


def start_full(path, module, password):
    """Starts MariaDB, and a whole mail server as example-config has it."""
    state = {}
    database = start_database(path, state, password, "pa$$word")
    directory = os.path.join(state["directory"], "host")
    os.mkdir(directory)
    os.chmod(directory, 0o755)
    host = mail_host.MailHost(directory, "postfixadmin", database,
                              detached=True)
    host.install()
    server = mail_host.Dovecot(
        os.path.join(state["directory"], "dovecot"), "postfixadmin",
        mail_host.DRIVER_CONFIG, module=module, detached=True, host=host,
        extra=MECHANISMS)
    start_dovecot(path, state, server)
    host.postfix.launch()
    remember(path, state, "postfix", host.postfix)
    host.postfix.wait_until_ready()
    state.update(
        imaps=server.imaps_port, etc=host.inside("etc"),
        postfix_log=host.postfix.log_path, **host.postfix.ports,
        running="full")
    save(path, state)


def end_with_namespace(pid, started):
    """Ends a master and whatever it has started."""
    try:
        namespace = process.MountNamespace(pid)
    except (OSError, process.ServerError):
        # gone, or not far enough yet to have started anything
        process.end({pid: started})
        return
    process.end(namespace.processes())
    namespace.close()


def stop(path):
    """Ends what runs, whole or half, and removes its files."""
    state = load(path)
    if not state:
        return
    for name in SERVERS:
        if alive(state, name):
            if name == "mariadb":
                process.end(dict([state[name]]))
            else:
                end_with_namespace(*state[name])
    shutil.rmtree(state["directory"], ignore_errors=True)
    os.remove(path)


def running(path):
    """Prints what runs, quick or full; fails if that is not all of it."""
    state = load(path)
    print(state.get("running", ""))
    sys.exit(0 if "running" in state and
             all(alive(state, name) for name in SERVERS if name in state)
             else 1)


def fact(path, name):
    """Prints a path or port."""
    print(load(path)[name])


def pid_of(path, name):
    """Prints the id of a master process."""
    print(load(path)[name][0])


def log(path):
    """Prints the ends of the logs, if there are any."""
    directory = load(path).get("directory", "")
    for name in ("mariadb/error.log", "dovecot/dovecot.log",
                 "host/postfix.log"):
        print(process.tail(os.path.join(directory, name)))


def compose(user, subject):
    """A message to somebody."""
    message = email.message.EmailMessage()
    message["From"] = "demo@example.org"
    message["To"] = user
    message["Subject"] = subject
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = email.utils.make_msgid(domain="example.org")
    message.set_content("Found by way of PostfixAdmin's tables.\n")
    return message


def write_message(_, user):
    """Prints a message to send."""
    sys.stdout.write(compose(user, "Sent by the demo").as_string())


def wait_for_delivery(path, user):
    """Waits until Postfix has delivered to somebody; prints its log line."""
    sent = re.compile(rf"to=<{re.escape(user)}>.*status=sent.*")
    log_path = load(path)["postfix_log"]
    print(process.wait_for(lambda: sent.search(accounts.read(log_path)), 60,
                           f"delivery to {user}").group())


def deliver(path, user):
    """Brings one message by LMTP."""
    message = compose(user, "Delivered by the demo")
    with smtplib.LMTP("127.0.0.1", load(path)["lmtp"]) as lmtp:
        lmtp.send_message(message)
    print(f"delivered: {message['Subject']}")


if __name__ == "__main__":
    {"start": start, "start_full": start_full, "stop": stop,
     "running": running, "fact": fact, "pid": pid_of, "log": log,
     "deliver": deliver, "write_message": write_message,
     "wait_for_delivery": wait_for_delivery}[sys.argv[1]](*sys.argv[2:])
