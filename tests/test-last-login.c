/* SPDX-License-Identifier: MIT */
/*
 * The record of logins on a virtual clock, with a server that does what the
 * test says: who is written when, how often, and what a failure is followed
 * by.
 */
#include "fail-malloc.h"
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"
#include "last-login.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MS 60000
#define TIMEOUT_MS 5000
#define NAMES_MAX 16384		/* in one interval */

#define FAILED "error: last_login failed, logins are not affected: "

static struct last_login *last_login;
static char log_text[4096];

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	static const char *const names[] = { "debug:", "info:", "error:" };
	const size_t used = strlen(log_text);

	CU_ASSERT_PTR_EQUAL(context, log_text);
	snprintf(log_text + used, sizeof(log_text) - used, "%s %s\n",
		 names[level], text);
}

static void start_with(unsigned int interval_ms, bool debug)
{
	static const struct db_server servers[] = { {
		.port = 1, .connect_timeout_ms = 2000,
	} };
	const struct last_login_params params = {
		.insert = "INSERT ...",
		.table = "`last_login`",
		.servers = servers,
		.server_count = 1,
		.interval_ms = interval_ms,
		.write_timeout_ms = TIMEOUT_MS,
		.loop = &fake_loop,
		.log = test_log,
		.log_context = log_text,
		.debug = debug,
	};

	log_text[0] = '\0';
	fake_loop_init();
	fake_mysql_conn_init();
	fake_hosts[0].changes = true;
	fake_hosts[0].affected = 1;
	last_login = last_login_new(&params);
	CU_ASSERT_PTR_NOT_NULL_FATAL(last_login);
}

static void start(bool debug)
{
	start_with(INTERVAL_MS, debug);
}

static void end(void)
{
	last_login_free(&last_login);
	CU_ASSERT_PTR_NULL(last_login);
	CU_ASSERT_EQUAL(fake_conns, 0);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
}

static void note(const char *user)
{
	last_login_note(last_login, user);
}

static void note_many(unsigned int count)
{
	char user[16];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(user, sizeof(user), "u%u", i);
		note(user);
	}
}

/* The end of the interval, and all that follows at once. */
static void interval(void)
{
	fake_loop_advance(INTERVAL_MS);
	fake_jobs_settle();
}

/* In how many rows of the last statement the user has this age. */
static unsigned int rows_with(const char *row)
{
	const size_t len = strlen(row);
	unsigned int count = 0;
	const char *p = fake_last_values;

	for (; (p = strstr(p, row)) != NULL; p += len) {
		if (p == fake_last_values || p[-1] == '|')
			count++;
	}
	return count;
}

