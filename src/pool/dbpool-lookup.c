/* SPDX-License-Identifier: MIT */
/*
 * Lookups: the queue of those that wait, what becomes of one whose connection
 * had no answer, and the deadline that ends each of them.
 */
#include "pool/dbpool-private.h"

#include <stdlib.h>

/* ------------------------------------------------------------- the queue */

static void lookup_wait(struct dbpool_lookup *lookup, bool first)
{
	struct dbpool *pool = lookup->pool;

	lookup->waiting = true;
	lookup->waiting_since = pool->waiting_since = ++pool->order;
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
	pool->failed_count += lookup->failed_on != 0;
}

static void lookup_end_hedging(struct dbpool_lookup *lookup)
{
	if (lookup->hedging)
		lookup->pool->hedging_count--;
	lookup->hedging = false;
}

void dbpool_lookup_unwait(struct dbpool_lookup *lookup)
{
	struct dbpool *pool = lookup->pool;

	if (!lookup->waiting)
		return;
	lookup_end_hedging(lookup);
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
	pool->failed_count -= lookup->failed_on != 0;
}

static bool lookup_is_at(const struct dbpool_lookup *lookup, unsigned int host)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (lookup->attempts[i].batch != NULL &&
		    lookup->attempts[i].batch->host == host)
			return true;
	}
	return false;
}

/* Who may have an answer where others had an error of the statement; -1:
   nobody. */
static int lookup_elsewhere(const struct dbpool_lookup *lookup)
{
	const struct dbpool_policy policy = dbpool_policy(lookup->pool);
	dbpool_host_set but = lookup->failed_on;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (lookup->attempts[i].batch != NULL)
			but |= DBPOOL_HOST_SET(lookup->attempts[i].batch->host);
	}
	return dbpool_policy_elsewhere(&policy, but, lookup->waiting_since);
}

/* A slow host is for those who have no better one. */
static bool lookup_may_ask(const struct dbpool_lookup *lookup,
			   unsigned int host)
{
	struct dbpool_policy policy;

	if (lookup_is_at(lookup, host) ||
	    (lookup->failed_on & DBPOOL_HOST_SET(host)) != 0)
		return false;
	if (!lookup->pool->host_states[host].slow)
		return true;
	if (lookup->failed_on != 0)
		return lookup_elsewhere(lookup) == (int)host;
	policy = dbpool_policy(lookup->pool);
	return !dbpool_policy_shuns(&policy, host);
}

struct dbpool_lookup *dbpool_lookup_next(struct dbpool *pool,
					 unsigned int host,
					 const struct dbpool_lookup *after)
{
	struct dbpool_lookup *lookup =
		after == NULL ? pool->waiting : after->wait_next;

	while (lookup != NULL && !lookup_may_ask(lookup, host))
		lookup = lookup->wait_next;
	return lookup;
}

/* ------------------------------------------------------------ their ends */

static unsigned int lookup_attempts(const struct dbpool_lookup *lookup)
{
	return (lookup->attempts[0].batch != NULL) +
		(lookup->attempts[1].batch != NULL);
}

/* Takes the lookup out of every list. Its connections go on without it;
   interrupt ends those that nobody else waits for. */
static void lookup_unlink(struct dbpool_lookup *lookup, bool interrupt)
{
	struct dbpool *pool = lookup->pool;
	unsigned int i;

	dbpool_lookup_unwait(lookup);
	if (pool->lookups_tail == lookup)
		pool->lookups_tail = lookup->prev;
	LIST_REMOVE(pool->lookups, lookup);
	for (i = 0; i < 2; i++) {
		struct dbpool_batch *batch = lookup->attempts[i].batch;

		if (dbpool_attempt_leave(&lookup->attempts[i]) && interrupt)
			dbpool_batch_cut(batch);
	}
}

static void lookup_free(struct dbpool_lookup *lookup)
{
	db_query_free(&lookup->query);
	free(lookup->error);
	free(lookup);
}

void dbpool_lookup_finish(struct dbpool_lookup *lookup,
			  const struct db_rows *rows,
			  const struct db_error *error)
{
	if (lookup->failed_on != 0 && rows == NULL)
		error = lookup->error;
	else if (lookup->failed_on != 0)
		dbpool_host_is_wrong(lookup->pool, lookup->failed_first,
				     lookup->query->statement, lookup->error);
	lookup_unlink(lookup, false);
	lookup->callback(rows, error, lookup->context);
	lookup_free(lookup);
}

