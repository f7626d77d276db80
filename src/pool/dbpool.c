/* SPDX-License-Identifier: MIT */
/*
 * The pool as a whole: its making and end, its log, and the step that brings
 * together what waits and what is free. Decisions come from dbpool-policy.c.
 */
#include "pool/dbpool-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Threads beyond one for each connection: closing and streams. */
#define SPARE_THREADS 2

void dbpool_log(struct dbpool *pool, enum dbpool_log_level level,
		const char *format, ...)
{
	char text[512];
	va_list args;

	if (level == DBPOOL_LOG_DEBUG && !pool->set.debug)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	pool->set.log(level, text, pool->set.log_context);
}

void dbpool_step(struct dbpool *pool)
{
	struct dbpool_policy policy = dbpool_policy(pool);
	int host;

	dbpool_streams_step(pool);
	dbpool_batches_start(pool);
	dbpool_lookups_step(pool);
	while ((host = dbpool_policy_open(&policy, pool->waiting_count -
					  pool->hedging_count -
					  pool->failed_count,
					  pool->hedging_count)) >= 0)
		dbpool_conn_open(pool, (unsigned int)host);
	if ((host = dbpool_policy_probe(&policy)) >= 0)
		dbpool_conn_open(pool, (unsigned int)host);
	/* a host in back-off does not tell when that is over */
	if (pool->waiting != NULL)
		dbpool_hosts_watch(pool);
}

static void dbpool_on_jobs(void *context)
{
	struct dbpool *pool = context;

	jobs_dispatch(pool->jobs);
	dbpool_step(pool);
}

static void dbpool_kicked(void *context)
{
	struct dbpool *pool = context;

	pool->kick_timer = NULL;
	dbpool_conns_end_runs(pool);
	dbpool_step(pool);
}

void dbpool_kick(struct dbpool *pool)
{
	if (pool->kick_timer == NULL)
		pool->kick_timer = pool->loop.start_timer(0, dbpool_kicked,
							  pool);
}

static bool dbpool_init_hosts(struct dbpool *pool)
{
	const unsigned int count = pool->set.server_count;
	unsigned int i;

	pool->hosts = calloc(count, sizeof(*pool->hosts));
	pool->host_states = calloc(count, sizeof(*pool->host_states));
	pool->plain_until = calloc(pool->set.statement_count,
				   sizeof(*pool->plain_until));
	if (pool->hosts == NULL || pool->host_states == NULL ||
	    pool->plain_until == NULL)
		return false;
	for (i = 0; i < count; i++) {
		db_server_name(&pool->set.servers[i], pool->hosts[i].name,
			       sizeof(pool->hosts[i].name));
		pool->hosts[i].wrong = calloc(pool->set.statement_count,
					      sizeof(bool));
		if (pool->hosts[i].wrong == NULL)
			return false;
	}
	return true;
}

static void dbpool_free_memory(struct dbpool *pool)
{
	unsigned int i;

	for (i = 0; pool->hosts != NULL && i < pool->set.server_count; i++)
		free(pool->hosts[i].wrong);
	free(pool->hosts);
	free(pool->host_states);
	free(pool->plain_until);
	free(pool);
}

struct dbpool *dbpool_new(const struct dbpool_settings *settings,
			  const struct dbpool_loop *loop)
{
	struct dbpool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->set = *settings;
	pool->loop = *loop;
	pool->random = (uint32_t)getpid() ^ (uint32_t)pool->loop.now();
	pool->jobs = jobs_new(settings->server_count * settings->connections +
			      SPARE_THREADS, NULL, mysql_conn_thread_end);
	if (!dbpool_init_hosts(pool) || pool->jobs == NULL ||
	    !mysql_conn_library_init()) {
		jobs_free(&pool->jobs);
		dbpool_free_memory(pool);
		return NULL;
	}
	pool->jobs_watch = pool->loop.watch_fd(jobs_fd(pool->jobs), false,
					       dbpool_on_jobs, pool);
	return pool;
}

static void dbpool_cancel_timer(struct dbpool *pool, void **timer)
{
	if (*timer != NULL)
		pool->loop.cancel_timer(*timer);
	*timer = NULL;
}

/* Ends every job that waits for the network. */
static void dbpool_interrupt(struct dbpool *pool)
{
	struct dbpool_conn *conn;

	for (conn = pool->conns; conn != NULL; conn = conn->next)
		dbpool_conn_stop(conn);
}

void dbpool_free(struct dbpool **_pool)
{
	struct dbpool *pool = *_pool;
	struct db_error error;

	if (pool == NULL)
		return;
	*_pool = NULL;
	pool->freeing = true;
	dbpool_cancel_timer(pool, &pool->kick_timer);
	dbpool_cancel_timer(pool, &pool->deadline_timer);
	dbpool_cancel_timer(pool, &pool->idle_timer);
	dbpool_cancel_timer(pool, &pool->hedge_timer);
	db_error_set(&error, "The authentication process is ending");
	dbpool_lookups_fail(pool, &error);
	dbpool_streams_fail(pool, &error);

	dbpool_interrupt(pool);
	pool->loop.unwatch_fd(pool->jobs_watch);
	jobs_free(&pool->jobs);
	while (pool->conns != NULL)
		dbpool_conn_free(pool->conns);
	dbpool_streams_orphan(pool);
	dbpool_free_memory(pool);
}

