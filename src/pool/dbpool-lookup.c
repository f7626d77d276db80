/* SPDX-License-Identifier: MIT */
/*
 * Lookups: the queue of those that wait, the one run on a connection, the retry
 * when that is lost, and the deadline that ends each of them.
 */
#include "pool/dbpool-private.h"

#include <stdlib.h>

/* Rows of a lookup: one, or two to see that it is not one. */
#define LOOKUP_MAX_ROWS 2

static void lookup_wait(struct dbpool_lookup *lookup, bool first)
{
	struct dbpool *pool = lookup->pool;

	lookup->waiting = true;
	lookup->wait_prev = first ? NULL : pool->waiting_tail;
	lookup->wait_next = first ? pool->waiting : NULL;
	if (lookup->wait_prev != NULL)
		lookup->wait_prev->wait_next = lookup;
	else
		pool->waiting = lookup;
	if (lookup->wait_next != NULL)
		lookup->wait_next->wait_prev = lookup;
	else
		pool->waiting_tail = lookup;
	pool->waiting_count++;
}

static void lookup_unwait(struct dbpool_lookup *lookup)
{
	struct dbpool *pool = lookup->pool;

	if (!lookup->waiting)
		return;
	lookup->waiting = false;
	if (lookup->wait_prev != NULL)
		lookup->wait_prev->wait_next = lookup->wait_next;
	else
		pool->waiting = lookup->wait_next;
	if (lookup->wait_next != NULL)
		lookup->wait_next->wait_prev = lookup->wait_prev;
	else
		pool->waiting_tail = lookup->wait_prev;
	pool->waiting_count--;
}

/* Takes the lookup out of every list. Its connection goes on without it. */
static void lookup_unlink(struct dbpool_lookup *lookup)
{
	struct dbpool *pool = lookup->pool;

	lookup_unwait(lookup);
	if (pool->lookups_tail == lookup)
		pool->lookups_tail = lookup->prev;
	LIST_REMOVE(pool->lookups, lookup);
	if (lookup->conn != NULL)
		lookup->conn->lookup = NULL;
	lookup->conn = NULL;
}

static void lookup_free(struct dbpool_lookup *lookup)
{
	db_query_free(&lookup->query);
	free(lookup);
}

/* The end of every lookup but a cancelled one. */
static void lookup_finish(struct dbpool_lookup *lookup,
			  const struct db_rows *rows,
			  const struct db_error *error)
{
	lookup_unlink(lookup);
	lookup->callback(rows, error, lookup->context);
	lookup_free(lookup);
}

void dbpool_lookups_give_up(struct dbpool *pool, const struct db_error *error)
{
	/* what a callback submits waits behind those that are given up now */
	unsigned int count = pool->waiting_count;

	while (count-- > 0 && pool->waiting != NULL)
		lookup_finish(pool->waiting, NULL, error);
}

void dbpool_lookups_fail(struct dbpool *pool, const struct db_error *error)
{
	while (pool->lookups != NULL)
		lookup_finish(pool->lookups, NULL, error);
}

static void conn_run_query(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_run(conn->db, conn->query, LOOKUP_MAX_ROWS,
				      conn->deadline, &conn->rows,
				      &conn->error);
}

/* The connection died under the lookup. Statements are such that one more try
   elsewhere does no harm (dbpool_submit()); a second loss is an answer. */
static void lookup_lost_conn(struct dbpool_lookup *lookup,
			     struct db_query *query,
			     const struct db_error *error)
{
	if (lookup->retried) {
		db_query_free(&query);
		lookup_finish(lookup, NULL, error);
		return;
	}
	lookup->conn = NULL;
	lookup->retried = true;
	lookup->query = query;
	lookup_wait(lookup, true);
}

static void conn_done_query(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool *pool = conn->pool;
	struct dbpool_lookup *lookup = conn->lookup;
	struct db_query *query = conn->query;
	struct db_rows *rows = conn->rows;
	struct db_error error = conn->error;
	bool lost = conn->result == MYSQL_CONN_LOST;

	if (pool->freeing)
		return;
	conn->lookup = NULL;
	conn->query = NULL;
	conn->rows = NULL;
	if (lost)
		dbpool_host_doubt(pool, conn->host);
	if (lost || conn->doubtful)
		dbpool_conn_close(conn);
	else
		dbpool_conn_idle(conn);
	if (lookup != NULL && lost) {
		lookup_lost_conn(lookup, query, &error);
		query = NULL;
	} else if (lookup != NULL) {
		lookup_finish(lookup, rows, rows != NULL ? NULL : &error);
	}
	db_query_free(&query);
	db_rows_free(&rows);
}

