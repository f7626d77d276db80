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

#define HEDGE_MS 300

/* One statement with forms for 2 and for 4 lookups, and another one. */
static const struct db_statement statement, other = {
	.id = 3, .text = "OTHER ?", .bind_count = 1, .max_rows = 2,
	.queries = 1,
};
static struct db_statement four = {
	.id = 2, .text = "FOUR", .bind_count = 4, .max_rows = 2, .queries = 4,
	.plain = &statement,
};
static struct db_statement two = {
	.id = 1, .text = "TWO", .bind_count = 2, .max_rows = 2, .queries = 2,
	.plain = &statement, .wider = &four,
};
static const struct db_statement statement = {
	.id = 0, .text = "SELECT ?", .bind_count = 1, .max_rows = 2,
	.queries = 1, .wider = &two,
};
#define STATEMENTS 4

static struct dbpool *pool;
static char log_text[4096];

/* What became of one lookup. */
struct outcome {
	unsigned int calls;
	bool ok;
	char text[320];
	unsigned int rows, columns;
	void (*then)(struct outcome *outcome);
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
	if (rows != NULL) {
		outcome->rows = rows->row_count;
		outcome->columns = rows->column_count;
	}
	snprintf(outcome->text, sizeof(outcome->text), "%s", rows == NULL ?
		 error->text : rows->row_count == 0 ? "" : rows->values[0]);
	if (outcome->then != NULL)
		outcome->then(outcome);
}

static void submit(struct outcome *outcome, const char *value)
{
	CU_ASSERT_TRUE_FATAL(dbpool_submit(pool, &statement, &value,
					   lookup_callback, outcome));
}

/* What the observer saw. */
static unsigned int observed[3], observed_lookups;

static void test_observe(const struct dbpool_event *event, void *context)
{
	(void)context;
	observed[event->kind]++;
	if (event->kind == DBPOOL_EVENT_QUERY)
		observed_lookups += event->lookups;
}

static void pool_start_with(unsigned int hosts, unsigned int max_batch,
			    unsigned int connections)
{
	static struct db_server servers[FAKE_HOSTS];
	struct dbpool_settings settings = {
		.servers = servers,
		.server_count = hosts,
		.connections = connections,
		.max_batch = max_batch,
		.lookup_timeout_ms = TIMEOUT_MS,
		.hedge_after_ms = HEDGE_MS,
		.idle_timeout_ms = IDLE_MS,
		.statement_count = STATEMENTS,
		.log = test_log,
		.observe = test_observe,
		.debug = true,
	};
	unsigned int i;

	for (i = 0; i < FAKE_HOSTS; i++) {
		servers[i].port = i + 1;
		servers[i].connect_timeout_ms = 2000;
	}
	log_text[0] = '\0';
	memset(observed, 0, sizeof(observed));
	observed_lookups = 0;
	fake_loop_init();
	fake_mysql_conn_init();
	pool = dbpool_new(&settings, &fake_loop);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void pool_start(unsigned int hosts)
{
	pool_start_with(hosts, 1, 2);
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
		"database host1: back after 0 s (failures: 1, "
		"lookups affected: 3)\n");
	pool_stop();
}

static void test_dbpool_waits_for_a_slow_host(void)
{
	struct outcome outcome = { 0 };

	pool_start_with(1, 1, 1);
	submit(&outcome, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	/* connecting takes too long once, then it does not */
	fake_loop_advance(2000);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_jobs_release();
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_EQUAL(outcome.calls, 0);
	fake_hosts[0].connect = MYSQL_CONN_OK;
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_TRUE(outcome.ok);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	pool_stop();
}

/* Its first packet was lost, and will be sent again when a second is over. */
static void test_dbpool_a_late_attempt_is_made_again(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	submit(&outcome, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	fake_loop_advance(HEDGE_MS - 1);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 0);
	fake_loop_advance(1);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_TRUE(outcome.ok);
	/* whichever comes is used, and then there is no third one */
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	CU_ASSERT_EQUAL(fake_conns, 2);
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

/* A host that was up gets an attempt for each lookup. Their failures are one
   host's. */
static void test_dbpool_an_older_attempt_says_nothing(void)
{
	struct outcome first = { 0 }, second = { 0 };

	pool_start(1);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	submit(&first, "a");
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_run_only());
	/* the attempt has failed, but nobody knows when the next one comes */
	fake_hosts[0].connect = MYSQL_CONN_OK;
	submit(&second, "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(first.calls, 1);
	CU_ASSERT_FALSE(first.ok);
	CU_ASSERT_EQUAL(second.calls, 1);
	CU_ASSERT_TRUE(second.ok);
	pool_stop();
}

static void test_dbpool_two_attempts_are_not_two_hosts(void)
{
	struct outcome outcomes[2] = { 0 };

	pool_start(2);
	lookup_once("a");
	CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(0)));
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	submit(&outcomes[0], "b");
	submit(&outcomes[1], "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	CU_ASSERT_TRUE(outcomes[0].ok && outcomes[1].ok);
	pool_stop();
}

/* A second connection is refused while the first one is at work; that one is
   lost then. Whoever waited for it asks again, at once. */
static void last_connection_is_lost(enum mysql_conn_result connect)
{
	struct outcome first = { 0 }, second = { 0 };

	pool_start(1);
	lookup_once("x");
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 2;
	submit(&first, "a");
	fake_loop_advance(0);
	/* lost once, closed, connected again */
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_TRUE(fake_jobs_step());
	fake_jobs_hold();
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	submit(&second, "b");
	fake_loop_advance(0);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 3);
	CU_ASSERT_EQUAL(first.calls + second.calls, 0);
	fake_hosts[0].connect = connect;
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(first.calls, 1);
	CU_ASSERT_FALSE(first.ok);
	CU_ASSERT_EQUAL(second.calls, 1);
	CU_ASSERT_EQUAL(second.ok, connect == MYSQL_CONN_OK);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 4);
	pool_stop();
}

