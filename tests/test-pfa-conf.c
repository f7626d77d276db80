/* SPDX-License-Identifier: MIT */
/*
 * Both forms of the configuration: values, lines, errors that name the place
 * and never the password, the words of stock's connect, and the example files
 * below TOP_SRCDIR.
 */
#include "core/pfa-conf.h"
#include "core/strbuf.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#ifndef TOP_SRCDIR
#  define TOP_SRCDIR ".."
#endif

#define BASE "hosts = db\ndbname = pfa\n"
/* must not turn up in any error */
#define SECRET "hunter2"

static void append_number_str(struct strbuf *out, unsigned int number)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%u", number);
	strbuf_append_str(out, buf);
}

/* "/socket name:port -:port", - being what the option file says */
static void append_hosts(struct strbuf *out, const struct pfa_conf *conf)
{
	const struct pfa_conf_host *host;

	for (unsigned int i = 0; i < conf->host_count; i++) {
		host = &conf->hosts[i];
		if (i > 0)
			strbuf_append_c(out, ' ');
		strbuf_append_str(out, host->socket != NULL ? host->socket :
				  host->name != NULL ? host->name : "-");
		strbuf_append_c(out, ':');
		append_number_str(out, host->port);
	}
}

static bool hosts_are(const struct pfa_conf *conf, const char *expected)
{
	struct strbuf out = STRBUF_INIT;
	bool equal;

	append_hosts(&out, conf);
	equal = strcmp(strbuf_str(&out), expected) == 0;
	strbuf_free(&out);
	return equal;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static struct pfa_conf *conf_new(enum pfa_conf_form form)
{
	struct pfa_conf *conf = pfa_conf_new(form);

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	return conf;
}

static int parse(struct pfa_conf *conf, const char *text,
		 struct errbuf *error)
{
	error->text[0] = '\0';
	return pfa_conf_parse(conf, "a.conf", text, strlen(text), error);
}

static const struct host_row {
	const char *value;
	const char *expected;	/* NULL: refused */
} host_rows[] = {
	{ "/run/mysqld/mysqld.sock", "/run/mysqld/mysqld.sock:0" },
	{ "db1.example.net", "db1.example.net:0" },
	{ "db1 db2:3307\t\t/s", "db1:0 db2:3307 /s:0" },
	{ "192.0.2.1:3306", "192.0.2.1:3306" },
	{ "::1", "::1:0" },
	{ "[::1]", "::1:0" },
	{ "[::1]:3307", "::1:3307" },
	{ "fe80::1%eth0", "fe80::1%eth0:0" },
	{ "2001:db8::1:3306", "2001:db8::1:3306:0" },
	{ "db:65535", "db:65535" },
	{ "db:65536", NULL },
	{ "db:0", NULL },
	{ "db:", NULL },
	{ "db:x", NULL },
	{ ":3306", NULL },
	{ "[::1", NULL },
	{ "[::1]3306", NULL },
	{ "[]:3306", NULL },
	{ "[::1]:", NULL },
	{ "db1,db2", NULL },
	{ "db1 db2;", NULL },
	{ "d\xc3\xa4", NULL },
	{ "host=db", NULL },
	{ "db password=" SECRET, NULL },
	{ "/01234567890123456789012345678901234567890123456789"
	  "01234567890123456789012345678901234567890123456789012345678", NULL },
};

static void test_pfa_conf_hosts(void)
{
	const struct host_row *row;
	struct pfa_conf *conf;
	struct errbuf error;
	int ret;

	for (size_t i = 0; i < N_ROWS(host_rows); i++) {
		row = &host_rows[i];
		conf = conf_new(PFA_CONF_NAMED);
		ret = pfa_conf_set(conf, "hosts", row->value, &error);
		UNIT_ASSERT_ROW(row->value,
				ret == (row->expected == NULL ? -1 : 0));
		UNIT_ASSERT_ROW(row->value, hosts_are(conf,
			row->expected == NULL ? "" : row->expected));
		UNIT_ASSERT_ROW(row->value, ret == 0 ||
				strstr(error.text, SECRET) == NULL);
		pfa_conf_free(&conf);
	}
}

#define MEMBER(name) offsetof(struct pfa_conf, name)

static const struct str_row {
	const char *line;
	size_t member;
	const char *expected;
} str_rows[] = {
	{ "user = x", MEMBER(user), "x" },
	{ "user=x", MEMBER(user), "x" },
	{ " \tuser \t=\t x y \t", MEMBER(user), "x y" },
	{ "user = x # comment", MEMBER(user), "x" },
	{ "user = x\t#comment # more", MEMBER(user), "x" },
	{ "user = x#y", MEMBER(user), "x#y" },
	{ "user =#x", MEMBER(user), "#x" },
	{ "user = x\r", MEMBER(user), "x" },
	{ "user = a=b", MEMBER(user), "a=b" },
	{ "user = it's", MEMBER(user), "it's" },
	{ "#user = x", MEMBER(user), NULL },
	{ "  # user = x", MEMBER(user), NULL },
	{ "home = /v/%d/%n", MEMBER(home), "/v/%d/%n" },
	{ "", MEMBER(table_prefix), "" },
	{ "table_prefix =", MEMBER(table_prefix), "" },
	{ "table_prefix = # none", MEMBER(table_prefix), "" },
	{ "", MEMBER(mailbox_table), "mailbox" },
	{ "", MEMBER(quota_column), "quota" },
	{ "", MEMBER(encrypt), NULL },
	{ "", MEMBER(password), NULL },
	{ "password = x", MEMBER(password), "x" },
	{ "password =x", MEMBER(password), "x" },
	{ "password =\t  x", MEMBER(password), "x" },
	{ "password = pa$$word", MEMBER(password), "pa$$word" },
	{ "password = a # b", MEMBER(password), "a # b" },
	{ "password = # b", MEMBER(password), "# b" },
	{ "password = x \t", MEMBER(password), "x \t" },
	{ "password = x\r", MEMBER(password), "x" },
	{ "password = x \r\r", MEMBER(password), "x \r" },
	{ "password = \"a;'b\\\"", MEMBER(password), "\"a;'b\\\"" },
	{ "password = =a==b", MEMBER(password), "=a==b" },
	{ "password = \xd0\xbf\x01", MEMBER(password), "\xd0\xbf\x01" },
	{ "password =", MEMBER(password), "" },
};

static const char *member_str(const struct pfa_conf *conf, size_t member)
{
	return *(char *const *)((const char *)conf + member);
}

static void test_pfa_conf_texts(void)
{
	const struct str_row *row;
	struct pfa_conf *conf;
	struct errbuf error;
	char text[256];

	for (size_t i = 0; i < N_ROWS(str_rows); i++) {
		row = &str_rows[i];
		conf = conf_new(PFA_CONF_NAMED);
		snprintf(text, sizeof(text), "%s\n%s", row->line, BASE);
		UNIT_ASSERT_ROW(row->line, parse(conf, text, &error) == 0);
		UNIT_ASSERT_ROW(row->line, same(member_str(conf, row->member),
						row->expected));
		pfa_conf_free(&conf);
	}
}

static const struct number_row {
	const char *name, *value;	/* value NULL: the default */
	size_t member;
	long expected;			/* -1: refused */
} number_rows[] = {
	{ "connections", NULL, MEMBER(connections), 2 },
	{ "connections", "1", MEMBER(connections), 1 },
	{ "connections", "64", MEMBER(connections), 64 },
	{ "connections", "0", MEMBER(connections), -1 },
	{ "connections", "65", MEMBER(connections), -1 },
	{ "connections", "2x", MEMBER(connections), -1 },
	{ "connections", "-1", MEMBER(connections), -1 },
	{ "connections", "18446744073709551617", MEMBER(connections), -1 },
	{ "coalesce", NULL, MEMBER(coalesce), 64 },
	{ "coalesce", "1", MEMBER(coalesce), 1 },
	{ "coalesce", "0", MEMBER(coalesce), -1 },
	{ "coalesce", "65", MEMBER(coalesce), -1 },
	{ "hedge_after", NULL, MEMBER(hedge_after), 300 },
	{ "hedge_after", "0", MEMBER(hedge_after), 0 },
	{ "hedge_after", "2 min", MEMBER(hedge_after), 120000 },
	{ "connect_timeout", NULL, MEMBER(connect_timeout), 2000 },
	{ "lookup_timeout", NULL, MEMBER(lookup_timeout), 5000 },
	{ "lookup_timeout", "300 ms", MEMBER(lookup_timeout), 300 },
	{ "lookup_timeout", "300ms", MEMBER(lookup_timeout), 300 },
	{ "lookup_timeout", "7", MEMBER(lookup_timeout), 7000 },
	{ "lookup_timeout", "7 s", MEMBER(lookup_timeout), 7000 },
	{ "lookup_timeout", "2\tmin", MEMBER(lookup_timeout), 120000 },
	{ "lookup_timeout", "121 s", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "99 ms", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "0", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "5 secs", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "0.5 s", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "s", MEMBER(lookup_timeout), -1 },
	{ "lookup_timeout", "4294967297", MEMBER(lookup_timeout), -1 },
	{ "verify_threads", NULL, MEMBER(verify_threads), 0 },
	{ "verify_threads", "256", MEMBER(verify_threads), 256 },
	{ "verify_threads", "257", MEMBER(verify_threads), -1 },
	{ "verify_queue", NULL, MEMBER(verify_queue), 512 },
	{ "verify_queue", "0", MEMBER(verify_queue), -1 },
	{ "verify_memo", NULL, MEMBER(verify_memo), 0 },
	{ "verify_memo", "10 min", MEMBER(verify_memo), 600000 },
	{ "verify_max_bcrypt_cost", NULL, MEMBER(verify_max_bcrypt_cost), 14 },
	{ "verify_max_bcrypt_cost", "32", MEMBER(verify_max_bcrypt_cost), -1 },
	{ "verify_max_rounds", NULL, MEMBER(verify_max_rounds), 1000000 },
	{ "verify_max_passes", NULL, MEMBER(verify_max_passes), 16 },
	{ "verify_memory", NULL, MEMBER(verify_memory), 128 },
	{ "verify_memory", "64 MiB", MEMBER(verify_memory), -1 },
	{ "tls", NULL, MEMBER(tls), PFA_TLS_AUTO },
	{ "tls", "off", MEMBER(tls), PFA_TLS_OFF },
	{ "tls", "Required", MEMBER(tls), PFA_TLS_REQUIRED },
	{ "tls", "verify", MEMBER(tls), PFA_TLS_VERIFY },
	{ "tls", "yes", MEMBER(tls), -1 },
	{ "schema", NULL, MEMBER(schema), PFA_SCHEMA_POSTFIXADMIN },
	{ "schema", "users", MEMBER(schema), PFA_SCHEMA_USERS },
	{ "schema", "user", MEMBER(schema), -1 },
};

static void test_pfa_conf_numbers(void)
{
	const struct number_row *row;
	struct pfa_conf *conf;
	struct errbuf error;
	char name[64];
	int ret;

	for (size_t i = 0; i < N_ROWS(number_rows); i++) {
		row = &number_rows[i];
		conf = conf_new(PFA_CONF_NAMED);
		snprintf(name, sizeof(name), "%s = %s", row->name,
			 row->value == NULL ? "(default)" : row->value);
		ret = row->value == NULL ? 0 :
			pfa_conf_set(conf, row->name, row->value, &error);
		if (row->expected < 0)
			UNIT_ASSERT_ROW(name, ret == -1 && strstr(error.text,
				row->name) != NULL);
		else {
			UNIT_ASSERT_ROW(name, ret == 0);
			UNIT_ASSERT_ROW(name, *(unsigned int *)
				((char *)conf + row->member) ==
				row->expected);
		}
		pfa_conf_free(&conf);
	}
}

/* Without a word about them, the rules are those of PostfixAdmin's own queries
   for Dovecot, and a domain that is inactive is closed. */
static void test_pfa_conf_rule_defaults(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);

	CU_ASSERT_TRUE(conf->domain_active);
	CU_ASSERT_TRUE(conf->backupmx_login);
	CU_ASSERT_FALSE(conf->alias_domains);
	CU_ASSERT_FALSE(conf->alias_login);
	CU_ASSERT_FALSE(conf->password_expiry);
	CU_ASSERT_EQUAL(conf->smtp_active, PFA_SMTP_IGNORE);
	CU_ASSERT_STRING_EQUAL(conf->smtp_services, "smtp submission");
	CU_ASSERT_FALSE(conf->app_passwords);
	CU_ASSERT_EQUAL(conf->totp, PFA_TOTP_IGNORE);
	CU_ASSERT_FALSE(conf->last_login);
	pfa_conf_free(&conf);
}

