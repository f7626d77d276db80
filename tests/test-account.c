/* SPDX-License-Identifier: MIT */
/*
 * Rows to verdicts and fields. A row is written as the values of user,
 * password, quota, active and domain_active, the columns of the named form's
 * widest query; the answer is compared as "name=value name=value".
 */
#include "core/account.h"
#include "core/schema.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define BASE "hosts = db\ndbname = pfa\n"
#define PATHS BASE "home = /var/mail/%d/%n\nmail = maildir:/var/mail/%d/%n\n"
#define ALL PATHS "uid = 2000\ngid = 2001\n"
#define USERS BASE "schema = users\n"

/* what struct account.reason is compared with where there is none */
#define NONE ""

static int expand_service(const char *text, struct strbuf *out, void *context,
			  struct errbuf *error)
{
	if (strcmp(text, "%s") != 0)
		return errbuf_set(error, "unexpected %s", text);
	strbuf_append_str(out, context);
	return 0;
}

static void append_answer(struct strbuf *out, const struct account *account)
{
	const struct account_field *field;

	for (unsigned int i = 0; i < account->field_count; i++) {
		field = &account->fields[i];
		if (i > 0)
			strbuf_append_c(out, ' ');
		strbuf_append_str(out, field->name);
		strbuf_append_c(out, '=');
		strbuf_append_str(out, field->value == NULL ? "NULL" :
				  field->value);
	}
}

struct account_case {
	const char *name;
	const char *settings;
	enum account_kind kind;
	const char *user;
	/* NULL as the first name: there is no row */
	const char *names[8], *values[8];
	bool more;
	const char *service;
	enum account_verdict verdict;
	const char *reason;	/* a part of it */
	const char *fields;
	const char *password;	/* NULL: as it may be */
	const char *code;
};

#define NAMED_ROW(...) \
	.names = { "user", "password", "quota", "active", "domain_active" }, \
	.values = { __VA_ARGS__ }
#define NAMED(_user, ...) \
	.user = _user, NAMED_ROW(__VA_ARGS__)

