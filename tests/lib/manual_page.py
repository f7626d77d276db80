# SPDX-License-Identifier: MIT
"""The manual page's examples, so that tests run what administrators are told
to."""

import os
import re

import accounts

PATH = os.path.join(os.path.dirname(accounts.TESTS), "doc",
                    "dovecot-postfixadmin.7")


def example(beginning):
    """The one that begins so, as it is shown."""
    text = re.search(rf"(?ms)^\.Bd -literal.*?\n({re.escape(beginning)}.*?)"
                     r"^\.Ed$", accounts.read(PATH)).group(1)
    return text.replace(r"\e", "\\").replace(r"\&", "")