static void test_pfa_conf_yes_no(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);
	struct errbuf error;

	CU_ASSERT_TRUE(conf->quota && conf->domain_active);
	CU_ASSERT_EQUAL(pfa_conf_set(conf, "quota", "no", &error), 0);
	CU_ASSERT_FALSE(conf->quota);
	CU_ASSERT_EQUAL(pfa_conf_set(conf, "quota", "YES", &error), 0);
	CU_ASSERT_TRUE(conf->quota);
	CU_ASSERT_EQUAL(pfa_conf_set(conf, "quota", "true", &error), -1);
	CU_ASSERT_STRING_EQUAL(error.text,
		"quota = true is not known: write yes or no");
	CU_ASSERT_TRUE(conf->quota);
	pfa_conf_free(&conf);
}

/* error: the beginning of the text */
static const struct error_row {
	const char *name;
	const char *text;
	const char *error;
} error_rows[] = {
	{ "no hosts", "dbname = x\n", "a.conf: hosts is missing: " },
	{ "no dbname", "hosts = x\n", "a.conf: dbname is missing: " },
	{ "empty file", "", "a.conf: dbname is missing: " },
	{ "unknown", BASE "host = x\n",
	  "a.conf line 3: there is no setting host: did you mean hosts?" },
	{ "unknown, a letter off", "\n# x\npasword = " SECRET "\n",
	  "a.conf line 3: there is no setting pasword: did you mean "
	  "password?" },
	{ "unknown, a letter too many", BASE "lookup_timeouts = 3\n",
	  "a.conf line 3: there is no setting lookup_timeouts: did you mean "
	  "lookup_timeout?" },
	{ "unknown, far off", BASE "frobnicate = x\n",
	  "a.conf line 3: there is no setting frobnicate: see " },
	{ "unknown, endless",
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = x\n",
	  "a.conf line 1: what stands before the = is no name of a setting: " },
	{ "no name of a setting", "p" SECRET ";=x\n",
	  "a.conf line 1: what stands before the = is no name of a setting: " },
	{ "no name at all", "= " SECRET "\n",
	  "a.conf line 1: what stands before the = is no name of a setting: " },
	{ "no =", BASE "password " SECRET "\n",
	  "a.conf line 3: there is no = behind the first word: " },
	{ "a stray password", BASE SECRET "\n",
	  "a.conf line 3: there is no = behind the first word: " },
	{ "a password with a newline", BASE "password = x\n" SECRET " y=z",
	  "a.conf line 4: there is no = behind the first word: " },
	{ "no value", BASE "user =\n",
	  "a.conf line 3: user has no value: " },
	{ "a comment is no value", BASE "user = # root\n",
	  "a.conf line 3: user has no value: " },
	{ "twice", BASE "user = a\nuser = a\n",
	  "a.conf line 4: user was set before: " },
	{ "password twice", "password = " SECRET "\npassword = " SECRET "\n",
	  "a.conf line 2: password was set before: " },
	{ "in quotes", BASE "home = \"/v/%n\"\n",
	  "a.conf line 3: the value of home stands in quotes, " },
	{ "control character", BASE "home = /v/\x01%n\n",
	  "a.conf line 3: the value of home holds a control character: " },
	{ "carriage returns alone", "hosts = db\rdbname = x\r",
	  "a.conf line 1: the value of hosts holds a control character: " },
	{ "byte order mark", "\xef\xbb\xbf" BASE,
	  "a.conf line 1: there is a byte order mark: " },
	{ "drop-in key", BASE "connect = host=x password=" SECRET "\n",
	  "a.conf line 3: connect belongs into a dovecot-sql.conf.ext " },
	{ "include", BASE "!include x\n",
	  "a.conf line 3: !include belongs into a dovecot-sql.conf.ext " },
	{ "bad number", BASE "connections = many\n",
	  "a.conf line 3: connections = many is no number this setting takes: "
	  "write a whole number from 1 to 64" },
	{ "bad unit", BASE "lookup_timeout = 5 hours\n",
	  "a.conf line 3: lookup_timeout = 5 hours is no time this setting "
	  "takes: write a whole number and ms, s or min (without: s), from "
	  "100 ms to 120 s" },
	{ "bad word", BASE "tls = on\n",
	  "a.conf line 3: tls = on is not known: write auto, off, required or "
	  "verify" },
	{ "bad host", "hosts = a, b\n",
	  "a.conf line 1: hosts: \"a,\" is no host: " },
	{ "password in hosts", "hosts = a password=" SECRET "\n",
	  "a.conf line 1: hosts: \"password\" is no host: " },
	{ "certificate without key", BASE "tls_cert = /x\n",
	  "a.conf: tls_cert is set without tls_key: " },
	{ "key without certificate", BASE "tls_key = /x\n",
	  "a.conf: tls_key is set without tls_cert: " },
	{ "tls off with a CA", BASE "tls = off\ntls_ca = /x\n",
	  "a.conf: tls = off makes no use of tls_ca: " },
	{ "required with a CA", BASE "tls = required\ntls_ca = /x\n",
	  "a.conf: tls = required does not look at the server's certificate" },
	{ "setting of the other schema", BASE "users_table = x\n",
	  "a.conf: users_table means nothing with schema = postfixadmin: " },
	{ "rules of the other schema", BASE "schema = users\n"
	  "alias_domains = yes\n",
	  "a.conf: alias_domains means nothing with schema = users: " },
	{ "the other's words", BASE "schema = users\nsmtp_active = and\n",
	  "a.conf: smtp_active means nothing with schema = users: " },
	{ "no such word", BASE "smtp_active = yes\n",
	  "a.conf line 3: smtp_active = yes is not known: write ignore, and or "
	  "independent" },
	{ "and the other way round", BASE "schema = users\ntable_prefix = x\n",
	  "a.conf: table_prefix means nothing with schema = users: " },
	{ "group without file", BASE "option_group = x\n",
	  "a.conf: option_group names a group of the option_file, " },
};

