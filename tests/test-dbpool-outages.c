/* SPDX-License-Identifier: MIT */
/*
 * Two hosts for a long while, with one of them in some trouble, then the other;
 * or three, of which the last one is always well. Each lookup is answered by
 * one that is well, and soon. What happens, and when, is drawn by lot, but is
 * the same each time.
 */
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"
#include "pool/dbpool.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define STORIES 100
#define STORY_MS 20000
#define LOOKUPS 256
#define VALUE_SIZE 8

#define TIMEOUT_MS 5000
#define CONNECT_TIMEOUT_MS 2000
#define HEDGE_MS 300
/* With both hosts well, from the end of one's trouble to that of the other:
   lookups that waited meanwhile have been answered. A third host spares it. */
#define PEACE_MS 400

/* Whoever does more in a millisecond does it again and again. */
#define MAX_STEPS 1000

static const struct db_statement statement;
static const struct db_statement four = {
	.id = 1, .text = "FOUR", .bind_count = 4, .max_rows = 2, .queries = 4,
	.plain = &statement,
};
static const struct db_statement statement = {
	.id = 0, .text = "SELECT ?", .bind_count = 1, .max_rows = 2,
	.queries = 1, .wider = &four,
};

/* The machine: all times in milliseconds. */
struct load {
	unsigned int hosts;
	unsigned int latency;	/* of one call, at most */
	unsigned int pause;	/* between two lookups, on average */
	unsigned int limit;	/* until a lookup has to be answered */
	unsigned int connections;	/* at least so many */
};

struct asked {
	bool under_way;
	char value[VALUE_SIZE];
	uint64_t since;
};

static struct dbpool *pool;
static struct asked lookups[LOOKUPS];
static unsigned int asked, answered;
static const struct load *load;
static char story[32];
static uint32_t lot;
static unsigned int struck;	/* 1 or 2: that host is in trouble */

static unsigned int draw(unsigned int below)
{
	lot = lot * 1664525 + 1013904223;
	return (lot >> 8) % below;
}

/* ---------------------------------------------------------------- trouble */

static void strike_frozen(struct fake_host *host)
{
	host->connect_hangs = host->run_hangs = true;
}

static void strike_silent(struct fake_host *host)
{
	host->connect_hangs = true;
	host->generation++;
}

static void strike_stuck(struct fake_host *host)
{
	host->run_hangs = true;
}

static void strike_refused(struct fake_host *host)
{
	host->connect = MYSQL_CONN_LOST;
	host->generation++;
}

static void strike_full(struct fake_host *host)
{
	host->connect = MYSQL_CONN_LOST;
}

static void strike_not_ready(struct fake_host *host)
{
	host->run = MYSQL_CONN_LOST;
	host->error_kind = DB_ERROR_BUSY;
}

static void strike_wrong(struct fake_host *host)
{
	host->run = MYSQL_CONN_STATEMENT_FAILED;
}

static void strike_restarted(struct fake_host *host)
{
	host->generation++;
}

static void (*const strikes[])(struct fake_host *host) = {
	strike_frozen, strike_silent, strike_stuck, strike_refused,
	strike_full, strike_not_ready, strike_wrong, strike_restarted,
};

static void cure(struct fake_host *host)
{
	host->connect = host->run = MYSQL_CONN_OK;
	host->connect_hangs = host->run_hangs = false;
	host->error_kind = DB_ERROR_OTHER;
}

/* Ends what there is and begins the next. Returns for how long. */
static unsigned int change_trouble(void)
{
	const unsigned int next = 1 + draw(2);
	const bool other = struck != 0 && struck != next && load->hosts == 2;

	cure(&fake_hosts[0]);
	cure(&fake_hosts[1]);
	struck = other ? 0 : next;
	if (other)
		return PEACE_MS;
	strikes[draw(N_ROWS(strikes))](&fake_hosts[next - 1]);
	return 1 + draw(draw(2) == 0 ? 500 : 5000);
}

/* ---------------------------------------------------------------- lookups */

static void lookup_callback(const struct db_rows *rows,
			    const struct db_error *error, void *context)
{
	struct asked *lookup = context;

	(void)error;
	lookup->under_way = false;
	answered++;
	UNIT_ASSERT_ROW(story, rows != NULL && rows->row_count == 1 &&
			strcmp(rows->values[0], lookup->value) == 0);
	UNIT_ASSERT_ROW(story, fake_loop.now() - lookup->since <= load->limit);
}

