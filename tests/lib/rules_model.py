# SPDX-License-Identifier: MIT
"""A second opinion on who may log in: PostfixAdmin's account rules as one
table, and everything that they depend on.

Written from what PostfixAdmin documents, not from the driver, which is
compared with it. Knows nothing of SQL, servers or settings files; the words
of Settings are the driver's.
"""

import enum
import ipaddress
import itertools
import typing


class Reason(enum.Enum):
    """Why somebody is refused."""
    UNKNOWN = enum.auto()
    SEVERAL_MAILBOXES = enum.auto()
    MAILBOX_INACTIVE = enum.auto()
    DOMAIN_MISSING = enum.auto()
    DOMAIN_INACTIVE = enum.auto()
    DOMAIN_RELAYED = enum.auto()
    SMTP_OFF = enum.auto()
    EXPIRED = enum.auto()
    NEEDS_APP_PASSWORD = enum.auto()
    WRONG_PASSWORD = enum.auto()
    ADDRESS_REFUSED = enum.auto()


class Settings(typing.NamedTuple):
    """What the administrator decides, with the defaults: as PostfixAdmin's
    own queries, but for the domains."""
    domain_active: bool = True
    backupmx_login: bool = True
    alias_domains: bool = False
    alias_login: bool = False
    password_expiry: bool = False
    smtp_active: str = "ignore"


SMTP_SERVICES = ("smtp", "submission")
SERVICES = ("imap", "pop3", *SMTP_SERVICES)


class Domain(typing.NamedTuple):
    """A domain's row; days until passwords expire."""
    active: int = 1
    backupmx: int = 0
    days: typing.Optional[int] = 0


class Mailbox(typing.NamedTuple):
    """A mailbox's row, without the name."""
    active: int = 1
    smtp_active: int = 1
    expired: bool = False


class Name(enum.Enum):
    """By which name somebody asks for a mailbox."""
    OWN = enum.auto()
    ALIAS_DOMAIN = enum.auto()
    # alias_domain.active = 0
    INACTIVE_ALIAS_DOMAIN = enum.auto()
    # an alias domain of an alias domain
    SECOND_HOP = enum.auto()
    ALIAS = enum.auto()
    INACTIVE_ALIAS = enum.auto()
    # points at two mailboxes
    LIST = enum.auto()
    # of an alias
    ALIAS_OF_ALIAS = enum.auto()
    NOBODY = enum.auto()


class Columns(typing.NamedTuple):
    """Which of the columns a version of PostfixAdmin has that came late."""
    password_expiry: bool = True
    smtp_active: bool = True


class Case(typing.NamedTuple):
    """One question. domain is None if the mailbox's has no row."""
    settings: Settings
    name: Name
    mailbox: Mailbox
    domain: typing.Optional[Domain]
    service: str = "imap"
    columns: Columns = Columns()

    @property
    def sends(self):
        """Whether it is about sending mail."""
        return self.service in SMTP_SERVICES


def no_such_name(case):
    """Names other than the own one have to be asked for."""
    return {Name.OWN: False,
            Name.ALIAS_DOMAIN: not case.settings.alias_domains,
            Name.ALIAS: not case.settings.alias_login}.get(case.name, True)


def replaces_active(case):
    """Whether smtp_active stands in for active."""
    return (case.settings.smtp_active == "independent" and case.sends and
            case.columns.smtp_active)


def expires(case):
    """0 and NULL days are never."""
    return (case.settings.password_expiry and case.columns.password_expiry and
            case.domain is not None and (case.domain.days or 0) > 0)


# The first that holds is the reason.
RULES = [
    (Reason.SEVERAL_MAILBOXES, lambda case:
     case.settings.alias_login and case.name is Name.LIST),
    (Reason.UNKNOWN, no_such_name),
    (Reason.MAILBOX_INACTIVE, lambda case:
     case.mailbox.active != 1 and not replaces_active(case)),
    (Reason.DOMAIN_MISSING, lambda case:
     case.settings.domain_active and case.domain is None),
    (Reason.DOMAIN_INACTIVE, lambda case:
     case.settings.domain_active and case.domain.active != 1),
    (Reason.DOMAIN_RELAYED, lambda case:
     not case.settings.backupmx_login and case.domain is not None and
     case.domain.backupmx != 0),
    (Reason.SMTP_OFF, lambda case:
     case.settings.smtp_active != "ignore" and case.sends and
     case.columns.smtp_active and case.mailbox.smtp_active != 1),
    (Reason.EXPIRED, lambda case:
     expires(case) and case.mailbox.expired),
]
# Mail comes in for whoever cannot log in for now.
LOGINS_ONLY = {Reason.SMTP_OFF, Reason.EXPIRED}


def reason(case):
    """Why a login with the right password is refused; None if it is not."""
    return next((why for why, holds in RULES if holds(case)), None)


def delivery_reason(case):
    """The same of a lookup for a mail that comes in."""
    case = case._replace(service="lmtp")
    return next((why for why, holds in RULES
                 if why not in LOGINS_ONLY and holds(case)), None)


def leads_somewhere(name):
    """Whether there are settings with which the name is the mailbox's."""
    return name in (Name.OWN, Name.ALIAS_DOMAIN, Name.ALIAS)