static void test_pfa_conf_errors(void)
{
	const struct error_row *row;
	struct pfa_conf *conf;
	struct errbuf error;

	for (size_t i = 0; i < N_ROWS(error_rows); i++) {
		row = &error_rows[i];
		conf = conf_new(PFA_CONF_NAMED);
		UNIT_ASSERT_ROW(row->name, parse(conf, row->text,
						 &error) == -1);
		UNIT_ASSERT_ROW(row->name, strncmp(error.text, row->error,
						   strlen(row->error)) == 0);
		UNIT_ASSERT_ROW(row->name, strstr(error.text, SECRET) == NULL);
		pfa_conf_free(&conf);
	}
}

static void test_pfa_conf_bytes_of_no_text(void)
{
	static const char nul[] = BASE "user = a\0b\n";
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);
	char line[5000];
	struct errbuf error;

	CU_ASSERT_EQUAL(pfa_conf_parse(conf, "a.conf", nul, sizeof(nul) - 1,
				       &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "line 3: there is a NUL"));
	pfa_conf_free(&conf);

	conf = conf_new(PFA_CONF_NAMED);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	memcpy(line, "password = ", 11);
	CU_ASSERT_EQUAL(parse(conf, line, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "line 1: the line is longer "
				      "than 4096 bytes"));
	line[4000] = '\0';
	CU_ASSERT_EQUAL(parse(conf, line, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "line 1: the value of "
				      "password is longer than 1024 bytes"));
	CU_ASSERT_PTR_NULL(conf->password);
	pfa_conf_free(&conf);
}

