#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The servers of scripts/demo: starts them, finds them again, ends them.

The state file holds what a later call needs: ids and start times of the two
processes, ports and paths. It exists from before the first process starts
until the last one has ended.
"""

import email.message
import email.utils
import json
import os
import shutil
import smtplib
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))

# pylint: disable=wrong-import-position
import accounts  # noqa: E402
import dovecot_server  # noqa: E402
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


def fill(server, password):
    """PostfixAdmin's tables and the demo's accounts."""
    accounts.create_postfixadmin(server, password='demo "#; password')
    server.run_sql(
        "INSERT INTO domain (domain, description, transport)"
        " VALUES ('example.org', 'demo', 'virtual');" +
        "".join("INSERT INTO mailbox (username, password, name, maildir,"
                f" local_part, domain, active, quota) VALUES ('{name}@example"
                f".org', '{accounts.hash_password(scheme, password)}',"
                f" '{name}', 'example.org/{name}/', '{name}', 'example.org',"
                f" {active}, {quota});"
                for name, scheme, active, quota in MAILBOXES),
        "postfixadmin")


def start(path, module, password):
    """Starts both servers below a new directory."""
    directory = tempfile.mkdtemp(prefix="pfa-demo-")
    os.chmod(directory, 0o755)
    state = {"directory": directory}
    save(path, state)
    mail = os.path.join(directory, "mail")
    os.mkdir(mail, 0o700)
    os.chown(mail, MAIL_OWNER, MAIL_OWNER)

    database = mariadb_server.MariaDB(os.path.join(directory, "mariadb"),
                                      detached=True)
    database.install()
    database.launch()
    remember(path, state, "mariadb", database)
    database.wait_until_ready()
    fill(database, password)

    config = os.path.join(directory, "dovecot-postfixadmin.conf.ext")
    with open(config, "w", encoding="utf-8") as target:
        target.write(DRIVER_CONFIG.format(
            socket=database.socket, directory=directory, owner=MAIL_OWNER))
    os.chmod(config, 0o600)
    server = dovecot_server.Dovecot(
        os.path.join(directory, "dovecot"), "postfixadmin", config,
        module=module, detached=True, extra=MECHANISMS)
    server.install()
    server.launch()
    remember(path, state, "dovecot", server)
    server.wait_until_ready()
    state.update(
        config=server.config, driver_config=config, log=server.log_path,
        socket=database.socket, imap=server.imap_port, pop3=server.pop3_port,
        lmtp=server.lmtp_port)
    save(path, state)


def end_dovecot(pid, started):
    """Ends Dovecot's master and whatever it has started."""
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
    if alive(state, "dovecot"):
        end_dovecot(*state["dovecot"])
    if alive(state, "mariadb"):
        process.end(dict([state["mariadb"]]))
    shutil.rmtree(state["directory"], ignore_errors=True)
    os.remove(path)


def running(path):
    """Succeeds if both servers run."""
    state = load(path)
    sys.exit(0 if "lmtp" in state and alive(state, "mariadb") and
             alive(state, "dovecot") else 1)


def fact(path, name):
    """Prints a path or port."""
    print(load(path)[name])


def log(path):
    """Prints the end of both logs, if there are any."""
    directory = load(path).get("directory", "")
    for name in ("mariadb/error.log", "dovecot/dovecot.log"):
        print(process.tail(os.path.join(directory, name)))


def deliver(path, user):
    """Brings one message by LMTP."""
    message = email.message.EmailMessage()
    message["From"] = "demo@example.org"
    message["To"] = user
    message["Subject"] = "Delivered by the demo"
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = email.utils.make_msgid(domain="example.org")
    message.set_content("Found by way of PostfixAdmin's tables.\n")
    with smtplib.LMTP("127.0.0.1", load(path)["lmtp"]) as lmtp:
        lmtp.send_message(message)
    print(f"delivered: {message['Subject']}")


if __name__ == "__main__":
    {"start": start, "stop": stop, "running": running, "fact": fact,
     "log": log, "deliver": deliver}[sys.argv[1]](*sys.argv[2:])
