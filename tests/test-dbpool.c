/* SPDX-License-Identifier: MIT */
/*
 * The pool on a virtual clock, with jobs that run when the test says so and a
 * scripted server: each state, each deadline, and what happens when a step
 * fails.
 */
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"
#include "pool/dbpool.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 5000
#define IDLE_MS 60000

static const struct db_statement statement = {
	.id = 0, .text = "SELECT ?", .bind_count = 1,
};

static struct dbpool *pool;
static char log_text[4096];

/* What became of one lookup. */
struct outcome {
	unsigned int calls;
	bool ok;
	char text[320];
	void (*then)(struct outcome *outcome);
	struct dbpool_lookup *lookup;
};

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	size_t used = strlen(log_text);

	(void)context;
	if (level != DBPOOL_LOG_DEBUG)
		snprintf(log_text + used, sizeof(log_text) - used, "%s\n",
			 text);
}

static void lookup_callback(const struct db_rows *rows,
			    const struct db_error *error, void *context)
{
	struct outcome *outcome = context;

	outcome->calls++;
	outcome->ok = rows != NULL;
	snprintf(outcome->text, sizeof(outcome->text), "%s",
		 rows != NULL ? rows->values[0] : error->text);
	if (outcome->then != NULL)
		outcome->then(outcome);
}

static void submit(struct outcome *outcome, const char *value)
{
	outcome->lookup = dbpool_submit(pool, &statement, &value,
					lookup_callback, outcome);
	CU_ASSERT_PTR_NOT_NULL_FATAL(outcome->lookup);
}

static void pool_start(unsigned int hosts)
{
	static struct db_server servers[FAKE_HOSTS];
	struct dbpool_settings settings = {
		.servers = servers,
		.server_count = hosts,
		.connections = 2,
		.lookup_timeout_ms = TIMEOUT_MS,
		.idle_timeout_ms = IDLE_MS,
		.statements = &statement,
		.statement_count = 1,
		.log = test_log,
		.debug = true,
	};
	unsigned int i;

	for (i = 0; i < FAKE_HOSTS; i++) {
		servers[i].port = i + 1;
		servers[i].connect_timeout_ms = 2000;
	}
	log_text[0] = '\0';
	fake_loop_init();
	fake_mysql_conn_init();
	pool = dbpool_new(&settings, &fake_loop);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void pool_stop(void)
{
	dbpool_free(&pool);
	CU_ASSERT_PTR_NULL(pool);
	CU_ASSERT_EQUAL(fake_conns, 0);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
}

static void lookup_once(const char *value)
{
	struct outcome outcome = { 0 };

	submit(&outcome, value);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_TRUE(outcome.ok);
	CU_ASSERT_STRING_EQUAL(outcome.text, value);
}

static void test_dbpool_answers_each_lookup_with_its_row(void)
{
	static const char *const values[] = { "a", "b", "c", "d", "e" };
	struct outcome outcomes[5] = { 0 };
	unsigned int i;

	pool_start(1);
	for (i = 0; i < 5; i++)
		submit(&outcomes[i], values[i]);
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(outcomes[i].calls, 0);
	fake_jobs_settle();
	for (i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_STRING_EQUAL(outcomes[i].text, values[i]);
	}
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	pool_stop();
}

static void test_dbpool_unknown_host_gets_one_attempt_at_a_time(void)
{
	struct outcome outcomes[2] = { 0 };

	pool_start(1);
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_jobs_settle();
	CU_ASSERT_TRUE(outcomes[0].ok && outcomes[1].ok);
	pool_stop();
}

static void test_dbpool_reuses_an_idle_connection(void)
{
	pool_start(1);
	lookup_once("a");
	lookup_once("b");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	pool_stop();
}

static void test_dbpool_fails_all_at_once_when_refused(void)
{
	struct outcome outcomes[3] = { 0 };
	unsigned int i;

	pool_start(1);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	for (i = 0; i < 3; i++)
		submit(&outcomes[i], "a");
	fake_jobs_settle();
	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_FALSE(outcomes[i].ok);
		CU_ASSERT_STRING_EQUAL(outcomes[i].text,
			"Connecting to host1 failed: connect failed");
	}
	/* a single host is tried again with the next lookup, at once */
	fake_hosts[0].connect = MYSQL_CONN_OK;
	lookup_once("b");
	CU_ASSERT_STRING_EQUAL(log_text,
		"database host1: connecting failed: connect failed "
		"(error 4242)\n"
		"database host1: back after 1 failed attempts to connect\n");
	pool_stop();
}

