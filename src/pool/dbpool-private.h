/* SPDX-License-Identifier: MIT */
#ifndef DBPOOL_PRIVATE_H
#define DBPOOL_PRIVATE_H

/*
 * What the files of the pool share. dbpool.c is the pool as a whole,
 * dbpool-host.c what is known of the servers, dbpool-conn.c connections,
 * dbpool-lookup.c lookups and deadlines, dbpool-batch.c the lookups that one
 * connection runs, dbpool-stream.c streams. All of it runs on the loop's
 * thread, except the functions named *_run_*, which touch nothing but their
 * own connection: they are jobs on other threads, or run on a fiber, if the
 * client library stops there.
 *
 * The shape of it: whatever happens (a submit, a finished job, a timer) only
 * changes states; then dbpool_step() looks at what waits and what is free.
 */
#include "pool/dbpool.h"
#include "pool/dbpool-policy.h"
#include "pool/fiber.h"
#include "pool/jobs.h"
#include "pool/mysql-conn.h"

enum conn_state {
	/* a job is connecting; deadline: the connect timeout */
	CONN_CONNECTING,
	/* in no job, watched for the server going away; deadline: the idle
	   timeout */
	CONN_IDLE,
	/* a job or the fiber runs conn->batch; deadline: its last lookup's */
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
	/* what batches run on; NULL: on a thread */
	struct fiber *fiber;
	void *watch;
	bool watch_writes;
	uint64_t idle_since;
	bool proved;		/* it has answered */
	bool doubtful;		/* not to be used again, see below */
	bool cut;		/* interrupted, as nobody waits any more */
	bool hedged;		/* late: what runs is asked of another host */
	bool ran;		/* on the fiber, to its end, but not done() */

	struct dbpool_batch *batch;
	struct dbpool_stream *stream;

	/* the job's: set before it is submitted, read after it is done */
	struct db_query *query;		/* a stream's */
	uint64_t connecting_since;	/* by pool->order */
	uint64_t started, deadline;
	uint64_t duration_us;
	enum mysql_conn_result result;
	struct db_rows *rows;
	struct db_error error;
};

/* A lookup as part of a batch. */
struct dbpool_attempt {
	struct dbpool_lookup *lookup;
	struct dbpool_batch *batch;	/* NULL: not under way */
	/* those in the same slot */
	struct dbpool_attempt *prev, *next;
	unsigned int slot;
};

/* What one execution answers: a slot for each different query, in which are
   the lookups that ask it. */
struct dbpool_batch {
	struct dbpool *pool;
	struct dbpool_conn *conn;
	unsigned int host;
	const struct db_statement *statement;	/* wide enough */
	unsigned int slot_count;
	unsigned int lookup_count;	/* that still wait for it */
	struct db_query *queries[DB_MAX_QUERIES];
	struct dbpool_attempt *slots[DB_MAX_QUERIES];
};

struct dbpool_lookup {
	struct dbpool *pool;
	/* all lookups, in the order of their deadlines */
	struct dbpool_lookup *prev, *next;
	/* those that wait for a connection */
	struct dbpool_lookup *wait_prev, *wait_next;
	bool waiting;
	uint64_t waiting_since;	/* by pool->order */
	bool hedging;		/* waiting, while a slow host is at it */
	bool may_share;		/* the values can be bound in a wide form */
	bool alone;		/* not together with others */
	unsigned int losses;	/* of the connection it was on */
	/* hosts with an error of the statement, which another one may not have;
	   the first one of them, and its error */
	dbpool_host_set failed_on;
	unsigned int failed_first;
	struct db_error *error;		/* NULL: none has */

	struct db_query *query;
	/* the second one is the hedge: another host, as the first is slow */
	struct dbpool_attempt attempts[2];
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

struct dbpool_host {
	char name[256];			/* for messages */
	uint64_t failed_at;		/* since when it is not well */
	/* when a connection was lost that was not older than the last such
	   loss, by pool->order */
	uint64_t lost_at;
	/* lookups that had to go elsewhere, or unanswered, since then */
	unsigned int affected;
	/* by id of the statement: another host answers what this one fails,
	   which is in the log */
	bool *wrong;
};

struct dbpool {
	struct dbpool_settings set;
	struct dbpool_loop loop;
	struct jobs *jobs;
	void *jobs_watch;

	/* two arrays of the servers: what decides, and the rest */
	struct dbpool_host_state *host_states;
	struct dbpool_host *hosts;
	/* grows with all that has to be told before from after, as much
	   happens in one millisecond */
	uint64_t order;
	uint32_t random;
	struct db_error last_error;

	/* by id of a statement: until when its wide forms are left alone */
	uint64_t *plain_until;

	struct dbpool_conn *conns;
	struct dbpool_lookup *lookups, *lookups_tail;
	struct dbpool_lookup *waiting, *waiting_tail;
	unsigned int waiting_count;
	unsigned int hedging_count;	/* of those, for a second host */
	unsigned int failed_count;	/* of those, that failed on some */
	uint64_t waiting_since;		/* the last one */
	struct dbpool_stream *streams;

