# SPDX-License-Identifier: MIT
"""A private Dovecot: own base directory, state, log, ports and modules.

Dovecot's directories of modules are fixed when it is compiled. The server
therefore runs in a mount namespace of its own, in which directories with the
system's modules and those under test lie over these places, and other
directories over the mail directories; the machine's own stay untouched.

Configurations are those of Dovecot 2.3; dovecot_24 translates them where the
installed one is a 2.4.
"""

import os
import re
import shutil
import socket
import stat
import subprocess

import auth_protocol
import dovecot_24
import process

# The resolver's configurations, which it guards with its own lock: one that
# the thread sanitizer does not see.
GLIBC_RACES = "race:__libc_dynarray_emplace_enlarge\n"
# The address sanitizer's, of any change of stacks, also if it is told of it.
SANITIZERS_DOUBT = re.compile(r"(?m)^.*WARNING: ASan doesn't fully support "
                              r"makecontext/swapcontext.*\n")
DOVECOT_CONFIG = "/usr/lib/dovecot/dovecot-config"
SETTINGS_MODULE = "libpostfixadmin_settings.so"
START_TIMEOUT = 30
STOP_TIMEOUT = 20

MAIN_CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
first_valid_uid = 500
postmaster_address = postmaster@example.org
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_verbose = yes
auth_debug = {debug}
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp_port}
  }}
}}
# repeated failures of the tests shall not be slowed down
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
{databases}
{extra}
"""

PASSDB = """\
passdb {{
  driver = {driver}
  args = {args}
}}
"""
PREFETCH = """\
userdb {
  driver = prefetch
}
"""
USERDB = """\
userdb {{
  driver = {driver}
  args = {args}
}}
"""
# Everybody's: for tests of passdbs.
STATIC_USERDB = """\
userdb {
  driver = static
  args = uid=2000 gid=2000 home=/var/mail/%d/%n
}
"""
# In front of the other passdbs: it lets nobody in, but what it says stays with
# the request, and failures are answered at once, not on the next half second.
# What a passdb says itself is forgotten when it refuses the login.
NODELAY = """\
passdb {
  driver = static
  args = nopassword=y noauthenticate=y nodelay=y
}
"""
# Sanitizer runtimes must be loaded first and reserve more address space
# than Dovecot grants.
PRELOAD = """\
default_vsz_limit = 0
service auth {{
  executable = {wrapper}
  vsz_limit = 0
}}
service auth-worker {{
  executable = {wrapper} -w
  vsz_limit = 0
}}
"""


def installed(name):
    """A variable of the installed Dovecot, such as dovecot_moduledir."""
    with open(DOVECOT_CONFIG, encoding="ascii") as config:
        match = re.search(rf"^{name}=(.*)$", config.read(), re.MULTILINE)
    if match is None:
        raise process.ServerError(f"no {name} in {DOVECOT_CONFIG}")
    return match.group(1)


class Dovecot:
    """One server below a directory that it creates.

    driver and args go into passdb and userdb; module is the file of the
    module under test, if the driver needs one, beside that of its settings.
    blocks is in place of them what a 2.4 reads as it stands. With nodelay,
    failures are answered at once. mounts are pairs of a directory of ours and
    the one it covers for this server. tamper is called with the path of each
    module's copy.
    """

    def __init__(self, directory, driver, args, *, module=None, prefetch=False,
                 nodelay=False, databases=None, blocks="", extra="",
                 debug=False, mounts=(), preload=None, environment=None,
                 detached=False, tamper=None):
        self.directory = directory
        self.driver = driver
        self.module = module
        self.mounts = list(mounts)
        self.preload = preload
        self.environment = environment or {}
        self.detached = detached
        self.debug = debug
        self.extra = extra
        self.blocks = blocks
        self.tamper = tamper
        self.databases = "" if blocks else databases or (
            (NODELAY if nodelay else "") +
            PASSDB.format(driver=driver, args=args) +
            (PREFETCH if prefetch else "") +
            USERDB.format(driver=driver, args=args))
        self.imap_port = process.free_port()
        self.pop3_port = process.free_port()
        self.lmtp_port = process.free_port()
        self.config = os.path.join(directory, "dovecot.conf")
        self.log_path = os.path.join(directory, "dovecot.log")
        self.run_dir = os.path.join(directory, "run")
        self.process = None
        self.namespace = None

    # -- life

    def install(self):
        """Writes the configuration and collects the modules."""
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        self._install_module("auth", self.module)
        if self.module is not None and dovecot_24.installed():
            self._install_module("settings", os.path.join(
                os.path.dirname(self.module), SETTINGS_MODULE))
        extra = self.extra
        if self.preload:
            extra += "\n" + PRELOAD.format(wrapper=self._write_wrapper())
        self._write_config(extra)

    def _write_config(self, extra):
        """The whole configuration; extra is what comes last in it."""
        text = MAIN_CONFIG.format(
            directory=self.directory, debug="yes" if self.debug else "no",
            imap_port=self.imap_port, pop3_port=self.pop3_port,
            lmtp_port=self.lmtp_port, databases=self.databases, extra=extra)
        if dovecot_24.installed():
            text = dovecot_24.configuration(text, self.databases)
            text += self.blocks
        with open(self.config, "w", encoding="utf-8",
                  errors="surrogateescape") as config:
            config.write(text)

    def _install_module(self, kind, module):
        """Puts a module among the system's of its kind."""
        modules = os.path.join(self.directory, "modules-" + kind)
        system_modules = os.path.join(installed("dovecot_moduledir"), kind)
        # the files themselves: links would lead back under the mount
        shutil.copytree(system_modules, modules)
        if module is not None:
            copy = shutil.copy(module, modules)
            if self.tamper:
                self.tamper(copy)
        self.mounts.append((modules, system_modules))

    def _write_wrapper(self):
        """A program that runs Dovecot's auth with a preloaded library."""
        path = os.path.join(self.directory, "auth-preload")
        races = os.path.join(self.directory, "races")
        with open(races, "w", encoding="utf-8") as suppressions:
            suppressions.write(GLIBC_RACES)
        os.chmod(races, 0o644)
        settings = " ".join(f"{name}='{value}'" for name, value in
                            {"TSAN_OPTIONS": f"suppressions={races}",
                             **self.environment,
                             # Dovecot keeps modules loaded until the end:
                             # reports have names, and memory that libmariadb
                             # holds for good does not look lost
                             "GDB": "1",
                             "LD_PRELOAD": self.preload}.items())
        auth = os.path.join(installed("dovecot_pkglibexecdir"), "auth")
        with open(path, "w", encoding="utf-8") as wrapper:
            wrapper.write(f'#!/bin/sh\nexec env {settings} {auth} "$@"\n')
        os.chmod(path, stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP |
                 stat.S_IROTH | stat.S_IXOTH)
        return path

    def start(self, wait_for_auth=True):
        """Starts the server. Returns when its auth process serves clients,
        or, for tests in which it will not, when the master listens."""
        self.launch()
        self.wait_until_ready(wait_for_auth)

    def launch(self):
        """Starts the server without waiting for it."""
        self.process = process.spawn(
            process.behind_mounts(self.mounts,
                                  ["dovecot", "-F", "-c", self.config]),
            self.log_path + ".start", detached=self.detached)

    def wait_until_ready(self, wait_for_auth=True):
        """Returns when the server that was launched is up, see start()."""
        process.wait_for(self._listening_or_dead, START_TIMEOUT, "Dovecot")
        self.namespace = process.MountNamespace(self.process.pid)
        self._wait_for_log_process()
        if wait_for_auth:
            self.wait_for_auth()

    def _listening_or_dead(self):
        if self.process.poll() is not None:
            raise process.ServerError(
                f"Dovecot ended ({self.process.returncode}): " +
                process.tail(self.log_path + ".start") +
                process.tail(self.log_path))
        return "starting up" in self.log()

    def _wait_for_log_process(self):
        """Waits until the process that writes the log has read the first
        line of each service, which is the master's. Lines that it reads
        together with that one stay in its buffer until the service says
        more, and are lost if it does not (2.3: log_connection_input())."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(START_TIMEOUT)
            client.connect(self.socket_path("log-errors"))
            # hangs up when it is back from its first round
            while client.recv(4096):
                pass

    def wait_for_auth(self):
        """Waits until the auth process has greeted a client."""
        try:
            self.auth_client(timeout=START_TIMEOUT).close()
        except (OSError, auth_protocol.ProtocolError) as error:
            raise process.ServerError(
                f"auth does not answer ({error}): " +
                process.tail(self.log_path)) from error

    def reload(self):
        """Has the server read its configuration anew. Returns when the new
        services can be reached: connections that still wait at the old
        sockets are reset."""
        path = self.socket_path("log-errors")

        def identity():
            status = os.stat(path)
            return status.st_ino, status.st_ctime_ns

        def renewed():
            try:
                if identity() == old:
                    return False
                self._wait_for_log_process()
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                return False

        old = identity()
        done = self.doveadm("reload")
        if done.returncode != 0:
            raise process.ServerError(f"reload failed: {done.stderr}")
        process.wait_for(renewed, START_TIMEOUT, "reloaded Dovecot")

    @staticmethod
    def place(path):
        """A pattern for what the log calls the file that args names, with a
        line of it. 2.4 has one configuration, and no lines."""
        if dovecot_24.installed():
            return r"settings postfixadmin_\*"
        return rf"{re.escape(path)} line \d"

    def refusal(self):
        """The line in which auth says why it does not start; a client makes
        it try."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket_path("auth-client"))
            return self.wait_log(r"^.* auth: Fatal: (?!master:).*$").group()

    def processes(self, argument=None):
        """Ids of this server's processes; argument picks those that have it
        in their command line, such as dovecot/auth."""
        found = self.namespace.processes()
        if argument is None:
            return found
        return {pid: started for pid, started in found.items()
                if argument in process.command_line(pid)}

    def auth_process(self):
        """Id and start time of the auth process that is no worker. After a
        reload there may be an old one for a while; this is the new one."""
        found = {pid: started
                 for pid, started in self.processes("dovecot/auth").items()
                 if "-w" not in process.command_line(pid).split()}
        if not found:
            raise process.ServerError("there is no auth process")
        return max(found.items(), key=lambda entry: (entry[1], entry[0]))

    def ask_to_stop(self):
        """Begins a stop(), so that several servers can end together."""
        if self.process is not None:
            self.process.terminate()

    def end_services(self):
        """Ends what the server started, up to the process that writes the
        log; see stop() for the rest, which is the master's. Returns the
        processes that did not end when asked to."""
        self.ask_to_stop()
        if self.namespace is None:
            return {}
        services = {
            pid: started for pid, started in self.namespace.processes().items()
            if pid != self.process.pid and
            "dovecot/log" not in process.command_line(pid)}
        # they end when the master says so; auth after its last client
        try:
            process.wait_for(
                lambda: self.ended() or not process.still_there(services),
                STOP_TIMEOUT, "end of Dovecot")
        except process.ServerError:
            self.process.kill()
        return process.end(process.still_there(services))

    def ended(self):
        """Whether the master is gone."""
        return self.process is None or self.process.poll() is not None

    def stop(self):
        """Ends the server and whatever it started. Returns the processes
        that did not end when asked to. The master always sleeps for a second
        at its end (2.3: services_monitor_wait_and_kill()); who has something
        else to do meanwhile calls end_services() and this later."""
        if self.process is None:
            return {}
        stubborn = self.end_services()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_TIMEOUT)
        self.process = None
        if self.namespace:
            # the log's process ends by itself when it has read everything
            process.wait_for_end(self.namespace.processes(), 5)
            stubborn.update(process.end(self.namespace.processes()))
            self.namespace.close()
            self.namespace = None
        return stubborn

    def close(self):
        """Ends the server and removes its files."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- use

    def socket_path(self, name):
        """The path of a listener such as auth-client."""
        return os.path.join(self.run_dir, name)

    def auth_client(self, timeout=30.0, name="auth-client"):
        """A connection to the authentication service."""
        return auth_protocol.AuthClient(self.socket_path(name), timeout)

    def master_client(self, timeout=30.0):
        """A connection for user lookups, as LMTP and doveadm make it."""
        return auth_protocol.MasterClient(self.socket_path("auth-master"),
                                          timeout)

    def doveadm(self, *arguments, stdin=""):
        """Runs doveadm on this server and returns the finished process."""
        return self.tool("doveadm", *arguments, stdin=stdin)

    def tool(self, name, *arguments, config=None, stdin=""):
        """Runs a program of Dovecot's. It looks for modules, too, where the
        server has them."""
        return subprocess.run(
            ["nsenter", f"--mount=/proc/{self.process.pid}/ns/mnt",
             name, "-c", config or self.config, *arguments], input=stdin,
            text=True, check=False, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=180)

    def log(self, start=0):
        """The log from an offset (see log_mark) on."""
        try:
            with open(self.log_path, "rb") as log:
                log.seek(start)
                text = log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        text = SANITIZERS_DOUBT.sub("", text)
        return (dovecot_24.log_of_23(text) if dovecot_24.installed() else
                text)

    def log_mark(self):
        """The offset of the log's end, for log() and wait_log()."""
        try:
            return os.path.getsize(self.log_path)
        except FileNotFoundError:
            return 0

    def wait_log(self, pattern, start=0, timeout=15):
        """Waits for a line that matches and returns the match."""
        expression = re.compile(pattern, re.MULTILINE)
        try:
            return process.wait_for(
                lambda: expression.search(self.log(start)), timeout,
                f"log line {pattern!r}")
        except process.ServerError as error:
            raise process.ServerError(
                f"{error}:\n{process.tail(self.log_path)}") from error