static void test_dbpool_asks_again_without_a_connection(void)
{
	last_connection_is_lost(MYSQL_CONN_OK);
	last_connection_is_lost(MYSQL_CONN_LOST);
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
		"database host1: back after 0 s (failures: 2, "
		"lookups affected: 2)\n"
		"database host1: connecting failed: connect failed "
		"(error 4242)\n"
		"database host1: back after 0 s (failures: 2, "
		"lookups affected: 2)\n");
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
	static const char *const values[] = { "b", "c", "d" };
	struct outcome waiting[3] = { { .then = note_turn } };
	unsigned int i;

	pool_start(1);
	turns = 0;
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit(&lost, "a");
	for (i = 0; i < 3; i++) {
		waiting[i].then = note_turn;
		submit(&waiting[i], values[i]);
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

/* A host restarts while connections to it are being made: they are lost, too,
   and that is one loss. */
static void test_dbpool_losses_of_one_restart_count_once(void)
{
	static const char *const values[] = { "a", "b", "c", "d" };
	struct outcome outcomes[4] = { 0 };
	unsigned int i;

	pool_start_with(1, 1, 4);
	lookup_once("x");
	for (i = 0; i < 4; i++)
		submit(&outcomes[i], values[i]);
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 4);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 4;
	fake_jobs_settle();
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_STRING_EQUAL(outcomes[i].text, values[i]);
	}
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 0);
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
	/* nor is it anything that is held against the host */
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 0);
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

	/* a fiber has no answer that the loop does not know of */
	if (fake_can_stop)
		return;
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

static struct outcome nested;

static void submit_nested(struct outcome *outcome)
{
	(void)outcome;
	submit(&nested, "nested");
	CU_ASSERT_EQUAL(nested.calls, 0);
}

static void test_dbpool_callbacks_may_submit(void)
{
	struct outcome outcome = { .then = submit_nested };

	pool_start(1);
	nested = (struct outcome) { 0 };
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(nested.text, "nested");
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
	CU_ASSERT_FALSE(dbpool_submit(pool, &statement, &value,
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

/* ------------------------------------------------------------- batches */

#define MANY 5

static void submit_many(struct outcome outcomes[MANY])
{
	static const char *const values[MANY] = { "a", "b", "c", "b", "d" };
	unsigned int i;

	for (i = 0; i < MANY; i++)
		submit(&outcomes[i], values[i]);
}

static void assert_many(const struct outcome outcomes[MANY])
{
	static const char *const values[MANY] = { "a", "b", "c", "b", "d" };
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_STRING_EQUAL(outcomes[i].text, values[i]);
	}
}

static void test_dbpool_batch_answers_all_with_one_execution(void)
{
	struct outcome outcomes[MANY] = { 0 };

	pool_start_with(1, 4, 1);
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_STRING_EQUAL(fake_last_text, "FOUR");
	CU_ASSERT_STRING_EQUAL(fake_last_values, "a|b|c|d|");
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_QUERY], 1);
	CU_ASSERT_EQUAL(observed_lookups, MANY);
	pool_stop();
}

static void test_dbpool_batch_is_no_larger_than_wanted(void)
{
	struct outcome outcomes[MANY] = { 0 };

	pool_start_with(1, 3, 1);
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	/* a and both b, c and d */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_STRING_EQUAL(fake_last_text, "TWO");
	pool_stop();
}

