# SPDX-License-Identifier: MIT
"""What only Dovecot 2.4 has: settings that Dovecot itself knows, the module
that tells it of them, blocks for protocols, templates of fields. All else is
in the other files, whose configurations are translated."""

import os
import re

import pytest

import accounts

pytestmark = [pytest.mark.ours, pytest.mark.blocks]

ABI_VERSION = rb"2\.4\.ABIv\d\0"
USER = "joe@example.org"
SERVER = """\
postfixadmin_hosts = 127.0.0.1:{port}
postfixadmin_user = postfixadmin
postfixadmin_password = "pa$$word"
postfixadmin_dbname = postfixadmin
"""
NAMED = SERVER + """\
postfixadmin_encrypt = dovecot:CRAM-MD5
postfixadmin_home = /var/mail/%{{user | domain}}/%{{user | username}}
postfixadmin_mail = maildir:/var/mail/%{{user}}:INDEX=/var/index/%{{user}}
postfixadmin_uid = 2000
postfixadmin_gid = 2000
"""
BLOCKS = """\
passdb postfixadmin {
}
userdb postfixadmin {
}
"""
QUERIES = """\
passdb postfixadmin {
  query = SELECT username AS user, password, 'x' AS userdb_column \
FROM mailbox WHERE username = '%{user | lower}' AND active = 1
  passdb_default_password_scheme = CRAM-MD5
}
userdb postfixadmin {
  query = SELECT '/srv/%{user | domain}' AS home, 2000 AS uid, 2000 AS gid, \
'%{protocol | upper}' AS protocol FROM mailbox \
WHERE username = '%{user}' AND username LIKE '%@%'
  iterate_query = SELECT username AS user FROM mailbox
}
"""


@pytest.fixture(name="seed", scope="module")
def fixture_seed(mariadb):
    """Seed 000's accounts."""
    accounts.seed_000(mariadb)
    return mariadb


def server_settings(port):
    """Those of the server alone."""
    return SERVER.format(port=port)


def start(dovecots, text, **options):
    """A Dovecot with this at the end of its configuration."""
    return dovecots.start("", blocks=text, **options)


def check_login(server, user=USER):
    """Somebody logs in, with the right password only."""
    with server.auth_client() as client:
        good, bad = client.logins([("PLAIN", user, accounts.RIGHT),
                                   ("PLAIN", user, accounts.WRONG)])
    assert good.kind == "OK", server.log()
    assert bad.kind == "FAIL" and not bad.temporary


def doveconf(server, *arguments, **options):
    """What doveconf shows, but for its head."""
    done = server.tool("doveconf", *arguments, **options)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stdout.splitlines()
            if not line.startswith("# ")]


def test_fields(seed, dovecots):
    """The names that Dovecot 2.4 has for the mail location and the quota."""
    server = start(dovecots, NAMED.format(port=seed.port) + BLOCKS)
    check_login(server)
    done = server.doveadm("user", "quota@example.org")
    fields = dict(line.split("\t") for line in done.stdout.splitlines()[1:])
    expected = {
        "home": "/var/mail/example.org/quota",
        "mail_driver": "maildir", "mail_path": "/var/mail/quota@example.org",
        "mail_index_path": "/var/index/quota@example.org",
        "quota_storage_size": "1048576B", "uid": "2000", "gid": "2000"}
    assert {name: fields.get(name) for name in expected} == expected


def test_example(seed, dovecots):
    """The example file, with another server."""
    text = accounts.read(os.path.join(
        os.path.dirname(accounts.TESTS), "example-config",
        "auth-postfixadmin-2.4.conf.ext"))
    server = start(dovecots, text.replace("/run/mysqld/mysqld.sock",
                                          f"127.0.0.1:{seed.port}"))
    check_login(server)
    with server.master_client() as master:
        reply = master.user(USER)
    assert reply.get("mail") == "maildir:/var/mail/example.org/joe"


def test_queries(seed, dovecots):
    """The administrator's own, with variables and filters of 2.4."""
    server = start(dovecots, server_settings(seed.port) + QUERIES)
    check_login(server)
    with server.master_client() as master:
        reply = master.user(USER)
        assert reply.get("home") == "/srv/example.org"
        assert reply.get("protocol") == "DOVEADM"
        assert USER in master.users()[0]


def test_in_the_block(seed, dovecots):
    """Short names in a block come before the ones for all."""
    text = NAMED.format(port=seed.port).replace(
        "postfixadmin_dbname = postfixadmin", "postfixadmin_dbname = nosuch")
    server = start(dovecots, text + """\
postfixadmin_table_prefix = nosuch_
passdb postfixadmin {
  dbname = postfixadmin
  domain_active = no
  table_prefix =
}
userdb postfixadmin {
  dbname = postfixadmin
  home = /srv/%{user | username | upper}
  table_prefix =
}
""")
    check_login(server)
    with server.master_client() as master:
        assert master.user(USER).get("home") == "/srv/JOE"


