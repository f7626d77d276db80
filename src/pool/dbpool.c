/* SPDX-License-Identifier: MIT */
/*
 * Lookups, streams and connections, and every move they make. Decisions come
 * from dbpool-policy.c, blocking work goes to jobs.c, what a connection does
 * there is in mysql-conn.c. All of this file runs on the loop's thread, except
 * the conn_run_*() functions, which touch nothing but their own connection.
 *
 * The shape of it: whatever happens (a submit, a finished job, a timer) only
 * changes states; then dbpool_step() looks at what waits and what is free.
 */
#include "pool/dbpool.h"
#include "pool/dbpool-policy.h"
#include "pool/jobs.h"
#include "pool/mysql-conn.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Rows of a lookup: one, or two to see that it is not one. */
#define LOOKUP_MAX_ROWS 2
/* One step of a stream: a long table may have to be sorted first. */
#define STREAM_STEP_TIMEOUT_MS (60 * 1000)
/* Threads beyond one for each connection: closing and streams. */
#define SPARE_THREADS 2

enum conn_state {
	/* a job is connecting; deadline: the connect timeout */
	CONN_CONNECTING,
	/* in no job, watched for the server going away; deadline: the idle
	   timeout */
	CONN_IDLE,
	/* a job runs conn->query for conn->lookup (NULL: nobody waits any
	   more); deadline: the lookup's */
	CONN_BUSY,
	/* belongs to conn->stream, in no job: the reader has not asked */
	CONN_STREAM_WAITING,
	/* a job opens or reads the stream */
	CONN_STREAM_BUSY,
	/* a job says goodbye; then the struct is freed */
	CONN_CLOSING,

	CONN_STATE_COUNT
};

static const char *const conn_state_names[CONN_STATE_COUNT] = {
	"connecting", "idle", "busy", "stream waiting", "stream busy",
	"closing",
};

/* conn_move() asserts that a move is one of these. */
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

struct dbpool_conn {
	struct job job;
	struct dbpool *pool;
	struct dbpool_conn *prev, *next;
	unsigned int host;
	bool for_stream;

	enum conn_state state;
	struct mysql_conn *db;
	void *watch;
	uint64_t idle_since;

	struct dbpool_lookup *lookup;
	struct dbpool_stream *stream;

	/* the job's: set before it is submitted, read after it is done */
	struct db_query *query;
	uint64_t deadline;
	enum mysql_conn_result result;
	struct db_rows *rows;
	struct db_error error;
};

struct dbpool_lookup {
	struct dbpool *pool;
	/* all lookups, in the order of their deadlines */
	struct dbpool_lookup *prev, *next;
	/* those that wait for a connection */
	struct dbpool_lookup *wait_prev, *wait_next;
	bool waiting;
	bool retried;

	struct db_query *query;		/* NULL while its connection has it */
	struct dbpool_conn *conn;
	uint64_t deadline;
	dbpool_callback_t *callback;
	void *context;
};

struct dbpool_stream {
	struct dbpool *pool;	/* NULL once the pool is gone */
	struct dbpool_stream *prev, *next;
	struct db_query *query;
	struct dbpool_conn *conn;
	unsigned int hosts_tried;
	bool pending;		/* dbpool_step() has to find a connection */
	dbpool_callback_t *callback;
	void *context;
};

struct dbpool {
	struct dbpool_settings set;
	struct dbpool_loop loop;
	struct jobs *jobs;
	void *jobs_watch;

	struct dbpool_host_state *hosts;
	unsigned int failed_in_row;
	struct db_error last_error;

	struct dbpool_conn *conns;
	struct dbpool_lookup *lookups, *lookups_tail;
	struct dbpool_lookup *waiting, *waiting_tail;
	unsigned int waiting_count;
	struct dbpool_stream *streams;

	void *kick_timer, *deadline_timer, *idle_timer;
	bool freeing;
};

/* prev/next lists with a head, and a tail where order matters */
#define LIST_PREPEND(head, item) do { \
	(item)->prev = NULL; \
	(item)->next = (head); \
	if ((head) != NULL) \
		(head)->prev = (item); \
	(head) = (item); \
} while (0)
#define LIST_REMOVE(head, item) do { \
	if ((item)->prev != NULL) \
		(item)->prev->next = (item)->next; \
	else \
		(head) = (item)->next; \
	if ((item)->next != NULL) \
		(item)->next->prev = (item)->prev; \
} while (0)

static void dbpool_step(struct dbpool *pool);
static void dbpool_kick(struct dbpool *pool);

