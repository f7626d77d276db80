/* SPDX-License-Identifier: MIT */
/*
 * Streams: many rows on a connection of their own, read a batch at a time as
 * the reader asks for them.
 */
#include "pool/dbpool-private.h"

#include <stdlib.h>

/* One step of a stream: a long table may have to be sorted first. */
#define STREAM_STEP_TIMEOUT_MS (60 * 1000)

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
	dbpool_conn_close(conn);
	if (stream != NULL)
		stream_fail(stream, &error);
	return false;
}

static void conn_stream_submit(struct dbpool_conn *conn,
			       void (*run)(struct job *),
			       void (*done)(struct job *))
{
	dbpool_conn_move(conn, CONN_STREAM_BUSY);
	/* cannot fail: a thread made this connection */
	if (!dbpool_conn_submit(conn, run, done,
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
		dbpool_conn_move(conn, CONN_STREAM_WAITING);
	} else {
		stream_unlink_conn(stream);
		dbpool_conn_close(conn);
	}
	stream->callback(rows, NULL, stream->context);
	db_rows_free(&rows);
}

/* Nothing has been read yet: if that failed, the next host may do better. */
static bool conn_stream_tries_next(struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;
	struct dbpool_stream *stream = conn->stream;

	if (pool->freeing || stream == NULL ||
	    conn->result == MYSQL_CONN_OK ||
	    stream->hosts_tried == pool->set.server_count)
		return false;
	stream_unlink_conn(stream);
	dbpool_conn_close(conn);
	stream->pending = true;
	return true;
}

static void conn_done_stream_open(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	if (!conn_stream_tries_next(conn) && conn_stream_step_done(conn))
		conn_stream_submit(conn, conn_run_stream_read,
				   conn_done_stream_read);
}

static void conn_done_stream_connect(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;

	if (!conn_stream_tries_next(conn) && conn_stream_step_done(conn)) {
		conn->query = db_query_use(conn->stream->query);
		conn_stream_submit(conn, conn_run_stream_open,
				   conn_done_stream_open);
	}
}

static void stream_connect(struct dbpool_stream *stream)
{
	struct dbpool *pool = stream->pool;
	unsigned int host = stream->hosts_tried++;
	struct dbpool_conn *conn = dbpool_conn_new(pool, host, true);
	struct db_error error;

	stream->pending = false;
	if (conn != NULL &&
	    dbpool_conn_connect(conn, conn_done_stream_connect)) {
		conn->stream = stream;
		stream->conn = conn;
		return;
	}
	if (conn != NULL)
		dbpool_conn_close(conn);
	db_error_set(&error, "Out of memory, threads or descriptors");
	stream_fail(stream, &error);
}

void dbpool_streams_step(struct dbpool *pool)
{
	struct dbpool_stream *stream, *next;

	for (stream = pool->streams; stream != NULL; stream = next) {
		next = stream->next;
		if (stream->pending)
			stream_connect(stream);
	}
}

void dbpool_streams_fail(struct dbpool *pool, const struct db_error *error)
{
	struct dbpool_stream *stream, *next;

	for (stream = pool->streams; stream != NULL; stream = next) {
		next = stream->next;
		stream_fail(stream, error);
	}
}

void dbpool_streams_orphan(struct dbpool *pool)
{
	struct dbpool_stream *stream;

	for (stream = pool->streams; stream != NULL; stream = stream->next)
		stream->pool = NULL;
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
		dbpool_conn_close(conn);
	else if (conn != NULL)
		mysql_conn_interrupt(conn->db);
	if (stream->pool != NULL)
		LIST_REMOVE(stream->pool->streams, stream);
	db_query_free(&stream->query);
	free(stream);
}