static void test_dbpool_goes_to_the_next_host(void)
{
	pool_start(2);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	lookup_once("a");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 1);
	pool_stop();
}

static void test_dbpool_fails_when_no_host_is_left(void)
{
	struct outcome outcome = { 0 };

	pool_start(3);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_hosts[1].connect = MYSQL_CONN_LOST;
	fake_hosts[2].connect = MYSQL_CONN_LOST;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 1);
	CU_ASSERT_EQUAL(fake_hosts[2].connects, 1);
	pool_stop();
}

static void test_dbpool_tries_every_host_each_time(void)
{
	struct outcome outcome = { 0 };

	pool_start(2);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_hosts[1].connect = MYSQL_CONN_LOST;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_FALSE(outcome.ok);
	/* failures before that lookup was given up count no more ... */
	fake_hosts[1].connect = MYSQL_CONN_OK;
	lookup_once("b");
	/* ... nor do those before a success */
	CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(3)));
	fake_loop_advance(30000);
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 3);
	pool_stop();
}

static void test_dbpool_logs_each_outage_once(void)
{
	struct outcome outcome = { 0 };
	unsigned int i;

	pool_start(1);
	for (i = 0; i < 2; i++) {
		fake_hosts[0].connect = MYSQL_CONN_LOST;
		submit(&outcome, "a");
		fake_jobs_settle();
		submit(&outcome, "a");
		fake_jobs_settle();
		fake_hosts[0].connect = MYSQL_CONN_OK;
		lookup_once("b");
		CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(2)) ||
			       i > 0);
		fake_jobs_settle();
	}
	CU_ASSERT_STRING_EQUAL(log_text,
		"database host1: connecting failed: connect failed "
		"(error 4242)\n"
		"database host1: back after 2 failed attempts to connect\n"
		"database host1: connecting failed: connect failed "
		"(error 4242)\n"
		"database host1: back after 2 failed attempts to connect\n");
	pool_stop();
}

static void test_dbpool_retries_a_lost_connection_on_a_fresh_one(void)
{
	struct outcome outcomes[3] = { 0 };

	pool_start(1);
	/* two idle connections, both dead without anybody knowing */
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 2);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit(&outcomes[2], "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcomes[2].calls, 1);
	CU_ASSERT_STRING_EQUAL(outcomes[2].text, "c");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	CU_ASSERT_EQUAL(fake_conns, 1);
	pool_stop();
}

static void test_dbpool_retries_on_no_busy_sister_either(void)
{
	struct outcome outcomes[4] = { 0 };

	pool_start(1);
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	fake_jobs_settle();
	/* both connections are cut, one with its answer on the way already */
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit(&outcomes[2], "c");
	submit(&outcomes[3], "d");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcomes[2].text, "c");
	CU_ASSERT_STRING_EQUAL(outcomes[3].text, "d");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	CU_ASSERT_EQUAL(fake_conns, 1);
	/* what was connected since is kept */
	lookup_once("e");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	pool_stop();
}

static unsigned int turns;

static void note_turn(struct outcome *outcome)
{
	snprintf(outcome->text, sizeof(outcome->text), "%u", ++turns);
}

static void test_dbpool_a_retried_lookup_comes_first(void)
{
	struct outcome lost = { .then = note_turn };
	struct outcome waiting[3] = { { .then = note_turn } };
	unsigned int i;

	pool_start(1);
	turns = 0;
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit(&lost, "a");
	for (i = 0; i < 3; i++) {
		waiting[i].then = note_turn;
		submit(&waiting[i], "b");
	}
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(lost.text, "1");
	CU_ASSERT_STRING_EQUAL(waiting[2].text, "4");
	pool_stop();
}

static void test_dbpool_a_second_loss_is_the_answer(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_STRING_EQUAL(outcome.text, "run failed");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	pool_stop();
}

static void test_dbpool_a_failed_statement_keeps_the_connection(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[0].run_times = 1;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	lookup_once("b");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	pool_stop();
}