/* The first one does not wait for others, and those wait for it. */
static void test_dbpool_batch_takes_the_form_that_fits(void)
{
	struct outcome outcomes[3] = { 0 };

	pool_start_with(1, 4, 1);
	lookup_once("a");
	CU_ASSERT_STRING_EQUAL(fake_last_text, "SELECT ?");
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	submit(&outcomes[2], "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	CU_ASSERT_STRING_EQUAL(fake_last_text, "TWO");
	CU_ASSERT_STRING_EQUAL(outcomes[0].text, "a");
	CU_ASSERT_STRING_EQUAL(outcomes[2].text, "c");
	pool_stop();
}

static void test_dbpool_batch_shares_the_answer_to_one_question(void)
{
	struct outcome outcomes[2] = { 0 };

	pool_start_with(1, 1, 1);
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_STRING_EQUAL(outcomes[0].text, "a");
	CU_ASSERT_STRING_EQUAL(outcomes[1].text, "a");
	pool_stop();
}

static void test_dbpool_batch_is_of_one_statement(void)
{
	struct outcome outcomes[3] = { 0 };
	const char *value = "b";

	pool_start_with(1, 4, 1);
	submit(&outcomes[0], "a");
	CU_ASSERT_TRUE(dbpool_submit(pool, &other, &value, lookup_callback,
				     &outcomes[1]));
	submit(&outcomes[2], "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_STRING_EQUAL(fake_last_text, "OTHER ?");
	CU_ASSERT_STRING_EQUAL(outcomes[0].text, "a");
	CU_ASSERT_STRING_EQUAL(outcomes[1].text, "b");
	CU_ASSERT_STRING_EQUAL(outcomes[2].text, "c");
	pool_stop();
}

static void test_dbpool_batch_gives_each_its_rows(void)
{
	static const char *const names[] = { "x", "y" };
	static const char *const values[] = { "1", NULL };
	struct outcome outcomes[MANY] = { 0 };
	unsigned int i;

	pool_start_with(1, 4, 1);
	fake_hosts[0].column_count = 2;
	fake_hosts[0].names = names;
	fake_hosts[0].values = values;
	for (fake_hosts[0].row_count = 0; fake_hosts[0].row_count < 3;
	     fake_hosts[0].row_count++) {
		memset(outcomes, 0, sizeof(outcomes));
		submit_many(outcomes);
		fake_jobs_settle();
		for (i = 0; i < MANY; i++) {
			CU_ASSERT_EQUAL(outcomes[i].rows,
					fake_hosts[0].row_count);
			CU_ASSERT_EQUAL(outcomes[i].columns, 2);
		}
	}
	pool_stop();
}

/* For so long a wide form that the server does not have is left alone. */
#define PLAIN_MS (60 * 1000)

static void test_dbpool_batch_that_fails_is_asked_one_by_one(void)
{
	struct outcome outcomes[MANY] = { 0 };

	pool_start_with(1, 4, 1);
	fake_hosts[0].wide_fails = true;
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	/* both b have one question */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1 + 4);
	/* the next ones go together again */
	submit_many(outcomes);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2 * (1 + 4));
	/* unless the server has no such form */
	fake_hosts[0].error_kind = DB_ERROR_WIDE;
	submit_many(outcomes);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3 * (1 + 4));
	memset(outcomes, 0, sizeof(outcomes));
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3 * (1 + 4) + 4);
	/* which may not be for ever */
	fake_hosts[0].wide_fails = false;
	fake_loop_advance(PLAIN_MS - 1);
	submit_many(outcomes);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3 * (1 + 4) + 2 * 4);
	fake_loop_advance(1);
	submit_many(outcomes);
	fake_jobs_settle();
	/* the first one alone, the others together */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3 * (1 + 4) + 2 * 4 + 2);
	pool_stop();
}

static void test_dbpool_batch_with_too_many_rows_is_no_answer(void)
{
	struct outcome outcomes[MANY] = { 0 };

	pool_start_with(1, 4, 1);
	fake_hosts[0].wide_overflows = true;
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1 + 4);
	pool_stop();
}

/* The first of several rows counts, and which one that is, only the statement
   itself tells. */
static void test_dbpool_batch_that_reorders_answers_single_rows(void)
{
	static const char *const names[] = { "x" }, *const values[] = { "y" };
	struct outcome outcomes[MANY] = { 0 };
	unsigned int rows;

	pool_start_with(1, 4, 1);
	four.reorders = true;
	fake_hosts[0].names = names;
	fake_hosts[0].values = values;
	fake_hosts[0].column_count = 1;
	for (rows = 1; rows <= 2; rows++) {
		memset(outcomes, 0, sizeof(outcomes));
		fake_hosts[0].runs = 0;
		fake_hosts[0].row_count = rows;
		submit_many(outcomes);
		fake_jobs_settle();
		CU_ASSERT_EQUAL(outcomes[0].rows, rows);
		CU_ASSERT_EQUAL(outcomes[MANY - 1].rows, rows);
		CU_ASSERT_EQUAL(fake_hosts[0].runs, rows == 1 ? 1 : 1 + 4);
	}
	four.reorders = false;
	pool_stop();
}

/* Lookups that ask the same share an answer only if they are near. */
static void test_dbpool_batch_looks_at_some_of_the_queue(void)
{
	struct outcome first = { 0 }, others[100] = { 0 }, last = { 0 };
	unsigned int i;
	char value[16];

	pool_start_with(1, 4, 1);
	submit(&first, "a");
	for (i = 0; i < 100; i++) {
		snprintf(value, sizeof(value), "%u", i);
		submit(&others[i], value);
	}
	submit(&last, "a");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(first.text, "a");
	CU_ASSERT_STRING_EQUAL(last.text, "a");
	CU_ASSERT_EQUAL(last.calls, 1);
	/* 102 by four: the second a is not found by the first one's batch */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 26);
	CU_ASSERT_STRING_EQUAL(fake_last_values, "99|a|");
	pool_stop();
}

/* They would be cut off. */
static void test_dbpool_batch_leaves_out_long_values(void)
{
	struct outcome outcomes[2] = { 0 };
	unsigned int max;

	for (max = 3; max <= 4; max++) {
		pool_start_with(1, 4, 1);
		two.value_max = four.value_max = max;
		memset(outcomes, 0, sizeof(outcomes));
		submit(&outcomes[0], "a");
		submit(&outcomes[1], "long");
		fake_jobs_settle();
		CU_ASSERT_STRING_EQUAL(outcomes[1].text, "long");
		CU_ASSERT_EQUAL(fake_hosts[0].runs, max == 3 ? 2 : 1);
		pool_stop();
	}
	two.value_max = four.value_max = 0;
}

