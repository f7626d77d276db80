/* SPDX-License-Identifier: MIT */
#ifndef DBPOOL_H
#define DBPOOL_H

#include "pool/db.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A pool of connections to one or several equal database servers, for an
 * event loop that must never wait: lookups are queued, run on worker threads
 * and answered by callback.
 *
 * Everything here is called on the loop's thread. A callback runs exactly once
 * for each lookup, never inside the call that submitted it, at the latest
 * when the lookup's time is up or when the pool goes; what it is given
 * lives until it returns. Callbacks may submit and cancel lookups, but not free
 * the pool.
 */
struct dbpool;
struct dbpool_lookup;
struct dbpool_stream;

/* The loop the pool lives in. Timers fire once; cancelling one that fired
   is not done. */
struct dbpool_loop {
	void *(*watch_fd)(int fd, void (*callback)(void *), void *context);
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

struct dbpool_settings {
	const struct db_server *servers;	/* in order of preference */
	unsigned int server_count;
	unsigned int connections;		/* per server, for lookups */
	/* from submit to callback, whatever happens in between */
	unsigned int lookup_timeout_ms;
	/* a connection unused for that long is closed */
	unsigned int idle_timeout_ms;
	const struct db_statement *statements;	/* by id */
	unsigned int statement_count;
	dbpool_log_t *log;
	void *log_context;
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
 * The rows, at most two of them, which is enough to tell one from several, or
 * how many were changed; or NULL and an error: the database could not tell.
 */
typedef void dbpool_callback_t(const struct db_rows *rows,
			       const struct db_error *error, void *context);

/* Values are copied; there are statement->bind_count of them. NULL if memory
   ran out: then there is no callback. The statement may be executed twice, if
   the connection is lost the first time: it has to read only, or be one that
   changes nothing the second time. */
struct dbpool_lookup *dbpool_submit(struct dbpool *pool,
				    const struct db_statement *statement,
				    const char *const *values,
				    dbpool_callback_t *callback, void *context);
/* From now on lookups have no more time than this, those under way included. */
void dbpool_hurry(struct dbpool *pool, unsigned int lookup_timeout_ms);
/* No callback will come. */
void dbpool_cancel(struct dbpool_lookup **lookup);

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