static void test_dbpool_deadline_while_connecting(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	submit(&outcome, "a");
	fake_loop_advance(TIMEOUT_MS - 1);
	CU_ASSERT_EQUAL(outcome.calls, 0);
	fake_loop_advance(1);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_STRING_EQUAL(outcome.text,
		"No answer from the database within 5000 ms");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	pool_stop();
}

static void test_dbpool_deadline_while_running(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	lookup_once("a");
	submit(&outcome, "b");
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_loop_advance(TIMEOUT_MS);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	/* the late end of it closes the connection and answers nobody */
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(fake_conns, 0);
	lookup_once("c");
	pool_stop();
}

static void test_dbpool_deadlines_are_each_lookups_own(void)
{
	struct outcome first = { 0 }, second = { 0 };

	pool_start(1);
	submit(&first, "a");
	fake_loop_advance(1000);
	submit(&second, "b");
	fake_loop_advance(TIMEOUT_MS - 1000);
	CU_ASSERT_EQUAL(first.calls, 1);
	CU_ASSERT_EQUAL(second.calls, 0);
	fake_loop_advance(1000);
	CU_ASSERT_EQUAL(second.calls, 1);
	pool_stop();
}

/* Those under way and later ones, but none gets more time than it had. */
static void test_dbpool_hurry(void)
{
	struct outcome late = { 0 }, soon = { 0 }, next = { 0 };

	pool_start(1);
	submit(&soon, "a");
	fake_loop_advance(TIMEOUT_MS - 50);
	submit(&late, "b");
	dbpool_hurry(pool, 100);
	dbpool_hurry(pool, TIMEOUT_MS);
	fake_loop_advance(50);
	CU_ASSERT_EQUAL(soon.calls, 1);
	submit(&next, "c");
	fake_loop_advance(49);
	CU_ASSERT_EQUAL(late.calls, 0);
	fake_loop_advance(1);
	CU_ASSERT_EQUAL(late.calls, 1);
	CU_ASSERT_EQUAL(next.calls, 0);
	fake_loop_advance(50);
	CU_ASSERT_EQUAL(next.calls, 1);
	CU_ASSERT_STRING_EQUAL(next.text,
		"No answer from the database within 100 ms");
	pool_stop();
}

static void test_dbpool_late_answer_of_a_deadline_is_dropped(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	lookup_once("a");
	submit(&outcome, "b");
	fake_loop_advance(0);
	/* the thread is done, the loop has not looked yet */
	CU_ASSERT_TRUE(fake_jobs_run_only());
	fake_loop_advance(TIMEOUT_MS);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	pool_stop();
}

static void test_dbpool_closes_what_the_server_closed(void)
{
	pool_start(1);
	lookup_once("a");
	CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(0)));
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	lookup_once("b");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	pool_stop();
}

static void test_dbpool_closes_what_is_long_idle(void)
{
	pool_start(1);
	lookup_once("a");
	fake_loop_advance(IDLE_MS / 2);
	lookup_once("b");
	fake_loop_advance(IDLE_MS - 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 1);
	fake_loop_advance(IDLE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	pool_stop();
}

static void test_dbpool_lets_surplus_connections_grow_old(void)
{
	struct outcome outcomes[2] = { 0 };

	pool_start(1);
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 2);
	/* one at a time, always the one that was used last */
	fake_loop_advance(IDLE_MS / 6);
	lookup_once("c");
	fake_loop_advance(IDLE_MS / 6);
	lookup_once("d");
	fake_loop_advance(IDLE_MS - 2 * (IDLE_MS / 6) + 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 1);
	pool_stop();
}

static void test_dbpool_cancelled_lookups_are_not_called_back(void)
{
	struct outcome waiting = { 0 }, busy = { 0 };

	pool_start(1);
	submit(&waiting, "a");
	dbpool_cancel(&waiting.lookup);
	CU_ASSERT_PTR_NULL(waiting.lookup);
	fake_jobs_settle();
	lookup_once("b");
	submit(&busy, "c");
	fake_loop_advance(0);
	dbpool_cancel(&busy.lookup);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(waiting.calls + busy.calls, 0);
	/* its connection has nothing wrong with it */
	CU_ASSERT_EQUAL(fake_conns, 1);
	CU_ASSERT_EQUAL(fake_interrupts, 0);
	pool_stop();
}

static struct outcome nested;

static void submit_nested(struct outcome *outcome)
{
	(void)outcome;
	submit(&nested, "nested");
	CU_ASSERT_EQUAL(nested.calls, 0);
}

