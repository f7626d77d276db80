/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_CONN_H
#define MYSQL_CONN_H

#include "pool/db.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One connection to one server, with its prepared statements. Everything here
 * blocks and belongs on a worker thread, one call at a time, except where it
 * says "loop". Deadlines are in milliseconds of CLOCK_MONOTONIC; a call that
 * meets its deadline, or was interrupted, fails like a lost connection.
 *
 * If mysql_conn_can_stop(), mysql_conn_run() may run on a fiber of the loop's
 * thread instead. It stops where it would wait, and is to go on when the
 * connection's descriptor is ready, which also happens when it is interrupted;
 * its deadline is the loop's business then.
 */
struct mysql_conn;

enum mysql_conn_result {
	MYSQL_CONN_OK,
	/* The statement failed; the connection is good. */
	MYSQL_CONN_STATEMENT_FAILED,
	/* The connection is of no more use: free it. */
	MYSQL_CONN_LOST,
};

/* Loop, once, before the first connection. False if the client library cannot
   be initialised. */
bool mysql_conn_library_init(void);
/* On each thread that used connections, before it ends. */
void mysql_conn_thread_end(void);

/* Loop. Does not connect yet. NULL if memory or descriptors ran out. The
   server struct is borrowed. */
struct mysql_conn *mysql_conn_new(const struct db_server *server,
				  unsigned int statement_count);
/* Says goodbye to the server if connected. NULL is fine. */
void mysql_conn_free(struct mysql_conn **conn);

/* Loop: makes the call that is under way on another thread return soon. The
   connection is lost then. */
void mysql_conn_interrupt(struct mysql_conn *conn);
/* Loop: after a successful connect, a descriptor that becomes readable when
   an idle connection has been closed by the other side, and ready when a call
   that has stopped can go on. Owned by conn. */
int mysql_conn_fd(const struct mysql_conn *conn);
/* Loop: the client library tells when it is going to wait. */
bool mysql_conn_can_stop(void);
/* Loop: a call that has stopped waits for room to write, not for something to
   read. */
bool mysql_conn_wants_to_write(const struct mysql_conn *conn);

enum mysql_conn_result
mysql_conn_connect(struct mysql_conn *conn, uint64_t deadline,
		   struct db_error *error_r);
/* Loop: after a successful connect, how the connection is encrypted and
   whether the server's certificate was verified, for the log. */
const char *mysql_conn_security(const struct mysql_conn *conn);

/* Prepares the statement if this connection has not yet, executes it for the
   queries, and returns up to max_rows rows for each. The statement is the one
   of the queries, or a form of it that is at least as wide as there are
   queries; if this server cannot have that form, or not with the same columns,
   it fails with DB_ERROR_WIDE. A value longer than MYSQL_CONN_MAX_VALUE fails
   it too. */
#define MYSQL_CONN_MAX_VALUE (256 * 1024)
enum mysql_conn_result
mysql_conn_run(struct mysql_conn *conn, const struct db_statement *statement,
	       struct db_query *const *queries, unsigned int query_count,
	       uint64_t deadline, struct db_rows **rows_r,
	       struct db_error *error_r);

/* The same for many rows, read from the server as they are asked for: open
   once, then read until a result has more == false. */
enum mysql_conn_result
mysql_conn_stream_open(struct mysql_conn *conn, struct db_query *query,
		       uint64_t deadline, struct db_error *error_r);
enum mysql_conn_result
mysql_conn_stream_read(struct mysql_conn *conn, unsigned int max_rows,
		       uint64_t deadline, struct db_rows **rows_r,
		       struct db_error *error_r);

/* "socket" or "host:port", for messages. */
const char *db_server_name(const struct db_server *server, char *buf,
			   size_t size);

#endif
