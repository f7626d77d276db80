/* SPDX-License-Identifier: MIT */
/*
 * Connections: their states, the jobs that connect and close them, what they
 * tell about their host. What runs on them is dbpool-lookup.c's and
 * dbpool-stream.c's.
 */
#include "pool/dbpool-private.h"

#include <assert.h>
#include <stdlib.h>

static const char *const conn_state_names[CONN_STATE_COUNT] = {
	"connecting", "idle", "busy", "stream waiting", "stream busy",
	"closing",
};

/* dbpool_conn_move() asserts that a move is one of these. */
#define TO(state) (1U << (state))
static const unsigned int conn_moves[CONN_STATE_COUNT] = {
	[CONN_CONNECTING] = TO(CONN_IDLE) | TO(CONN_STREAM_BUSY) |
		TO(CONN_CLOSING),
	[CONN_IDLE] = TO(CONN_BUSY) | TO(CONN_CLOSING),
	[CONN_BUSY] = TO(CONN_IDLE) | TO(CONN_CLOSING),
	[CONN_STREAM_WAITING] = TO(CONN_STREAM_BUSY) | TO(CONN_CLOSING),
	[CONN_STREAM_BUSY] = TO(CONN_STREAM_WAITING) | TO(CONN_CLOSING) |
		TO(CONN_STREAM_BUSY),
	[CONN_CLOSING] = 0,
};

void dbpool_conn_move(struct dbpool_conn *conn, enum conn_state state)
{
	struct dbpool_host_state *host = &conn->pool->hosts[conn->host];

	assert((conn_moves[conn->state] & TO(state)) != 0);
	if (!conn->for_stream) {
		if (conn->state == CONN_CONNECTING)
			host->connecting--;
		else if (conn->state != CONN_CLOSING && state == CONN_CLOSING)
			host->open--;
		if (conn->state == CONN_CONNECTING && state != CONN_CLOSING)
			host->open++;
	}
	if (conn->watch != NULL) {
		conn->pool->loop.unwatch_fd(conn->watch);
		conn->watch = NULL;
	}
	dbpool_log(conn->pool, DBPOOL_LOG_DEBUG, "connection %p: %s -> %s",
		   (void *)conn, conn_state_names[conn->state],
		   conn_state_names[state]);
	conn->state = state;
}

void dbpool_conn_free(struct dbpool_conn *conn)
{
	LIST_REMOVE(conn->pool->conns, conn);
	mysql_conn_free(&conn->db);
	db_query_free(&conn->query);
	db_rows_free(&conn->rows);
	free(conn);
}

bool dbpool_conn_submit(struct dbpool_conn *conn, void (*run)(struct job *),
			void (*done)(struct job *), uint64_t deadline)
{
	conn->job.run = run;
	conn->job.done = done;
	conn->deadline = deadline;
	return jobs_submit(conn->pool->jobs, &conn->job);
}

static void conn_run_close(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	mysql_conn_free(&conn->db);
}

static void conn_done_close(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	if (!conn->pool->freeing)
		dbpool_conn_free(conn);
}

void dbpool_conn_close(struct dbpool_conn *conn)
{
	dbpool_conn_move(conn, CONN_CLOSING);
	if (!dbpool_conn_submit(conn, conn_run_close, conn_done_close, 0))
		dbpool_conn_free(conn);
}

void dbpool_host_doubt(struct dbpool *pool, unsigned int host)
{
	struct dbpool_conn *conn, *next;

	pool->hosts[host].up = false;
	for (conn = pool->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->host == host && conn->state == CONN_IDLE)
			dbpool_conn_close(conn);
		else if (conn->host == host && conn->state == CONN_BUSY)
			conn->doubtful = true;
	}
}

static void conn_on_readable(void *context)
{
	struct dbpool_conn *conn = context;

	/* A server has nothing to say to an idle client but goodbye. */
	dbpool_log(conn->pool, DBPOOL_LOG_DEBUG,
		   "connection %p: closed by the server", (void *)conn);
	dbpool_conn_close(conn);
}

static void idle_timer_start(struct dbpool *pool, uint64_t msecs);

static void idle_timer_fired(void *context)
{
	struct dbpool *pool = context;
	struct dbpool_conn *conn, *next;
	uint64_t now = pool->loop.now(), wait = pool->set.idle_timeout_ms;
	uint64_t age, left = 0;

	pool->idle_timer = NULL;
	for (conn = pool->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->state != CONN_IDLE)
			continue;
		age = now - conn->idle_since;
		if (age >= wait)
			dbpool_conn_close(conn);
		else if (left == 0 || wait - age < left)
			left = wait - age;
	}
	if (left > 0)
		idle_timer_start(pool, left);
}

static void idle_timer_start(struct dbpool *pool, uint64_t msecs)
{
	if (pool->idle_timer == NULL)
		pool->idle_timer = pool->loop.start_timer((unsigned int)msecs,
						idle_timer_fired, pool);
}

