/* SPDX-License-Identifier: MIT */
/*
 * Lookups from their parameters to a verdict, with real rules, templates and
 * pool; only threads, clock and server are fakes.
 */
#include "fake-hash-run.h"
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"
#include "lookup.h"
#include "rehash.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static const char named_text[] =
	"hosts = db.example.net:1\n"
	"user = u\n"
	"password = secret\n"
	"dbname = d\n"
	"tls = off\n"
	"home = /var/mail/%d/%n\n"
	"uid = 2000\n"
	"encrypt = dovecot:CRAM-MD5\n";

static struct lookup_engine *engine;

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void engine_start(struct pfa_conf *conf, struct conf_lines *lines)
{
	const struct lookup_engine_params params = {
		.conf = conf,
		.lines = lines,
		.path = "/etc/x.conf",
		.loop = &fake_loop,
		.log = test_log,
	};
	struct errbuf error = { .text = "" };

	fake_loop_init();
	fake_mysql_conn_init();
	if (lookup_engine_new(&params, &engine, &error) < 0)
		CU_FAIL_FATAL(error.text);
}

static struct pfa_conf *named_conf(void)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_NAMED);
	struct errbuf error = { .text = "" };

	if (pfa_conf_parse(conf, "x.conf", named_text, strlen(named_text),
			   &error) < 0)
		CU_FAIL_FATAL(error.text);
	return conf;
}

static void engine_start_named(void)
{
	engine_start(named_conf(), conf_lines_scan(named_text,
						   strlen(named_text)));
}

static struct pfa_conf *dropin_conf(const char *password_query)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_DROPIN);
	struct errbuf error;

	pfa_conf_set_dropin(conf, "driver", "mysql", &error);
	pfa_conf_set_dropin(conf, "connect", "host=h port=1 dbname=d", &error);
	pfa_conf_set_dropin(conf, "password_query", password_query, &error);
	pfa_conf_set_dropin(conf, "iterate_query",
			    "SELECT username, domain FROM t", &error);
	return conf;
}

static void engine_stop(void)
{
	lookup_engine_free(&engine);
	CU_ASSERT_PTR_NULL(engine);
	CU_ASSERT_EQUAL(fake_conns, 0);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
}

struct outcome {
	unsigned int calls, app_count;
	enum account_verdict verdict;
	char reason[512];
	bool repeated;
	char fields[1024];	/* "name=value\n" ... */
};

static void lookup_done(const struct account *account, void *context)
{
	struct outcome *outcome = context;
	unsigned int i;

	outcome->calls++;
	outcome->verdict = account->verdict;
	outcome->app_count = account->app_count;
	outcome->repeated = account->repeated;
	snprintf(outcome->reason, sizeof(outcome->reason), "%s",
		 account->reason == NULL ? "" : account->reason);
	for (i = 0; i < account->field_count; i++) {
		strcat(outcome->fields, account->fields[i].name);
		strcat(outcome->fields, "=");
		strcat(outcome->fields, account->fields[i].value == NULL ?
		       "(null)" : account->fields[i].value);
		strcat(outcome->fields, "\n");
	}
}

static int no_expand(const char *text, struct strbuf *out, void *context,
		     struct errbuf *error)
{
	(void)out;
	(void)context;
	return errbuf_set(error, "no %s here", text);
}

static struct outcome outcome;
static struct lookup lookup;

static void start(enum account_kind kind, const char *user)
{
	memset(&outcome, 0, sizeof(outcome));
	lookup = (struct lookup) {
		.engine = engine,
		.kind = kind,
		.vars = { .user = user, .expand = no_expand },
		.remote = "192.0.2.1",
		.callback = lookup_done,
		.context = &outcome,
	};
	lookup_start(&lookup);
}

static void set_row(unsigned int columns, const char *const *names,
		    const char *const *values)
{
	fake_hosts[0].column_count = columns;
	fake_hosts[0].row_count = 1;
	fake_hosts[0].names = names;
	fake_hosts[0].values = values;
}

static const char *const mailbox_names[] = {
	"user", "password", "quota", "active", "domain_active",
};
static const char *const mailbox_values[] = {
	"joe@example.org", "{CRAM-MD5}00", "1024", "1", "1",
};