static void test_last_login_writes_at_the_end(void)
{
	start(false);
	note("joe");
	fake_jobs_settle();
	fake_loop_advance(INTERVAL_MS - 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);
	fake_loop_advance(1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_STRING_EQUAL(fake_last_text, "INSERT ...");
	/* as many rows as the statement takes, all of them joe's */
	CU_ASSERT_EQUAL(rows_with("joe|60|"), LAST_LOGIN_ROWS);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	end();
}

static void test_last_login_has_the_last_one(void)
{
	start(false);
	note("joe");
	fake_loop_advance(20 * 1000);
	note("joe");
	note("anna");
	fake_loop_advance(39 * 1000);
	note("anna");
	fake_loop_advance(1000);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_EQUAL(rows_with("joe|40|") + rows_with("anna|1|"),
			LAST_LOGIN_ROWS);
	CU_ASSERT_TRUE(rows_with("joe|40|") >= 1);
	CU_ASSERT_TRUE(rows_with("anna|1|") >= 1);
	end();
}

/* Names that begin alike, or share a bucket, are different ones. */
static void test_last_login_tells_names_apart(void)
{
	start(false);
	note("a");
	note("ab");
	note("");
	note("A");
	note("b");
	interval();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_TRUE(rows_with("a|60|") > 0 && rows_with("ab|60|") > 0 &&
		       rows_with("A|60|") > 0 && rows_with("b|60|") > 0 &&
		       rows_with("|60|") > 0);
	end();
}

/* Whoever does not log in any more is not written any more. */
static void test_last_login_writes_once(void)
{
	start(false);
	note("joe");
	interval();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	for (int i = 0; i < 10; i++)
		interval();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	/* the next interval begins with the next login */
	note("anna");
	fake_loop_advance(INTERVAL_MS - 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	fake_loop_advance(1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(rows_with("anna|60|"), LAST_LOGIN_ROWS);
	end();
}

static void test_last_login_batches(void)
{
	static const struct {
		unsigned int users, runs;
	} rows[] = {
		{ LAST_LOGIN_ROWS - 1, 1 }, { LAST_LOGIN_ROWS, 1 },
		{ LAST_LOGIN_ROWS + 1, 2 }, { LAST_LOGIN_ROWS * 2, 2 },
		{ LAST_LOGIN_ROWS * 3, 3 },
	};

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		start(false);
		note_many(rows[i].users);
		interval();
		CU_ASSERT_EQUAL(fake_hosts[0].runs, rows[i].runs);
		CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
		end();
	}
}

/* Each user is in one of the batches, which go out one after the other. */
static void test_last_login_leaves_nobody_out(void)
{
	bool seen[LAST_LOGIN_ROWS * 2 + 5] = { false };
	char user[16];
	unsigned int i, written = 0;

	start(false);
	note_many(N_ROWS(seen));
	fake_loop_advance(INTERVAL_MS);
	/* every step may run a batch */
	do {
		for (i = 0; i < N_ROWS(seen); i++) {
			snprintf(user, sizeof(user), "u%u|60|", i);
			seen[i] = seen[i] || rows_with(user) > 0;
		}
		fake_loop_advance(0);
	} while (fake_jobs_step());
	for (i = 0; i < N_ROWS(seen); i++)
		written += seen[i];
	CU_ASSERT_EQUAL(written, N_ROWS(seen));
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	end();
}

static void test_last_login_is_bounded(void)
{
	start(false);
	note_many(NAMES_MAX);
	note("one too many");
	/* those that are known stay so */
	fake_loop_advance(1000);
	note("u0");
	fake_loop_advance(INTERVAL_MS - 1000);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, NAMES_MAX / LAST_LOGIN_ROWS);
	/* there is room again */
	note("one too many");
	interval();
	CU_ASSERT_EQUAL(rows_with("one too many|60|"), LAST_LOGIN_ROWS);
	end();
}

/* What comes in while the server takes its time waits for the next end of an
   interval at which it has not. */
static void test_last_login_slow_server(void)
{
	start(false);
	note("joe");
	fake_loop_advance(INTERVAL_MS);
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());	/* connects */
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);	/* writes */
	note("anna");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 0);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(rows_with("joe|60|"), LAST_LOGIN_ROWS);
	interval();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(rows_with("anna|60|"), LAST_LOGIN_ROWS);
	end();
}

/* The interval is over before all of the one before is written. */
static void test_last_login_interval_in_a_write(void)
{
	start_with(1000, false);
	note_many(LAST_LOGIN_ROWS + 1);
	fake_loop_advance(1000);
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	note("joe");
	fake_loop_advance(1000);
	fake_jobs_settle();
	/* first the rest of the former, then the next end of an interval */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(rows_with("joe|"), 0);
	fake_loop_advance(1000);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	CU_ASSERT_EQUAL(rows_with("joe|2|"), LAST_LOGIN_ROWS);
	end();
}

/* Whoever holds the table: the write has a deadline. */
static void test_last_login_write_hangs(void)
{
	start(false);
	note_many(LAST_LOGIN_ROWS + 1);
	fake_loop_advance(INTERVAL_MS);
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	note("joe");
	fake_loop_advance(TIMEOUT_MS);
	CU_ASSERT_STRING_EQUAL(log_text, FAILED "No answer from the database "
			       "within 5000 ms\n");
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	fake_jobs_settle();
	/* the rest of that interval is lost, this one is not */
	fake_loop_advance(INTERVAL_MS - TIMEOUT_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(rows_with("joe|60|"), LAST_LOGIN_ROWS);
	end();
}

static void test_last_login_fails_once(void)
{
	static const struct {
		enum db_error_kind kind;
		const char *text;
	} rows[] = {
		{ DB_ERROR_RIGHTS, FAILED "run failed: GRANT SELECT, INSERT, "
		  "UPDATE ON `last_login` to this user\n" },
		{ DB_ERROR_TABLE, FAILED "run failed: create it as the manual "
		  "page says\n" },
		{ DB_ERROR_OTHER, FAILED "run failed\n" },
	};

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		start(false);
		fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
		fake_hosts[0].error_kind = rows[i].kind;
		/* the other batches would fail, too */
		note_many(LAST_LOGIN_ROWS * 3);
		interval();
		UNIT_ASSERT_ROW(rows[i].text,
				strcmp(log_text, rows[i].text) == 0);
		UNIT_ASSERT_ROW(rows[i].text, fake_hosts[0].runs == 1);
		/* the next interval tries, and the same failure is no news */
		note("joe");
		interval();
		UNIT_ASSERT_ROW(rows[i].text, fake_hosts[0].runs == 2);
		UNIT_ASSERT_ROW(rows[i].text,
				strcmp(log_text, rows[i].text) == 0);
		/* until it has ended */
		fake_hosts[0].run = MYSQL_CONN_OK;
		note("joe");
		interval();
		fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
		log_text[0] = '\0';
		note("joe");
		interval();
		UNIT_ASSERT_ROW(rows[i].text,
				strcmp(log_text, rows[i].text) == 0);
		end();
	}
}