unsigned int dbpool_lookups_give_up(struct dbpool *pool, uint64_t before,
				    const struct db_error *error)
{
	struct dbpool_lookup *lookup, *next;
	unsigned int count = 0;

	/* not in order, as those that are asked again come first */
	for (lookup = pool->waiting; lookup != NULL; lookup = next) {
		next = lookup->wait_next;
		if (lookup->waiting_since >= before)
			continue;
		count++;
		dbpool_lookup_finish(lookup, NULL, error);
	}
	return count;
}

void dbpool_lookups_fail(struct dbpool *pool, const struct db_error *error)
{
	while (pool->lookups != NULL)
		dbpool_lookup_finish(pool->lookups, NULL, error);
}

void dbpool_lookup_hedge(struct dbpool_lookup *lookup)
{
	if (lookup->waiting || lookup_attempts(lookup) != 1)
		return;
	lookup->hedging = lookup->failed_on == 0;
	lookup->pool->hedging_count += lookup->hedging;
	lookup_wait(lookup, true);
}

/* One of two hosts had no answer, but may have one the next time. If the other
   one is slow, it is not to be waited for. */
static void lookup_hedge_again(struct dbpool_lookup *lookup)
{
	const struct dbpool_batch *batch;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		batch = lookup->attempts[i].batch;
		if (batch != NULL && batch->conn->hedged)
			dbpool_lookup_hedge(lookup);
	}
}

/* Notes that the host has an error of the statement. Whether another one is
   left to ask. */
static bool lookup_failed_on(struct dbpool_lookup *lookup, unsigned int host,
			     const struct db_error *error)
{
	if (lookup->query->statement->changes || DBPOOL_HOST_SET(host) == 0)
		return false;
	if (lookup->failed_on == 0) {
		lookup->error = malloc(sizeof(*lookup->error));
		if (lookup->error == NULL)
			return false;
		*lookup->error = *error;
		lookup->failed_first = host;
		lookup->pool->failed_count += lookup->waiting;
	}
	lookup->failed_on |= DBPOOL_HOST_SET(host);
	/* whether it is better off by itself there, too, is not known */
	lookup->alone = !lookup->may_share;
	return lookup_elsewhere(lookup) >= 0;
}

void dbpool_lookup_failed(struct dbpool_lookup *lookup, unsigned int host,
			  enum dbpool_failure failure,
			  const struct db_error *error)
{
	const struct dbpool_policy policy = dbpool_policy(lookup->pool);
	bool final;

	if (failure == DBPOOL_FAILURE_LOST)
		lookup->losses++;
	if (failure == DBPOOL_FAILURE_SHARED)
		lookup->alone = true;
	final = lookup->losses > dbpool_policy_max_losses(&policy) ||
		(failure == DBPOOL_FAILURE_STATEMENT &&
		 !lookup_failed_on(lookup, host, error));
	if (lookup->waiting) {
		/* whoever waits for a second host now waits for any */
		lookup_end_hedging(lookup);
	} else if (lookup_attempts(lookup) > 0) {
		if (!final)
			lookup_hedge_again(lookup);
	} else if (final) {
		dbpool_lookup_finish(lookup, NULL, error);
	} else {
		lookup_wait(lookup, true);
	}
}

/* Returns whether it did anything: the lookup may be gone. */
static bool lookup_step(struct dbpool_lookup *lookup)
{
	const struct dbpool_policy policy = dbpool_policy(lookup->pool);
	const int host = lookup_elsewhere(lookup);

	if (host < 0 && lookup_attempts(lookup) == 0)
		dbpool_lookup_finish(lookup, NULL, lookup->error);
	else if (host >= 0 &&
		 dbpool_policy_open_there(&policy, (unsigned int)host))
		dbpool_conn_open(lookup->pool, (unsigned int)host);
	else
		return false;
	return true;
}