static void __attribute__((format(printf, 3, 4)))
dbpool_log(struct dbpool *pool, enum dbpool_log_level level,
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

static const char *host_name(const struct dbpool *pool, unsigned int host,
			     char *buf, size_t size)
{
	return db_server_name(&pool->set.servers[host], buf, size);
}

/* ------------------------------------------------------------- lookups */

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

static void lookups_give_up(struct dbpool *pool, const struct db_error *error)
{
	/* what a callback submits waits behind those that are given up now */
	unsigned int count = pool->waiting_count;

	while (count-- > 0 && pool->waiting != NULL)
		lookup_finish(pool->waiting, NULL, error);
}

/* --------------------------------------------------------- connections */

/* The one door for a change of state. */
static void conn_move(struct dbpool_conn *conn, enum conn_state state)
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

static void conn_free(struct dbpool_conn *conn)
{
	LIST_REMOVE(conn->pool->conns, conn);
	mysql_conn_free(&conn->db);
	db_query_free(&conn->query);
	db_rows_free(&conn->rows);
	free(conn);
}

static bool conn_submit(struct dbpool_conn *conn, void (*run)(struct job *),
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
		conn_free(conn);
}

static void conn_close(struct dbpool_conn *conn)
{
	conn_move(conn, CONN_CLOSING);
	if (!conn_submit(conn, conn_run_close, conn_done_close, 0))
		conn_free(conn);
}

/* Something went wrong with one connection that had been good: its idle
   sisters have most likely met the same end, and a retry must not meet it
   again. */
static void host_close_idle(struct dbpool *pool, unsigned int host)
{
	struct dbpool_conn *conn, *next;

	pool->hosts[host].up = false;
	for (conn = pool->conns; conn != NULL; conn = next) {
		next = conn->next;
		if (conn->host == host && conn->state == CONN_IDLE)
			conn_close(conn);
	}
}

static void conn_on_readable(void *context)
{
	struct dbpool_conn *conn = context;

	/* A server has nothing to say to an idle client but goodbye. */
	dbpool_log(conn->pool, DBPOOL_LOG_DEBUG,
		   "connection %p: closed by the server", (void *)conn);
	conn_close(conn);
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
			conn_close(conn);
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

static void conn_idle(struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;

	conn_move(conn, CONN_IDLE);
	conn->idle_since = pool->loop.now();
	conn->watch = pool->loop.watch_fd(mysql_conn_fd(conn->db),
					  conn_on_readable, conn);
	idle_timer_start(pool, pool->set.idle_timeout_ms);
}

/* ----------------------------------------------------------- connecting */

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
	pool->failed_in_row++;
	db_error_set(&pool->last_error, "Connecting to %s failed: %s", name,
		     error->text);
	pool->last_error.kind = error->kind;
	pool->last_error.code = error->code;
	if (dbpool_policy_give_up(pool->hosts, pool->set.server_count,
				  pool->failed_in_row)) {
		pool->failed_in_row = 0;
		lookups_give_up(pool, &pool->last_error);
	}
}

static void conn_run_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_connect(conn->db, conn->deadline,
					  &conn->error);
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
		conn_idle(conn);
		host_went_up(pool, host);
	} else {
		conn_close(conn);
		host_failed(pool, host, &error);
	}
}

/* A new connection in state CONNECTING, its job not submitted yet. */
static struct dbpool_conn *
conn_new(struct dbpool *pool, unsigned int host, bool for_stream)
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

static uint64_t connect_deadline(const struct dbpool *pool, unsigned int host)
{
	return pool->loop.now() + pool->set.servers[host].connect_timeout_ms;
}

static void conn_open(struct dbpool *pool, unsigned int host)
{
	struct dbpool_conn *conn = conn_new(pool, host, false);
	struct db_error error;

	if (conn != NULL &&
	    conn_submit(conn, conn_run_connect, conn_done_connect,
			connect_deadline(pool, host)))
		return;
	if (conn != NULL)
		conn_close(conn);
	db_error_set(&error, "Out of memory, threads or descriptors");
	host_failed(pool, host, &error);
}

/* -------------------------------------------------------------- queries */

static void conn_run_query(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_run(conn->db, conn->query, LOOKUP_MAX_ROWS,
				      conn->deadline, &conn->rows,
				      &conn->error);
}

/* The connection died under the lookup. Lookups only read, so one more try
   elsewhere does no harm; a second loss is an answer. */
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
	if (lost) {
		host_close_idle(pool, conn->host);
		conn_close(conn);
	} else {
		conn_idle(conn);
	}
	if (lookup != NULL && lost) {
		lookup_lost_conn(lookup, query, &error);
		query = NULL;
	} else if (lookup != NULL) {
		lookup_finish(lookup, rows, rows != NULL ? NULL : &error);
	}
	db_query_free(&query);
	db_rows_free(&rows);
}