static void test_pfa_conf_option_file_has_the_server(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);
	struct errbuf error;

	CU_ASSERT_EQUAL(parse(conf, "option_file = /x\n", &error), 0);
	CU_ASSERT_TRUE(hosts_are(conf, "-:0"));
	CU_ASSERT_EQUAL(pfa_conf_check(conf, &error), 0);
	CU_ASSERT_TRUE(hosts_are(conf, "-:0"));
	pfa_conf_free(&conf);
	pfa_conf_free(&conf);
}

static const struct detect_row {
	const char *text;
	enum pfa_conf_form form;
} detect_rows[] = {
	{ "", PFA_CONF_NAMED },
	{ "# driver = mysql\nhosts = x\n", PFA_CONF_NAMED },
	{ "driver = mysql\n", PFA_CONF_DROPIN },
	{ "verify_memo = 1\ndriver = mysql\n", PFA_CONF_DROPIN },
	{ "verify_memo = 1\nhosts = x\n", PFA_CONF_NAMED },
	{ "\r\n \t# x\r\n\tconnect=host=x\r\n", PFA_CONF_DROPIN },
	{ "user_query = \\\n SELECT 1", PFA_CONF_DROPIN },
	{ "!include x", PFA_CONF_DROPIN },
	{ "!include_try x", PFA_CONF_DROPIN },
	{ "\xef\xbb\xbf" "driver = mysql\n", PFA_CONF_DROPIN },
	{ "hosts = x\ndriver = mysql\n", PFA_CONF_NAMED },
	{ "drivers = mysql\n", PFA_CONF_NAMED },
	{ "=\n", PFA_CONF_NAMED },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = driver\n"
	  "driver = mysql", PFA_CONF_NAMED },
};