def test_passdb_fields(seed, dovecots):
    """Columns as fields, some of them only."""
    server = start(dovecots, NAMED.format(port=seed.port) + """\
passdb postfixadmin {
  fields_import_all = no
  fields {
    user = %{postfixadmin:user}
    password = %{postfixadmin:password}
    shown = %{postfixadmin:userdb_home}
  }
}
userdb postfixadmin {
  fields {
    home = %{postfixadmin:home}/more
  }
}
""")
    check_login(server)
    with server.auth_client() as client, server.master_client() as master:
        reply = client.login(USER, accounts.RIGHT)
        assert reply.get("shown") == "/var/mail/example.org/joe"
        assert master.user(USER).get("home") == \
            "/var/mail/example.org/joe/more"


def test_use_worker(seed, dovecots):
    """Lookups by auth-workers, if somebody wants that."""
    server = start(dovecots, NAMED.format(port=seed.port) + """\
passdb postfixadmin {
  use_worker = yes
}
userdb postfixadmin {
  use_worker = yes
}
""")
    check_login(server)
    with server.master_client() as master:
        assert master.user(USER).kind == "USER"


def test_protocols_share_an_engine(seed, dovecots):
    """A block for a protocol has the same connections, not more of them."""
    server = start(dovecots, NAMED.format(port=seed.port) +
                   "postfixadmin_connections = 1\n" + BLOCKS + """\
protocol imap {
  auth_verbose = yes
}
protocol lmtp {
  auth_verbose = yes
}
""")
    check_login(server)
    with server.auth_client() as client:
        for service in ("imap", "pop3", "lmtp"):
            client.begin("PLAIN", USER, accounts.RIGHT, service)
        assert {client.verdict().kind for _ in range(3)} == {"OK"}
    with seed.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist"
                       " WHERE user = 'postfixadmin'")
        assert cursor.fetchone() == (1,)


def test_doveconf(seed, dovecots):
    """Hides the password, shows defaults, and can be read again."""
    server = start(dovecots, NAMED.format(port=seed.port) + BLOCKS +
                   "postfixadmin_verify_queue = 100\n")
    shown = doveconf(server, "-n")
    assert not any("pa$$word" in line for line in shown)
    assert "postfixadmin_verify_queue = 100" in shown
    assert not any("connections" in line for line in shown)
    assert doveconf(server, "-d", "postfixadmin_connections") == [
        "postfixadmin_connections = 2"]
    again = os.path.join(server.directory, "again.conf")
    with open(again, "w", encoding="utf-8") as config:
        config.write("\n".join(doveconf(server, "-n", "-P")) + "\n")
    assert doveconf(server, "-n", config=again) == shown


@pytest.mark.parametrize("settings,blocks", [
    (NAMED, BLOCKS + "protocol imap {\n  postfixadmin_connections = 3\n}\n"),
    (SERVER, QUERIES)], ids=["named", "queries"])
def test_doveconf_as_configuration(seed, dovecots, settings, blocks):
    """Dovecot runs with what doveconf shows of it, and shows the same
    again."""
    server = start(dovecots, settings.format(port=seed.port) + blocks)
    check_login(server)
    shown = doveconf(server, "-n", "-P")
    with open(server.config, "w", encoding="utf-8") as config:
        config.write("\n".join(shown) + "\n")
    server.reload()
    assert doveconf(server, "-n", "-P") == shown
    check_login(server)


def test_doveconf_keeps_any_value(seed, dovecots):
    """Whatever needs quotes or backslashes reads the same again."""
    # but ', which doveconf shows as \', and Dovecot does not read (2.4.5)
    value = r"""a "b" \d #e $f %%{g} """
    accounts.SECRETS.add(value)
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    server = start(dovecots, NAMED.format(port=seed.port).replace(
        '"pa$$word"', f'"{quoted}"') + BLOCKS)
    ask = ["-P", "-h", "postfixadmin_password"]
    again = os.path.join(server.directory, "again.conf")
    with open(again, "w", encoding="utf-8") as config:
        config.write("\n".join(doveconf(server, "-n", "-P")) + "\n")
    [shown] = doveconf(server, *ask)
    assert shown == f'"{quoted}"'
    assert doveconf(server, *ask, config=again) == [shown]
    assert not any(value in line for line in doveconf(server, "-n"))