static void test_dbpool_batch_leaves_out_foreign_letters(void)
{
	struct outcome outcomes[3] = { 0 };

	pool_start_with(1, 4, 1);
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "\xc3\xa9");
	submit(&outcomes[2], "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_STRING_EQUAL(outcomes[1].text, "\xc3\xa9");
	CU_ASSERT_STRING_EQUAL(fake_last_text, "SELECT ?");
	pool_stop();
}

static void test_dbpool_batch_retries_all_that_a_loss_hits(void)
{
	struct outcome outcomes[MANY] = { 0 };

	pool_start_with(1, 4, 1);
	lookup_once("x");
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit_many(outcomes);
	fake_jobs_settle();
	assert_many(outcomes);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	/* in the order they came */
	CU_ASSERT_STRING_EQUAL(fake_last_values, "a|b|c|d|");
	pool_stop();
}

static void test_dbpool_batch_is_cut_when_its_last_lookup_expires(void)
{
	struct outcome first = { 0 }, second = { 0 };

	pool_start_with(1, 4, 1);
	submit(&first, "a");
	fake_loop_advance(1000);
	submit(&second, "b");
	CU_ASSERT_TRUE(fake_jobs_step());	/* connected */
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_loop_advance(TIMEOUT_MS - 1000);
	CU_ASSERT_EQUAL(first.calls, 1);
	CU_ASSERT_EQUAL(fake_interrupts, 0);
	fake_loop_advance(1000);
	CU_ASSERT_EQUAL(second.calls, 1);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	fake_jobs_settle();
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "database host1: no answer to "
				      "a query within 5000 ms\n"));
	pool_stop();
}

/* ------------------------------------------------------------- hedging */

/* Two hosts; the first one has a connection and leaves a lookup waiting. */
static void start_slow(struct outcome *outcome)
{
	pool_start_with(2, 4, 1);
	lookup_once("x");
	submit(outcome, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	fake_loop_advance(HEDGE_MS - 1);
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 0);
	fake_loop_advance(1);
}

static void test_dbpool_hedge_asks_the_second_host(void)
{
	struct outcome outcome = { 0 }, next = { 0 };

	start_slow(&outcome);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	/* and those that come now do not wait for the first */
	submit(&next, "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	CU_ASSERT_EQUAL(next.calls, 1);
	/* which is well again as soon as it answers */
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 0);
	pool_stop();
}

static void test_dbpool_hedge_first_answer_counts(void)
{
	struct outcome outcome = { 0 };

	start_slow(&outcome);
	/* while the second host is being connected to */
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_jobs_hold();
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 0);
	pool_stop();
}

static void test_dbpool_hedge_fails_alone(void)
{
	struct outcome outcome = { 0 };

	start_slow(&outcome);
	fake_hosts[1].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 0);
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_TRUE(outcome.ok);
	pool_stop();
}

/* Both hosts have answered. Then the first one does not any more, and the
   second one does not answer two lookups together, or loses the connection
   under them. */
static void hedge_meets(enum mysql_conn_result run, bool wide_fails)
{
	struct outcome warm_up = { 0 }, outcomes[2] = { 0 };

	start_slow(&warm_up);
	fake_jobs_settle();
	fake_jobs_release();
	fake_jobs_settle();
	submit(&outcomes[0], "b");
	submit(&outcomes[1], "c");
	fake_loop_advance(0);
	fake_jobs_hold();
	fake_loop_advance(HEDGE_MS);
	fake_hosts[1].run = run;
	fake_hosts[1].run_times = 1;
	fake_hosts[1].wide_fails = wide_fails;
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(outcomes[0].calls, 1);
	CU_ASSERT_STRING_EQUAL(outcomes[0].text, "b");
	CU_ASSERT_EQUAL(outcomes[1].calls, 1);
	CU_ASSERT_STRING_EQUAL(outcomes[1].text, "c");
	pool_stop();
}

static void test_dbpool_hedge_is_asked_one_by_one(void)
{
	hedge_meets(MYSQL_CONN_OK, true);
}

static void test_dbpool_hedge_outlives_its_connection(void)
{
	hedge_meets(MYSQL_CONN_LOST, false);
}

static void test_dbpool_hedge_waits_for_the_second_host(void)
{
	struct outcome outcome = { 0 }, next = { 0 };

	start_slow(&outcome);
	fake_hosts[1].connect = MYSQL_CONN_LOST;
	fake_jobs_settle();
	/* which is asked once, not all the time */
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 1);
	CU_ASSERT_EQUAL(outcome.calls, 0);
	/* once more for the next one */
	submit(&next, "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 2);
	CU_ASSERT_EQUAL(next.calls, 0);
	/* and when its back-off is over */
	fake_hosts[1].connect = MYSQL_CONN_OK;
	fake_loop_advance(2000 + HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 3);
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	CU_ASSERT_STRING_EQUAL(next.text, "b");
	pool_stop();
}