static void test_lookup_named_passdb(void)
{
	engine_start_named();
	set_row(5, mailbox_names, mailbox_values);
	start(ACCOUNT_PASSDB, "Joe@Example.org");
	CU_ASSERT_EQUAL(outcome.calls, 0);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_OK);
	CU_ASSERT_STRING_EQUAL(outcome.fields,
		"user=joe@example.org\n"
		"password={CRAM-MD5}00\n"
		"userdb_home=/var/mail/example.org/joe\n"
		"userdb_uid=2000\n"
		"userdb_quota_rule=*:bytes=1024\n");
	CU_ASSERT_STRING_EQUAL(fake_last_values,
			       "example.org|example.org|joe@example.org|");
	engine_stop();
}

static void test_lookup_named_userdb(void)
{
	engine_start_named();
	set_row(5, mailbox_names, mailbox_values);
	start(ACCOUNT_USERDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.fields,
		"user=joe@example.org\n"
		"home=/var/mail/example.org/joe\n"
		"uid=2000\n"
		"quota_rule=*:bytes=1024\n");
	CU_ASSERT_PTR_NULL(strstr(fake_last_text, "password"));
	engine_stop();
}

static void test_lookup_impossible_name_costs_no_query(void)
{
	engine_start_named();
	start(ACCOUNT_PASSDB, "joe");
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_UNKNOWN);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);
	engine_stop();
}

static void test_lookup_no_row_is_unknown(void)
{
	engine_start_named();
	set_row(5, mailbox_names, mailbox_values);
	fake_hosts[0].row_count = 0;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_UNKNOWN);
	CU_ASSERT_STRING_EQUAL(outcome.reason, "");
	engine_stop();
}

static void engine_start_with(const char *name, const char *value)
{
	struct pfa_conf *conf = named_conf();
	struct errbuf error;

	CU_ASSERT_EQUAL(pfa_conf_set(conf, name, value, &error), 0);
	engine_start(conf, NULL);
}

/* Whose name it is, is asked once. */
static void test_lookup_redirects_one_hop(void)
{
	static const char *const names[] = {
		"user", "alias_domain", "target_domain", "address", "goto",
	};
	static const char *const values[] = {
		"joe@target.example", "example.org", "target.example", NULL,
		NULL,
	};

	engine_start_with("alias_domains", "yes");
	set_row(5, names, values);
	fake_hosts[0].row_count = 0;
	start(ACCOUNT_USERDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_last_text, "`alias_domain`"));
	CU_ASSERT_STRING_EQUAL(fake_last_values, "example.org|");
	/* a row for the name itself: nobody asks on */
	fake_hosts[0].row_count = 1;
	start(ACCOUNT_USERDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_PTR_NULL(strstr(fake_last_text, "`alias_domain`"));
	engine_stop();
}

/* The same row answers both statements. */
static void test_lookup_asks_for_app_passwords(void)
{
	static const char *const names[] = {
		"user", "password", "active", "domain_active",
		"app_password", "description", "excepted",
	};
	static const char *const values[] = {
		"Joe@example.org", "{PLAIN}x", "1", "1", "{PLAIN}y", "d", NULL,
	};

	engine_start_with("app_passwords", "yes");
	set_row(7, names, values);
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_OK);
	CU_ASSERT_EQUAL(outcome.app_count, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_last_text,
				      "`mailbox_app_password`"));
	/* the userdb has no passwords */
	start(ACCOUNT_USERDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_OK);
	CU_ASSERT_PTR_NULL(strstr(fake_last_text, "`mailbox_app_password`"));
	engine_stop();
}

static void test_lookup_binds_the_address(void)
{
	static const char *const names[] = {
		"user", "password", "active", "domain_active", "totp",
		"excepted",
	};
	static const char *const values[] = {
		"joe@example.org", "{PLAIN}x", "1", "1", "1", "1",
	};

	engine_start_with("totp", "enforce");
	set_row(6, names, values);
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_last_values, "joe@example.org|"
				      "example.org|192.0.2.1|"
				      "::ffff:192.0.2.1|"));
	engine_stop();
}

