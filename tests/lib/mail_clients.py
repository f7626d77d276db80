# SPDX-License-Identifier: MIT
"""Logins as mail programs make them: IMAP and POP3, LOGIN/USER or SASL."""

import base64
import imaplib
import poplib

import auth_protocol

TIMEOUT = 30


def responder(mechanism, user, password):
    """A function from challenge to response, for a client that sends no
    initial response with its command."""
    conversation = auth_protocol.MECHANISMS[mechanism](user, password)
    initial = [next(conversation)]

    def respond(challenge):
        if initial and initial[0] is not None:
            return initial.pop()
        initial.clear()
        return conversation.send(challenge)
    return respond


def imap_login(port, user, password, mechanism=None):
    """Logs in with the command LOGIN or a SASL mechanism. Returns whether
    that worked, and the server's answer."""
    with imaplib.IMAP4("127.0.0.1", port, TIMEOUT) as imap:
        try:
            if mechanism is None:
                _, text = imap.login(user, password)
            else:
                _, text = imap.authenticate(
                    mechanism, responder(mechanism, user, password))
        except imaplib.IMAP4.error as error:
            return False, str(error)
        imap.select("INBOX")
        return True, text[0].decode()


def pop3_login(port, user, password, mechanism=None):
    """Logs in with USER and PASS or a SASL mechanism. Returns whether that
    worked, and the server's answer."""
    pop3 = poplib.POP3("127.0.0.1", port, TIMEOUT)
    try:
        if mechanism is None:
            pop3.user(user)
            text = pop3.pass_(password)
        else:
            text = pop3_sasl(pop3, mechanism, user, password)
        pop3.quit()
        return True, text.decode()
    except poplib.error_proto as error:
        return False, str(error)
    finally:
        pop3.close()


def pop3_sasl(pop3, mechanism, user, password):
    """AUTH (RFC 5034), which poplib does not have."""
    respond = responder(mechanism, user, password)
    # pylint: disable=protected-access
    text = pop3._shortcmd("AUTH " + mechanism)
    while not text.startswith(b"+OK"):
        response = respond(base64.b64decode(text[2:]))
        text = pop3._shortcmd(base64.b64encode(response).decode())
    return text