void dbpool_conn_idle(struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;

	dbpool_conn_move(conn, CONN_IDLE);
	conn->idle_since = pool->loop.now();
	conn->watch = pool->loop.watch_fd(mysql_conn_fd(conn->db),
					  conn_on_readable, conn);
	idle_timer_start(pool, pool->set.idle_timeout_ms);
}

static const char *host_name(const struct dbpool *pool, unsigned int host,
			     char *buf, size_t size)
{
	return db_server_name(&pool->set.servers[host], buf, size);
}

static void host_went_up(struct dbpool *pool, unsigned int host)
{
	struct dbpool_host_state *state = &pool->hosts[host];
	char name[256];

	if (state->failures > 0) {
		dbpool_log(pool, DBPOOL_LOG_INFO, "database %s: back after %u "
			   "failed attempts to connect",
			   host_name(pool, host, name, sizeof(name)),
			   state->failures);
	}
	state->up = true;
	state->failures = 0;
	pool->failed_in_row = 0;
	pool->last_error.text[0] = '\0';
}

static void host_failed(struct dbpool *pool, unsigned int host,
			const struct db_error *error)
{
	struct dbpool_host_state *state = &pool->hosts[host];
	char name[256];

	host_name(pool, host, name, sizeof(name));
	if (state->failures == 0) {
		dbpool_log(pool, DBPOOL_LOG_ERROR,
			   "database %s: connecting failed: %s (error %u)",
			   name, error->text, error->code);
	}
	state->up = false;
	state->failures++;
	state->failed_at = pool->loop.now();
	state->failed_order = ++pool->failed_order;
	pool->failed_in_row++;
	db_error_set(&pool->last_error, "Connecting to %s failed: %s", name,
		     error->text);
	pool->last_error.kind = error->kind;
	pool->last_error.code = error->code;
	if (dbpool_policy_give_up(pool->hosts, pool->set.server_count,
				  pool->failed_in_row)) {
		pool->failed_in_row = 0;
		dbpool_lookups_give_up(pool, &pool->last_error);
	}
}

static void conn_run_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_connect(conn->db, conn->deadline,
					  &conn->error);
}

/* Whoever wonders whether hashes cross the network in the clear finds it in the
   log of every day. */
static void conn_log_security(const struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;
	const struct dbpool_host_state *state = &pool->hosts[conn->host];
	bool news = !state->up && state->failures == 0;
	char name[256];

	dbpool_log(pool, news ? DBPOOL_LOG_INFO : DBPOOL_LOG_DEBUG,
		   "database %s: connected, %s",
		   host_name(pool, conn->host, name, sizeof(name)),
		   mysql_conn_security(conn->db));
}

static void conn_done_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool *pool = conn->pool;
	unsigned int host = conn->host;
	struct db_error error = conn->error;

	if (pool->freeing)
		return;
	if (conn->result == MYSQL_CONN_OK) {
		conn_log_security(conn);
		dbpool_conn_idle(conn);
		host_went_up(pool, host);
	} else {
		dbpool_conn_close(conn);
		host_failed(pool, host, &error);
	}
}

struct dbpool_conn *
dbpool_conn_new(struct dbpool *pool, unsigned int host, bool for_stream)
{
	struct dbpool_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->db = mysql_conn_new(&pool->set.servers[host],
				  pool->set.statement_count);
	if (conn->db == NULL) {
		free(conn);
		return NULL;
	}
	conn->pool = pool;
	conn->host = host;
	conn->for_stream = for_stream;
	conn->state = CONN_CONNECTING;
	LIST_PREPEND(pool->conns, conn);
	if (!for_stream)
		pool->hosts[host].connecting++;
	return conn;
}

bool dbpool_conn_connect(struct dbpool_conn *conn, void (*done)(struct job *))
{
	struct dbpool *pool = conn->pool;

	return dbpool_conn_submit(conn, conn_run_connect, done,
		pool->loop.now() +
		pool->set.servers[conn->host].connect_timeout_ms);
}

void dbpool_conn_open(struct dbpool *pool, unsigned int host)
{
	struct dbpool_conn *conn = dbpool_conn_new(pool, host, false);
	struct db_error error;

	if (conn != NULL && dbpool_conn_connect(conn, conn_done_connect))
		return;
	if (conn != NULL)
		dbpool_conn_close(conn);
	db_error_set(&error, "Out of memory, threads or descriptors");
	host_failed(pool, host, &error);
}

struct dbpool_conn *dbpool_conn_find_idle(struct dbpool *pool)
{
	struct dbpool_conn *conn, *best = NULL;

	/* the one used last, so that surplus ones grow old and go */
	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn->state == CONN_IDLE &&
		    (best == NULL || conn->idle_since > best->idle_since))
			best = conn;
	}
	return best;
}
