/* SPDX-License-Identifier: MIT */
/*
 * The life of a connection: preparing and executing with the blocking calls of
 * libmariadb (or libmysqlclient), on a worker thread, or on a fiber, which stops
 * where the library would wait. How it is opened, read and distrusted is the
 * business of the other mysql-*.c, which no other file calls; and no others have
 * mysql.h. It knows nothing of pools, policy or loops.
 */
#include "pool/mysql-conn.h"
#include "pool/fiber.h"
#include "pool/mysql-columns.h"
#include "pool/mysql-connect.h"
#include "pool/mysql-distrust.h"
#include "pool/mysql-error.h"
#include "pool/mysql-rows.h"

#ifdef MARIADB_BASE_VERSION
#  include <ma_pvio.h>
#endif

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* sql-template.c reads backslashes in literals as escapes, and every statement
   is a transaction of its own: one left open would go on reading what was there
   when it began, and keep the rows it changed locked. A server whose defaults
   are otherwise has to follow for this session. */
#define CONN_SETUP \
	"SET SESSION autocommit = 1, SESSION sql_mode = " \
	"REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')"
/* Who lists users may stop to think; Dovecot waits half an hour for a reply
   to LIST, the server by default one minute for us to read on. */
#define CONN_STREAM_SETUP "SET SESSION net_write_timeout = 1800"

struct mysql_conn {
	const struct db_server *server;
	MYSQL *mysql;
	MYSQL_STMT **statements;	/* by id; NULL: not prepared here */
	unsigned int statement_count;
	const struct db_statement *stream;	/* that is being read */

	uint64_t deadline;
	int wake_fd;
	/* A duplicate of the library's socket: ours to watch and to shut
	   down, as the library closes its own whenever it likes. */
	atomic_int fd;
	/* the loop's and the fiber's, who share a thread */
	bool interrupted, wants_to_write;
	char security[96];
};

/* conn_io_wait() gets no context from the library. */
static __thread struct mysql_conn *conn_current;

bool mysql_conn_library_init(void)
{
	return mysql_library_init(0, NULL, NULL) == 0;
}

void mysql_conn_thread_end(void)
{
	mysql_thread_end();
}

const char *db_server_name(const struct db_server *server, char *buf,
			   size_t size)
{
	if (server->socket != NULL)
		snprintf(buf, size, "%s", server->socket);
	else if (server->host == NULL)
		snprintf(buf, size, "the server of the option file");
	else if (server->port == 0)
		snprintf(buf, size, "%s", server->host);
	else if (strchr(server->host, ':') != NULL)
		snprintf(buf, size, "[%s]:%u", server->host, server->port);
	else
		snprintf(buf, size, "%s:%u", server->host, server->port);
	return buf;
}

struct mysql_conn *mysql_conn_new(const struct db_server *server,
				  unsigned int statement_count)
{
	struct mysql_conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->server = server;
	conn->statement_count = statement_count;
	atomic_init(&conn->fd, -1);
	conn->statements = calloc(statement_count + 1,
				  sizeof(*conn->statements));
	conn->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (conn->statements == NULL || conn->wake_fd < 0)
		mysql_conn_free(&conn);
	return conn;
}

void mysql_conn_free(struct mysql_conn **_conn)
{
	struct mysql_conn *conn = *_conn;
	unsigned int i;
	int fd;

	if (conn == NULL)
		return;
	*_conn = NULL;
	conn_current = conn;
	for (i = 0; conn->statements != NULL && i < conn->statement_count;
	     i++) {
		if (conn->statements[i] != NULL)
			mysql_stmt_close(conn->statements[i]);
	}
	if (conn->mysql != NULL)
		mysql_close(conn->mysql);
	conn_current = NULL;
	fd = atomic_load(&conn->fd);
	if (fd >= 0)
		close(fd);
	if (conn->wake_fd >= 0)
		close(conn->wake_fd);
	free(conn->statements);
	free(conn);
}

void mysql_conn_interrupt(struct mysql_conn *conn)
{
	const uint64_t one = 1;
	int fd = atomic_load(&conn->fd);

	conn->interrupted = true;
	if (write(conn->wake_fd, &one, sizeof(one)) < 0)
		abort();	/* the counter cannot overflow */
	/* wherever it is: not all that the library does ends with waiting */
	if (fd >= 0)
		(void)shutdown(fd, SHUT_RDWR);
}