static const struct {
	const char *name;
	enum db_error_kind kind;
	const char *reason;
} failures[] = {
	{ "no cure known", DB_ERROR_OTHER,
	  "password_query failed: run failed (error 4242)" },
	{ "table", DB_ERROR_TABLE,
	  "password_query failed: run failed (error 4242): check dbname, "
	  "table_prefix and the table names (/etc/x.conf line 4)" },
	{ "column", DB_ERROR_COLUMN,
	  "password_query failed: run failed (error 4242): check schema and "
	  "the column names (/etc/x.conf)" },
	{ "collation", DB_ERROR_COLLATION,
	  "password_query failed: run failed (error 4242): compare the "
	  "collations of the columns (/etc/x.conf line 4)" },
};

static void test_lookup_database_trouble_is_never_unknown(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(failures); i++) {
		engine_start_named();
		fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
		fake_hosts[0].error_kind = failures[i].kind;
		start(ACCOUNT_PASSDB, "joe@example.org");
		fake_jobs_settle();
		UNIT_ASSERT_ROW(failures[i].name, outcome.calls == 1 &&
				outcome.verdict == ACCOUNT_FAILED);
		CU_ASSERT_STRING_EQUAL(outcome.reason, failures[i].reason);
		engine_stop();
	}
}

static void test_lookup_busy_server_is_named(void)
{
	engine_start_named();
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_hosts[0].error_kind = DB_ERROR_BUSY;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	CU_ASSERT_STRING_EQUAL(outcome.reason,
		"password_query failed: Connecting to host1 failed: connect "
		"failed (error 4242): look at the server: it takes no "
		"connections or queries for now (/etc/x.conf line 1)");
	engine_stop();
}

static void test_lookup_refused_connection_names_the_cure(void)
{
	engine_start_named();
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_hosts[0].error_kind = DB_ERROR_LOGIN;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	CU_ASSERT_STRING_EQUAL(outcome.reason,
		"password_query failed: Connecting to host1 failed: connect "
		"failed (error 4242): check user and password (or tls and "
		"tls_cert, if the account REQUIREs them) "
		"(/etc/x.conf line 3)");
	engine_stop();
}

static void test_lookup_lasting_trouble_is_reported_once(void)
{
	engine_start_named();
	set_row(5, mailbox_names, mailbox_values);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[0].error_kind = DB_ERROR_TABLE;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_FALSE(outcome.repeated);
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_TRUE(outcome.repeated);
	/* another trouble is news */
	fake_hosts[0].error_kind = DB_ERROR_RIGHTS;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_FALSE(outcome.repeated);
	/* and so is the same one after it was gone */
	fake_hosts[0].run = MYSQL_CONN_OK;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_OK);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_FALSE(outcome.repeated);
	engine_stop();
}

static void test_lookup_dropin_binds_what_the_literals_hold(void)
{
	static const char *const names[] = { "user", "password" };
	static const char *const values[] = { "joe", NULL };

	engine_start(dropin_conf("SELECT '%u' AS user, password FROM t "
				 "WHERE a = '%n' AND b = 'x%%%d'"), NULL);
	set_row(2, names, values);
	start(ACCOUNT_PASSDB, "o'neil%s@example.org");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(fake_last_text, "SELECT ? AS user, password "
			       "FROM t WHERE a = ? AND b = ?");
	CU_ASSERT_STRING_EQUAL(fake_last_values, "o'neil%s@example.org|"
			       "o'neil%s|x%example.org|");
	CU_ASSERT_STRING_EQUAL(outcome.fields, "user=joe\npassword=(null)\n");
	engine_stop();
}

