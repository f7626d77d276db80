/* SPDX-License-Identifier: MIT */
/*
 * Connections: their states, the jobs that connect and close them, and where
 * jobs run. What runs on them is dbpool-batch.c's and dbpool-stream.c's.
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

static void conn_unwatch(struct dbpool_conn *conn)
{
	if (conn->watch != NULL)
		conn->pool->loop.unwatch_fd(conn->watch);
	conn->watch = NULL;
}

void dbpool_conn_move(struct dbpool_conn *conn, enum conn_state state)
{
	struct dbpool_host_state *host = &conn->pool->host_states[conn->host];

	assert((conn_moves[conn->state] & TO(state)) != 0);
	if (!conn->for_stream) {
		if (conn->state == CONN_CONNECTING) {
			host->connecting--;
			host->connecting_late -= conn->hedged;
			host->open += state != CONN_CLOSING;
		} else if (conn->state != CONN_CLOSING &&
			   state == CONN_CLOSING) {
			/* whoever waited for the last one has to ask again */
			if (--host->open == 0)
				host->refused_since = 0;
		}
		if (conn->state == CONN_BUSY)
			host->busy--;
		if (state == CONN_BUSY)
			host->busy++;
	}
	if (state != CONN_IDLE && (state != CONN_BUSY || conn->fiber == NULL))
		conn_unwatch(conn);
	dbpool_log(conn->pool, DBPOOL_LOG_DEBUG, "connection %p: %s -> %s",
		   (void *)conn, conn_state_names[conn->state],
		   conn_state_names[state]);
	conn->state = state;
}

void dbpool_conn_free(struct dbpool_conn *conn)
{
	LIST_REMOVE(conn->pool->conns, conn);
	conn_unwatch(conn);
	mysql_conn_free(&conn->db);
	fiber_free(&conn->fiber);
	dbpool_batch_free(conn->batch);
	db_query_free(&conn->query);
	db_rows_free(&conn->rows);
	free(conn);
}

static void conn_prepare_job(struct dbpool_conn *conn,
			     void (*run)(struct job *),
			     void (*done)(struct job *), uint64_t deadline)
{
	conn->job.run = run;
	conn->job.done = done;
	conn->started = conn->pool->loop.now();
	conn->deadline = deadline;
	conn->hedged = false;
}

bool dbpool_conn_submit(struct dbpool_conn *conn, void (*run)(struct job *),
			void (*done)(struct job *), uint64_t deadline)
{
	conn_prepare_job(conn, run, done, deadline);
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

static void conn_on_ready(void *context);

/* As long as the connection is in no thread's hands, always for the same, if
   possible: each change is a system call. */
static void conn_watch(struct dbpool_conn *conn, bool write)
{
	if (conn->watch != NULL && conn->watch_writes == write)
		return;
	conn_unwatch(conn);
	conn->watch_writes = write;
	conn->watch = conn->pool->loop.watch_fd(mysql_conn_fd(conn->db), write,
						conn_on_ready, conn);
}

static void conn_run_on_fiber(void *context)
{
	struct dbpool_conn *conn = context;

	conn->job.run(&conn->job);
}

static void conn_ran(struct dbpool_conn *conn)
{
	conn->ran = false;
	conn->job.done(&conn->job);
}

static void conn_go_on(struct dbpool_conn *conn)
{
	if (!conn->ran && fiber_go_on(conn->fiber))
		conn_watch(conn, mysql_conn_wants_to_write(conn->db));
	else
		conn_ran(conn);
}

void dbpool_conn_run(struct dbpool_conn *conn, void (*run)(struct job *),
		     void (*done)(struct job *), uint64_t deadline)
{
	conn_prepare_job(conn, run, done, deadline);
	if (conn->fiber == NULL) {
		if (!jobs_submit(conn->pool->jobs, &conn->job))
			abort();	/* the thread that connected is there */
	} else if (fiber_start(conn->fiber, conn_run_on_fiber, conn)) {
		conn_watch(conn, mysql_conn_wants_to_write(conn->db));
	} else {
		conn->ran = true;
		dbpool_kick(conn->pool);
	}
}

void dbpool_conns_end_runs(struct dbpool *pool)
{
	struct dbpool_conn *conn = pool->conns;

	/* done() may free any: begin anew after each */
	while (conn != NULL) {
		if (conn->ran) {
			conn_ran(conn);
			conn = pool->conns;
		} else {
			conn = conn->next;
		}
	}
}

void dbpool_conn_stop(struct dbpool_conn *conn)
{
	conn_unwatch(conn);
	if (conn->state != CONN_CONNECTING && conn->state != CONN_BUSY &&
	    conn->state != CONN_STREAM_BUSY)
		return;
	mysql_conn_interrupt(conn->db);
	if (conn->state == CONN_BUSY && conn->fiber != NULL)
		conn_go_on(conn);
}

static void conn_on_ready(void *context)
{
	struct dbpool_conn *conn = context;
	struct dbpool *pool = conn->pool;

	if (conn->state == CONN_BUSY) {
		conn_go_on(conn);
		dbpool_step(pool);
		return;
	}
	/* A server has nothing to say to an idle client but goodbye. */
	dbpool_log(pool, DBPOOL_LOG_DEBUG,
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
	conn_watch(conn, false);
	idle_timer_start(pool, pool->set.idle_timeout_ms);
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
	const struct dbpool_host_state *state = &pool->host_states[conn->host];
	bool news = !state->up && state->failures == 0;

	dbpool_log(pool, news ? DBPOOL_LOG_INFO : DBPOOL_LOG_DEBUG,
		   "database %s: connected, %s",
		   pool->hosts[conn->host].name, mysql_conn_security(conn->db));
}

static void conn_done_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool *pool = conn->pool;
	unsigned int host = conn->host;
	struct db_error error = conn->error;
	const uint64_t since = pool->loop.now() >= conn->deadline ?
		0 : conn->connecting_since;

	if (pool->freeing)
		return;
	if (conn->result == MYSQL_CONN_OK) {
		conn_log_security(conn);
		pool->host_states[host].up = true;
		pool->host_states[host].slow = false;
		pool->host_states[host].refused_since = 0;
		dbpool_conn_idle(conn);
	} else {
		dbpool_conn_close(conn);
		dbpool_host_refused(pool, host, since, &error);
	}
}

static bool conn_init(struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;

	conn->db = mysql_conn_new(&pool->set.servers[conn->host],
				  pool->set.statement_count);
	if (conn->for_stream || !mysql_conn_can_stop())
		return conn->db != NULL;
	conn->fiber = fiber_new();
	return conn->db != NULL && conn->fiber != NULL;
}

struct dbpool_conn *
dbpool_conn_new(struct dbpool *pool, unsigned int host, bool for_stream)
{
	struct dbpool_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->pool = pool;
	conn->host = host;
	conn->for_stream = for_stream;
	conn->state = CONN_CONNECTING;
	LIST_PREPEND(pool->conns, conn);
	if (!conn_init(conn)) {
		dbpool_conn_free(conn);
		return NULL;
	}
	conn->connecting_since = ++pool->order;
	if (!for_stream)
		pool->host_states[host].connecting++;
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

	if (conn != NULL && dbpool_conn_connect(conn, conn_done_connect)) {
		dbpool_attempts_watch(pool);
		return;
	}
	if (conn != NULL)
		dbpool_conn_close(conn);
	db_error_set(&error, "Out of memory, threads or descriptors");
	dbpool_host_refused(pool, host, ++pool->order, &error);
}
