/* SPDX-License-Identifier: MIT */
#ifndef DBPOOL_PRIVATE_H
#define DBPOOL_PRIVATE_H

/*
 * What the files of the pool share. dbpool.c is the pool as a whole,
 * dbpool-conn.c connections and hosts, dbpool-lookup.c lookups and deadlines,
 * dbpool-stream.c streams. All of it runs on the loop's thread, except the
 * functions named *_run_*, which touch nothing but their own connection.
 *
 * The shape of it: whatever happens (a submit, a finished job, a timer) only
 * changes states; then dbpool_step() looks at what waits and what is free.
 */
#include "pool/dbpool.h"
#include "pool/dbpool-policy.h"
#include "pool/jobs.h"
#include "pool/mysql-conn.h"

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
	bool doubtful;		/* not to be used again, see below */

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
	uint64_t failed_order;		/* failures of all hosts so far */
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

/* -- dbpool.c */

void dbpool_log(struct dbpool *pool, enum dbpool_log_level level,
		const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Brings together what waits and what is free. */
void dbpool_step(struct dbpool *pool);
/* The same at the end of this round of the loop: submitting never acts
   itself, so what comes in during one round is handed over together, and no
   callback can run inside a submit. */
void dbpool_kick(struct dbpool *pool);

/* -- dbpool-conn.c */

/* A new connection in state CONNECTING, nothing under way. NULL if memory or
   descriptors ran out. */
struct dbpool_conn *dbpool_conn_new(struct dbpool *pool, unsigned int host,
				    bool for_stream);
void dbpool_conn_free(struct dbpool_conn *conn);
/* Begins to connect; done() finds the outcome in conn->result. */
bool dbpool_conn_connect(struct dbpool_conn *conn, void (*done)(struct job *));
/* A connection for lookups. */
void dbpool_conn_open(struct dbpool *pool, unsigned int host);
/* Runs a job on the connection. False if no thread can be had, which cannot be
   once it is connected. */
bool dbpool_conn_submit(struct dbpool_conn *conn, void (*run)(struct job *),
			void (*done)(struct job *), uint64_t deadline);
/* The one door for a change of state. */
void dbpool_conn_move(struct dbpool_conn *conn, enum conn_state state);
void dbpool_conn_idle(struct dbpool_conn *conn);
void dbpool_conn_close(struct dbpool_conn *conn);
/* The one to use next, NULL if there is none. */
struct dbpool_conn *dbpool_conn_find_idle(struct dbpool *pool);
/* Something went wrong with one connection that had been good: its sisters have
   most likely met the same end, and a retry must not meet it again. Idle ones
   are closed, busy ones when they are done: an answer may have been on its way
   when the connection was cut. */
void dbpool_host_doubt(struct dbpool *pool, unsigned int host);

/* -- dbpool-lookup.c */

/* Gives an idle connection a lookup that waits. */
void dbpool_lookup_start(struct dbpool_lookup *lookup,
			 struct dbpool_conn *conn);
/* Fails the lookups that wait for a connection. */
void dbpool_lookups_give_up(struct dbpool *pool, const struct db_error *error);
/* Fails all of them. */
void dbpool_lookups_fail(struct dbpool *pool, const struct db_error *error);

/* -- dbpool-stream.c */

/* Finds connections for the streams that wait for one. */
void dbpool_streams_step(struct dbpool *pool);
/* Fails all of them. */
void dbpool_streams_fail(struct dbpool *pool, const struct db_error *error);
/* The pool goes; whoever holds a stream may still close it. */
void dbpool_streams_orphan(struct dbpool *pool);

#endif