static void test_pfa_conf_detect(void)
{
	for (size_t i = 0; i < N_ROWS(detect_rows); i++) {
		UNIT_ASSERT_ROW(detect_rows[i].text, detect_rows[i].form ==
			pfa_conf_detect(detect_rows[i].text,
					strlen(detect_rows[i].text)));
	}
}

/* expected: hosts, then the members that are not at their default */
static const struct connect_row {
	const char *connect;
	const char *expected;
} connect_rows[] = {
	{ "host=127.0.0.1 dbname=pfa user=u password=pa$$word",
	  "127.0.0.1:0 user=u password=pa$$word dbname=pfa" },
	{ "  host=a  port=3307   ", "a:3307" },
	{ "port=3307 host=a host=/s host=b", "a:3307 /s:3307 b:3307" },
	{ "hostaddr=a", "a:0" },
	{ "hostaddr=a host=b hostaddr=c host=d port=1", "c:1" },
	{ "host=a host=", "a:0 -:0" },
	{ "option_file=/f", "-:0 option_file=/f" },
	{ "option_file=/f option_group=g port=5 host=a",
	  "a:5 option_file=/f option_group=g" },
	{ "host=a user=a user=b", "a:0 user=b" },
	{ "host=a password=a=b=", "a:0 password=a=b=" },
	{ "host=a password=", "a:0 password=" },
	{ "host=a ssl_ca=/c ssl_ca_path=/p ssl_cert=/e ssl_key=/k "
	  "ssl_cipher=ALL ssl_verify_server_cert=no",
	  "a:0 tls_ca=/c tls_cert=/e tls_key=/k tls_ca_path=/p tls_cipher=ALL "
	  "verify=0" },
	{ "host=a ssl_verify_server_cert=yes", "a:0" },
	{ "host=a client_flags=65536", "a:0 client_flags=65536" },
	{ "host=a connect_timeout=7 read_timeout=9 write_timeout=3",
	  "a:0 connect_timeout=7000 lookup_timeout=9000" },
	{ "host=a connect_timeout=0 read_timeout=0", "a:0" },
	{ "host=a connect_timeout=4294967295 read_timeout=4294967295",
	  "a:0 connect_timeout=60000 lookup_timeout=120000" },
	{ "host=a maxconns=1", "a:0 connections=1" },
	{ "host=a maxconns=0", "a:0" },
	{ "host=a maxconns=30", "a:0" },
	/* only a blank parts words in stock */
	{ "host=a\tport=1", "a\tport=1:0" },
	{ "", "" },
};

