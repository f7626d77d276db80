# SPDX-License-Identifier: MIT
"""The rest of the world: Postfix's smtp-sink, which takes every message.

It stands for the mail servers that a mail host sends to, and keeps what they
were sent.
"""

import os
import re
import shutil
import socket

import process

START_TIMEOUT = 30


class Sink:
    """One server on a port of loopback, below a directory that it makes."""

    def __init__(self, directory):
        self.directory = directory
        self.port = process.free_port()
        self.process = None

    def start(self):
        """Starts the server and returns when it listens."""
        os.mkdir(self.directory)
        shutil.chown(self.directory, "nobody")
        self.process = process.spawn(
            ["smtp-sink", "-u", "nobody", "-D", "messages",
             f"127.0.0.1:{self.port}", "100"],
            os.path.join(self.directory, "log"), cwd=self.directory)
        process.wait_for(self._listening_or_dead, START_TIMEOUT, "smtp-sink")

    def _listening_or_dead(self):
        if self.process.poll() is not None:
            raise process.ServerError("smtp-sink ended: " + process.tail(
                os.path.join(self.directory, "log")))
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def recipients(self, subject):
        """Whom messages with this subject were sent to; there is one, though
        it may be written down a moment after it was accepted."""
        return process.wait_for(lambda: self._recipients(subject),
                                START_TIMEOUT, f"message {subject}")

    def _recipients(self, subject):
        with open(os.path.join(self.directory, "messages"),
                  encoding="utf-8", errors="replace") as messages:
            sent = messages.read().split("X-Client-Addr:")
        return [recipient for text in sent if f"Subject: {subject}\n" in text
                for recipient in re.findall(r"(?m)^X-Rcpt-Args: <(.*?)>",
                                            text)]

    def stop(self):
        """Ends the server."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(START_TIMEOUT)
            self.process = None