void dbpool_lookups_step(struct dbpool *pool)
{
	struct dbpool_lookup *lookup = pool->waiting;
	unsigned int left = pool->failed_count;

	/* they are the first ones, mostly; what is done for one may be the end
	   of others: begin anew after each */
	while (left > 0) {
		if (lookup->failed_on != 0 && lookup_step(lookup)) {
			lookup = pool->waiting;
			left = pool->failed_count;
		} else {
			left -= lookup->failed_on != 0;
			lookup = lookup->wait_next;
		}
	}
}

/* -------------------------------------------------------------- deadlines */

static void deadline_timer_start(struct dbpool *pool);

/* A connection that leaves everybody waiting may answer yet, but to nobody, and
   until then it would serve nobody either. */
static void lookup_expire(struct dbpool_lookup *lookup)
{
	struct dbpool *pool = lookup->pool;
	const char *before = lookup->failed_on != 0 ? lookup->error->text :
		pool->last_error.text;
	struct db_error error;

	db_error_set(&error, "No answer from the database within %u ms%s%s",
		     pool->set.lookup_timeout_ms,
		     *before == '\0' ? "" : "; before that: ", before);
	lookup_unlink(lookup, true);
	lookup->callback(NULL, &error, lookup->context);
	lookup_free(lookup);
}

/* What runs on a fiber does not look at the clock by itself. It may run for
   nobody: another host was sooner. */
static bool conn_has_deadline(const struct dbpool_conn *conn)
{
	return conn->state == CONN_BUSY && conn->fiber != NULL && !conn->cut &&
		!conn->ran;
}

static void deadline_timer_fired(void *context)
{
	struct dbpool *pool = context;
	uint64_t now = pool->loop.now();
	struct dbpool_conn *conn;

	pool->deadline_timer = NULL;
	while (pool->lookups != NULL && pool->lookups->deadline <= now)
		lookup_expire(pool->lookups);
	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn_has_deadline(conn) && conn->deadline <= now)
			dbpool_batch_cut(conn->batch);
	}
	deadline_timer_start(pool);
	dbpool_step(pool);
}

/* UINT64_MAX: there is none. */
static uint64_t next_deadline(const struct dbpool *pool)
{
	const struct dbpool_conn *conn;
	uint64_t next = pool->lookups == NULL ? UINT64_MAX :
		pool->lookups->deadline;

	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn_has_deadline(conn) && conn->deadline < next)
			next = conn->deadline;
	}
	return next;
}

/* For whose time is up first. The timer is left alone when that is answered:
   firing in vain every few seconds is cheaper. */
static void deadline_timer_start(struct dbpool *pool)
{
	uint64_t now, deadline;

	if (pool->deadline_timer != NULL)
		return;
	deadline = next_deadline(pool);
	if (deadline == UINT64_MAX)
		return;
	now = pool->loop.now();
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

static bool value_may_share(const char *value, unsigned int max)
{
	const char *p;

	for (p = value; *p != '\0'; p++) {
		if ((*p & 0x80) != 0)
			return false;
	}
	return max == 0 || (size_t)(p - value) <= max;
}

/* Whether they can be bound in a wide form. What a column cannot hold is an
   error of the statement: a client that sends nothing but such names shall not
   make everybody's lookups fail together. */
static bool values_may_share(const struct db_statement *statement,
			     const char *const *values)
{
	const struct db_statement *form = statement->wider;
	unsigned int i;

	for (i = 0; form != NULL && i < statement->bind_count; i++) {
		if (!value_may_share(values[i], form->value_max))
			return false;
	}
	return true;
}

bool dbpool_submit(struct dbpool *pool, const struct db_statement *statement,
		   const char *const *values, dbpool_callback_t *callback,
		   void *context)
{
	struct dbpool_lookup *lookup;

	if (pool->freeing || (lookup = calloc(1, sizeof(*lookup))) == NULL)
		return false;
	lookup->query = db_query_new(statement, values);
	if (lookup->query == NULL) {
		free(lookup);
		return false;
	}
	lookup->pool = pool;
	lookup->may_share = values_may_share(statement, values);
	lookup->alone = !lookup->may_share;
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
	/* The first one need not wait for others. On its way it wakes a server
	   that slept, and those that come meanwhile share the next batch. */
	if (pool->lookups == lookup && pool->kick_timer == NULL)
		dbpool_batches_start(pool);
	if (lookup->waiting)
		dbpool_kick(pool);
	return true;
}
