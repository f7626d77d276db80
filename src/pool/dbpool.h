/* SPDX-License-Identifier: MIT */
#ifndef DBPOOL_H
#define DBPOOL_H

#include "pool/db.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A pool of connections to one or several equal database servers, for an
 * event loop that must never wait: lookups are queued, run on fibers of the
 * loop's thread (on worker threads with libmysqlclient, which cannot stop where
 * it would wait) and answered by callback. Connecting, closing and streams have
 * threads.
 *
 * Everything here is called on the loop's thread. A callback runs exactly once
 * for each lookup, never inside the call that submitted it, at the latest
 * when the lookup's time is up or when the pool goes; what it is given
 * lives until it returns. Callbacks may submit lookups, but not free the pool.
 */
struct dbpool;
struct dbpool_stream;

/* The loop the pool lives in. Timers fire once; cancelling one that fired
   is not done. */
struct dbpool_loop {
	/* until there is something to read, or room to write */
	void *(*watch_fd)(int fd, bool write, void (*callback)(void *),
			  void *context);
	void (*unwatch_fd)(void *watch);
	void *(*start_timer)(unsigned int msecs, void (*callback)(void *),
			     void *context);
	void (*cancel_timer)(void *timer);
	/* any monotonic clock, milliseconds */
	uint64_t (*now)(void);
};

enum dbpool_log_level {
	DBPOOL_LOG_DEBUG,
	DBPOOL_LOG_INFO,
	DBPOOL_LOG_ERROR,
};
typedef void dbpool_log_t(enum dbpool_log_level level, const char *text,
			  void *context);

/* What happened, for whoever counts. */
enum dbpool_event_kind {
	/* a server answered lookups, or failed to: duration_us, statement,
	   lookups, error */
	DBPOOL_EVENT_QUERY,
	/* a server is given up for a while: error */
	DBPOOL_EVENT_HOST_DOWN,
	/* it answers again: duration_us since it went, lookups affected */
	DBPOOL_EVENT_HOST_UP,
};
struct dbpool_event {
	enum dbpool_event_kind kind;
	const char *host;
	const struct db_statement *statement;	/* never in a wide form */
	unsigned int lookups;
	uint64_t duration_us;
	const struct db_error *error;		/* NULL: none */
};
typedef void dbpool_observe_t(const struct dbpool_event *event, void *context);

struct dbpool_settings {
	const struct db_server *servers;	/* in order of preference */
	unsigned int server_count;
	bool load_balance;	/* no order: the least loaded first */
	unsigned int connections;		/* per server, for lookups */
	/* how many different queries are answered by one execution, if the
	   statement has forms that wide; 1: one by one */
	unsigned int max_batch;
	/* from submit to callback, whatever happens in between */
	unsigned int lookup_timeout_ms;
	/* a server that has not answered for that long is slow: another one,
	   if it is well, is asked too, and the first answer counts; 0: never */
	unsigned int hedge_after_ms;
	/* a connection unused for that long is closed */
	unsigned int idle_timeout_ms;
	/* ids go up to this, those of wide forms included */
	unsigned int statement_count;
	dbpool_log_t *log;
	void *log_context;
	dbpool_observe_t *observe;	/* NULL: nobody */
	void *observe_context;
	bool debug;		/* log changes of state too */
};

/* Opens nothing yet. The settings and all they point to are borrowed; they and
   the loop outlive the pool. Returns NULL with errno set on failure. */
struct dbpool *dbpool_new(const struct dbpool_settings *settings,
			  const struct dbpool_loop *loop);

/* Every lookup under way gets its callback, as failed; every stream too (its
   owner still has to close it, now or later). Waits for the threads, which are
   interrupted. NULL is fine. */
void dbpool_free(struct dbpool **pool);

/*
 * The rows, at most the statement's max_rows, or how many were changed; or NULL
 * and an error: the database could not tell. Lookups with the same values may
 * share one answer.
 */
typedef void dbpool_callback_t(const struct db_rows *rows,
			       const struct db_error *error, void *context);

/* Values are copied; there are statement->bind_count of them. False if memory
   ran out: then there is no callback. The statement may be executed several
   times, if the connection is lost or the server slow the first time: it has
   to read only, or be one that changes nothing the second time. */
bool dbpool_submit(struct dbpool *pool, const struct db_statement *statement,
		   const char *const *values, dbpool_callback_t *callback,
		   void *context);
/* From now on lookups have no more time than this, those under way included. */
void dbpool_hurry(struct dbpool *pool, unsigned int lookup_timeout_ms);

/*
 * Many rows, on a connection of their own: the callback gets the next up to
 * DBPOOL_STREAM_ROWS of them, rows->more telling whether it pays to ask again
 * with dbpool_stream_more(), or NULL and an error, which ends the stream.
 */
#define DBPOOL_STREAM_ROWS 500
struct dbpool_stream *dbpool_stream_open(struct dbpool *pool,
					 const struct db_statement *statement,
					 const char *const *values,
					 dbpool_callback_t *callback,
					 void *context);
void dbpool_stream_more(struct dbpool_stream *stream);
/* At any time, also inside the callback; no further callback comes. NULL is
   fine. */
void dbpool_stream_close(struct dbpool_stream **stream);

#endif