static void conn_start_query(struct dbpool_conn *conn,
			     struct dbpool_lookup *lookup)
{
	lookup_unwait(lookup);
	conn_move(conn, CONN_BUSY);
	conn->lookup = lookup;
	conn->query = lookup->query;
	lookup->query = NULL;
	lookup->conn = conn;
	/* cannot fail: a thread made this connection */
	if (!conn_submit(conn, conn_run_query, conn_done_query,
			 lookup->deadline))
		abort();
}

/* -------------------------------------------------------------- streams */

static void stream_unlink_conn(struct dbpool_stream *stream)
{
	if (stream->conn != NULL)
		stream->conn->stream = NULL;
	stream->conn = NULL;
}

static void stream_fail(struct dbpool_stream *stream,
			const struct db_error *error)
{
	stream->pending = false;
	stream_unlink_conn(stream);
	stream->callback(NULL, error, stream->context);
}

static void conn_run_stream_open(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_stream_open(conn->db, conn->query,
					      conn->deadline, &conn->error);
}

static void conn_run_stream_read(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	conn->result = mysql_conn_stream_read(conn->db, DBPOOL_STREAM_ROWS,
					      conn->deadline, &conn->rows,
					      &conn->error);
}

/* Common to the three steps of a stream: true if the next one may follow. */
static bool conn_stream_step_done(struct dbpool_conn *conn)
{
	struct dbpool_stream *stream = conn->stream;
	struct db_error error = conn->error;

	if (conn->pool->freeing)
		return false;
	if (stream != NULL && conn->result == MYSQL_CONN_OK)
		return true;
	conn_close(conn);
	if (stream != NULL)
		stream_fail(stream, &error);
	return false;
}

static void conn_stream_submit(struct dbpool_conn *conn,
			       void (*run)(struct job *),
			       void (*done)(struct job *))
{
	conn_move(conn, CONN_STREAM_BUSY);
	/* cannot fail: a thread made this connection */
	if (!conn_submit(conn, run, done,
			 conn->pool->loop.now() + STREAM_STEP_TIMEOUT_MS))
		abort();
}

static void conn_done_stream_read(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool_stream *stream = conn->stream;
	struct db_rows *rows = conn->rows;

	if (!conn_stream_step_done(conn))
		return;
	conn->rows = NULL;
	if (rows->more) {
		conn_move(conn, CONN_STREAM_WAITING);
	} else {
		stream_unlink_conn(stream);
		conn_close(conn);
	}
	stream->callback(rows, NULL, stream->context);
	db_rows_free(&rows);
}

static void conn_done_stream_open(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	if (conn_stream_step_done(conn))
		conn_stream_submit(conn, conn_run_stream_read,
				   conn_done_stream_read);
}

static void conn_done_stream_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool *pool = conn->pool;
	struct dbpool_stream *stream = conn->stream;

	if (!pool->freeing && stream != NULL &&
	    conn->result != MYSQL_CONN_OK &&
	    stream->hosts_tried < pool->set.server_count) {
		stream_unlink_conn(stream);
		conn_close(conn);
		stream->pending = true;
	} else if (conn_stream_step_done(conn)) {
		conn->query = stream->query;
		stream->query = NULL;
		conn_stream_submit(conn, conn_run_stream_open,
				   conn_done_stream_open);
	}
}

static void stream_connect(struct dbpool_stream *stream)
{
	struct dbpool *pool = stream->pool;
	unsigned int host = stream->hosts_tried++;
	struct dbpool_conn *conn = conn_new(pool, host, true);
	struct db_error error;

	stream->pending = false;
	if (conn != NULL &&
	    conn_submit(conn, conn_run_connect, conn_done_stream_connect,
			connect_deadline(pool, host))) {
		conn->stream = stream;
		stream->conn = conn;
		return;
	}
	if (conn != NULL)
		conn_close(conn);
	db_error_set(&error, "Out of memory, threads or descriptors");
	stream_fail(stream, &error);
}

/* ------------------------------------------------------------- deadlines */

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

/* ---------------------------------------------------------------- pool */

static struct dbpool_conn *dbpool_find_idle(struct dbpool *pool)
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

static void dbpool_step(struct dbpool *pool)
{
	struct dbpool_conn *conn;
	struct dbpool_stream *stream, *next;
	int host;

	for (stream = pool->streams; stream != NULL; stream = next) {
		next = stream->next;
		if (stream->pending)
			stream_connect(stream);
	}
	while (pool->waiting != NULL && (conn = dbpool_find_idle(pool)) != NULL)
		conn_start_query(conn, pool->waiting);
	while ((host = dbpool_policy_open(pool->hosts, pool->set.server_count,
					  pool->set.connections,
					  pool->waiting_count,
					  pool->loop.now())) >= 0)
		conn_open(pool, (unsigned int)host);
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
	dbpool_step(pool);
}