def all_settings():
    """Every combination; the ways of naming, which do not touch each other,
    are there or not together."""
    for domain, backupmx, names, expiry, smtp in itertools.product(
            (True, False), (True, False), (True, False), (True, False),
            ("ignore", "and", "independent")):
        yield Settings(domain, backupmx, names, names, expiry, smtp)


def all_domains():
    """Every combination, a row that is missing, and flags that are no
    flags."""
    yield None
    for row in itertools.product((1, 0), (0, 1), (0, None, 90)):
        yield Domain(*row)
    yield Domain(active=2)


def all_mailboxes():
    """Every combination, and flags that are no flags."""
    for row in itertools.product((1, 0), (1, 0), (False, True)):
        yield Mailbox(*row)
    yield Mailbox(active=2)
    yield Mailbox(active=-1)
    yield Mailbox(smtp_active=2)


# -- app passwords and TOTP


class Tried(enum.Enum):
    """Which password it is."""
    MAIN = enum.auto()
    APP = enum.auto()
    # an app password of somebody else
    ANOTHERS_APP = enum.auto()
    WRONG = enum.auto()


class Owner(enum.Enum):
    """Whose exception a client's address is."""
    NOBODY = enum.auto()
    USER = enum.auto()
    DOMAIN = enum.auto()
    EVERYBODY = enum.auto()
    OTHER_USER = enum.auto()
    OTHER_DOMAIN = enum.auto()


class Policy(typing.NamedTuple):
    """The settings, with the defaults."""
    app_passwords: bool = False
    totp: str = "ignore"


class Attempt(typing.NamedTuple):
    """One question about a mailbox in an active domain."""
    policy: Policy
    active: int
    totp_secret: typing.Optional[str]
    tried: Tried
    exception: Owner


def app_password_matches(attempt):
    """One of the user's own, from wherever."""
    return attempt.tried is Tried.APP and attempt.policy.app_passwords


def needs_app_password(attempt):
    """The web login is not the only one that asks for a second factor. A
    column that is empty is none. Whether it was the main password, which is
    of no use, nobody has to find out."""
    return (attempt.policy.totp == "enforce" and
            bool(attempt.totp_secret) and not app_password_matches(attempt) and
            attempt.exception not in (Owner.USER, Owner.DOMAIN,
                                      Owner.EVERYBODY))


# The first that holds is the reason.
POLICY_RULES = [
    (Reason.MAILBOX_INACTIVE, lambda attempt: attempt.active != 1),
    (Reason.NEEDS_APP_PASSWORD, needs_app_password),
    (Reason.WRONG_PASSWORD, lambda attempt:
     attempt.tried is not Tried.MAIN and not app_password_matches(attempt)),
]


def policy_reason(attempt):
    """Why a login is refused; None if it is not."""
    return next((why for why, holds in POLICY_RULES if holds(attempt)), None)


# -- columns of the administrator's own


class Own(typing.NamedTuple):
    """What they hold: networks of a mailbox, commas between them, and the
    host of a domain. Empty ones are as good as none."""
    networks: typing.Optional[str]
    host: typing.Optional[str]


class Fields(typing.NamedTuple):
    """Which of them are fields; beside is one that says what a host is for,
    proxy_maybe or nologin, which every domain has."""
    allow_nets: bool = False
    host: bool = False
    beside: typing.Optional[str] = None


def parsed(address):
    """One of IPv4 in the clothes of IPv6 is the same."""
    address = ipaddress.ip_address(address)
    return getattr(address, "ipv4_mapped", None) or address


def holds(network, address):
    """What is no network holds nobody."""
    try:
        network = ipaddress.ip_network(network)
    except ValueError:
        return False
    return (network.version == parsed(address).version and
            parsed(address) in network)


def own_reason(own, fields, tried, address):
    """Why a login with the main password or a wrong one is refused; None if
    it is not. Who does not know the password is told by no field."""
    if tried is not Tried.MAIN:
        return Reason.WRONG_PASSWORD
    if not fields.allow_nets or not own.networks or any(
            holds(network, address)
            for network in own.networks.replace(" ", "").split(",")):
        return None
    return Reason.ADDRESS_REFUSED


def answer(own, fields):
    """What the login process is told: whoever has a host is proxied to it,
    where the administrator has nothing else in mind."""
    told = {}
    if fields.beside:
        told[fields.beside] = "y"
    if fields.host and own.host:
        told["host"] = own.host
        if not fields.beside:
            told["proxy"] = "y"
    return told


def mail_answer(own):
    """What a mail process is told, if the columns are fields of the userdb:
    all that is not empty, and nothing that is the passdb's."""
    return {name: value for name, value in own._asdict().items() if value}


# -- what Dovecot's cache may answer


class Variables(typing.NamedTuple):
    """What a template of the answer, such as home, has in it besides the
    name."""
    service: bool = False
    address: bool = False


def cache_key(settings, policy, variables, service, address):
    """Logins of one user with equal keys may have one answer; None may not
    be kept. With several passwords that are right, one that is kept would
    make the others wrong."""
    if policy.app_passwords:
        return None
    return (service if settings.smtp_active != "ignore" or variables.service
            else None,
            address if policy.totp == "enforce" or variables.address
            else None)


def login_reason(case, attempt):
    """All rules: those about the account come first."""
    return reason(case) or policy_reason(attempt)
