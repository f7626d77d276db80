/* SPDX-License-Identifier: MIT */
/*
 * A scripted server for tests of the pool. A run answers with one row that
 * holds the first bound value, so a test sees whose answer it got.
 */
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"

#include "pool/fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_FD 2000

struct mysql_conn {
	struct fake_host *host;
	int fd;
	bool interrupted;
	bool under_way, late, wants_to_write;
	uint64_t ends_at;
	unsigned int generation;
	unsigned int rows_left;
};

struct fake_host fake_hosts[FAKE_HOSTS];
unsigned int fake_conns, fake_interrupts;
char fake_last_text[1024], fake_last_values[1024];
bool fake_can_stop, fake_writes;
static int next_fd;

void fake_mysql_conn_init(void)
{
	memset(fake_hosts, 0, sizeof(fake_hosts));
	fake_interrupts = 0;
	fake_last_text[0] = fake_last_values[0] = '\0';
	fake_writes = false;
	next_fd = FAKE_FD;
}

int fake_mysql_conn_fd(unsigned int n)
{
	return FAKE_FD + (int)n;
}

bool mysql_conn_library_init(void)
{
	return true;
}

void mysql_conn_thread_end(void)
{
}

struct mysql_conn *mysql_conn_new(const struct db_server *server,
				  unsigned int statement_count)
{
	struct mysql_conn *conn = calloc(1, sizeof(*conn));

	(void)statement_count;
	if (conn == NULL)
		return NULL;
	conn->host = &fake_hosts[server->port - 1];
	conn->generation = conn->host->generation;
	conn->fd = next_fd++;
	fake_conns++;
	return conn;
}

void mysql_conn_free(struct mysql_conn **conn)
{
	if (*conn == NULL)
		return;
	free(*conn);
	*conn = NULL;
	fake_conns--;
}

void mysql_conn_interrupt(struct mysql_conn *conn)
{
	conn->interrupted = true;
	fake_interrupts++;
}

const char *mysql_conn_security(const struct mysql_conn *conn)
{
	(void)conn;
	return "without TLS";
}

int mysql_conn_fd(const struct mysql_conn *conn)
{
	return conn->fd;
}

bool mysql_conn_can_stop(void)
{
	return fake_can_stop;
}

bool mysql_conn_wants_to_write(const struct mysql_conn *conn)
{
	return conn->wants_to_write;
}

static void fake_stop(struct mysql_conn *conn, bool write, bool held)
{
	conn->wants_to_write = write;
	fake_jobs_await(conn->fd, write, held);
	fiber_stop();
}

/* Whether the call goes on. What takes no time is never late. */
static bool fake_is_under_way(struct mysql_conn *conn, bool hangs,
			      uint64_t deadline)
{
	const uint64_t now = fake_loop.now();

	if (!conn->under_way)
		conn->ends_at = now + conn->host->latency;
	conn->late = conn->under_way && now >= deadline;
	conn->under_way = !conn->interrupted && !conn->late &&
		(hangs || now < conn->ends_at);
	return conn->under_way;
}

/* Whether the call is to be made again later. */
static bool fake_takes_time(struct mysql_conn *conn, bool hangs,
			    uint64_t deadline)
{
	const bool under_way = fake_is_under_way(conn, hangs, deadline);

	if (under_way)
		fake_jobs_defer();
	return under_way;
}

/* The same where a call can stop. */
static void fake_take_time(struct mysql_conn *conn, const bool *hangs,
			   uint64_t deadline)
{
	if (conn->host->at_once)
		return;
	if (fake_writes)
		fake_stop(conn, true, false);
	fake_stop(conn, false, false);
	while (fake_is_under_way(conn, *hangs, deadline))
		fake_stop(conn, false, true);
}

static enum mysql_conn_result
fake_result(struct mysql_conn *conn, enum mysql_conn_result result,
	    const char *what, struct db_error *error)
{
	if (conn->interrupted || conn->late ||
	    conn->generation != conn->host->generation)
		result = MYSQL_CONN_LOST;
	if (result != MYSQL_CONN_OK) {
		if (conn->host->error_text != NULL)
			db_error_set(error, "%s", conn->host->error_text);
		else
			db_error_set(error, "%s failed", what);
		error->code = 4242;
		error->kind = conn->host->error_kind;
	}
	return result;
}

enum mysql_conn_result
mysql_conn_connect(struct mysql_conn *conn, uint64_t deadline,
		   struct db_error *error_r)
{
	if (fake_takes_time(conn, conn->host->connect_hangs, deadline))
		return MYSQL_CONN_LOST;
	conn->generation = conn->host->generation;
	conn->host->connects++;
	return fake_result(conn, conn->host->connect, "connect", error_r);
}

static void fake_note(const struct db_statement *statement,
		      struct db_query *const *queries, unsigned int count)
{
	const unsigned int each = statement->bind_count / statement->queries;
	unsigned int i;