/* Submitting never acts itself: what comes in during one round of the loop is
   handed over together, and no callback can run inside a submit. */
static void dbpool_kick(struct dbpool *pool)
{
	if (pool->kick_timer == NULL)
		pool->kick_timer = pool->loop.start_timer(0, dbpool_kicked,
							  pool);
}

struct dbpool *dbpool_new(const struct dbpool_settings *settings,
			  const struct dbpool_loop *loop)
{
	struct dbpool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->set = *settings;
	pool->loop = *loop;
	pool->hosts = calloc(settings->server_count, sizeof(*pool->hosts));
	pool->jobs = jobs_new(settings->server_count * settings->connections +
			      SPARE_THREADS, mysql_conn_thread_end);
	if (pool->hosts == NULL || pool->jobs == NULL ||
	    !mysql_conn_library_init()) {
		jobs_free(&pool->jobs);
		free(pool->hosts);
		free(pool);
		return NULL;
	}
	pool->jobs_watch = pool->loop.watch_fd(jobs_fd(pool->jobs),
					       dbpool_on_jobs, pool);
	return pool;
}

static void dbpool_cancel_timer(struct dbpool *pool, void **timer)
{
	if (*timer != NULL)
		pool->loop.cancel_timer(*timer);
	*timer = NULL;
}

static void dbpool_fail_all(struct dbpool *pool)
{
	struct dbpool_stream *stream, *next;
	struct db_error error;

	db_error_set(&error, "The authentication process is ending");
	while (pool->lookups != NULL)
		lookup_finish(pool->lookups, NULL, &error);
	for (stream = pool->streams; stream != NULL; stream = next) {
		next = stream->next;
		stream_fail(stream, &error);
	}
}

void dbpool_free(struct dbpool **_pool)
{
	struct dbpool *pool = *_pool;
	struct dbpool_stream *stream;
	struct dbpool_conn *conn;

	if (pool == NULL)
		return;
	*_pool = NULL;
	pool->freeing = true;
	dbpool_cancel_timer(pool, &pool->kick_timer);
	dbpool_cancel_timer(pool, &pool->deadline_timer);
	dbpool_cancel_timer(pool, &pool->idle_timer);
	dbpool_fail_all(pool);

	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn->watch != NULL)
			pool->loop.unwatch_fd(conn->watch);
		conn->watch = NULL;
		if (conn->state == CONN_CONNECTING ||
		    conn->state == CONN_BUSY ||
		    conn->state == CONN_STREAM_BUSY)
			mysql_conn_interrupt(conn->db);
	}
	pool->loop.unwatch_fd(pool->jobs_watch);
	jobs_free(&pool->jobs);
	while (pool->conns != NULL)
		conn_free(pool->conns);
	for (stream = pool->streams; stream != NULL; stream = stream->next)
		stream->pool = NULL;
	free(pool->hosts);
	free(pool);
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

struct dbpool_stream *dbpool_stream_open(struct dbpool *pool,
					 const struct db_statement *statement,
					 const char *const *values,
					 dbpool_callback_t *callback,
					 void *context)
{
	struct dbpool_stream *stream;

	if (pool->freeing || (stream = calloc(1, sizeof(*stream))) == NULL)
		return NULL;
	stream->query = db_query_new(statement, values);
	if (stream->query == NULL) {
		free(stream);
		return NULL;
	}
	stream->pool = pool;
	stream->callback = callback;
	stream->context = context;
	stream->pending = true;
	LIST_PREPEND(pool->streams, stream);
	dbpool_kick(pool);
	return stream;
}

void dbpool_stream_more(struct dbpool_stream *stream)
{
	conn_stream_submit(stream->conn, conn_run_stream_read,
			   conn_done_stream_read);
}

void dbpool_stream_close(struct dbpool_stream **_stream)
{
	struct dbpool_stream *stream = *_stream;
	struct dbpool_conn *conn;

	if (stream == NULL)
		return;
	*_stream = NULL;
	conn = stream->conn;
	stream_unlink_conn(stream);
	if (conn != NULL && conn->state == CONN_STREAM_WAITING)
		conn_close(conn);
	else if (conn != NULL)
		mysql_conn_interrupt(conn->db);
	if (stream->pool != NULL)
		LIST_REMOVE(stream->pool->streams, stream);
	db_query_free(&stream->query);
	free(stream);
}