# what is wrong, and what Dovecot has to say
HOPELESS = {
    "unknown": ("postfixadmin_hoome = /var/mail", "postfixadmin_hoome"),
    "bad-number": ("postfixadmin_connections = many",
                   "connections = many is no number"),
    "bad-unit": ("postfixadmin_lookup_timeout = 5 parsecs", "parsecs"),
    "bad-word": ("postfixadmin_tls = sometimes", "auto, off, required"),
    "no-dbname": ("postfixadmin_dbname =", "dbname is missing"),
    "no-hosts": ("postfixadmin_hosts =", "hosts is missing"),
    "encrypt": ("postfixadmin_encrypt = rot13", "rot13"),
    "old-variable": ("postfixadmin_home = /var/mail/%d/%n",
                     r"write %\{user\} for %u"),
    "variable": ("postfixadmin_home = /var/mail/%{nonsense}", "nonsense"),
    "args": ("passdb postfixadmin {\n  args = /etc/dovecot/x.conf.ext\n}",
             "args = /etc/dovecot/x.conf.ext: Dovecot 2.4 reads no such file: "
             "write its settings into Dovecot's configuration"),
    "userdb-args": ("userdb postfixadmin {\n  args = /etc/x.conf.ext\n}",
                    "args = /etc/x.conf.ext: Dovecot 2.4 reads no such file"),
    "2.3-block": ("passdb {\n  driver = postfixadmin\n"
                  "  args = /etc/dovecot/x.conf.ext\n}", "passdb|args"),
    "2.3-file": ("hosts = 127.0.0.1\nhome = /var/mail/%d/%n",
                 "Unknown setting: hosts"),
    "2.3-file-in-the-block": (
        "passdb postfixadmin {\n  hosts = 127.0.0.1\n  home = /srv/%d/%n\n}",
        r"home: .*write %\{user\} for %u"),
    "query-and-home": ("passdb postfixadmin {\n  query = SELECT 1\n}",
                       "home means nothing with a query"),
    "iterate-alone": ("userdb postfixadmin {\n  iterate_query = SELECT 1\n}",
                      "iterate_query is set without query"),
    "rehash": ("postfixadmin_rehash = MD5-CRYPT",
               "no such hashes are made here"),
}


@pytest.mark.parametrize("case", HOPELESS)
def test_hopeless(seed, dovecots, case):
    """One line that says what to do; nothing crashes."""
    dovecots.tolerate("LeakSanitizer|byte.s. leaked in|auth: Fatal: ")
    wrong, said = HOPELESS[case]
    assert re.search(said, dovecots.refusal(
        "", blocks=NAMED.format(port=seed.port) + BLOCKS + wrong + "\n"))


REFUSED_QUERIES = {
    "old-variable": ("SELECT password FROM mailbox WHERE username = '%u'",
                     r"write %\{user\} for %u"),
    "name": ("SELECT password FROM mailbox_%{user | domain} WHERE username ="
             " '%{user}'", "at character"),
    "open": ("SELECT password FROM mailbox WHERE username = '%{user}",
             "at character"),
    "placeholder": ("SELECT password FROM mailbox WHERE username = ?",
                    "at character"),
}


@pytest.mark.parametrize("case", REFUSED_QUERIES)
def test_refused_query(seed, dovecots, case):
    """Auth does not start."""
    dovecots.tolerate("auth: Fatal: |LeakSanitizer|byte.s. leaked in")
    query, said = REFUSED_QUERIES[case]
    line = dovecots.refusal("", blocks=server_settings(seed.port) +
                            f"passdb postfixadmin {{\n  query = {query}\n}}\n"
                            "userdb static {\n}\n")
    assert re.search(r"query: .*" + said, line), line


def without_settings(path):
    """Takes the module of the settings away."""
    if "settings" in path:
        os.unlink(path)


def changed(path, old, new):
    """Changes bytes of a module."""
    with open(path, "rb") as module:
        content = module.read()
    assert re.search(old, content)
    with open(path, "wb") as module:
        module.write(re.sub(old, new, content))


def settings_of_another_version(path):
    """The other module is fine."""
    if "settings" in path:
        changed(path, ABI_VERSION, b"2.4.ABIv0\0")


def auth_of_another_version(path):
    """The module of the settings is fine."""
    if "settings" not in path:
        changed(path, ABI_VERSION, b"2.4.ABIv0\0")


def settings_of_another_build(path):
    """One that has another name for a setting."""
    if "settings" in path:
        changed(path, rb"postfixadmin_rehash\0", b"postfixadmin_rehush\0")


TOGETHER = ("libpostfixadmin_settings.so, is missing or of another build: "
            "install both modules together")


@pytest.mark.parametrize("tamper,with_settings,said", [
    (without_settings, True, "Unknown setting: postfixadmin_hosts"),
    (without_settings, False, TOGETHER),
    (settings_of_another_version, True,
     "Unknown setting: postfixadmin_hosts"),
    (settings_of_another_version, False, TOGETHER),
    (settings_of_another_build, True, TOGETHER),
    (auth_of_another_version, True,
     "is for different ABI version 2.4.ABIv0")])
def test_modules_that_do_not_fit(seed, dovecots, tamper, with_settings, said):
    """One line names what is missing, and nothing crashes."""
    dovecots.tolerate("auth: (Fatal|Error): |LeakSanitizer|leaked in")
    text = NAMED.format(port=seed.port) if with_settings else ""
    assert said in dovecots.refusal("", blocks=text + BLOCKS, tamper=tamper)