static const struct account_case named_cases[] = {
	{ "all fields", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b.c", "a@b.c", "{PLAIN}x", "1024", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b.c password={PLAIN}x userdb_home=/var/mail/b.c/a "
	  "userdb_mail=maildir:/var/mail/b.c/a userdb_uid=2000 "
	  "userdb_gid=2001 userdb_quota_rule=*:bytes=1024" },
	{ "all fields, userdb", ALL, ACCOUNT_USERDB,
	  NAMED("a@b.c", "a@b.c", NULL, "1024", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b.c home=/var/mail/b.c/a "
	  "mail=maildir:/var/mail/b.c/a uid=2000 gid=2001 "
	  "quota_rule=*:bytes=1024" },
	{ "the name in the row is the one, its paths are in lower case", PATHS,
	  ACCOUNT_USERDB, NAMED("a@b.C", "A@B.c", NULL, NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=A@B.c home=/var/mail/b.c/a "
	  "mail=maildir:/var/mail/b.c/a" },
	{ "variables of the request", BASE "home = /%s/%n\n", ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b home=/imap/a" },
	{ "variables of the request, passdb", BASE "home = /%s/%n\n",
	  ACCOUNT_PASSDB, NAMED("a@b", "a@b", "{PLAIN}x", NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b password={PLAIN}x userdb_home=/imap/a" },
	{ "a variable that fails", BASE "home = /%r/%n\n", ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, NULL, "1", "1"),
	  .verdict = ACCOUNT_FAILED, .reason = "home: unexpected %r" },
	{ "scheme by shape", BASE, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "$1$x$y", NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b password={MD5-CRYPT}$1$x$y",
	  .password = "{MD5-CRYPT}$1$x$y" },
	{ "scheme by encrypt", BASE "encrypt = cleartext\n", ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "$1$x$y", NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b password={PLAIN}$1$x$y" },
	{ "no row", ALL, ACCOUNT_PASSDB, .user = "a@b",
	  .verdict = ACCOUNT_UNKNOWN, .reason = "" },
	{ "two rows", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "{PLAIN}x", "0", "1", "1"), .more = true,
	  .verdict = ACCOUNT_FAILED, .reason = "multiple matches" },
	{ "two rows, userdb", ALL, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "0", "1", "1"), .more = true,
	  .verdict = ACCOUNT_FAILED, .reason = "multiple matches" },
	{ "mailbox inactive", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "{PLAIN}x", "0", "0", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "mailbox is inactive",
	  .password = "{PLAIN}x" },
	{ "mailbox inactive, scheme by shape", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "$1$x$y", "0", "0", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "mailbox is inactive",
	  .password = "{MD5-CRYPT}$1$x$y" },
	{ "mailbox inactive, password of no scheme", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "x", "0", "0", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "mailbox is inactive",
	  .password = "" },
	{ "mailbox inactive, userdb", ALL, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "0", "2", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "mailbox is inactive" },
	{ "no flag", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "{PLAIN}x", "0", NULL, "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "mailbox is inactive" },
	{ "domain inactive", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "{PLAIN}x", "0", "1", "0"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "domain is inactive" },
	{ "domain without a row", ALL, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "0", "1", NULL),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "not in the domain table" },
	{ "domain not asked for", BASE "domain_active = no\n", ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "0", "1", "0"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b quota_rule=*:bytes=0" },
	{ "another letter", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "\xc3\xa4@b", "{PLAIN}x", "0", "1", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "another name" },
	{ "a blank more", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b ", "{PLAIN}x", "0", "1", "1"),
	  .verdict = ACCOUNT_UNKNOWN, .reason = "another name" },
	{ "no name", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", NULL, "{PLAIN}x", "0", "1", "1"),
	  .verdict = ACCOUNT_FAILED, .reason = "has no name" },
	{ "no password", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", NULL, "0", "1", "1"),
	  .verdict = ACCOUNT_REFUSED, .reason = "it has no password",
	  .code = "password_unusable" },
	{ "empty password", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "", "0", "1", "1"),
	  .verdict = ACCOUNT_REFUSED, .reason = "password is empty",
	  .code = "password_empty" },
	{ "unclear password", ALL, ACCOUNT_PASSDB,
	  NAMED("a@b", "a@b", "hunter2", "0", "1", "1"),
	  .verdict = ACCOUNT_REFUSED, .reason = "neither a {SCHEME} nor",
	  .code = "scheme_unknown" },
	{ "no quota in the row", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, NULL, "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "negative quota", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "-1", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "quota of letters", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "10M", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "empty quota", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "greatest quota", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "9223372036854775807", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b quota_rule=*:bytes=9223372036854775807" },
	{ "one more", BASE, ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "9223372036854775808", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "quota switched off", BASE "quota = no\n", ACCOUNT_USERDB,
	  NAMED("a@b", "a@b", NULL, "5", "1", "1"),
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
	{ "maildir from the row", BASE "home = /m/%{column:maildir}\n"
	  "mail = %{column:fmt}:/m/%{column:maildir}/x\n", ACCOUNT_USERDB,
	  .user = "a@b", .names = { "user", "active", "domain_active",
	  "column:maildir", "column:fmt" },
	  .values = { "a@b", "1", "1", "./b//a/./x/", "sdbox" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b home=/m/b/a/x mail=sdbox:/m/b/a/x/x" },
#define MAILDIR(_name, _value, _reason) \
	{ _name, BASE "home = /m/%{column:maildir}\n", ACCOUNT_USERDB, \
	  .user = "a@b", .names = { "user", "active", "domain_active", \
	  "column:maildir" }, .values = { "a@b", "1", "1", _value }, \
	  .verdict = ACCOUNT_FAILED, \
	  .reason = "home: the column:maildir cannot be used: " _reason }
	MAILDIR("empty maildir", "", "it is empty"),
	MAILDIR("no maildir", NULL, "it is empty"),
	MAILDIR("absolute maildir", "/etc/", "it begins with a slash"),
	MAILDIR("maildir above", "..", "it has a .. in it"),
	MAILDIR("maildir above, below", "a/../../b", "it has a .. in it"),
	MAILDIR("maildir above, at the end", "a/..", "it has a .. in it"),
	MAILDIR("the whole directory", "./", "it names no directory"),
	{ "maildir with a colon", BASE "mail = maildir:/m/%{column:maildir}\n",
	  ACCOUNT_USERDB, .user = "a@b",
	  .names = { "user", "active", "domain_active", "column:maildir" },
	  .values = { "a@b", "1", "1", "a:INDEX=/etc" },
	  .verdict = ACCOUNT_FAILED, .reason = "another directory" },
	{ "ids from the row", BASE "uid = %{column:x_uid}\n"
	  "gid = %{column:domain.gid}\n", ACCOUNT_USERDB, .user = "a@b",
	  .names = { "user", "active", "domain_active", "column:x_uid",
	  "column:domain.gid" },
	  .values = { "a@b", "1", "1", "5", "/6" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b uid=5 gid=/6" },
#define FIELDS(_name, _kind, _fields, _nets, _host, _expected) \
	{ _name, BASE "fields = " _fields "\n", _kind, .user = "a@b", \
	  .names = { "user", "password", "active", "domain_active", \
	  "column:nets", "column:domain.host" }, \
	  .values = { "a@b", "{PLAIN}x", "1", "1", _nets, _host }, \
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = _expected }
	FIELDS("fields", ACCOUNT_PASSDB, "allow_nets=nets  userdb_x=nets",
	       "10.0.0.0/8", NULL, "user=a@b password={PLAIN}x "
	       "allow_nets=10.0.0.0/8 userdb_x=10.0.0.0/8"),
	FIELDS("fields, userdb", ACCOUNT_USERDB,
	       "allow_nets=nets userdb_x=nets",
	       "10.0.0.0/8", NULL, "user=a@b x=10.0.0.0/8"),
	FIELDS("fields without a value", ACCOUNT_PASSDB,
	       "allow_nets=nets host=domain.host", "", NULL,
	       "user=a@b password={PLAIN}x"),
	FIELDS("a proxy", ACCOUNT_PASSDB, "host=domain.host", NULL, "10.0.0.1",
	       "user=a@b password={PLAIN}x host=10.0.0.1 proxy=y"),
	FIELDS("a proxy of its own", ACCOUNT_PASSDB,
	       "host=domain.host proxy_maybe=nets", NULL, "10.0.0.1",
	       "user=a@b password={PLAIN}x host=10.0.0.1"),
	{ "users has no flags", USERS, ACCOUNT_PASSDB, .user = "a@b",
	  .names = { "user", "password", "quota" },
	  .values = { "a@b", "$6$x$y", "10485760" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "user=a@b password={SHA512-CRYPT}$6$x$y "
	  "userdb_quota_rule=*:bytes=10485760" },
	{ "users without quota", USERS, ACCOUNT_USERDB, .user = "a@b",
	  .names = { "user" }, .values = { "a@b" },
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "user=a@b" },
};

/* What the rules look at, besides the name. */
#define RULE(_name, _settings, _kind, _service, _active, _smtp, _domain, \
	     _backupmx, _past, _expires, _verdict, _code) \
	{ .name = _name, .settings = BASE _settings, .kind = _kind, \
	  .user = "a@b", .service = _service, \
	  .names = { "user", "password", "active", "smtp_active", \
		     "domain_active", "backupmx", "past_expiry", \
		     "domain_expires" }, \
	  .values = { "a@b", "{PLAIN}x", _active, _smtp, _domain, _backupmx, \
		      _past, _expires }, \
	  .verdict = _verdict, .code = _code }
#define AND "smtp_active = and\n"
#define INDEPENDENT "smtp_active = independent\n"
#define EXPIRY "password_expiry = yes\n"
#define NO_BACKUPMX "backupmx_login = no\n"

static const struct account_case rule_cases[] = {
	/* sending */
	RULE("flag ignored", "", ACCOUNT_PASSDB, "smtp",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("and, reading", AND, ACCOUNT_PASSDB, "imap",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("and, sending", AND, ACCOUNT_PASSDB, "smtp",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_REFUSED, "smtp_off"),
	RULE("and, Dovecot's own", AND, ACCOUNT_PASSDB, "submission",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_REFUSED, "smtp_off"),
	RULE("and, inactive", AND, ACCOUNT_PASSDB, "smtp",
	     "0", "1", "1", "0", NULL, NULL, ACCOUNT_UNKNOWN,
	     "mailbox_inactive"),
	RULE("and, both on", AND, ACCOUNT_PASSDB, "smtp",
	     "1", "1", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("and, an old schema", AND, ACCOUNT_PASSDB, "smtp",
	     "1", NULL, "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("and, an odd flag", AND, ACCOUNT_PASSDB, "smtp",
	     "1", "2", "1", "0", NULL, NULL, ACCOUNT_REFUSED, "smtp_off"),
	RULE("and, unknown service", AND, ACCOUNT_PASSDB, NULL,
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("and, userdb", AND, ACCOUNT_USERDB, "submission",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_UNKNOWN, "smtp_off"),
	RULE("other services", AND "smtp_services = mysmtp  relay\n",
	     ACCOUNT_PASSDB, "relay",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_REFUSED, "smtp_off"),
	RULE("a part of a service", AND "smtp_services = mysmtp  relay\n",
	     ACCOUNT_PASSDB, "smtp",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("independent, sending", INDEPENDENT, ACCOUNT_PASSDB, "smtp",
	     "0", "1", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("independent, reading", INDEPENDENT, ACCOUNT_PASSDB, "imap",
	     "0", "1", "1", "0", NULL, NULL, ACCOUNT_UNKNOWN,
	     "mailbox_inactive"),
	RULE("independent, off", INDEPENDENT, ACCOUNT_PASSDB, "smtp",
	     "1", "0", "1", "0", NULL, NULL, ACCOUNT_REFUSED, "smtp_off"),
	RULE("independent, an old schema", INDEPENDENT, ACCOUNT_PASSDB,
	     "smtp", "0", NULL, "1", "0", NULL, NULL, ACCOUNT_UNKNOWN,
	     "mailbox_inactive"),
	RULE("independent of the mailbox, not the domain", INDEPENDENT,
	     ACCOUNT_PASSDB, "smtp",
	     "0", "1", "0", "0", NULL, NULL, ACCOUNT_UNKNOWN,
	     "domain_inactive"),
	/* relayed domains */
	RULE("relayed, open", "", ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "1", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("relayed, closed", NO_BACKUPMX, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "1", NULL, NULL, ACCOUNT_UNKNOWN,
	     "domain_relayed"),
	RULE("relayed, closed for delivery, too", NO_BACKUPMX, ACCOUNT_USERDB,
	     "lmtp", "1", "1", "1", "1", NULL, NULL, ACCOUNT_UNKNOWN,
	     "domain_relayed"),
	RULE("not relayed", NO_BACKUPMX, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
	RULE("no domain, no relay", NO_BACKUPMX "domain_active = no\n",
	     ACCOUNT_PASSDB, "imap",
	     "1", "1", NULL, NULL, NULL, NULL, ACCOUNT_OK, NULL),
	/* expiry */
	RULE("expired, not asked for", "", ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", "1", "1", ACCOUNT_OK, NULL),
	RULE("expired", EXPIRY, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", "1", "1", ACCOUNT_REFUSED,
	     "password_expired"),
	RULE("mail comes in still", EXPIRY, ACCOUNT_USERDB, "lmtp",
	     "1", "1", "1", "0", "1", "1", ACCOUNT_OK, NULL),
	RULE("the day is to come", EXPIRY, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", "0", "1", ACCOUNT_OK, NULL),
	RULE("the domain's never expire", EXPIRY, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", "1", "0", ACCOUNT_OK, NULL),
	RULE("the domain has no days", EXPIRY, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", "1", NULL, ACCOUNT_OK, NULL),
	RULE("an old schema", EXPIRY, ACCOUNT_PASSDB, "imap",
	     "1", "1", "1", "0", NULL, NULL, ACCOUNT_OK, NULL),
};

static const struct account_case dropin_cases[] = {
	{ "columns in order", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "userdb_home", "password", "", "user", "x" },
	  .values = { "/h", "p", "nameless", "a@b", NULL },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "userdb_home=/h password=p user=a@b x=NULL" },
	{ "no scheme is added", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "password" }, .values = { "$1$a$b" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "password=$1$a$b" },
	{ "NULL password", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "password", "nopassword" }, .values = { NULL, "y" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "password=NULL nopassword=y" },
	{ "password_noscheme", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "password_noscheme" }, .values = { "p" },
	  .verdict = ACCOUNT_OK, .reason = NONE,
	  .fields = "password_noscheme=p" },
	{ "no password column", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "user", "Password" }, .values = { "a", "p" },
	  .verdict = ACCOUNT_FAILED, .reason = "no column named password" },
	{ "two rows", NULL, ACCOUNT_PASSDB, .user = "a",
	  .names = { "password" }, .values = { "p" }, .more = true,
	  .verdict = ACCOUNT_FAILED, .reason = "multiple matches" },
	{ "no row", NULL, ACCOUNT_PASSDB, .user = "a",
	  .verdict = ACCOUNT_UNKNOWN, .reason = "" },
	{ "userdb, NULL is left out", NULL, ACCOUNT_USERDB, .user = "a",
	  .names = { "home", "uid", "", "gid" },
	  .values = { "/h", NULL, "x", "5" },
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "home=/h gid=5" },
	{ "userdb takes the first of two rows", NULL, ACCOUNT_USERDB,
	  .user = "a", .names = { "home" }, .values = { "/h" }, .more = true,
	  .verdict = ACCOUNT_OK, .reason = NONE, .fields = "home=/h" },
	{ "userdb, no row", NULL, ACCOUNT_USERDB, .user = "a",
	  .verdict = ACCOUNT_UNKNOWN, .reason = "" },
};

static struct pfa_conf *conf_of(const char *name, const char *settings)
{
	struct errbuf error = { .text = "" };
	struct pfa_conf *conf;

	conf = pfa_conf_new(settings == NULL ?
			    PFA_CONF_DROPIN : PFA_CONF_NAMED);
	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	UNIT_ASSERT_ROW(name, settings == NULL ||
			pfa_conf_parse(conf, "conf", settings,
				       strlen(settings), &error) == 0);
	return conf;
}

static void check_account(const struct account_case *test,
			  const struct account *account)
{
	struct strbuf answer = STRBUF_INIT;

	append_answer(&answer, account);
	UNIT_ASSERT_ROW(test->name, account->verdict == test->verdict);
	UNIT_ASSERT_ROW(test->name, strcmp(strbuf_str(&answer),
		test->fields == NULL ? "" : test->fields) == 0);
	if (test->password != NULL) {
		UNIT_ASSERT_ROW(test->name, strcmp(test->password,
			account->password == NULL ? "" : account->password)
			== 0);
	}
	UNIT_ASSERT_ROW(test->name, test->code == NULL ||
			strcmp(account->code, test->code) == 0);
	if (account->reason == NULL)
		UNIT_ASSERT_ROW(test->name, *test->reason == '\0');
	else {
		UNIT_ASSERT_ROW(test->name, *test->reason != '\0' &&
				strstr(account->reason, test->reason) != NULL);
		UNIT_ASSERT_ROW(test->name,
				strstr(account->reason, "hunter2") == NULL);
	}
	strbuf_free(&answer);
}

/* Renames the fields as the userdb has them, and leaves out the others. */
static void make_userdb_fields(struct account *account)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < account->field_count; i++) {
		struct account_field field = account->fields[i];

		field.name = account_userdb_name(field.name);
		if (field.name != NULL)
			account->fields[count++] = field;
	}
	account->field_count = count;
}

/* What the passdb's answer tells of the userdb's is what that would be; not of
   the drop-in form, and not if the service, say, is part of it. */
static void check_tells_userdb(const struct account_case *test,
			       const struct account_rules *rules,
			       const struct account_row *row,
			       const struct account_request *request,
			       struct account *account)
{
	const bool named = test->settings != NULL;
	const bool tells = named && test->kind == ACCOUNT_PASSDB &&
		account->verdict == ACCOUNT_OK &&
		strstr(test->settings, "%s") == NULL;
	struct strbuf told = STRBUF_INIT, answer = STRBUF_INIT;
	struct account userdb;

	UNIT_ASSERT_ROW(test->name, account->tells_userdb == tells);
	if (!tells)
		return;
	make_userdb_fields(account);
	append_answer(&told, account);
	account_evaluate(rules, ACCOUNT_USERDB, row, false, request, &userdb);
	UNIT_ASSERT_ROW(test->name, userdb.verdict == ACCOUNT_OK);
	append_answer(&answer, &userdb);
	UNIT_ASSERT_ROW(test->name, strcmp(strbuf_str(&told),
					   strbuf_str(&answer)) == 0);
	account_free(&userdb);
	strbuf_free(&told);
	strbuf_free(&answer);
}

static void run_case(const struct account_case *test)
{
	struct pfa_conf *conf = conf_of(test->name, test->settings);
	struct template_vars vars = { test->user, expand_service, "imap" };
	struct account_request request = { &vars, test->service };
	struct account_row row = { 0, test->names, test->values, NULL };
	struct account_rules *rules;
	struct account account;
	struct errbuf error;

	while (row.count < 8 && test->names[row.count] != NULL)
		row.count++;
	CU_ASSERT_EQUAL_FATAL(account_rules_new(conf, &rules, &error), 0);
	account_evaluate(rules, test->kind, row.count == 0 ? NULL : &row,
			 test->more, &request, &account);
	check_account(test, &account);
	check_tells_userdb(test, rules, &row, &request, &account);
	account_free(&account);
	account_rules_free(&rules);
	pfa_conf_free(&conf);
}

static void test_account_named(void)
{
	for (size_t i = 0; i < N_ROWS(named_cases); i++)
		run_case(&named_cases[i]);
}

static void run_rule(const struct account_case *test)
{
	const struct template_vars vars = { test->user, expand_service, "" };
	const struct account_request request = { &vars, test->service };
	const struct account_row row = { 8, test->names, test->values, NULL };
	struct pfa_conf *conf = conf_of(test->name, test->settings);
	struct account_rules *rules;
	struct account account;
	struct errbuf error;

	CU_ASSERT_EQUAL_FATAL(account_rules_new(conf, &rules, &error), 0);
	account_evaluate(rules, test->kind, &row, false, &request, &account);
	UNIT_ASSERT_ROW(test->name, account.verdict == test->verdict);
	if (test->code == NULL)
		UNIT_ASSERT_ROW(test->name, account.code == NULL);
	else
		UNIT_ASSERT_ROW(test->name, account.code != NULL &&
				strcmp(account.code, test->code) == 0 &&
				account.reason != NULL &&
				account.field_count == 0);
	/* whoever is refused takes the time of a password, too */
	UNIT_ASSERT_ROW(test->name, test->kind != ACCOUNT_PASSDB ||
			strcmp(account.password, "{PLAIN}x") == 0);
	account_free(&account);
	account_rules_free(&rules);
	pfa_conf_free(&conf);
}

/* What app passwords and exceptions make of an account that may log in. */
static const struct secrets_row {
	const char *name, *settings, *totp;
	/* app passwords, each with its description; NULL as the first: the
	   row is an exception */
	const char *rows[4][2];
	unsigned int row_count;
	bool wanted;
	enum account_verdict verdict;
	unsigned int app_count;
	bool refused, left_out;
	const char *first;
} secrets_rows[] = {
	{ "not asked for", "", "1", .verdict = ACCOUNT_OK },
	{ "no secret", "totp = enforce\n", "0", .verdict = ACCOUNT_OK },
	{ "an old schema", "totp = enforce\n", NULL, .verdict = ACCOUNT_OK },
	{ "a secret", "totp = enforce\n", "1", .wanted = true,
	  .verdict = ACCOUNT_REFUSED, .refused = true },
	{ "a secret, excepted", "totp = enforce\n", "1",
	  { { NULL, NULL } }, 1, .wanted = true, .verdict = ACCOUNT_OK },
	{ "app passwords", "app_passwords = yes\n", NULL,
	  { { "$1$x$y", "a" }, { "{PLAIN}z", NULL } }, 2, .wanted = true,
	  .verdict = ACCOUNT_OK, .app_count = 2,
	  .first = "{MD5-CRYPT}$1$x$y a" },
	{ "none of a known shape", "app_passwords = yes\n", NULL,
	  { { "hunter2", "a" }, { "{PLAIN}", "b" } }, 2, .wanted = true,
	  .verdict = ACCOUNT_OK },
	{ "a secret and app passwords",
	  "app_passwords = yes\ntotp = enforce\n", "1",
	  { { "{PLAIN}z", "a" } }, 1, .wanted = true, .verdict = ACCOUNT_OK,
	  .app_count = 1, .refused = true, .first = "{PLAIN}z a" },
	{ "and excepted", "app_passwords = yes\ntotp = enforce\n", "1",
	  { { "{PLAIN}z", "a" }, { NULL, NULL } }, 2, .wanted = true,
	  .verdict = ACCOUNT_OK, .app_count = 1, .first = "{PLAIN}z a" },
	{ "too many", "app_passwords = yes\napp_passwords_max = 1\n", NULL,
	  { { "{PLAIN}z", "a" }, { "{PLAIN}y", "b" } }, 2, .wanted = true,
	  .verdict = ACCOUNT_OK, .app_count = 1, .left_out = true,
	  .first = "{PLAIN}z a" },
};

static void check_secrets(const struct secrets_row *test,
			  const struct account *account)
{
	char first[64] = "";

	UNIT_ASSERT_ROW(test->name, account->verdict == test->verdict);
	UNIT_ASSERT_ROW(test->name, account->app_count == test->app_count);
	UNIT_ASSERT_ROW(test->name, account->apps_left_out == test->left_out);
	UNIT_ASSERT_ROW(test->name, !account->wants_secrets);
	UNIT_ASSERT_ROW(test->name,
			(account->password_refused != NULL) == test->refused);
	/* none of its fields lets the password in that is refused */
	for (unsigned int i = 0; i < account->field_count; i++)
		UNIT_ASSERT_ROW(test->name, !test->refused || strcmp(
			account->fields[i].name, "password") != 0);
	if (test->verdict == ACCOUNT_REFUSED)
		UNIT_ASSERT_ROW(test->name, strcmp(account->code,
				"app_password_needed") == 0);
	if (account->app_count > 0)
		snprintf(first, sizeof(first), "%s %s",
			 account->apps[0].password,
			 account->apps[0].description);
	UNIT_ASSERT_ROW(test->name, strcmp(first, test->first == NULL ? "" :
					   test->first) == 0);
	UNIT_ASSERT_ROW(test->name, strcmp(account->user, "a@b") == 0 &&
			strcmp(account->password, "{PLAIN}x") == 0);
}

static void run_secrets(const struct secrets_row *test)
{
	static const char *const names[] = {
		"user", "password", "active", "domain_active", "totp",
	};
	static const char *const secret_names[] = {
		"app_password", "description", "excepted",
	};
	const char *values[] = { "a@b", "{PLAIN}x", "1", "1", test->totp };
	const struct template_vars vars = { "a@b", expand_service, "" };
	const struct account_request request = { .vars = &vars };
	const struct account_row row = { 5, names, values, NULL };
	struct pfa_conf *conf;
	struct account_row rows[4];
	const char *secrets[4][3];
	struct account_rules *rules;
	struct account account;
	struct errbuf error;
	char settings[128];

	snprintf(settings, sizeof(settings), BASE "%s", test->settings);
	conf = conf_of(test->name, settings);
	for (unsigned int i = 0; i < test->row_count; i++) {
		secrets[i][0] = test->rows[i][0];
		secrets[i][1] = test->rows[i][1];
		secrets[i][2] = test->rows[i][0] == NULL ? "1" : NULL;
		rows[i] = (struct account_row) {
			3, secret_names, secrets[i], NULL };
	}
	CU_ASSERT_EQUAL_FATAL(account_rules_new(conf, &rules, &error), 0);
	account_evaluate(rules, ACCOUNT_PASSDB, &row, false, &request,
			 &account);
	/* the row is gone by then */
	memset(values, 0, sizeof(values));
	UNIT_ASSERT_ROW(test->name, account.wants_secrets == test->wanted);
	if (account.wants_secrets)
		account_add_secrets(rules, rows, test->row_count, &account);
	check_secrets(test, &account);
	account_free(&account);
	account_rules_free(&rules);
	pfa_conf_free(&conf);
}

static void test_account_secrets(void)
{
	for (size_t i = 0; i < N_ROWS(secrets_rows); i++)
		run_secrets(&secrets_rows[i]);
}

static void test_account_rules(void)
{
	for (size_t i = 0; i < N_ROWS(rule_cases); i++)
		run_rule(&rule_cases[i]);
}

static void test_account_dropin(void)
{
	for (size_t i = 0; i < N_ROWS(dropin_cases); i++)
		run_case(&dropin_cases[i]);
}

/* What a better hash is written over. */
static void test_account_tells_the_column(void)
{
	static const char *const names[] = {
		"user", "active", "domain_active", "password",
	};
	static const char *const values[] = { "A@b", "1", "1", "$1$x$y" };
	static const unsigned long widths[] = { 1, 2, 3, 255 };
	struct account_row row = { 4, names, values, widths };
	struct template_vars vars = { "a@b", expand_service, "" };
	struct account_request request = { .vars = &vars };
	struct pfa_conf *conf = conf_of("column", BASE);
	struct account_rules *rules;
	struct account account;
	struct errbuf error;

	CU_ASSERT_EQUAL_FATAL(account_rules_new(conf, &rules, &error), 0);
	account_evaluate(rules, ACCOUNT_PASSDB, &row, false, &request, &account);
	CU_ASSERT_STRING_EQUAL(account.user, "A@b");
	CU_ASSERT_STRING_EQUAL(account.stored, "$1$x$y");
	CU_ASSERT_EQUAL(account.stored_width, 255);
	account_free(&account);

	row.widths = NULL;
	account_evaluate(rules, ACCOUNT_PASSDB, &row, false, &request, &account);
	CU_ASSERT_EQUAL(account.stored_width, 0);
	account_free(&account);
	account_evaluate(rules, ACCOUNT_USERDB, &row, false, &request, &account);
	CU_ASSERT_PTR_NULL(account.stored);
	account_free(&account);
	account_rules_free(&rules);
	pfa_conf_free(&conf);
}

/* Where names lead, home or mail being the template. */
static const struct path_row {
	const char *setting;
	const char *user;
	const char *value;	/* NULL: refused */
} path_rows[] = {
	{ "home = /m/%d/%n", "a@b", "/m/b/a" },
	{ "home = /m/%d/%n/", "a@b", "/m/b/a/" },
	{ "home = /m/%d/%n", "a/c@b", "/m/b/a/c" },
	{ "home = /m/%d/%n", "a..b@b", "/m/b/a..b" },
	{ "home = /m/%d/%n", "..a@b", "/m/b/..a" },
	{ "home = /m/%d/%n", "..@b", NULL },
	{ "home = /m/%d/%n", ".@b", NULL },
	{ "home = /m/%d/%n", "../c@b", NULL },
	{ "home = /m/%d/%n", "a/../../c@b", NULL },
	{ "home = /m/%d/%n", "a/..@b", NULL },
	{ "home = /m/%d/%n", "a/./b@b", NULL },
	{ "home = /m/%d/%n", "/a@b", NULL },
	{ "home = /m/%d/%n", "a/@b", NULL },
	{ "home = /m/%d/%n", "a//c@b", NULL },
	{ "home = /m/%d/%n", "a@..", NULL },
	{ "home = /m/%d/%n", "a@../../etc", NULL },
	{ "home = /m/%d/%n", "@b", NULL },
	{ "home = /m/%d/%n", "a@", NULL },
	{ "home = /m/%d/%n", "a:b@b", "/m/b/a:b" },
	{ "home = %n", "/etc@b", NULL },
	{ "home = /m/%d/.%n", "a@b", "/m/b/.a" },
	{ "home = /m/%d/.%n", ".@b", NULL },
	{ "home = /m/%d/x%n", "..@b", "/m/b/x.." },
	{ "home = /m/%u", "../a@b", NULL },
	{ "home = /m/%{domain}/%Ln", "..@b", NULL },
	{ "home = /m//x/../%n", "a@b", "/m//x/../a" },
	{ "home = /m//x/../%n", "..@b", NULL },
	{ "home = /m/fixed", "../a@b", "/m/fixed" },
	{ "mail = maildir:/m/%d/%n:INDEX=/i/%u", "a@b",
	  "maildir:/m/b/a:INDEX=/i/a@b" },
	{ "mail = maildir:/m/%d/%n", "a:INDEX=/etc@b", NULL },
	{ "mail = maildir:%n", "..@b", NULL },
	{ "uid = %n", "../a@b", "../a" },
};

static void run_path(const struct path_row *path)
{
	char settings[256];
	const char *names[] = { "user", "active", "domain_active" };
	const char *values[] = { path->user, "1", "1" };
	const struct account_row row = { 3, names, values, NULL };
	const struct template_vars vars = { path->user, expand_service, "" };
	const struct account_request request = { .vars = &vars };
	struct account_rules *rules;
	struct account account;
	struct pfa_conf *conf;
	struct errbuf error;

	snprintf(settings, sizeof(settings), "%s%s\n", BASE, path->setting);
	conf = conf_of(path->user, settings);
	CU_ASSERT_EQUAL_FATAL(account_rules_new(conf, &rules, &error), 0);
	account_evaluate(rules, ACCOUNT_USERDB, &row, false, &request, &account);
	UNIT_ASSERT_ROW(path->user, account.verdict ==
			(path->value == NULL ? ACCOUNT_FAILED : ACCOUNT_OK));
	if (path->value == NULL) {
		UNIT_ASSERT_ROW(path->user, account.field_count == 0 &&
				strstr(account.reason, "another directory"));
	} else {
		UNIT_ASSERT_ROW(path->user, account.field_count == 2 &&
			strcmp(account.fields[1].value, path->value) == 0);
	}
	account_free(&account);
	account_rules_free(&rules);
	pfa_conf_free(&conf);
}

static void test_account_paths_stay_below(void)
{
	for (size_t i = 0; i < N_ROWS(path_rows); i++)
		run_path(&path_rows[i]);
}

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A253 A50 A50 A50 A50 A50 "aaa"

/* a part of the reason, NULL: may be looked up */
static const struct name_row {
	const char *user;
	const char *named, *dropin;
} name_rows[] = {
	{ "a@b", NULL, NULL },
	{ "a+b'c\"%\\@b", NULL, NULL },
	{ "a b@b", NULL, NULL },
	{ "a@b@c", NULL, NULL },
	{ "", "no @", NULL },
	{ "a", "no @", NULL },
	{ "@b", "nothing before", NULL },
	{ "a@", "nothing behind", NULL },
	{ " a@b", "blank", NULL },
	{ "a@b ", "blank", NULL },
	{ "a@ALL", "ALL", NULL },
	{ "a@all", "ALL", NULL },
	{ "a@allx", NULL, NULL },
	{ "a\x01@b", "control", NULL },
	{ "a\x7f@b", "control", NULL },
	{ "a\n@b", "control", NULL },
	{ A253 "@b", NULL, NULL },
	{ A253 "a@b", "255", NULL },
	{ "\xc3\xa4@b", "not ASCII", NULL },
	{ "\xf0\x9f\x98\x80@b", "not ASCII", NULL },
	{ "\xe4@b", "not ASCII", "UTF-8" },
	{ "a@b\xc3", "not ASCII", "UTF-8" },
	{ "\xc0\x80@b", "not ASCII", "UTF-8" },
	{ "\xe0\x80\x80@b", "not ASCII", "UTF-8" },
	{ "\xed\xa0\x80@b", "not ASCII", "UTF-8" },
	{ "\xf4\x90\x80\x80@b", "not ASCII", "UTF-8" },
	{ "\xf8\x88\x80\x80\x80@b", "not ASCII", "UTF-8" },
	{ "\x80@b", "not ASCII", "UTF-8" },
	{ "\xf0\x9f\x98@b", "not ASCII", "UTF-8" },
};

static bool reason_matches(const char *reason, const char *expected)
{
	if (reason == NULL || expected == NULL)
		return reason == expected;
	return strstr(reason, expected) != NULL;
}

static void test_account_names(void)
{
	struct pfa_conf *named = conf_of("named", BASE);
	struct pfa_conf *dropin = conf_of("dropin", NULL);
	struct account_rules *named_rules, *dropin_rules;
	struct errbuf error;

	CU_ASSERT_EQUAL_FATAL(account_rules_new(named, &named_rules,
						&error), 0);
	CU_ASSERT_EQUAL_FATAL(account_rules_new(dropin, &dropin_rules,
						&error), 0);
	for (size_t i = 0; i < N_ROWS(name_rows); i++) {
		const struct name_row *row = &name_rows[i];

		UNIT_ASSERT_ROW(row->user, reason_matches(
			account_name_refused(named_rules, row->user),
			row->named));
		UNIT_ASSERT_ROW(row->user, reason_matches(
			account_name_refused(dropin_rules, row->user),
			row->dropin));
	}
	account_rules_free(&named_rules);
	account_rules_free(&dropin_rules);
	pfa_conf_free(&named);
	pfa_conf_free(&dropin);
}

static void test_account_password_length(void)
{
	char stored[1026] = "{PLAIN}";
	struct account_case test = {
		.name = "1024 bytes", .settings = BASE, .kind = ACCOUNT_PASSDB,
		NAMED("a@b", "a@b", stored, NULL, "1", "1"),
		.verdict = ACCOUNT_OK, .reason = NONE,
	};
	char fields[1200];

	memset(stored + 7, 'x', 1024 - 7);
	snprintf(fields, sizeof(fields), "user=a@b password=%s", stored);
	test.fields = fields;
	run_case(&test);

	stored[1024] = 'x';
	test.name = "1025 bytes";
	test.verdict = ACCOUNT_REFUSED;
	test.reason = "longer than 1024";
	test.fields = NULL;
	run_case(&test);
}

static const struct rules_row {
	const char *settings;
	const char *error;
} rules_rows[] = {
	{ BASE "home = /m/%(x)\n", "%(" },
	{ BASE "gid = %{nosuchvariable}\n", "nosuchvariable" },
	{ BASE "encrypt = rot13\n", "rot13 is not known" },
	{ BASE "home = /m/%{column:domain.}\n", "name of a column is missing" },
	{ BASE "fields = x\n", "\"x\" is no field = column" },
	{ BASE "fields = x=\n", "\"x=\" is no field = column" },
	{ BASE "fields = a=b =x\n", "\"=x\" is no field = column" },
	{ BASE "fields = nopassword=x\n", "nopassword is no field that a " },
	{ USERS "fields = host=domain.x\n", "has no table of domains" },
	{ BASE "encrypt = dovecot:FOO\n", "names a scheme" },
};

static void test_account_rules_errors(void)
{
	struct account_rules *rules;
	struct pfa_conf *conf;
	struct errbuf error;

	for (size_t i = 0; i < N_ROWS(rules_rows); i++) {
		const struct rules_row *row = &rules_rows[i];

		conf = conf_of(row->settings, row->settings);
		UNIT_ASSERT_ROW(row->settings, account_rules_new(conf, &rules,
						&error) == -1);
		UNIT_ASSERT_ROW(row->settings, rules == NULL &&
				strstr(error.text, row->error) != NULL);
		account_rules_free(&rules);
		pfa_conf_free(&conf);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_account_named),
	TEST(test_account_rules),
	TEST(test_account_secrets),
	TEST(test_account_dropin),
	TEST(test_account_tells_the_column),
	TEST(test_account_paths_stay_below),
	TEST(test_account_names),
	TEST(test_account_password_length),
	TEST(test_account_rules_errors),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("account", tests);
}