static void cancel_nested(struct outcome *outcome)
{
	(void)outcome;
	dbpool_cancel(&nested.lookup);
}

static void test_dbpool_callbacks_may_submit_and_cancel(void)
{
	struct outcome outcome = { .then = submit_nested };

	pool_start(1);
	nested = (struct outcome) { 0 };
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(nested.text, "nested");

	nested = (struct outcome) { 0 };
	outcome = (struct outcome) { .then = cancel_nested };
	submit(&outcome, "b");
	submit(&nested, "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(nested.calls, 0);
	pool_stop();
}

static void test_dbpool_a_failed_lookup_may_submit_the_next(void)
{
	struct outcome outcome = { .then = submit_nested };

	pool_start(1);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	nested = (struct outcome) { 0 };
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(nested.calls, 1);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	pool_stop();
}

static void refuse_nested(struct outcome *outcome)
{
	const char *value = "late";

	(void)outcome;
	CU_ASSERT_PTR_NULL(dbpool_submit(pool, &statement, &value,
					 lookup_callback, NULL));
}

static void test_dbpool_free_answers_everyone(void)
{
	struct outcome outcomes[4] = { 0 };
	struct dbpool *kept;
	unsigned int i;

	pool_start(1);
	lookup_once("first");
	for (i = 0; i < 4; i++)
		submit(&outcomes[i], "a");
	fake_loop_advance(0);
	kept = pool;
	dbpool_free(&kept);
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_FALSE(outcomes[i].ok);
	}
	CU_ASSERT_TRUE(fake_interrupts >= 1);
	CU_ASSERT_EQUAL(fake_conns, 0);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
	pool = NULL;
}

static void test_dbpool_free_interrupts_what_runs(void)
{
	struct outcome outcome = { 0 };
	struct dbpool *kept;

	pool_start(1);
	lookup_once("first");
	submit(&outcome, "a");
	fake_loop_advance(0);
	kept = pool;
	dbpool_free(&kept);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	pool = NULL;
}

static void test_dbpool_free_takes_no_new_lookups(void)
{
	struct outcome outcome = { .then = refuse_nested };
	struct dbpool *kept;

	pool_start(1);
	submit(&outcome, "a");
	kept = pool;
	dbpool_free(&kept);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	pool = NULL;
}

static void test_dbpool_without_threads_fails_at_once(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	fake_jobs_fail(true);
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	fake_jobs_fail(false);
	lookup_once("b");
	pool_stop();
}

/* ------------------------------------------------------------- streams */

struct stream_outcome {
	struct dbpool_stream *stream;
	unsigned int rows, errors, calls;
	bool more, close;
};

static void stream_callback(const struct db_rows *rows,
			    const struct db_error *error, void *context)
{
	struct stream_outcome *outcome = context;

	(void)error;
	outcome->calls++;
	outcome->more = rows != NULL && rows->more;
	if (rows != NULL)
		outcome->rows += rows->row_count;
	else
		outcome->errors++;
	if (outcome->close)
		dbpool_stream_close(&outcome->stream);
}

static void stream_start(struct stream_outcome *outcome)
{
	const char *value = "v";

	outcome->stream = dbpool_stream_open(pool, &statement, &value,
					     stream_callback, outcome);
	CU_ASSERT_PTR_NOT_NULL_FATAL(outcome->stream);
	CU_ASSERT_EQUAL(outcome->calls, 0);
	fake_jobs_settle();
}

static void test_dbpool_stream_gives_all_rows(void)
{
	struct stream_outcome outcome = { 0 };

	pool_start(1);
	fake_hosts[0].stream_rows = 2 * DBPOOL_STREAM_ROWS + 7;
	stream_start(&outcome);
	while (outcome.more) {
		dbpool_stream_more(outcome.stream);
		fake_jobs_settle();
	}
	CU_ASSERT_EQUAL(outcome.rows, 2 * DBPOOL_STREAM_ROWS + 7);
	CU_ASSERT_EQUAL(outcome.calls, 3);
	CU_ASSERT_EQUAL(outcome.errors, 0);
	CU_ASSERT_EQUAL(fake_conns, 0);
	dbpool_stream_close(&outcome.stream);
	pool_stop();
}