static void test_lookup_letters_a_column_lacks_are_no_trouble(void)
{
	engine_start(dropin_conf("SELECT password FROM t WHERE a = '%u'"),
		     NULL);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[0].error_kind = DB_ERROR_COLLATION;
	start(ACCOUNT_PASSDB, "jos\xc3\xa9@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_UNKNOWN);
	start(ACCOUNT_PASSDB, "jose@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	engine_stop();
}

static void test_lookup_variable_that_cannot_be_expanded(void)
{
	engine_start(dropin_conf("SELECT password FROM t WHERE a = '%s'"),
		     NULL);
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);
	engine_stop();
}

static void test_lookup_engine_knows_queries_with_the_password(void)
{
	engine_start(dropin_conf("SELECT a FROM t WHERE a = '%u'"), NULL);
	CU_ASSERT_FALSE(lookup_engine_binds_password(engine));
	engine_stop();
	engine_start(dropin_conf("SELECT a FROM t WHERE b = MD5('%w')"), NULL);
	CU_ASSERT_TRUE(lookup_engine_binds_password(engine));
	engine_stop();
}

static void test_lookup_engine_names_the_bad_setting(void)
{
	struct lookup_engine_params params = {
		.conf = dropin_conf("SELECT password FROM t_%d"),
		.path = "/etc/x.conf",
		.loop = &fake_loop,
		.log = test_log,
	};
	struct errbuf error = { .text = "" };

	CU_ASSERT_EQUAL(lookup_engine_new(&params, &engine, &error), -1);
	CU_ASSERT_PTR_NULL(engine);
	CU_ASSERT_STRING_EQUAL(error.setting, "password_query");
	CU_ASSERT_TRUE(error.text[0] != '\0');
}

static void test_lookup_stopped_engine_answers(void)
{
	engine_start_named();
	start(ACCOUNT_PASSDB, "joe@example.org");
	lookup_engine_stop(engine);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	start(ACCOUNT_PASSDB, "joe@example.org");
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.verdict, ACCOUNT_FAILED);
	engine_stop();
}

/* On a pool of its own: the lookups' has no connection yet. */
static void test_lookup_engine_heals(void)
{
	const struct hash hash = { .method = HASH_INLINE };
	const struct rehash_login login = {
		.user = "joe@example.org", .scheme = "PLAIN", .hash = &hash,
		.stored = "{PLAIN}secret", .width = 255, .plain = "secret",
	};
	struct pfa_conf *conf = named_conf();
	struct errbuf error;

	CU_ASSERT_EQUAL(pfa_conf_set(conf, "rehash", "SHA512-CRYPT", &error),
			0);
	engine_start(conf, NULL);
	fake_hash_run_init();
	fake_hosts[0].changes = true;
	rehash_offer(lookup_engine_rehash(engine), &login);
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(fake_last_text, "UPDATE `mailbox` SET "
		"`password` = ? WHERE `username` = ? AND SHA2(CONVERT("
		"`password` USING utf8mb4), 256) = ?");
	CU_ASSERT_EQUAL(fake_conns, 1);
	start(ACCOUNT_PASSDB, "joe@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 2);

	lookup_engine_stop(engine);
	CU_ASSERT_PTR_NULL(lookup_engine_rehash(engine));
	CU_ASSERT_EQUAL(fake_conns, 0);
	engine_stop();

	engine_start_named();
	CU_ASSERT_PTR_NULL(lookup_engine_rehash(engine));
	engine_stop();
}

static void test_lookup_engine_names_a_bad_rehash(void)
{
	struct lookup_engine_params params = {
		.conf = named_conf(),
		.path = "/etc/x.conf",
		.loop = &fake_loop,
		.log = test_log,
	};
	struct errbuf error = { .text = "" };

	CU_ASSERT_EQUAL(pfa_conf_set(params.conf, "rehash", "BLF-CRYPT:15",
				     &error), 0);
	CU_ASSERT_EQUAL(lookup_engine_new(&params, &engine, &error), -1);
	CU_ASSERT_PTR_NULL(engine);
	CU_ASSERT_STRING_EQUAL(error.setting, "rehash");
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "allows 14"));
}

/* ------------------------------------------------------------- iterate */

struct list {
	unsigned int names, ends;
	char last[128], error[256];
	bool chain;		/* ask for the next one inside the callback */
	struct lookup_iterate *iterate;
};

static void list_callback(const char *user, const char *error, void *context)
{
	struct list *list = context;

	if (user == NULL) {
		list->ends++;
		snprintf(list->error, sizeof(list->error), "%s",
			 error == NULL ? "" : error);
		return;
	}
	list->names++;
	snprintf(list->last, sizeof(list->last), "%s", user);
	if (list->chain)
		lookup_iterate_next(list->iterate);
}