static void append_name(struct strbuf *out, const char *name)
{
	strbuf_append_c(out, ' ');
	strbuf_append_str(out, name);
	strbuf_append_c(out, '=');
}

static void append_str(struct strbuf *out, const char *name, const char *value,
		       const char *usual)
{
	if (same(value, usual))
		return;
	append_name(out, name);
	strbuf_append_str(out, value == NULL ? "(none)" : value);
}

static void append_number(struct strbuf *out, const char *name,
			  unsigned int value, unsigned int usual)
{
	if (value == usual)
		return;
	append_name(out, name);
	append_number_str(out, value);
}

static void append_server(struct strbuf *out, const struct pfa_conf *conf)
{
	append_hosts(out, conf);
	append_str(out, "user", conf->user, NULL);
	append_str(out, "password", conf->password, NULL);
	append_str(out, "dbname", conf->dbname, NULL);
	append_str(out, "option_file", conf->option_file, NULL);
	append_str(out, "option_group", conf->option_group, NULL);
	append_str(out, "tls_ca", conf->tls_ca, NULL);
	append_str(out, "tls_cert", conf->tls_cert, NULL);
	append_str(out, "tls_key", conf->tls_key, NULL);
	append_str(out, "tls_ca_path", conf->tls_ca_path, NULL);
	append_str(out, "tls_cipher", conf->tls_cipher, "HIGH");
	append_number(out, "verify", conf->tls_verify_server_cert, 1);
	append_number(out, "client_flags", conf->client_flags, 0);
	append_number(out, "connections", conf->connections, 2);
	append_number(out, "connect_timeout", conf->connect_timeout, 2000);
	append_number(out, "lookup_timeout", conf->lookup_timeout, 5000);
}

static void check_connect(struct pfa_conf *conf, const struct connect_row *row)
{
	struct strbuf out = STRBUF_INIT;
	struct errbuf error;

	UNIT_ASSERT_ROW(row->connect, pfa_conf_set_dropin(conf, "connect",
						row->connect, &error) == 0);
	append_server(&out, conf);
	UNIT_ASSERT_ROW(row->connect,
			strcmp(strbuf_str(&out), row->expected) == 0);
	strbuf_free(&out);
}

static void test_pfa_conf_connect(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_DROPIN), *fresh;

	CU_ASSERT_EQUAL(conf->tls, PFA_TLS_STOCK);
	for (size_t i = 0; i < N_ROWS(connect_rows); i++) {
		/* one after the other, as a second connect replaces the
		   first, and on its own */
		fresh = conf_new(PFA_CONF_DROPIN);
		check_connect(fresh, &connect_rows[i]);
		pfa_conf_free(&fresh);
		check_connect(conf, &connect_rows[i]);
	}
	pfa_conf_free(&conf);
}

static const struct dropin_error_row {
	const char *key, *value;
	const char *error;	/* the beginning of the text */
} dropin_error_rows[] = {
	{ "driver", "pgsql", "this driver supports \"driver = mysql\" only" },
	{ "driver", "", "this driver supports \"driver = mysql\" only" },
	{ "connect", "host=a password=x " SECRET,
	  "connect, word 3 has no =: " },
	{ "connect", "host=a password=x " SECRET "!=y",
	  "connect, word 3: there is no key of that name: " },
	{ "connect", "host=a ssl_crt=/" SECRET,
	  "connect, word 2: there is no key ssl_crt: " },
	{ "connect", "host=a =" SECRET,
	  "connect, word 2: there is no key of that name: " },
	{ "connect", "port=" SECRET,
	  "connect, word 1: the value of port is not valid: " },
	{ "connect", "port=0", "connect, word 1: the value of port is not " },
	{ "connect", "port=65536", "connect, word 1: the value of port is " },
	{ "connect", "client_flags=0x1" SECRET,
	  "connect, word 1: the value of client_flags is not valid: " },
	{ "connect", "client_flags=4294967296",
	  "connect, word 1: the value of client_flags is not valid: " },
	{ "connect", "connect_timeout=5s",
	  "connect, word 1: the value of connect_timeout is not valid: " },
	{ "connect", "read_timeout=",
	  "connect, word 1: the value of read_timeout is not valid: " },
	{ "connect", "write_timeout=-1",
	  "connect, word 1: the value of write_timeout is not valid: " },
	{ "connect", "maxconns=x",
	  "connect, word 1: the value of maxconns is not valid: " },
	{ "connect", "ssl_verify_server_cert=YES",
	  "connect, word 1: the value of ssl_verify_server_cert is not " },
	{ "userdb_warning_disable", "1",
	  "the value of userdb_warning_disable is not valid: " },
	{ "hosts", "x", "hosts is a named setting and cannot be mixed " },
	{ "verify_threads", "many",
	  "verify_threads = many is no number this setting takes: " },
	{ "verify_treads", "1", "there is no setting verify_treads: did you "
	  "mean verify_threads?" },
	{ "user_querry", "x",
	  "there is no key user_querry in a dovecot-sql.conf.ext: " },
	{ "x" SECRET "!", "x", "there is no key of that name in a " },
};

