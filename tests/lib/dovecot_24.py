# SPDX-License-Identifier: MIT
"""Configurations of Dovecot 2.3 in the words of 2.4.

The tests write their configurations as Dovecot 2.3 has them: blocks with a
driver and args, and a file that args names. For a Dovecot 2.4 they are
translated here, as an administrator would who moves on, and so are the names
of fields in its answers, and of requests in its log; hardly anything else in
the tests knows that there are two kinds. What cannot be translated is an
error.
"""

import functools
import os
import re
import subprocess
import tempfile

HEAD = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
# what 2.3 allows without being asked
auth_allow_weak_schemes = yes
# part of auth_failure_delay there
auth_internal_failure_delay = 0
"""
# Settings of Dovecot itself: what replaces a line.
SETTINGS = {
    "disable_plaintext_auth = no": "auth_allow_cleartext = yes",
    "mail_location = maildir:~/Maildir":
        "mail_driver = maildir\nmail_path = ~/Maildir",
    "auth_debug = yes": "log_debug = category=auth",
    "auth_debug = no": "",
    "default_vsz_limit = 0": "default_vsz_limit = unlimited",
    "  vsz_limit = 0": "  vsz_limit = unlimited",
    "default_idle_kill = 1 hour": "default_idle_kill_interval = 1 hour",
}
ENVIRONMENT = re.compile(r"^import_environment = (\w+)=(.*)$")
ENVIRONMENT_24 = r"import_environment {\n  \1 = \2\n}"
# Keys of a passdb or userdb block that keep their name.
KEPT = ("username_filter", "result_success", "result_failure", "skip",
        "deny", "master")
# Variables of one letter, and those whose name has changed.
VARIABLES = {
    "u": "user", "n": "user | username", "d": "user | domain",
    "s": "protocol", "h": "home", "l": "local_ip", "r": "remote_ip",
    "p": "client_pid", "w": "password", "m": "mechanism", "a": "local_port",
    "b": "remote_port", "c": "secured", "k": "cert", "!": "id",
    "username": "user | username", "domain": "user | domain",
    "service": "protocol", "lip": "local_ip", "rip": "remote_ip",
    "pid": "client_pid", "mech": "mechanism", "lport": "local_port",
    "rport": "remote_port", "orig_user": "original_user",
    "orig_username": "original_user | username",
    "orig_domain": "original_user | domain",
    "real_lip": "real_local_ip", "real_rip": "real_remote_ip",
    "auth_username": "auth_user | username",
    "auth_domain": "auth_user | domain",
    "login_username": "login_user | username",
    "login_domain": "login_user | domain",
}
# %{md5;truncate=16:user}
HASH = re.compile(r"(md5|sha1|sha256|sha512)(?:;truncate=(\d+))?:(\w+)")
MODIFIERS = {"L": "lower", "U": "upper", "R": "reverse",
             "M": "md5 | hexlify", "X": "hexlify"}
VARIABLE = re.compile(
    r"%(?:%|(-?\d+(?:\.-?\d+)?|)([LUEXRHNMDT]*)(\{[^}]*\}|[^{%0-9]))")
# settings that each request expands
TEMPLATES = ("home", "mail", "uid", "gid")
QUERIES = {"passdb": "password_query", "userdb": "user_query"}
# words of connect and what they are now
CONNECT = {"user": "user", "password": "password", "dbname": "dbname",
           "option_file": "option_file", "option_group": "option_group",
           "ssl_ca": "tls_ca", "ssl_cert": "tls_cert", "ssl_key": "tls_key",
           "connect_timeout": "connect_timeout",
           "read_timeout": "lookup_timeout"}


# Columns of queries whose names have changed.
COLUMNS = [
    (re.compile(r"(?i)'(\w+):([^']*)'\s*as (userdb_)?mail\b"),
     r"'\1' AS \3mail_driver, '\2' AS \3mail_path"),
    (re.compile(r"(?i)CONCAT\('(maildir):([^']*)'(.*?)\) "
                r"as (userdb_)?mail\b"),
     r"'\1' AS \4mail_driver, CONCAT('\2'\3) AS \4mail_path"),
    (re.compile(r"(?i)CONCAT\('\*:bytes=', (\w+)\) as "
                r"(userdb_)?quota_rule\b"),
     r"CONCAT(\1, 'B') AS \2quota_storage_size"),
]
# auth(joe@example.org,127.0.0.1,sasl:plain)<session>: Info: postfixadmin: ...
LOG_PREFIX = re.compile(
    r"\bauth\((.*?)(?:,sasl:[\w-]+)?\)(<[^>]*>)?: (\w+): "
    r"(postfixadmin|sql|static)\d*:")
LOCATION = {"mail_index_path": "INDEX", "mail_control_path": "CONTROL"}
FIELD = re.compile(r"^(userdb_)?(mail_driver|mail_path|mail_index_path|"
                   r"mail_control_path|quota_storage_size)=(.*)$")


@functools.lru_cache(maxsize=None)
def installed():
    """Whether the installed Dovecot is a 2.4."""
    done = subprocess.run(["dovecot", "--version"], check=True, text=True,
                          stdout=subprocess.PIPE)
    return not done.stdout.startswith("2.3.")


@functools.lru_cache(maxsize=None)
def tool_environment():
    """What a tool that needs no settings of its own has to have in its
    environment, with an open descriptor: the configuration as doveconf has
    read it. Otherwise each call runs doveconf, which takes longer than all
    else."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
        config.write(HEAD)
        config.flush()
        done = subprocess.run(
            ["doveconf", "-c", config.name, "-F",
             "sh", "-c", 'exec cat <&"$DOVECOT_CONFIG_FD"'],
            check=True, stdout=subprocess.PIPE)
    descriptor = os.memfd_create("dovecot", flags=0)
    os.write(descriptor, done.stdout)
    return {"DOVECOT_CONFIG_FD": str(descriptor)}