	void *kick_timer, *deadline_timer, *idle_timer, *hedge_timer;
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
/* The same at the end of this round of the loop: what comes in during one round
   is handed over together, and no callback can run inside a submit. */
void dbpool_kick(struct dbpool *pool);

/* -- dbpool-host.c */

struct dbpool_policy dbpool_policy(const struct dbpool *pool);
/* It answered something, be it with an error of the statement. */
void dbpool_host_answered(struct dbpool *pool, unsigned int host);
/* The same, with an answer to the statement, never in a wide form. */
void dbpool_host_answers(struct dbpool *pool, unsigned int host,
			 const struct db_statement *statement);
/* Another host answered what this one had that error for. */
void dbpool_host_is_wrong(struct dbpool *pool, unsigned int host,
			  const struct db_statement *statement,
			  const struct db_error *error);
/* It does not do its work: it is passed over for a while. */
void dbpool_host_failed(struct dbpool *pool, unsigned int host,
			const struct db_error *error);
/* An attempt to connect failed that began then, by pool->order; 0 if it was
   merely too late, as a busy server may do better the next time. Lookups that
   have nothing left to wait for are given up. */
void dbpool_host_refused(struct dbpool *pool, unsigned int host,
			 uint64_t since, const struct db_error *error);
/* Something went wrong with one connection that had been good: its sisters have
   most likely met the same end, and a retry must not meet it again. Idle ones
   are closed, busy ones when they are done: an answer may have been on its way
   when the connection was cut. */
void dbpool_host_doubt(struct dbpool *pool, unsigned int host);
/* Watches, from now on, for servers that leave others waiting: with attempts to
   connect, or, where there is another server to ask, with anything. */
void dbpool_attempts_watch(struct dbpool *pool);
void dbpool_hosts_watch(struct dbpool *pool);

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
/* The same for what may stop: runs it on the fiber, if there is one, and cannot
   fail once connected. done() is not called before this returns. */
void dbpool_conn_run(struct dbpool_conn *conn, void (*run)(struct job *),
		     void (*done)(struct job *), uint64_t deadline);
/* Calls done() of what ran to its end without having to wait. */
void dbpool_conns_end_runs(struct dbpool *pool);
/* Ends what runs, as the pool goes: on a thread, soon. */
void dbpool_conn_stop(struct dbpool_conn *conn);
/* The one door for a change of state. */
void dbpool_conn_move(struct dbpool_conn *conn, enum conn_state state);
void dbpool_conn_idle(struct dbpool_conn *conn);
void dbpool_conn_close(struct dbpool_conn *conn);

/* -- dbpool-batch.c */

/* Gives lookups that wait to the connections that are free for them. */
void dbpool_batches_start(struct dbpool *pool);
/* NULL is fine. */
void dbpool_batch_free(struct dbpool_batch *batch);
/* The lookup does not wait for that any more. Returns whether it was the last
   one that did. */
bool dbpool_attempt_leave(struct dbpool_attempt *attempt);
/* Nobody waits for it, and it has taken too long. */
void dbpool_batch_cut(struct dbpool_batch *batch);

/* -- dbpool-lookup.c */

/* The next one behind `after` (NULL: the first) that a connection to this host
   may take, which depends on where it was asked before, and who else is there;
   NULL if there is none. */
struct dbpool_lookup *dbpool_lookup_next(struct dbpool *pool,
					 unsigned int host,
					 const struct dbpool_lookup *after);
void dbpool_lookup_unwait(struct dbpool_lookup *lookup);
/* The host that is at it is slow: the lookup waits for another one, too. */
void dbpool_lookup_hedge(struct dbpool_lookup *lookup);
/* The lookup has left a batch that has no answer for it. Unless another host is
   at it, or will be, it is asked again, or that was its end. */
enum dbpool_failure {
	/* with the connection, or in somebody's way: again, a few times */
	DBPOOL_FAILURE_LOST,
	/* with a connection older than the loss of a sister: again */
	DBPOOL_FAILURE_KNOWN,
	/* for all of the batch: again, by itself */
	DBPOOL_FAILURE_SHARED,
	/* with an error of the statement: of another host, if there is one */
	DBPOOL_FAILURE_STATEMENT,
};
void dbpool_lookup_failed(struct dbpool_lookup *lookup, unsigned int host,
			  enum dbpool_failure failure,
			  const struct db_error *error);
/* Finds other hosts for lookups that some could not answer, or ends them. */
void dbpool_lookups_step(struct dbpool *pool);
/* The end of every lookup but one whose time is up. The first error of a
   statement goes before this one. */
void dbpool_lookup_finish(struct dbpool_lookup *lookup,
			  const struct db_rows *rows,
			  const struct db_error *error);
/* Fails the lookups that have waited for a connection since before then, by
   pool->order. Returns their number. */
unsigned int dbpool_lookups_give_up(struct dbpool *pool, uint64_t before,
				    const struct db_error *error);
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
