/* SPDX-License-Identifier: MIT */
#ifndef DB_H
#define DB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the pool and its connections hand each other: statements, values,
 * rows and errors. Plain data, no behaviour beyond freeing.
 */

/* The text of one prepared statement, known for as long as the pool lives. */
struct db_statement {
	unsigned int id;	/* index: 0, 1, 2 ... */
	const char *text;
	unsigned int bind_count;
};

/* One execution: the statement with the values to bind, as strings. Freeing
   wipes the values: they may be passwords. */
struct db_query {
	const struct db_statement *statement;
	char **values;
};

/* Copies the values. NULL if memory ran out. */
struct db_query *db_query_new(const struct db_statement *statement,
			      const char *const *values);
void db_query_free(struct db_query **query);

/* What a statement gave: rows as strings, NULL for SQL's NULL; no columns if it
   selects nothing. Freeing wipes them. */
struct db_rows {
	unsigned int column_count, row_count;
	char **names;		/* column_count */
	/* column_count: how many characters each can hold */
	unsigned long *widths;
	char **values;		/* row_count * column_count */
	bool more;		/* there were more rows than asked for */
	/* no columns: how many rows the statement changed */
	unsigned long long affected;
};

void db_rows_free(struct db_rows **rows);

/* What an error is about, as far as somebody can act on it. */
enum db_error_kind {
	DB_ERROR_OTHER,
	DB_ERROR_LOGIN,		/* user or password of the connection */
	DB_ERROR_RIGHTS,	/* the connection's user may not do that */
	DB_ERROR_DATABASE,	/* no such database, or none named */
	DB_ERROR_TABLE,		/* no such table */
	DB_ERROR_COLUMN,	/* no such column */
	DB_ERROR_SYNTAX,
	DB_ERROR_UNREACHABLE,	/* nobody answers there */
	DB_ERROR_COLLATION,	/* "Illegal mix of collations" */
	DB_ERROR_READ_ONLY,	/* the server takes no changes */
	DB_ERROR_TLS,		/* no TLS, or not with this certificate */
};

struct db_error {
	enum db_error_kind kind;
	/* the server's or client library's number; 0 for our own */
	unsigned int code;
	char text[320];
};

void db_error_set(struct db_error *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How to reach one server. Everything is borrowed and outlives its users;
   NULL: unset. */
enum db_tls {
	DB_TLS_AUTO,		/* off for sockets and loopback, else verify */
	DB_TLS_OFF,
	DB_TLS_REQUIRED,	/* encrypted, certificate unchecked */
	DB_TLS_VERIFY,		/* certificate and name checked */
	DB_TLS_STOCK,		/* as Dovecot 2.3; option files outrank it */
};

struct db_server {
	const char *socket;	/* or: */
	const char *host;
	unsigned int port;	/* 0: the library's default */
	/* the library takes the name localhost for its default socket, port or
	   no port, unless it is told otherwise */
	bool tcp;
	const char *user, *password, *dbname;
	const char *option_file, *option_group;
	unsigned long client_flags;
	enum db_tls tls;
	const char *tls_ca, *tls_cert, *tls_key;
	/* DB_TLS_STOCK only */
	const char *tls_ca_path, *tls_cipher;
	bool tls_stock_verify;
	unsigned int connect_timeout_ms;
};

#endif