static void test_pfa_conf_dropin_errors(void)
{
	const struct dropin_error_row *row;
	struct pfa_conf *conf;
	struct errbuf error;
	int ret;

	for (size_t i = 0; i < N_ROWS(dropin_error_rows); i++) {
		row = &dropin_error_rows[i];
		conf = conf_new(PFA_CONF_DROPIN);
		ret = pfa_conf_set_dropin(conf, row->key, row->value, &error);
		UNIT_ASSERT_ROW(row->value, ret == -1);
		UNIT_ASSERT_ROW(row->value, strncmp(error.text, row->error,
						    strlen(row->error)) == 0);
		UNIT_ASSERT_ROW(row->value,
				strstr(error.text, SECRET) == NULL);
		pfa_conf_free(&conf);
	}
}

static void test_pfa_conf_dropin_check(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_DROPIN);
	struct errbuf error;

	CU_ASSERT_EQUAL(pfa_conf_check(conf, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "driver is missing: "));
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "driver", "mysql",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_check(conf, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "connect is missing: "));
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "connect", "dbname=x",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_check(conf, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "names no server: "));
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "connect", "option_file=x",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_check(conf, &error), 0);
	pfa_conf_free(&conf);
}

static void test_pfa_conf_dropin_keys(void)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_DROPIN);
	struct errbuf error;

	CU_ASSERT_STRING_EQUAL(conf->default_pass_scheme, "MD5");
	CU_ASSERT_STRING_EQUAL(conf->password_query, "SELECT username, domain, "
		"password FROM users WHERE username = '%n' AND domain = '%d'");
	CU_ASSERT_STRING_EQUAL(conf->user_query, "SELECT home, uid, gid FROM "
		"users WHERE username = '%n' AND domain = '%d'");
	CU_ASSERT_STRING_EQUAL(conf->iterate_query,
		"SELECT username, domain FROM users");
	CU_ASSERT_FALSE(conf->password_query_set || conf->user_query_set ||
			conf->iterate_query_set);
	CU_ASSERT_EQUAL(conf->coalesce, 64);
	CU_ASSERT_EQUAL(conf->hedge_after, 300);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "coalesce", "1", &error), 0);
	CU_ASSERT_EQUAL(conf->coalesce, 1);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "hedge_after", "1 s",
					    &error), 0);
	CU_ASSERT_EQUAL(conf->hedge_after, 1000);
	/* several hosts are used alike, as stock does */
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "connect", "host=a host=b",
					    &error), 0);
	CU_ASSERT_TRUE(conf->load_balance);

	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "password_query", "p",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "user_query", "u",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "iterate_query", "i",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "update_query", "x",
					    &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "default_pass_scheme",
					    "CRAM-MD5", &error), 0);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "userdb_warning_disable",
					    "Yes", &error), 0);
	CU_ASSERT_STRING_EQUAL(conf->password_query, "p");
	CU_ASSERT_STRING_EQUAL(conf->user_query, "u");
	CU_ASSERT_STRING_EQUAL(conf->iterate_query, "i");
	CU_ASSERT_STRING_EQUAL(conf->default_pass_scheme, "CRAM-MD5");
	CU_ASSERT_TRUE(conf->password_query_set && conf->user_query_set &&
		       conf->iterate_query_set);
	CU_ASSERT_TRUE(conf->userdb_warning_disable);

	/* the verifier's are in both forms, with the same defaults */
	CU_ASSERT_EQUAL(conf->verify_queue, 512);
	CU_ASSERT_EQUAL(conf->verify_max_bcrypt_cost, 14);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "verify_memo", "1 min",
					    &error), 0);
	CU_ASSERT_EQUAL(conf->verify_memo, 60000);
	pfa_conf_free(&conf);
}