static void test_dbpool_hedge_ends_with_its_connection(void)
{
	struct outcome outcome = { 0 };

	start_slow(&outcome);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	/* the slow host restarts: it owes nothing any more */
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	fake_jobs_release();
	fake_jobs_settle();
	memset(&outcome, 0, sizeof(outcome));
	submit(&outcome, "b");
	fake_loop_advance(0);
	fake_jobs_hold();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
	/* and it is there when the other one is slow */
	fake_loop_advance(HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_STRING_EQUAL(outcome.text, "b");
	pool_stop();
}

static void test_dbpool_hedge_covers_connecting(void)
{
	struct outcome outcome = { 0 };

	pool_start_with(2, 4, 1);
	submit(&outcome, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	fake_loop_advance(HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
	pool_stop();
}

static void test_dbpool_hedge_cuts_a_frozen_connection(void)
{
	struct outcome outcome = { 0 };

	start_slow(&outcome);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	/* its thread gives up at the lookup's deadline */
	fake_loop_advance(TIMEOUT_MS);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "database host1: no answer to "
				      "a query within 5000 ms\n"));
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 1);
	/* it is tried again beside the logins, and back in use */
	fake_hosts[0].run = MYSQL_CONN_OK;
	fake_hosts[0].connect = MYSQL_CONN_OK;
	lookup_once("b");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	fake_loop_advance(1000);
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	lookup_once("d");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_UP], 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "database host1: back after "
				      "1 s (failures: 1, lookups affected: "
				      "1)\n"));
	pool_stop();
}

static void test_dbpool_loss_on_a_fresh_connection_is_the_hosts_fault(void)
{
	struct outcome outcome = { 0 };

	pool_start_with(2, 1, 1);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
	pool_stop();
}

static void test_dbpool_read_only_host_is_left_for_another(void)
{
	struct outcome outcome = { 0 };

	pool_start_with(2, 1, 1);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[0].error_kind = DB_ERROR_READ_ONLY;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	pool_stop();
	/* if there is one */
	memset(&outcome, 0, sizeof(outcome));
	pool_start_with(1, 1, 1);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[0].error_kind = DB_ERROR_READ_ONLY;
	submit(&outcome, "a");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	pool_stop();
}

/* ------------------------------------------ errors that others may not have */

static void fail_on(unsigned int host, const char *text)
{
	fake_hosts[host].run = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[host].error_text = text;
}

static void expect_error(const struct outcome *outcome, const char *text)
{
	CU_ASSERT_EQUAL(outcome->calls, 1);
	CU_ASSERT_FALSE(outcome->ok);
	CU_ASSERT_STRING_EQUAL(outcome->text, text);
}

/* How often the log has it of the first host. */
static unsigned int complaints(void)
{
	static const char line[] = "database host1: fails a query that "
		"another server answers: no table (error 4242)\n";
	const char *p = log_text;
	unsigned int count = 0;

	while ((p = strstr(p, line)) != NULL) {
		p += strlen(line);
		count++;
	}
	return count;
}

static void test_dbpool_error_is_asked_elsewhere(void)
{
	pool_start(2);
	fail_on(0, "no table");
	lookup_once("a");
	CU_ASSERT_EQUAL(complaints(), 1);
	/* that is told once, until the host answers that statement */
	lookup_once("b");
	CU_ASSERT_EQUAL(complaints(), 1);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 1);
	fake_hosts[0].run = MYSQL_CONN_OK;
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	fail_on(0, "no table");
	lookup_once("d");
	CU_ASSERT_EQUAL(complaints(), 2);
	/* it is not passed over, as it may answer another statement */
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 0);
	pool_stop();
}

static void test_dbpool_error_of_every_host_is_the_answer(void)
{
	struct outcome outcome = { 0 };
	unsigned int i;

	pool_start(3);
	fail_on(0, "one");
	fail_on(1, "two");
	fail_on(2, "three");
	submit(&outcome, "a");
	fake_jobs_settle();
	expect_error(&outcome, "one");
	for (i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(fake_hosts[i].runs, 1);
	CU_ASSERT_EQUAL(complaints(), 0);
	pool_stop();
}

static void test_dbpool_error_ends_with_the_other_host(void)
{
	struct outcome outcome = { 0 }, next = { 0 };

	pool_start(2);
	fail_on(0, "no table");
	fake_hosts[1].connect = MYSQL_CONN_LOST;
	submit(&outcome, "a");
	fake_jobs_settle();
	expect_error(&outcome, "no table");
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 1);
	/* asked again for the next one, and used if it is there */
	submit(&next, "b");
	fake_jobs_settle();
	expect_error(&next, "no table");
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 2);
	fake_hosts[1].connect = MYSQL_CONN_OK;
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 3);
	pool_stop();
}

static void test_dbpool_error_waits_for_the_other_host(void)
{
	struct outcome outcome = { 0 };

	pool_start(2);
	fail_on(0, "no table");
	fake_hosts[1].connect_hangs = true;
	submit(&outcome, "a");
	fake_jobs_settle();
	/* late, and made again */
	fake_loop_advance(HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 0);
	CU_ASSERT_EQUAL(fake_conns, 3);
	fake_hosts[1].connect_hangs = false;
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	pool_stop();
}

static void test_dbpool_error_does_not_wait_for_ever(void)
{
	struct outcome outcome = { 0 };

	pool_start(2);
	fail_on(0, "no table");
	fake_hosts[1].run_hangs = true;
	submit(&outcome, "a");
	fake_jobs_settle();
	fake_loop_advance(TIMEOUT_MS);
	expect_error(&outcome, "No answer from the database within 5000 ms; "
		     "before that: no table");
	fake_jobs_release();
	fake_jobs_settle();
	pool_stop();
}

