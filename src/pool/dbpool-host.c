/* SPDX-License-Identifier: MIT */
/*
 * What is known of the servers, by what they answer and when; and what is told
 * of that to the log and to whoever counts. What follows from it is decided in
 * dbpool-policy.c.
 */
#include "pool/dbpool-private.h"

#include <stdio.h>

struct dbpool_policy dbpool_policy(const struct dbpool *pool)
{
	return (struct dbpool_policy) {
		.hosts = pool->host_states,
		.host_count = pool->set.server_count,
		.max_per_host = pool->set.connections,
		.load_balance = pool->set.load_balance,
		.waiting_since = pool->waiting_since,
		.now = pool->loop.now(),
	};
}

static void host_observe(struct dbpool *pool, enum dbpool_event_kind kind,
			 unsigned int host, const struct db_error *error)
{
	const struct dbpool_event event = {
		.kind = kind,
		.host = pool->hosts[host].name,
		.lookups = pool->hosts[host].affected,
		.duration_us = (pool->loop.now() -
				pool->hosts[host].failed_at) * 1000,
		.error = error,
	};

	if (pool->set.observe != NULL)
		pool->set.observe(&event, pool->set.observe_context);
}

void dbpool_host_answered(struct dbpool *pool, unsigned int host)
{
	struct dbpool_host_state *state = &pool->host_states[host];

	state->slow = false;
	if (state->failures == 0)
		return;
	dbpool_log(pool, DBPOOL_LOG_INFO, "database %s: back after %llu s "
		   "(failures: %u, lookups affected: %u)",
		   pool->hosts[host].name, (unsigned long long)
		   (pool->loop.now() - pool->hosts[host].failed_at) / 1000,
		   state->failures, pool->hosts[host].affected);
	host_observe(pool, DBPOOL_EVENT_HOST_UP, host, NULL);
	state->failures = 0;
	pool->hosts[host].affected = 0;
	pool->last_error.text[0] = '\0';
}

void dbpool_host_answers(struct dbpool *pool, unsigned int host,
			 const struct db_statement *statement)
{
	dbpool_host_answered(pool, host);
	pool->hosts[host].wrong[statement->id] = false;
}

void dbpool_host_is_wrong(struct dbpool *pool, unsigned int host,
			  const struct db_statement *statement,
			  const struct db_error *error)
{
	bool *wrong = &pool->hosts[host].wrong[statement->id];

	if (*wrong)
		return;
	*wrong = true;
	dbpool_log(pool, DBPOOL_LOG_ERROR, "database %s: fails a query that "
		   "another server answers: %s (error %u)",
		   pool->hosts[host].name, error->text, error->code);
}

static uint32_t host_random(struct dbpool *pool)
{
	/* any numbers do that differ between processes */
	pool->random = pool->random * 1664525 + 1013904223;
	return pool->random >> 8;
}

void dbpool_host_failed(struct dbpool *pool, unsigned int host,
			const struct db_error *error)
{
	struct dbpool_host_state *state = &pool->host_states[host];
	uint64_t now = pool->loop.now();
	char code[32];

	if (state->failures++ == 0) {
		pool->hosts[host].failed_at = now;
		snprintf(code, sizeof(code), " (error %u)", error->code);
		dbpool_log(pool, DBPOOL_LOG_ERROR, "database %s: %s%s",
			   pool->hosts[host].name, error->text,
			   error->code == 0 ? "" : code);
		host_observe(pool, DBPOOL_EVENT_HOST_DOWN, host, error);
	}
	state->retry_at = now +
		dbpool_policy_backoff(state->failures, host_random(pool));
	state->failed_order = ++pool->order;
	dbpool_host_doubt(pool, host);
}

void dbpool_host_refused(struct dbpool *pool, unsigned int host,
			 uint64_t since, const struct db_error *error)
{
	struct db_error text;
	struct dbpool_policy policy;

	db_error_set(&text, "connecting failed: %s", error->text);
	text.code = error->code;
	dbpool_host_failed(pool, host, &text);

	db_error_set(&pool->last_error, "Connecting to %s failed: %s",
		     pool->hosts[host].name, error->text);
	pool->last_error.kind = error->kind;
	pool->last_error.code = error->code;
	if (since > pool->host_states[host].refused_since)
		pool->host_states[host].refused_since = since;
	policy = dbpool_policy(pool);
	pool->hosts[host].affected +=
		dbpool_lookups_give_up(pool, dbpool_policy_give_up(&policy),
				       &pool->last_error);
}

void dbpool_host_doubt(struct dbpool *pool, unsigned int host)
{
	struct dbpool_conn *conn, *next;

	pool->host_states[host].up = false;
	pool->host_states[host].slow = false;
	for (conn = pool->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->host == host && conn->state == CONN_IDLE)
			dbpool_conn_close(conn);
		else if (conn->host == host && conn->state == CONN_BUSY)
			conn->doubtful = true;
	}
}

/* -------------------------------------------------------------- slow ones */

/* Its host is slow; what it is at is asked of another host, too. */
static void conn_hedge(struct dbpool_conn *conn)
{
	struct dbpool_host_state *state = &conn->pool->host_states[conn->host];
	const struct dbpool_batch *batch = conn->batch;
	struct dbpool_attempt *attempt;
	unsigned int i;

	conn->hedged = true;
	state->slow = true;
	if (conn->state == CONN_CONNECTING) {
		state->connecting_late++;
		return;
	}
	conn->pool->hosts[conn->host].affected += batch->lookup_count;
	for (i = 0; i < batch->slot_count; i++) {
		for (attempt = batch->slots[i]; attempt != NULL;
		     attempt = attempt->next)
			dbpool_lookup_hedge(attempt->lookup);
	}
}

/* With a single host, there is nobody else to ask. */
static bool conn_may_be_late(const struct dbpool_conn *conn)
{
	return !conn->for_stream && !conn->hedged &&
		(conn->state == CONN_CONNECTING ||
		 (conn->state == CONN_BUSY &&
		  conn->pool->set.server_count > 1));
}

static void hedge_timer_fired(void *context)
{
	struct dbpool *pool = context;
	uint64_t now = pool->loop.now(), wait = pool->set.hedge_after_ms;
	struct dbpool_conn *conn;
	uint64_t left = 0;

	pool->hedge_timer = NULL;
	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (!conn_may_be_late(conn))
			continue;
		if (now - conn->started >= wait)
			conn_hedge(conn);
		else if (left == 0 || wait - (now - conn->started) < left)
			left = wait - (now - conn->started);
	}
	if (left > 0)
		pool->hedge_timer = pool->loop.start_timer((unsigned int)left,
						hedge_timer_fired, pool);
	dbpool_step(pool);
}

/* The timer is left alone when what it is for has been answered: firing in vain
   a few times a second is cheaper. */
void dbpool_attempts_watch(struct dbpool *pool)
{
	if (pool->set.hedge_after_ms > 0 && pool->hedge_timer == NULL) {
		pool->hedge_timer = pool->loop.start_timer(
			pool->set.hedge_after_ms, hedge_timer_fired, pool);
	}
}

void dbpool_hosts_watch(struct dbpool *pool)
{
	if (pool->set.server_count > 1)
		dbpool_attempts_watch(pool);
}