	snprintf(fake_last_text, sizeof(fake_last_text), "%s",
		 statement->text);
	fake_last_values[0] = '\0';
	for (i = 0; i < count * each; i++) {
		strcat(fake_last_values, queries[i / each]->values[i % each]);
		strcat(fake_last_values, "|");
	}
}

static char *fake_text(struct db_rows *rows, const char *text)
{
	return strcpy(db_rows_text(rows, strlen(text)), text);
}

static struct db_rows *fake_rows_new(const struct fake_host *host, bool wide,
				     unsigned int room)
{
	static const char *const value_name = "value";
	unsigned int i, columns = host->names == NULL ? 1 : host->column_count;
	const char *const *names = host->names == NULL ? &value_name :
		host->names;
	struct db_rows *rows = db_rows_new(columns + wide, room);

	if (wide)
		rows->names[0] = fake_text(rows, "lookup");
	for (i = 0; i < columns; i++) {
		rows->names[i + wide] = fake_text(rows, names[i]);
		rows->widths[i + wide] = host->width;
	}
	return rows;
}

/* number: of the query in a wide form; NULL: not in one */
static void fake_rows_add(struct db_rows *rows, const struct fake_host *host,
			  const char *number, unsigned int count,
			  const char *value)
{
	const unsigned int first = number == NULL ? 0 : 1;
	const char *const *values = host->values == NULL ? &value :
		host->values;
	char **row;
	unsigned int i;

	for (; count > 0; count--) {
		row = rows->values +
			(size_t)rows->row_count++ * rows->column_count;
		if (number != NULL)
			row[0] = fake_text(rows, number);
		for (i = first; i < rows->column_count; i++) {
			if (values[i - first] != NULL)
				row[i] = fake_text(rows, values[i - first]);
		}
	}
}

static struct db_rows *fake_answer(const struct fake_host *host,
				   const struct db_statement *statement,
				   struct db_query *const *queries,
				   unsigned int count)
{
	const unsigned int each = host->names == NULL ? 1 : host->row_count;
	const bool wide = statement->queries > 1;
	struct db_rows *rows;
	char number[12];
	unsigned int i;

	if (host->changes) {
		rows = db_rows_new(0, 0);
		rows->affected = host->affected;
		return rows;
	}
	rows = fake_rows_new(host, wide, each * count);
	/* backwards: the order of rows is not to be relied on */
	for (i = count; i-- > 0;) {
		snprintf(number, sizeof(number), "%u", i);
		fake_rows_add(rows, host, wide ? number : NULL, each,
			      queries[i]->values[0]);
	}
	rows->more = wide && host->wide_overflows;
	return rows;
}

enum mysql_conn_result
mysql_conn_run(struct mysql_conn *conn, const struct db_statement *statement,
	       struct db_query *const *queries, unsigned int query_count,
	       uint64_t deadline, struct db_rows **rows_r,
	       struct db_error *error_r)
{
	enum mysql_conn_result result;

	*rows_r = NULL;
	if (fiber_here())
		fake_take_time(conn, &conn->host->run_hangs, deadline);
	else if (fake_takes_time(conn, conn->host->run_hangs, deadline))
		return MYSQL_CONN_LOST;
	conn->host->runs++;
	result = conn->host->run;
	if (conn->host->wide_fails && statement->queries > 1)
		result = MYSQL_CONN_STATEMENT_FAILED;
	if (conn->host->run_times > 0 && --conn->host->run_times == 0)
		conn->host->run = MYSQL_CONN_OK;
	result = fake_result(conn, result, "run", error_r);
	fake_note(statement, queries, query_count);
	*rows_r = result == MYSQL_CONN_OK ?
		fake_answer(conn->host, statement, queries, query_count) :
		NULL;
	return result;
}

enum mysql_conn_result
mysql_conn_stream_open(struct mysql_conn *conn, struct db_query *query,
		       uint64_t deadline, struct db_error *error_r)
{
	(void)deadline;
	fake_note(query->statement, &query, 1);
	conn->rows_left = conn->host->stream_rows;
	return fake_result(conn, conn->host->stream, "open", error_r);
}

enum mysql_conn_result
mysql_conn_stream_read(struct mysql_conn *conn, unsigned int max_rows,
		       uint64_t deadline, struct db_rows **rows_r,
		       struct db_error *error_r)
{
	unsigned int count = conn->rows_left < max_rows ?
		conn->rows_left : max_rows;
	enum mysql_conn_result result =
		fake_result(conn, conn->host->stream, "read", error_r);

	(void)deadline;
	*rows_r = NULL;
	if (result != MYSQL_CONN_OK)
		return result;
	*rows_r = fake_rows_new(conn->host, false, count);
	fake_rows_add(*rows_r, conn->host, NULL, count, "name");
	(*rows_r)->more = count == max_rows;
	conn->rows_left -= count;
	return result;
}

const char *db_server_name(const struct db_server *server, char *buf,
			   size_t size)
{
	snprintf(buf, size, "host%u", server->port);
	return buf;
}