static void test_dbpool_error_of_a_batch_is_asked_elsewhere(void)
{
	static const char *const values[] = { "a", "b", "c", "d" };
	struct outcome outcomes[4] = { 0 };
	unsigned int i;

	pool_start_with(2, 4, 1);
	fail_on(0, "no table");
	for (i = 0; i < 4; i++)
		submit(&outcomes[i], values[i]);
	fake_jobs_settle();
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT_STRING_EQUAL(outcomes[i].text, values[i]);
	}
	/* together, then each by itself, as it may be the fault of one of them,
	   and whoever has failed so goes on */
	CU_ASSERT_TRUE(fake_hosts[0].runs <= 5);
	CU_ASSERT_TRUE(fake_hosts[1].runs <= 4);
	pool_stop();
}

static void test_dbpool_error_of_a_moment_is_asked_again(void)
{
	struct outcome outcomes[3] = { 0 };

	pool_start_with(1, 4, 1);
	fail_on(0, "deadlock");
	fake_hosts[0].error_kind = DB_ERROR_AGAIN;
	fake_hosts[0].run_times = 1;
	submit(&outcomes[0], "a");
	submit(&outcomes[1], "b");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcomes[0].text, "a");
	CU_ASSERT_STRING_EQUAL(outcomes[1].text, "b");
	/* together, and on the same connection */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	/* not for ever */
	fail_on(0, "deadlock");
	submit(&outcomes[2], "c");
	fake_jobs_settle();
	expect_error(&outcomes[2], "deadlock");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 4);
	CU_ASSERT_EQUAL(observed[DBPOOL_EVENT_HOST_DOWN], 0);
	pool_stop();
}

static void test_dbpool_error_of_a_change_is_the_answer(void)
{
	static const struct db_statement change = {
		.id = 3, .text = "UPDATE ?", .bind_count = 1, .queries = 1,
		.changes = true,
	};
	static const char *const value = "a";
	struct outcome outcome = { 0 };

	pool_start(2);
	fail_on(0, "locked");
	CU_ASSERT_TRUE(dbpool_submit(pool, &change, &value, lookup_callback,
				     &outcome));
	fake_jobs_settle();
	expect_error(&outcome, "locked");
	CU_ASSERT_EQUAL(fake_hosts[1].connects, 0);
	pool_stop();
}

/* The first host is slow and the second one has errors. */
static void start_slow_and_wrong(unsigned int hosts, struct outcome *outcome)
{
	pool_start_with(hosts, 4, 1);
	lookup_once("x");
	fail_on(1, "no table");
	submit(outcome, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	fake_loop_advance(HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
}

static void test_dbpool_error_beside_a_slow_host(void)
{
	struct outcome outcome = { 0 }, next = { 0 };

	/* who else is there is asked */
	start_slow_and_wrong(3, &outcome);
	CU_ASSERT_EQUAL(fake_hosts[2].runs, 1);
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	fake_jobs_release();
	fake_jobs_settle();
	pool_stop();

	/* the slow one is better than none, also for those that come then */
	memset(&outcome, 0, sizeof(outcome));
	start_slow_and_wrong(2, &outcome);
	CU_ASSERT_EQUAL(outcome.calls, 0);
	submit(&next, "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(next.calls, 0);
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.text, "a");
	CU_ASSERT_STRING_EQUAL(next.text, "b");
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	pool_stop();
}

/* It waits for an idle connection of a host that another lookup found slow. */
static void test_dbpool_error_is_asked_of_a_slow_host(void)
{
	struct outcome slow = { 0 }, outcome = { 0 };

	pool_start_with(2, 1, 2);
	lookup_once("x");
	submit(&slow, "a");
	fake_loop_advance(0);
	fake_jobs_hold();
	/* there is a second connection */
	submit(&outcome, "y");
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(outcome.text, "y");
	fail_on(1, "no table");
	fake_loop_advance(HEDGE_MS);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 1);
	CU_ASSERT_EQUAL(slow.calls, 0);
	memset(&outcome, 0, sizeof(outcome));
	submit(&outcome, "b");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[1].runs, 2);
	CU_ASSERT_STRING_EQUAL(outcome.text, "b");
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(slow.text, "a");
	pool_stop();
}

/* Those that nobody is left for. */
static void test_dbpool_error_ends_all(void)
{
	static const char *const values[] = { "a", "b", "c" };
	struct outcome outcomes[3] = { 0 };
	unsigned int i;

	pool_start_with(2, 1, 1);
	fail_on(0, "no table");
	fake_hosts[1].connect_hangs = true;
	for (i = 0; i < 3; i++)
		submit(&outcomes[i], values[i]);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 3);
	/* refused, all of them */
	fake_hosts[1].connect_hangs = false;
	fake_hosts[1].connect = MYSQL_CONN_LOST;
	fake_jobs_release();
	fake_jobs_settle();
	for (i = 0; i < 3; i++)
		expect_error(&outcomes[i], "no table");
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

static void test_dbpool_stream_begins_on_any_host(void)
{
	struct stream_outcome outcome = { 0 };

	pool_start(3);
	fake_hosts[0].stream = MYSQL_CONN_STATEMENT_FAILED;
	fake_hosts[1].stream = MYSQL_CONN_LOST;
	fake_hosts[2].stream_rows = 3;
	stream_start(&outcome);
	CU_ASSERT_EQUAL(outcome.rows, 3);
	CU_ASSERT_EQUAL(outcome.errors, 0);
	dbpool_stream_close(&outcome.stream);
	/* with rows read, another one is no help */
	memset(&outcome, 0, sizeof(outcome));
	fake_hosts[2].stream_rows = 1000;
	stream_start(&outcome);
	CU_ASSERT_TRUE(outcome.more);
	fake_hosts[2].stream = MYSQL_CONN_LOST;
	fake_hosts[0].stream = MYSQL_CONN_OK;
	dbpool_stream_more(outcome.stream);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.errors, 1);
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

