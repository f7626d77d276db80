/* SPDX-License-Identifier: MIT */
/*
 * A scripted server for tests of the pool. A run answers with one row that
 * holds the first bound value, so a test sees whose answer it got.
 */
#include "fake-mysql-conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_FD 2000

struct mysql_conn {
	struct fake_host *host;
	int fd;
	bool interrupted;
	unsigned int rows_left;
};

struct fake_host fake_hosts[FAKE_HOSTS];
unsigned int fake_conns, fake_interrupts;
char fake_last_text[1024], fake_last_values[1024];
static int next_fd;

void fake_mysql_conn_init(void)
{
	memset(fake_hosts, 0, sizeof(fake_hosts));
	fake_interrupts = 0;
	fake_last_text[0] = fake_last_values[0] = '\0';
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

static enum mysql_conn_result
fake_result(struct mysql_conn *conn, enum mysql_conn_result result,
	    const char *what, struct db_error *error)
{
	if (conn->interrupted)
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
	(void)deadline;
	conn->host->connects++;
	return fake_result(conn, conn->host->connect, "connect", error_r);
}

static void fake_note(const struct db_query *query)
{
	unsigned int i;

	snprintf(fake_last_text, sizeof(fake_last_text), "%s",
		 query->statement->text);
	fake_last_values[0] = '\0';
	for (i = 0; i < query->statement->bind_count; i++) {
		strcat(fake_last_values, query->values[i]);
		strcat(fake_last_values, "|");
	}
}

static struct db_rows *
fake_rows(const struct fake_host *host, unsigned int count, const char *value)
{
	static const char *const value_name = "value";
	unsigned int i, columns = host->names == NULL ? 1 : host->column_count;
	const char *const *names = host->names == NULL ? &value_name :
		host->names;
	const char *const *values = host->values == NULL ? &value :
		host->values;
	struct db_rows *rows = calloc(1, sizeof(*rows));

	if (host->changes) {
		rows->affected = host->affected;
		return rows;
	}
	rows->column_count = columns;
	rows->row_count = count;
	rows->names = calloc(columns, sizeof(char *));
	rows->widths = calloc(columns, sizeof(*rows->widths));
	rows->values = calloc(count * columns + 1, sizeof(char *));
	for (i = 0; i < columns; i++) {
		rows->names[i] = strdup(names[i]);
		rows->widths[i] = host->width;
	}
	for (i = 0; i < count * columns; i++) {
		if (values[i % columns] != NULL)
			rows->values[i] = strdup(values[i % columns]);
	}
	return rows;
}

enum mysql_conn_result
mysql_conn_run(struct mysql_conn *conn, const struct db_query *query,
	       unsigned int max_rows, uint64_t deadline,
	       struct db_rows **rows_r, struct db_error *error_r)
{
	enum mysql_conn_result result = conn->host->run;

	(void)max_rows;
	(void)deadline;
	conn->host->runs++;
	if (conn->host->run_times > 0 && --conn->host->run_times == 0)
		conn->host->run = MYSQL_CONN_OK;
	result = fake_result(conn, result, "run", error_r);
	fake_note(query);
	*rows_r = result == MYSQL_CONN_OK ?
		fake_rows(conn->host, conn->host->names == NULL ? 1 :
			  conn->host->row_count, query->values[0]) : NULL;
	return result;
}

enum mysql_conn_result
mysql_conn_stream_open(struct mysql_conn *conn, const struct db_query *query,
		       uint64_t deadline, struct db_error *error_r)
{
	(void)deadline;
	fake_note(query);
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
	*rows_r = fake_rows(conn->host, count, "name");
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