# Names that are another setting's in a block.
OURS = {"fields": "account_fields"}


class NotTranslated(Exception):
    """There is no such thing in Dovecot 2.4, or nobody needed it so far."""


def condition(text):
    """The %{if;...} of 2.3."""
    value, operator, other, yes, no = text.split(";")
    name = variables(value)[2:-1].strip()
    return f"%{{{name} | if('{operator}', '{other}', '{yes}', '{no}')}}"


def variable(match):
    """One variable."""
    size, modifiers, key = match.groups()
    if match.group() == "%%":
        return "%"
    long_key = key.strip("{}")
    if long_key.startswith("if;"):
        return condition(long_key[3:])
    hashed = HASH.fullmatch(long_key)
    if hashed:
        name, bits, source = hashed.groups()
        cut = f" | substr(0, {int(bits) // 8})" if bits else ""
        return f"%{{{VARIABLES.get(source, source)} | {name}{cut} | hexlify}}"
    name = VARIABLES.get(long_key, long_key if key != long_key else None)
    if name is None or not set(modifiers) <= set(MODIFIERS):
        raise NotTranslated(match.group())
    filters = [MODIFIERS[modifier] for modifier in modifiers]
    if size:
        offset, _, length = size.rpartition(".")
        filters.append(f"substr({offset or 0}, {length})"
                       if not length.startswith("-") else
                       f"substr({length})")
    return "%{" + " | ".join([name, *filters]) + "}"


def variables(text):
    """A text with variables."""
    return VARIABLE.sub(variable, text)


def query_of_24(text):
    """A query, its columns and variables."""
    for old, new in COLUMNS:
        text = old.sub(new, text)
    return quoted(variables(text))


def fields_of_23(fields):
    """The fields of an answer, as a 2.3 would have named them."""
    translated, driver = [], ""
    for field in fields:
        match = FIELD.match(field)
        prefix, name, value = match.groups("") if match else ("", "", "")
        if name == "mail_driver":
            driver = value + ":"
        elif name == "mail_path":
            translated.append(f"{prefix}mail={driver}{value}")
        elif name in LOCATION:
            translated[-1] += f":{LOCATION[name]}={value}"
        elif name == "quota_storage_size":
            translated.append(
                f"{prefix}quota_rule=*:bytes={value.rstrip('B')}")
        else:
            translated.append(field)
    return translated


def log_of_23(text):
    """A log, the requests of passdbs and userdbs named as a 2.3 does."""
    return LOG_PREFIX.sub(
        lambda found: f"auth: {found[3]}: {found[4]}({found[1]}" +
        (f",{found[2]}" if found[2] else "") + "):", text)