/* --------------------------------------------------- fibers, not threads */

/* Nobody waits for it, as the other host was sooner, and no thread looks at the
   clock. */
static void test_dbpool_fiber_is_cut_at_its_deadline(void)
{
	struct outcome outcome = { 0 };

	start_slow(&outcome);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcome.calls, 1);
	fake_loop_advance(TIMEOUT_MS - HEDGE_MS - 1);
	CU_ASSERT_EQUAL(fake_interrupts, 0);
	fake_loop_advance(1);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	/* and once only */
	fake_loop_advance(TIMEOUT_MS);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	fake_jobs_release();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 1);
	pool_stop();
}

static void test_dbpool_fiber_keeps_its_watch(void)
{
	unsigned int watches;

	pool_start(1);
	lookup_once("a");
	watches = fake_loop_watches;
	lookup_once("b");
	lookup_once("c");
	CU_ASSERT_EQUAL(fake_loop_watches, watches);
	/* it still tells of the server's goodbye */
	CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(0)));
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_conns, 0);
	pool_stop();
}

static void test_dbpool_fiber_waits_to_write(void)
{
	struct outcome outcome = { 0 };
	const int fd = fake_mysql_conn_fd(0);

	pool_start(1);
	lookup_once("a");
	fake_writes = true;
	submit(&outcome, "b");
	fake_loop_advance(0);
	/* what there is to read now is the answer to nothing */
	CU_ASSERT_FALSE(fake_loop_readable(fd));
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_FALSE(fake_loop_writable(fd));
	CU_ASSERT_EQUAL(outcome.calls, 0);
	fake_jobs_settle();
	CU_ASSERT_TRUE(outcome.ok);
	CU_ASSERT_STRING_EQUAL(outcome.text, "b");
	CU_ASSERT_TRUE(fake_loop_readable(fd));
	pool_stop();
}

/* Nothing but the descriptor tells. */
static void test_dbpool_fiber_is_followed_by_the_next(void)
{
	struct outcome outcomes[2] = { 0 };
	const int fd = fake_mysql_conn_fd(0);

	pool_start_with(1, 1, 1);
	lookup_once("a");
	submit(&outcomes[0], "b");
	submit(&outcomes[1], "c");
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_loop_readable(fd));
	CU_ASSERT_EQUAL(outcomes[0].calls, 1);
	CU_ASSERT_EQUAL(outcomes[1].calls, 0);
	CU_ASSERT_TRUE(fake_loop_readable(fd));
	CU_ASSERT_EQUAL(outcomes[1].calls, 1);
	CU_ASSERT_EQUAL(fake_conns, 1);
	pool_stop();
}

/* What it holds is not lost with it. */
static void test_dbpool_fiber_ends_with_the_pool(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	lookup_once("a");
	submit(&outcome, "b");
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	dbpool_free(&pool);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	pool_stop();
}

static void test_dbpool_fiber_that_ran_ends_with_the_pool(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	lookup_once("a");
	fake_hosts[0].at_once = true;
	submit(&outcome, "b");
	dbpool_free(&pool);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_FALSE(outcome.ok);
	pool_stop();
}

/* The loop may find the server's goodbye before it is told. */
static void test_dbpool_fiber_that_ran_is_not_run_again(void)
{
	struct outcome outcome = { 0 };

	pool_start(1);
	lookup_once("a");
	fake_hosts[0].at_once = true;
	submit(&outcome, "b");
	CU_ASSERT_EQUAL(outcome.calls, 0);
	CU_ASSERT_TRUE(fake_loop_readable(fake_mysql_conn_fd(0)));
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	CU_ASSERT_TRUE(outcome.ok);
	pool_stop();
}

static void test_dbpool_fiber_may_end_at_once(void)
{
	struct outcome outcomes[2] = { 0 };

	pool_start(1);
	lookup_once("a");
	fake_hosts[0].at_once = true;
	submit(&outcomes[0], "b");
	/* no callback comes before submit returns */
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(outcomes[0].calls, 0);
	fake_loop_advance(0);
	CU_ASSERT_EQUAL(outcomes[0].calls, 1);
	CU_ASSERT_TRUE(outcomes[0].ok);
	/* also badly: it is asked again on a new connection */
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	submit(&outcomes[1], "c");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(outcomes[1].calls, 1);
	CU_ASSERT_TRUE(outcomes[1].ok);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 2);
	pool_stop();
}

static CU_TestInfo fiber_tests[] = {
	TEST(test_dbpool_fiber_is_cut_at_its_deadline),
	TEST(test_dbpool_fiber_keeps_its_watch),
	TEST(test_dbpool_fiber_waits_to_write),
	TEST(test_dbpool_fiber_is_followed_by_the_next),
	TEST(test_dbpool_fiber_ends_with_the_pool),
	TEST(test_dbpool_fiber_that_ran_ends_with_the_pool),
	TEST(test_dbpool_fiber_that_ran_is_not_run_again),
	TEST(test_dbpool_fiber_may_end_at_once),
	CU_TEST_INFO_NULL,
};