static size_t read_example(const char *name, char *text, size_t size)
{
	char path[1024];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), TOP_SRCDIR "/example-config/%s",
		 name);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	len = fread(text, 1, size - 1, f);
	fclose(f);
	CU_ASSERT_FATAL(len < size - 1);
	text[len] = '\0';
	return len;
}

static struct pfa_conf *parse_example(const char *name)
{
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);
	struct errbuf error = { .text = "" };
	char text[16384];
	size_t len = read_example(name, text, sizeof(text));

	CU_ASSERT_EQUAL(pfa_conf_detect(text, len), PFA_CONF_NAMED);
	CU_ASSERT_EQUAL(pfa_conf_parse(conf, name, text, len, &error), 0);
	CU_ASSERT_STRING_EQUAL(error.text, "");
	return conf;
}

static void test_pfa_conf_examples(void)
{
	struct pfa_conf *conf;

	conf = parse_example("dovecot-postfixadmin.conf.ext");
	CU_ASSERT_TRUE(hosts_are(conf, "/run/mysqld/mysqld.sock:0"));
	CU_ASSERT_STRING_EQUAL(conf->password, "pa$$word");
	CU_ASSERT_STRING_EQUAL(conf->mail, "maildir:/var/mail/%d/%n");
	CU_ASSERT_STRING_EQUAL(conf->uid, "2000");
	CU_ASSERT_STRING_EQUAL(conf->encrypt, "dovecot:CRAM-MD5");
	pfa_conf_free(&conf);

	conf = parse_example("dovecot-users-table.conf.ext");
	CU_ASSERT_EQUAL(conf->schema, PFA_SCHEMA_USERS);
	CU_ASSERT_STRING_EQUAL(conf->users_table, "users");
	CU_ASSERT_STRING_EQUAL(conf->quota_column, "quota");
	CU_ASSERT_STRING_EQUAL(conf->home, "/home/vmail/%d/%n");
	CU_ASSERT_STRING_EQUAL(conf->gid, "5000");
	pfa_conf_free(&conf);
}

static const struct setting_row {
	const char *name;
	const char *def;
} settings[] = {
#define SETTING(_type, _name, _def, _min, _max, _unit, _help) { #_name, _def },
#include "core/settings.def"
#undef SETTING
};

/* The example has each setting, set, or commented out with its default. */
static void test_pfa_conf_example_is_complete(void)
{
	char text[16384], wanted[128];

	read_example("dovecot-postfixadmin.conf.ext", text, sizeof(text));
	for (size_t i = 0; i < N_ROWS(settings); i++) {
		snprintf(wanted, sizeof(wanted), "\n%s = ", settings[i].name);
		if (strstr(text, wanted) != NULL)
			continue;
		snprintf(wanted, sizeof(wanted), "\n#%s = %s",
			 settings[i].name, settings[i].def == NULL ||
			 *settings[i].def == '\0' ? "" : settings[i].def);
		if (settings[i].def != NULL && *settings[i].def != '\0')
			strcat(wanted, "\n");
		UNIT_ASSERT_ROW(settings[i].name,
				strstr(text, wanted) != NULL);
	}
}

/* Without the # in front of them, the settings of the example are valid too,
   if not together. */
static void test_pfa_conf_example_is_valid_uncommented(void)
{
	char text[16384], *line, *rest = text, *value;
	struct pfa_conf *conf = conf_new(PFA_CONF_NAMED);
	struct errbuf error;

	read_example("dovecot-postfixadmin.conf.ext", text, sizeof(text));
	while ((line = strsep(&rest, "\n")) != NULL) {
		value = strstr(line, " = ");
		if (line[0] != '#' || line[1] == ' ' || value == NULL)
			continue;
		*value = '\0';
		UNIT_ASSERT_ROW(line, pfa_conf_set(conf, line + 1, value + 3,
						   &error) == 0);
	}
	pfa_conf_free(&conf);
}

static CU_TestInfo tests[] = {
	TEST(test_pfa_conf_hosts),
	TEST(test_pfa_conf_texts),
	TEST(test_pfa_conf_numbers),
	TEST(test_pfa_conf_rule_defaults),
	TEST(test_pfa_conf_yes_no),
	TEST(test_pfa_conf_errors),
	TEST(test_pfa_conf_bytes_of_no_text),
	TEST(test_pfa_conf_option_file_has_the_server),
	TEST(test_pfa_conf_detect),
	TEST(test_pfa_conf_connect),
	TEST(test_pfa_conf_dropin_errors),
	TEST(test_pfa_conf_dropin_check),
	TEST(test_pfa_conf_dropin_keys),
	TEST(test_pfa_conf_examples),
	TEST(test_pfa_conf_example_is_complete),
	TEST(test_pfa_conf_example_is_valid_uncommented),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("pfa-conf", tests);
}