static void list_start(struct list *list)
{
	const struct template_vars vars = { .user = "*", .expand = no_expand };
	struct errbuf error;

	list->iterate = lookup_iterate_start(engine, &vars, list_callback,
					     list, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(list->iterate);
}

/* As Dovecot does: asks again once it has got one. */
static void list_all(struct list *list)
{
	unsigned int seen;

	lookup_iterate_next(list->iterate);
	do {
		seen = list->names;
		fake_jobs_settle();
		if (list->names > seen && !list->chain)
			lookup_iterate_next(list->iterate);
	} while (list->ends == 0);
}

static const char *const list_names[] = { "domain", "username" };
static const char *const list_values[] = { "example.org", "joe" };

static void test_lookup_iterate_gives_every_name(void)
{
	struct list list = { .chain = true };

	engine_start(dropin_conf("SELECT password FROM t"), NULL);
	set_row(2, list_names, list_values);
	fake_hosts[0].stream_rows = 2 * DBPOOL_STREAM_ROWS + 3;
	list_start(&list);
	list_all(&list);
	CU_ASSERT_EQUAL(list.names, 2 * DBPOOL_STREAM_ROWS + 3);
	CU_ASSERT_EQUAL(list.ends, 1);
	CU_ASSERT_STRING_EQUAL(list.last, "joe@example.org");
	CU_ASSERT_STRING_EQUAL(list.error, "");
	lookup_iterate_end(&list.iterate);
	engine_stop();
}

static void test_lookup_iterate_tells_an_incomplete_list(void)
{
	static const char *const values[] = { "example.org", NULL };
	struct list list = { .chain = true };

	engine_start(dropin_conf("SELECT password FROM t"), NULL);
	set_row(2, list_names, values);
	fake_hosts[0].stream_rows = 2;
	list_start(&list);
	list_all(&list);
	CU_ASSERT_EQUAL(list.names, 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(list.error, "without a user"));
	lookup_iterate_end(&list.iterate);

	fake_hosts[0].stream = MYSQL_CONN_LOST;
	list = (struct list) { .chain = true };
	list_start(&list);
	list_all(&list);
	CU_ASSERT_PTR_NOT_NULL(strstr(list.error, "open failed"));
	lookup_iterate_end(&list.iterate);
	engine_stop();
}

static void test_lookup_iterate_ends_early(void)
{
	struct list list = { 0 };

	engine_start(dropin_conf("SELECT password FROM t"), NULL);
	set_row(2, list_names, list_values);
	fake_hosts[0].stream_rows = 2 * DBPOOL_STREAM_ROWS;
	list_start(&list);
	/* nothing comes unasked */
	fake_jobs_settle();
	CU_ASSERT_EQUAL(list.names, 0);
	lookup_iterate_next(list.iterate);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(list.names, 1);
	lookup_iterate_end(&list.iterate);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	engine_stop();
}

static CU_TestInfo tests[] = {
	TEST(test_lookup_named_passdb),
	TEST(test_lookup_named_userdb),
	TEST(test_lookup_impossible_name_costs_no_query),
	TEST(test_lookup_no_row_is_unknown),
	TEST(test_lookup_redirects_one_hop),
	TEST(test_lookup_asks_for_app_passwords),
	TEST(test_lookup_binds_the_address),
	TEST(test_lookup_database_trouble_is_never_unknown),
	TEST(test_lookup_busy_server_is_named),
	TEST(test_lookup_refused_connection_names_the_cure),
	TEST(test_lookup_lasting_trouble_is_reported_once),
	TEST(test_lookup_dropin_binds_what_the_literals_hold),
	TEST(test_lookup_letters_a_column_lacks_are_no_trouble),
	TEST(test_lookup_variable_that_cannot_be_expanded),
	TEST(test_lookup_engine_knows_queries_with_the_password),
	TEST(test_lookup_engine_names_the_bad_setting),
	TEST(test_lookup_stopped_engine_answers),
	TEST(test_lookup_engine_heals),
	TEST(test_lookup_engine_names_a_bad_rehash),
	TEST(test_lookup_iterate_gives_every_name),
	TEST(test_lookup_iterate_tells_an_incomplete_list),
	TEST(test_lookup_iterate_ends_early),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("lookup", tests);
}