static void test_last_login_other_failure_is_news(void)
{
	start(false);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	note("joe");
	interval();
	fake_hosts[0].error_kind = DB_ERROR_TABLE;
	note("joe");
	interval();
	CU_ASSERT_STRING_EQUAL(log_text, FAILED "run failed\n"
			       FAILED "run failed: create it as the manual "
			       "page says\n");
	end();
}

static void test_last_login_server_gone(void)
{
	start(false);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	note("joe");
	interval();
	/* and not the pool's line as well */
	CU_ASSERT_STRING_EQUAL(log_text, FAILED "Connecting to host1 failed: "
			       "connect failed\n");
	fake_hosts[0].connect = MYSQL_CONN_OK;
	note("anna");
	interval();
	CU_ASSERT_EQUAL(rows_with("anna|60|"), LAST_LOGIN_ROWS);
	end();
}

/* Written twice does no harm. */
static void test_last_login_connection_lost(void)
{
	start(false);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	note("joe");
	interval();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	end();
}

static void test_last_login_logs_for_debugging(void)
{
	start(true);
	note("joe");
	interval();
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "debug: "));
	CU_ASSERT_PTR_NULL(strstr(log_text, "error: "));
	end();
}

static void test_last_login_end_in_an_interval(void)
{
	start(false);
	note("joe");
	end();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);

	/* while it is written */
	start(false);
	note_many(LAST_LOGIN_ROWS * 2);
	fake_loop_advance(INTERVAL_MS);
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	note("joe");
	end();
	CU_ASSERT_STRING_EQUAL(log_text, "");
}

static void test_last_login_not_set(void)
{
	last_login_note(NULL, "joe");
	last_login_free(&last_login);
}

/* Who cannot be remembered is not recorded, this time. */
static void test_last_login_without_memory(void)
{
	start(false);
	fail_malloc_arm(1);
	note("joe");
	CU_ASSERT_TRUE(fail_malloc_disarm());
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
	note("anna");
	interval();
	CU_ASSERT_EQUAL(rows_with("anna|60|"), LAST_LOGIN_ROWS);
	end();
}

/* The pool is made when it is needed, each batch is copied. */
static void test_last_login_no_memory_for_a_write(void)
{
	unsigned int nth;

	for (nth = 1;; nth++) {
		start(false);
		note_many(LAST_LOGIN_ROWS + 1);
		fail_malloc_arm(nth);
		fake_loop_advance(INTERVAL_MS);
		if (!fail_malloc_disarm())
			break;
		fake_jobs_settle();
		/* the first batch is lost or it came in time */
		CU_ASSERT_TRUE(fake_hosts[0].runs == 2 ||
			       strncmp(log_text, FAILED, strlen(FAILED)) == 0);
		/* and there is a next time */
		note("joe");
		interval();
		CU_ASSERT_EQUAL(rows_with("joe|60|"), LAST_LOGIN_ROWS);
		end();
	}
	CU_ASSERT_TRUE(nth > 3);
	end();
}

static CU_TestInfo tests[] = {
	TEST(test_last_login_writes_at_the_end),
	TEST(test_last_login_has_the_last_one),
	TEST(test_last_login_tells_names_apart),
	TEST(test_last_login_writes_once),
	TEST(test_last_login_batches),
	TEST(test_last_login_leaves_nobody_out),
	TEST(test_last_login_is_bounded),
	TEST(test_last_login_slow_server),
	TEST(test_last_login_interval_in_a_write),
	TEST(test_last_login_write_hangs),
	TEST(test_last_login_fails_once),
	TEST(test_last_login_other_failure_is_news),
	TEST(test_last_login_server_gone),
	TEST(test_last_login_connection_lost),
	TEST(test_last_login_logs_for_debugging),
	TEST(test_last_login_end_in_an_interval),
	TEST(test_last_login_not_set),
	TEST(test_last_login_without_memory),
	TEST(test_last_login_no_memory_for_a_write),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("last-login", tests);
}