static void test_dbpool_stream_closes_anywhere(void)
{
	struct stream_outcome outcome = { .close = true };

	pool_start(1);
	fake_hosts[0].stream_rows = 2 * DBPOOL_STREAM_ROWS;
	/* in the callback */
	stream_start(&outcome);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	/* between two reads */
	outcome = (struct stream_outcome) { 0 };
	stream_start(&outcome);
	dbpool_stream_close(&outcome.stream);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	/* while a thread reads */
	outcome = (struct stream_outcome) { 0 };
	stream_start(&outcome);
	dbpool_stream_more(outcome.stream);
	CU_ASSERT_EQUAL(fake_interrupts, 0);
	dbpool_stream_close(&outcome.stream);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(fake_conns, 0);
	pool_stop();
}

static void test_dbpool_stream_fails_once(void)
{
	struct stream_outcome outcome = { 0 };

	pool_start(1);
	fake_hosts[0].stream = MYSQL_CONN_STATEMENT_FAILED;
	stream_start(&outcome);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(outcome.errors, 1);
	CU_ASSERT_EQUAL(fake_conns, 0);
	dbpool_stream_close(&outcome.stream);
	pool_stop();
}

static void test_dbpool_stream_tries_every_host(void)
{
	struct stream_outcome outcome = { 0 };

	pool_start(2);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_hosts[1].stream_rows = 3;
	stream_start(&outcome);
	CU_ASSERT_EQUAL(outcome.rows, 3);
	CU_ASSERT_EQUAL(outcome.errors, 0);
	dbpool_stream_close(&outcome.stream);
	pool_stop();
}

static void test_dbpool_stream_outlives_the_pool(void)
{
	struct stream_outcome outcome = { 0 };
	struct dbpool *kept;

	pool_start(1);
	fake_hosts[0].stream_rows = 2 * DBPOOL_STREAM_ROWS;
	stream_start(&outcome);
	kept = pool;
	dbpool_free(&kept);
	CU_ASSERT_EQUAL(outcome.errors, 1);
	CU_ASSERT_EQUAL(fake_conns, 0);
	dbpool_stream_close(&outcome.stream);
	pool = NULL;
}

static CU_TestInfo tests[] = {
	TEST(test_dbpool_answers_each_lookup_with_its_row),
	TEST(test_dbpool_unknown_host_gets_one_attempt_at_a_time),
	TEST(test_dbpool_reuses_an_idle_connection),
	TEST(test_dbpool_fails_all_at_once_when_refused),
	TEST(test_dbpool_goes_to_the_next_host),
	TEST(test_dbpool_fails_when_no_host_is_left),
	TEST(test_dbpool_tries_every_host_each_time),
	TEST(test_dbpool_logs_each_outage_once),
	TEST(test_dbpool_retries_a_lost_connection_on_a_fresh_one),
	TEST(test_dbpool_retries_on_no_busy_sister_either),
	TEST(test_dbpool_a_retried_lookup_comes_first),
	TEST(test_dbpool_a_second_loss_is_the_answer),
	TEST(test_dbpool_a_failed_statement_keeps_the_connection),
	TEST(test_dbpool_deadline_while_connecting),
	TEST(test_dbpool_deadline_while_running),
	TEST(test_dbpool_deadlines_are_each_lookups_own),
	TEST(test_dbpool_hurry),
	TEST(test_dbpool_late_answer_of_a_deadline_is_dropped),
	TEST(test_dbpool_closes_what_the_server_closed),
	TEST(test_dbpool_closes_what_is_long_idle),
	TEST(test_dbpool_lets_surplus_connections_grow_old),
	TEST(test_dbpool_cancelled_lookups_are_not_called_back),
	TEST(test_dbpool_callbacks_may_submit_and_cancel),
	TEST(test_dbpool_a_failed_lookup_may_submit_the_next),
	TEST(test_dbpool_free_answers_everyone),
	TEST(test_dbpool_free_interrupts_what_runs),
	TEST(test_dbpool_free_takes_no_new_lookups),
	TEST(test_dbpool_without_threads_fails_at_once),
	TEST(test_dbpool_stream_gives_all_rows),
	TEST(test_dbpool_stream_closes_anywhere),
	TEST(test_dbpool_stream_fails_once),
	TEST(test_dbpool_stream_tries_every_host),
	TEST(test_dbpool_stream_outlives_the_pool),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("dbpool", tests);
}