int mysql_conn_fd(const struct mysql_conn *conn)
{
	return atomic_load(&((struct mysql_conn *)conn)->fd);
}

bool mysql_conn_can_stop(void)
{
#ifdef MARIADB_BASE_VERSION
	return true;
#else
	return false;
#endif
}

bool mysql_conn_wants_to_write(const struct mysql_conn *conn)
{
	return conn->wants_to_write;
}

#ifdef MARIADB_BASE_VERSION
static uint64_t conn_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* With TLS, the library reads and writes without waiting first (Connector/C):
   only if that would block does it call conn_io_wait(), who knows the
   deadline. */
static void conn_never_block(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* On a worker thread: until the socket is ready. */
static int conn_poll(struct mysql_conn *conn, my_socket socket, bool is_read)
{
	struct pollfd fds[2] = {
		{ .fd = socket, .events = is_read ? POLLIN : POLLOUT },
		{ .fd = conn->wake_fd, .events = POLLIN },
	};
	uint64_t now;
	int ret;

	/* once connected, it never does */
	if (atomic_load(&conn->fd) < 0)
		conn_never_block(socket);
	do {
		now = conn_now_ms();
		if (now >= conn->deadline)
			return 0;
		ret = poll(fds, 2, (int)(conn->deadline - now));
	} while (ret == 0 || (ret < 0 && errno == EINTR));
	return fds[1].revents != 0 ? 0 : ret;
}

static bool conn_is_over(const struct mysql_conn *conn)
{
	return conn->interrupted || conn_now_ms() >= conn->deadline;
}

/* On a fiber: the loop knows when the socket is ready, or the time is up. */
static int conn_stop(struct mysql_conn *conn, bool is_read)
{
	if (conn_is_over(conn))
		return 0;
	conn->wants_to_write = !is_read;
	fiber_stop();
	/* meanwhile the thread was others' */
	conn_current = conn;
	mysql_connect_forget_errors();
	return conn_is_over(conn) ? 0 : 1;
}

/* Called by the library wherever it would wait for the socket. Its own timeout
   is ignored: it means seconds in one place, milliseconds in another
   (Connector/C 3.3). Returns > 0 ready, 0 timeout. */
static int conn_io_wait(my_socket socket, my_bool is_read, int timeout)
{
	struct mysql_conn *conn = conn_current;
	int ret;

	(void)timeout;
	if (conn == NULL)
		return 0;
	ret = fiber_here() ? conn_stop(conn, is_read) :
		conn_poll(conn, socket, is_read);
	if (ret == 0)
		errno = ETIMEDOUT;
	return ret;
}
#endif

static void conn_begin(struct mysql_conn *conn, uint64_t deadline)
{
	conn_current = conn;
	conn->deadline = deadline;
	mysql_connect_forget_errors();
}

/* An option file can name another charset, and hosts can differ. */
static bool conn_setup_session(MYSQL *mysql)
{
	return (strcmp(mysql_character_set_name(mysql), CONN_CHARSET) == 0 ||
		mysql_set_character_set(mysql, CONN_CHARSET) == 0) &&
		mysql_query(mysql, CONN_SETUP) == 0;
}

static int conn_socket(MYSQL *mysql)
{
#ifdef MARIADB_BASE_VERSION
	return mysql_get_socket(mysql);
#else
	return mysql->net.fd;
#endif
}

/* Ours to watch and to shut down. */
static bool conn_take_socket(struct mysql_conn *conn, struct db_error *error_r)
{
	int fd = fcntl(conn_socket(conn->mysql), F_DUPFD_CLOEXEC, 0);

	if (fd < 0) {
		db_error_set(error_r, "Cannot duplicate the socket: %s",
			     strerror(errno));
		return false;
	}
	atomic_store(&conn->fd, fd);
	return true;
}

static enum mysql_conn_result conn_fail_handle(struct mysql_conn *conn,
					       struct db_error *error_r)
{
	mysql_error_set(error_r, mysql_errno(conn->mysql),
			mysql_error(conn->mysql));
	return MYSQL_CONN_LOST;
}

enum mysql_conn_result
mysql_conn_connect(struct mysql_conn *conn, uint64_t deadline,
		   struct db_error *error_r)
{
	conn_begin(conn, deadline);
	conn->mysql = mysql_init(NULL);
	if (conn->mysql == NULL) {
		db_error_set(error_r, "Out of memory");
		return MYSQL_CONN_LOST;
	}
#ifdef MARIADB_BASE_VERSION
	mysql_optionsv(conn->mysql, MARIADB_OPT_IO_WAIT, conn_io_wait);
#endif
	if (!mysql_connect_open(conn->mysql, conn->server))
		return conn_fail_handle(conn, error_r);
	if (!mysql_connect_check(conn->mysql, conn->server, error_r))
		return MYSQL_CONN_LOST;
#ifdef MARIADB_BASE_VERSION
	conn_never_block(conn_socket(conn->mysql));
#endif
	if (!conn_setup_session(conn->mysql))
		return conn_fail_handle(conn, error_r);
	mysql_connect_describe(conn->mysql, conn->security,
			       sizeof(conn->security));
	return conn_take_socket(conn, error_r) ?
		MYSQL_CONN_OK : MYSQL_CONN_LOST;
}

const char *mysql_conn_security(const struct mysql_conn *conn)
{
	return conn->security;
}

static void conn_forget(struct mysql_conn *conn, unsigned int id)
{
	mysql_stmt_close(conn->statements[id]);
	conn->statements[id] = NULL;
}

/* Takes the error of a failed call and drops the handle, in whatever state it
   is: the next execute on it could hang (seen after a failed store_result,
   Connector/C up to 3.4.10). Preparing anew costs one round trip after an
   error. */
static enum mysql_conn_result
conn_fail(struct mysql_conn *conn, unsigned int id, struct db_error *error_r)
{
	MYSQL_STMT *stmt = conn->statements[id];

	mysql_error_set(error_r, mysql_stmt_errno(stmt),
			mysql_stmt_error(stmt));
	/* of an error in place of the next row, only the connection knows
	   (Connector/C 3.3) */
	if (error_r->code == 0)
		mysql_error_set(error_r, mysql_errno(conn->mysql),
				mysql_error(conn->mysql));
	/* TLS was agreed on long ago: it is the connection that ended */
	if (error_r->kind == DB_ERROR_TLS)
		error_r->kind = DB_ERROR_OTHER;
	conn_forget(conn, id);
	return mysql_error_is_fatal(error_r->code) ?
		MYSQL_CONN_LOST : MYSQL_CONN_STATEMENT_FAILED;
}

/* A failure of ours, not the server's: the rest of the result is dropped with
   the handle. */
static enum mysql_conn_result
conn_fail_own(struct mysql_conn *conn, unsigned int id)
{
	conn_forget(conn, id);
	return MYSQL_CONN_STATEMENT_FAILED;
}

/* The server does not keep to the protocol: nothing more is read from it. */
static enum mysql_conn_result conn_distrust(struct mysql_conn *conn)
{
	(void)shutdown(atomic_load(&conn->fd), SHUT_RDWR);
	return MYSQL_CONN_LOST;
}

/* Between two statements a server has nothing to say but goodbye. */
static enum mysql_conn_result
conn_expect_silence(struct mysql_conn *conn, struct db_error *error_r)
{
	if (mysql_distrust_silence(conn->mysql))
		return MYSQL_CONN_OK;
	db_error_set(error_r, "The server sent what was not asked for");
	return conn_distrust(conn);
}

static enum mysql_conn_result
conn_prepare_one(struct mysql_conn *conn, const struct db_statement *statement,
		 struct db_error *error_r)
{
	MYSQL_STMT *stmt = mysql_stmt_init(conn->mysql);

	if (stmt == NULL) {
		db_error_set(error_r, "Out of memory");
		return MYSQL_CONN_LOST;
	}
	conn->statements[statement->id] = stmt;
	if (mysql_stmt_prepare(stmt, statement->text,
			       strlen(statement->text)) != 0)
		return conn_fail(conn, statement->id, error_r);
	if (mysql_stmt_param_count(stmt) != statement->bind_count) {
		db_error_set(error_r, "The server counts %lu parameters in "
			     "the statement, not %u",
			     mysql_stmt_param_count(stmt),
			     statement->bind_count);
		return conn_fail_own(conn, statement->id);
	}
	return MYSQL_CONN_OK;
}

static enum mysql_conn_result
conn_prepare(struct mysql_conn *conn, const struct db_statement *statement,
	     struct db_error *error_r)
{
	const struct db_statement *plain = statement->plain;
	enum mysql_conn_result result;

	if (conn->statements[statement->id] != NULL)
		return MYSQL_CONN_OK;
	if (plain == NULL)
		return conn_prepare_one(conn, statement, error_r);
	/* anew: one that was executed knows more of its columns than one that
	   was not, the types of bound values among it */
	if (conn->statements[plain->id] != NULL)
		conn_forget(conn, plain->id);
	result = conn_prepare_one(conn, plain, error_r);
	if (result != MYSQL_CONN_OK)
		return result;
	result = conn_prepare_one(conn, statement, error_r);
	if (result == MYSQL_CONN_OK &&
	    !mysql_columns_read_same(statement, conn->statements[plain->id],
				     conn->statements[statement->id])) {
		db_error_set(error_r, "its columns would read differently");
		result = conn_fail_own(conn, statement->id);
	}
	if (result == MYSQL_CONN_STATEMENT_FAILED &&
	    error_r->kind != DB_ERROR_AGAIN)
		error_r->kind = DB_ERROR_WIDE;
	return result;
}

/* Values are always bound as strings: compared with a string column, the
   number 0 would match every row. What a wide form has room for beyond the
   queries is NULL, which equals nothing. */
static void conn_fill_binds(MYSQL_BIND *binds,
			    const struct db_statement *statement,
			    struct db_query *const *queries,
			    unsigned int query_count)
{
	const unsigned int each = statement->bind_count / statement->queries;
	unsigned int i, number;
	char *value;

	for (i = 0; i < statement->bind_count; i++) {
		if (i / each >= query_count) {
			binds[i].buffer_type = MYSQL_TYPE_NULL;
			continue;
		}
		number = i % each;
		if (statement->values != NULL)
			number = statement->values[number];
		value = queries[i / each]->values[number];
		binds[i].buffer_type = MYSQL_TYPE_VAR_STRING;
		binds[i].buffer = value;
		binds[i].buffer_length = strlen(value);
	}
}

static int conn_execute_once(MYSQL_STMT *stmt,
			     const struct db_statement *statement,
			     struct db_query *const *queries,
			     unsigned int query_count)
{
	MYSQL_BIND *binds;
	int ret;

	if (statement->bind_count == 0)
		return mysql_stmt_execute(stmt) != 0 ? -1 : 0;
	binds = calloc(statement->bind_count, sizeof(*binds));
	if (binds == NULL)
		return -1;
	conn_fill_binds(binds, statement, queries, query_count);
	ret = mysql_stmt_bind_param(stmt, binds) != 0 ||
		mysql_stmt_execute(stmt) != 0 ? -1 : 0;
	free(binds);
	return ret;
}

static enum mysql_conn_result
conn_execute(struct mysql_conn *conn, const struct db_statement *statement,
	     struct db_query *const *queries, unsigned int query_count,
	     struct db_error *error_r)
{
	unsigned int id = statement->id;
	bool retried = false;
	enum mysql_conn_result result;

	for (;;) {
		result = conn_prepare(conn, statement, error_r);
		if (result != MYSQL_CONN_OK)
			return result;
		if (conn_execute_once(conn->statements[id], statement, queries,
				      query_count) == 0)
			return MYSQL_CONN_OK;
		result = conn_fail(conn, id, error_r);
		if (retried || !mysql_error_wants_prepare(error_r->code))
			return result;
		retried = true;
	}
}

/* Reads what was executed. */
static enum mysql_conn_result
conn_read_rows(struct mysql_conn *conn, const struct db_statement *statement,
	       struct db_query *const *queries, unsigned int query_count,
	       unsigned int max_rows, bool look_ahead, struct db_rows **rows_r,
	       struct db_error *error_r)
{
	const unsigned int id = statement->id;

	switch (mysql_rows_read(conn->statements[id], statement, queries,
				query_count, max_rows, look_ahead, rows_r,
				error_r)) {
	case MYSQL_ROWS_OK:
		return MYSQL_CONN_OK;
	case MYSQL_ROWS_FAILED:
		return conn_fail(conn, id, error_r);
	case MYSQL_ROWS_REFUSED:
		return conn_fail_own(conn, id);
	case MYSQL_ROWS_BROKEN:
		break;
	}
	return conn_distrust(conn);
}

/* A statement without columns: one that changes rows, or a CALL of a procedure
   that selects nothing. */
static struct db_rows *conn_rows_none(MYSQL_STMT *stmt)
{
	struct db_rows *rows = db_rows_new(0, 0);

	if (rows != NULL)
		rows->affected = mysql_stmt_affected_rows(stmt);
	return rows;
}

/* The client library keeps the last packets, with passwords in them, until the
   next ones come. Between two statements nothing in there is needed. */
static void conn_wipe_buffers(struct mysql_conn *conn)
{
#ifdef MARIADB_BASE_VERSION
	const NET *net = &conn->mysql->net;
	const MARIADB_PVIO *pvio = net->pvio;

	if (net->buff != NULL)
		explicit_bzero(net->buff, net->max_packet);
	/* what lies up to cache_size and behind cache_pos is still to be read */
	if (pvio != NULL && pvio->cache != NULL &&
	    pvio->cache_pos >= pvio->cache + pvio->cache_size)
		explicit_bzero(pvio->cache, PVIO_READ_AHEAD_CACHE_SIZE);
#else
	(void)conn;
#endif
}

/* Ends the result. A procedure sends more results, at least a status: they
   have to be read before the next statement. */
static enum mysql_conn_result
conn_end_results(struct mysql_conn *conn, unsigned int id,
		 struct db_error *error_r)
{
	MYSQL_STMT *stmt = conn->statements[id];
	int ret;

	mysql_stmt_free_result(stmt);
	while ((ret = mysql_stmt_next_result(stmt)) == 0)
		mysql_stmt_free_result(stmt);
	return ret > 0 ? conn_fail(conn, id, error_r) : MYSQL_CONN_OK;
}

static enum mysql_conn_result
conn_run(struct mysql_conn *conn, const struct db_statement *statement,
	 struct db_query *const *queries, unsigned int query_count,
	 struct db_rows **rows_r, struct db_error *error_r)
{
	unsigned int id = statement->id;
	enum mysql_conn_result result;

	result = conn_expect_silence(conn, error_r);
	if (result == MYSQL_CONN_OK)
		result = conn_execute(conn, statement, queries, query_count,
				      error_r);
	if (result != MYSQL_CONN_OK)
		return result;
	if (mysql_stmt_field_count(conn->statements[id]) == 0) {
		*rows_r = conn_rows_none(conn->statements[id]);
		if (*rows_r == NULL) {
			db_error_set(error_r, "Out of memory");
			return conn_fail_own(conn, id);
		}
	} else {
		result = conn_read_rows(conn, statement, queries, query_count,
					statement->queries *
					statement->max_rows, true, rows_r,
					error_r);
		if (result != MYSQL_CONN_OK)
			return result;
	}
	result = conn_end_results(conn, id, error_r);
	return result == MYSQL_CONN_OK ?
		conn_expect_silence(conn, error_r) : result;
}

enum mysql_conn_result
mysql_conn_run(struct mysql_conn *conn, const struct db_statement *statement,
	       struct db_query *const *queries, unsigned int query_count,
	       uint64_t deadline, struct db_rows **rows_r,
	       struct db_error *error_r)
{
	enum mysql_conn_result result;

	*rows_r = NULL;
	conn_begin(conn, deadline);
	result = conn_run(conn, statement, queries, query_count, rows_r,
			  error_r);
	if (result == MYSQL_CONN_OK)
		conn_wipe_buffers(conn);
	else
		db_rows_free(rows_r);
	/* the thread may be Dovecot's, and it may use OpenSSL, too */
	mysql_connect_forget_errors();
	return result;
}

enum mysql_conn_result
mysql_conn_stream_open(struct mysql_conn *conn, struct db_query *query,
		       uint64_t deadline, struct db_error *error_r)
{
	enum mysql_conn_result result;

	conn_begin(conn, deadline);
	if (mysql_query(conn->mysql, CONN_STREAM_SETUP) != 0)
		return conn_fail_handle(conn, error_r);
	result = conn_execute(conn, query->statement, &query, 1, error_r);
	if (result != MYSQL_CONN_OK)
		return result;
	conn->stream = query->statement;
	if (mysql_stmt_field_count(conn->statements[conn->stream->id]) == 0) {
		db_error_set(error_r, "The statement selects nothing");
		return conn_fail_own(conn, conn->stream->id);
	}
	return MYSQL_CONN_OK;
}

enum mysql_conn_result
mysql_conn_stream_read(struct mysql_conn *conn, unsigned int max_rows,
		       uint64_t deadline, struct db_rows **rows_r,
		       struct db_error *error_r)
{
	conn_begin(conn, deadline);
	return conn_read_rows(conn, conn->stream, NULL, 0, max_rows, false,
			      rows_r, error_r);
}