def quoted(value):
    """A value that is to be taken as it stands."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def setting(name, value):
    """A line; variables only where there may be some."""
    if name in TEMPLATES:
        return quoted(variables(value))
    return quoted(value.replace("%{", "%%{"))


def file_settings(text):
    """Names and values of a file, in its order."""
    if re.search(r"(?m)^driver\b", text):
        # a line of the other form may end in a backslash
        text = re.sub(r"\\\n\s*", " ", text)
    found = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            raise NotTranslated(line)
        if name != "password" and name != "connect":
            value = re.sub(r"\s+#.*$", "", value)
        if name.endswith("query"):
            value = re.sub(r"^([\"'])(.*)\1$", r"\2", value)
        found.append((name, value))
    return found


def connection(value):
    """The words of connect: hosts, and the rest."""
    words = [word.partition("=")[::2] for word in value.split()]
    hosts = [host for name, host in words if name == "host"]
    rest = {name: host for name, host in words if name != "host"}
    return hosts, rest


def is_dropin(settings):
    """Whether it is a dovecot-sql.conf.ext."""
    return any(name in ("driver", "connect") for name, _ in settings)


def dropin(settings, kind):
    """A dovecot-sql.conf.ext for our driver: names and values."""
    values = dict(settings)
    hosts, rest = connection(values["connect"])
    port = rest.pop("port", None)
    lines = [("hosts", " ".join(
        f"{host}:{port}" if port and not host.startswith("/") else host
        for host in hosts))]
    for name, value in rest.items():
        lines.append((CONNECT[name], value))
    lines += [(name, value) for name, value in settings
              if name.startswith("verify_")]
    query = QUERIES[kind]
    if kind == "passdb":
        lines.append(("passdb_default_password_scheme",
                      values.get("default_pass_scheme", "MD5")))
    if query in values:
        lines.append(("query", values[query]))
    if kind == "userdb" and "iterate_query" in values:
        lines.append(("iterate_query", values["iterate_query"]))
    return lines


def our_block(kind, name, args):
    """A block of our driver."""
    with open(args, encoding="utf-8", errors="surrogateescape") as source:
        settings = file_settings(source.read())
    if is_dropin(settings):
        lines = [f"{key} = " + (query_of_24(value) if key.endswith("query")
                                else setting(key, value))
                 for key, value in dropin(settings, kind)]
    else:
        lines = [f"{OURS.get(key, key)} = {setting(key, value)}"
                 for key, value in settings]
    if name != "postfixadmin":
        # the short names are those of the block that has the driver's
        lines = ["driver = postfixadmin"] + [
            line if line.startswith("passdb_") else
            f"{kind}_postfixadmin_{line}" for line in lines]
    return lines


def sql_block(kind, args):
    """A block of the stock driver, and the server it asks."""
    with open(args, encoding="utf-8", errors="surrogateescape") as source:
        values = dict(file_settings(source.read()))
    [host], rest = connection(values["connect"])
    server = [f"mysql {host} {{"]
    server += [f"  {name} = {setting(name, value)}"
               for name, value in rest.items()]
    lines = ["sql_driver = mysql", *server, "}"]
    query = QUERIES[kind]
    if kind == "passdb":
        lines.append("default_password_scheme = " +
                     values.get("default_pass_scheme", "MD5"))
    if query in values:
        lines.append(f"query = {query_of_24(values[query])}")
    if kind == "userdb" and "iterate_query" in values:
        lines.append("iterate_query = " +
                     query_of_24(values["iterate_query"]))
    return lines


def static_block(kind, args):
    """A block of the static driver."""
    fields = [word.partition("=")[::2] for word in args.split()]
    lines = [f"passdb_static_password = {value}" for name, value in fields
             if kind == "passdb" and name == "password"]
    lines += ["fields {"]
    lines += [f"  {name} = {quoted(variables(value))}"
              for name, value in fields if name != "password"]
    return lines + ["}"]


def block(kind, number, body):
    """One passdb or userdb."""
    values = dict(line.strip().partition(" = ")[::2]
                  for line in body.strip().splitlines()
                  if line.strip() and not line.strip().startswith("#"))
    driver, args = values.pop("driver"), values.pop("args", "")
    name = driver if number == 1 else f"{driver}{number}"
    if driver == "postfixadmin":
        lines = our_block(kind, name, args)
    elif driver == "sql":
        lines = sql_block(kind, args)
    elif driver == "static":
        lines = static_block(kind, args)
    elif driver == "passwd-file":
        lines = [f"passwd_file_path = {args}"]
    else:
        lines = []
    if name != driver and driver != "postfixadmin":
        lines.insert(0, f"driver = {driver}")
    for key, value in values.items():
        if key not in KEPT:
            raise NotTranslated(key)
        lines.append(f"{key} = {value}")
    return (f"{kind} {name} {{\n" + "".join(f"  {line}\n" for line in lines) +
            "}\n")


def blocks(text):
    """The passdbs and userdbs of a configuration."""
    counts = {}
    translated = []
    text = re.sub(r"(?m)^#.*\n", "", text)
    for kind, body in re.findall(r"(passdb|userdb) \{\n(.*?)^\}\n", text,
                                 re.DOTALL | re.MULTILINE):
        driver = re.search(r"driver = (\S+)", body).group(1)
        counts[kind, driver] = counts.get((kind, driver), 0) + 1
        translated.append(block(kind, counts[kind, driver], body))
    return "".join(translated)


def configuration(text, databases):
    """Dovecot's main file; databases are its passdbs and userdbs."""
    lines = [SETTINGS.get(line, ENVIRONMENT.sub(ENVIRONMENT_24, line))
             for line in (text.replace(databases, "") if databases
                          else text).splitlines()]
    return HEAD + "\n".join(lines) + "\n" + blocks(databases)