void dbpool_lookup_start(struct dbpool_lookup *lookup,
			 struct dbpool_conn *conn)
{
	lookup_unwait(lookup);
	dbpool_conn_move(conn, CONN_BUSY);
	conn->lookup = lookup;
	conn->query = lookup->query;
	lookup->query = NULL;
	lookup->conn = conn;
	/* cannot fail: a thread made this connection */
	if (!dbpool_conn_submit(conn, conn_run_query, conn_done_query,
			 lookup->deadline))
		abort();
}

static void deadline_timer_start(struct dbpool *pool);

static void lookup_expire(struct dbpool_lookup *lookup)
{
	struct dbpool *pool = lookup->pool;
	struct db_error error;

	/* The connection may answer yet, but to nobody, and until then it
	   would serve nobody either. */
	if (lookup->conn != NULL)
		mysql_conn_interrupt(lookup->conn->db);
	db_error_set(&error, "No answer from the database within %u ms%s%s",
		     pool->set.lookup_timeout_ms,
		     pool->last_error.text[0] == '\0' ? "" : "; before that: ",
		     pool->last_error.text);
	lookup_finish(lookup, NULL, &error);
}

static void deadline_timer_fired(void *context)
{
	struct dbpool *pool = context;
	uint64_t now = pool->loop.now();

	pool->deadline_timer = NULL;
	while (pool->lookups != NULL && pool->lookups->deadline <= now)
		lookup_expire(pool->lookups);
	deadline_timer_start(pool);
	dbpool_step(pool);
}

/* For the lookup whose time is up first. The timer is left alone when that
   lookup is answered: firing in vain every few seconds is cheaper. */
static void deadline_timer_start(struct dbpool *pool)
{
	uint64_t now, deadline;

	if (pool->lookups == NULL || pool->deadline_timer != NULL)
		return;
	now = pool->loop.now();
	deadline = pool->lookups->deadline;
	pool->deadline_timer = pool->loop.start_timer(
		deadline <= now ? 0 : (unsigned int)(deadline - now),
		deadline_timer_fired, pool);
}

void dbpool_hurry(struct dbpool *pool, unsigned int lookup_timeout_ms)
{
	uint64_t deadline = pool->loop.now() + lookup_timeout_ms;
	struct dbpool_lookup *lookup;

	if (lookup_timeout_ms >= pool->set.lookup_timeout_ms)
		return;
	pool->set.lookup_timeout_ms = lookup_timeout_ms;
	for (lookup = pool->lookups; lookup != NULL; lookup = lookup->next) {
		if (lookup->deadline > deadline)
			lookup->deadline = deadline;
	}
	if (pool->deadline_timer != NULL)
		pool->loop.cancel_timer(pool->deadline_timer);
	pool->deadline_timer = NULL;
	deadline_timer_start(pool);
}

struct dbpool_lookup *dbpool_submit(struct dbpool *pool,
				    const struct db_statement *statement,
				    const char *const *values,
				    dbpool_callback_t *callback, void *context)
{
	struct dbpool_lookup *lookup;

	if (pool->freeing || (lookup = calloc(1, sizeof(*lookup))) == NULL)
		return NULL;
	lookup->query = db_query_new(statement, values);
	if (lookup->query == NULL) {
		free(lookup);
		return NULL;
	}
	lookup->pool = pool;
	lookup->callback = callback;
	lookup->context = context;
	lookup->deadline = pool->loop.now() + pool->set.lookup_timeout_ms;
	lookup->prev = pool->lookups_tail;
	if (lookup->prev != NULL)
		lookup->prev->next = lookup;
	else
		pool->lookups = lookup;
	pool->lookups_tail = lookup;
	lookup_wait(lookup, false);
	deadline_timer_start(pool);
	dbpool_kick(pool);
	return lookup;
}

void dbpool_cancel(struct dbpool_lookup **_lookup)
{
	struct dbpool_lookup *lookup = *_lookup;

	*_lookup = NULL;
	lookup_unlink(lookup);
	lookup_free(lookup);
}