static CU_TestInfo tests[] = {
	TEST(test_dbpool_answers_each_lookup_with_its_row),
	TEST(test_dbpool_unknown_host_gets_one_attempt_at_a_time),
	TEST(test_dbpool_reuses_an_idle_connection),
	TEST(test_dbpool_fails_all_at_once_when_refused),
	TEST(test_dbpool_waits_for_a_slow_host),
	TEST(test_dbpool_a_late_attempt_is_made_again),
	TEST(test_dbpool_goes_to_the_next_host),
	TEST(test_dbpool_fails_when_no_host_is_left),
	TEST(test_dbpool_tries_every_host_each_time),
	TEST(test_dbpool_an_older_attempt_says_nothing),
	TEST(test_dbpool_two_attempts_are_not_two_hosts),
	TEST(test_dbpool_asks_again_without_a_connection),
	TEST(test_dbpool_logs_each_outage_once),
	TEST(test_dbpool_retries_a_lost_connection_on_a_fresh_one),
	TEST(test_dbpool_retries_on_no_busy_sister_either),
	TEST(test_dbpool_a_retried_lookup_comes_first),
	TEST(test_dbpool_a_second_loss_is_the_answer),
	TEST(test_dbpool_losses_of_one_restart_count_once),
	TEST(test_dbpool_a_failed_statement_keeps_the_connection),
	TEST(test_dbpool_deadline_while_connecting),
	TEST(test_dbpool_deadline_while_running),
	TEST(test_dbpool_deadlines_are_each_lookups_own),
	TEST(test_dbpool_hurry),
	TEST(test_dbpool_late_answer_of_a_deadline_is_dropped),
	TEST(test_dbpool_closes_what_the_server_closed),
	TEST(test_dbpool_closes_what_is_long_idle),
	TEST(test_dbpool_lets_surplus_connections_grow_old),
	TEST(test_dbpool_callbacks_may_submit),
	TEST(test_dbpool_a_failed_lookup_may_submit_the_next),
	TEST(test_dbpool_free_answers_everyone),
	TEST(test_dbpool_free_interrupts_what_runs),
	TEST(test_dbpool_free_takes_no_new_lookups),
	TEST(test_dbpool_without_threads_fails_at_once),
	TEST(test_dbpool_batch_answers_all_with_one_execution),
	TEST(test_dbpool_batch_is_no_larger_than_wanted),
	TEST(test_dbpool_batch_takes_the_form_that_fits),
	TEST(test_dbpool_batch_shares_the_answer_to_one_question),
	TEST(test_dbpool_batch_is_of_one_statement),
	TEST(test_dbpool_batch_gives_each_its_rows),
	TEST(test_dbpool_batch_that_fails_is_asked_one_by_one),
	TEST(test_dbpool_batch_with_too_many_rows_is_no_answer),
	TEST(test_dbpool_batch_that_reorders_answers_single_rows),
	TEST(test_dbpool_batch_looks_at_some_of_the_queue),
	TEST(test_dbpool_batch_leaves_out_long_values),
	TEST(test_dbpool_batch_leaves_out_foreign_letters),
	TEST(test_dbpool_batch_retries_all_that_a_loss_hits),
	TEST(test_dbpool_batch_is_cut_when_its_last_lookup_expires),
	TEST(test_dbpool_hedge_asks_the_second_host),
	TEST(test_dbpool_hedge_first_answer_counts),
	TEST(test_dbpool_hedge_fails_alone),
	TEST(test_dbpool_hedge_is_asked_one_by_one),
	TEST(test_dbpool_hedge_outlives_its_connection),
	TEST(test_dbpool_hedge_waits_for_the_second_host),
	TEST(test_dbpool_hedge_ends_with_its_connection),
	TEST(test_dbpool_hedge_covers_connecting),
	TEST(test_dbpool_hedge_cuts_a_frozen_connection),
	TEST(test_dbpool_loss_on_a_fresh_connection_is_the_hosts_fault),
	TEST(test_dbpool_read_only_host_is_left_for_another),
	TEST(test_dbpool_error_is_asked_elsewhere),
	TEST(test_dbpool_error_of_every_host_is_the_answer),
	TEST(test_dbpool_error_ends_with_the_other_host),
	TEST(test_dbpool_error_waits_for_the_other_host),
	TEST(test_dbpool_error_does_not_wait_for_ever),
	TEST(test_dbpool_error_of_a_batch_is_asked_elsewhere),
	TEST(test_dbpool_error_of_a_moment_is_asked_again),
	TEST(test_dbpool_error_of_a_change_is_the_answer),
	TEST(test_dbpool_error_beside_a_slow_host),
	TEST(test_dbpool_error_is_asked_of_a_slow_host),
	TEST(test_dbpool_error_ends_all),
	TEST(test_dbpool_stream_gives_all_rows),
	TEST(test_dbpool_stream_closes_anywhere),
	TEST(test_dbpool_stream_fails_once),
	TEST(test_dbpool_stream_tries_every_host),
	TEST(test_dbpool_stream_begins_on_any_host),
	TEST(test_dbpool_stream_outlives_the_pool),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int failed = unit_run("dbpool, threads", tests);

	fake_can_stop = true;
	failed |= unit_run("dbpool, fibers", tests);
	failed |= unit_run("dbpool, fibers only", fiber_tests);
	return failed;
}