static void submit(void)
{
	struct asked *lookup = &lookups[asked % LOOKUPS];
	const char *value = lookup->value;

	UNIT_ASSERT_ROW(story, !lookup->under_way);
	snprintf(lookup->value, VALUE_SIZE, "%u", asked++);
	lookup->under_way = true;
	lookup->since = fake_loop.now();
	CU_ASSERT_TRUE_FATAL(dbpool_submit(pool, &statement, &value,
					   lookup_callback, lookup));
}

/* One now and then, or a few at once. */
static void submit_some(void)
{
	unsigned int count = draw(2 * load->pause) == 0;

	if (draw(20 * load->pause) == 0)
		count += draw(10);
	while (count-- > 0)
		submit();
}

/* ---------------------------------------------------------------- stories */

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static void pool_start(unsigned int number)
{
	static const struct db_server servers[] = {
		{ .port = 1, .connect_timeout_ms = CONNECT_TIMEOUT_MS },
		{ .port = 2, .connect_timeout_ms = CONNECT_TIMEOUT_MS },
		{ .port = 3, .connect_timeout_ms = CONNECT_TIMEOUT_MS },
	};
	const struct dbpool_settings settings = {
		.servers = servers,
		.server_count = load->hosts,
		.load_balance = number % 2 == 0,
		.connections = load->connections + number % 3,
		.max_batch = 4,
		.lookup_timeout_ms = TIMEOUT_MS,
		.hedge_after_ms = HEDGE_MS,
		.idle_timeout_ms = 60000,
		.statement_count = 2,
		.log = test_log,
	};

	fake_loop_init();
	fake_mysql_conn_init();
	pool = dbpool_new(&settings, &fake_loop);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
}

static void tick(void)
{
	unsigned int i, steps = 0;

	for (i = 0; i < load->hosts; i++)
		fake_hosts[i].latency = draw(load->latency);
	fake_jobs_release();
	while (fake_jobs_queued() > 0) {
		(void)fake_jobs_step();
		CU_ASSERT_FATAL(++steps < MAX_STEPS);
	}
	fake_loop_advance(1);
}

static void play(unsigned int number)
{
	unsigned int i, msecs, next = 0;

	snprintf(story, sizeof(story), "story %u", number);
	lot = number;
	struck = asked = answered = 0;
	pool_start(number);
	/* lookups of which each is asked alone then */
	for (i = 0; i < load->hosts; i++)
		fake_hosts[i].wide_fails = number % 5 == 0;
	for (msecs = 0; msecs < STORY_MS; msecs++) {
		if (msecs == next)
			next += change_trouble();
		submit_some();
		tick();
	}
	for (msecs = 0; msecs < TIMEOUT_MS; msecs++)
		tick();
	UNIT_ASSERT_ROW(story, asked > 0 && answered == asked);
	dbpool_free(&pool);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
	CU_ASSERT_EQUAL(fake_conns, 0);
}

static void play_all(const struct load *with)
{
	unsigned int number;

	load = with;
	for (number = 0; number < STORIES; number++)
		play(number);
}

static void test_dbpool_outages(void)
{
	/* who meets a second slow connection waits for it, too */
	static const struct load quick = {
		.hosts = 2, .latency = 20, .pause = 20,
		.limit = 2 * HEDGE_MS + 100, .connections = 1,
	};

	play_all(&quick);
}

/* What is well is sometimes taken for slow. */
static void test_dbpool_outages_of_busy_hosts(void)
{
	static const struct load busy = {
		.hosts = 2, .latency = HEDGE_MS + 50, .pause = 400,
		.limit = 3000, .connections = 2,
	};

	play_all(&busy);
}

static void test_dbpool_outages_of_two_in_three(void)
{
	static const struct load quick = {
		.hosts = 3, .latency = 20, .pause = 20,
		.limit = 2 * HEDGE_MS + 100, .connections = 1,
	};
	static const struct load busy = {
		.hosts = 3, .latency = HEDGE_MS + 50, .pause = 400,
		.limit = 3000, .connections = 2,
	};

	play_all(&quick);
	play_all(&busy);
}

static CU_TestInfo tests[] = {
	TEST(test_dbpool_outages),
	TEST(test_dbpool_outages_of_busy_hosts),
	TEST(test_dbpool_outages_of_two_in_three),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	int failed = unit_run("dbpool-outages, threads", tests);

	fake_can_stop = true;
	failed |= unit_run("dbpool-outages, fibers", tests);
	return failed;
}
