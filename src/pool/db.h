/* SPDX-License-Identifier: MIT */
#ifndef DB_H
#define DB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What the pool and its connections hand each other: statements, values,
 * rows and errors. Plain data, no behaviour beyond freeing.
 */

/* A column of an answer that is a value of the query. */
struct db_echo {
	unsigned int column, value;
	const char *name;
};

/* The text of one prepared statement, known for as long as the pool lives. */
struct db_statement {
	unsigned int id;	/* index: 0, 1, 2 ... */
	const char *text;
	unsigned int bind_count;
	/* how many rows one query can use; further ones are not read */
	unsigned int max_rows;
	/* it changes rows, which is not asked of another server because one has
	   an error: that may be a replica */
	bool changes;

	/*
	 * Wide forms answer several queries with one execution: their binds are
	 * those of `queries` queries in turn, ASCII only, and each row starts
	 * with the number of the query it belongs to, from 0. The other
	 * columns have to be those of the statement itself; mysql-conn.c makes
	 * sure of that.
	 */
	unsigned int queries;			/* 1: this is the statement */
	/* which of a query's values are bound, in this order; NULL: all */
	const unsigned char *values;
	/* columns of the statement that the form does not have, as they are
	   such values; in their order */
	const struct db_echo *echoes;
	unsigned int echo_count;
	/* columns behind the statement's, which are not answered: a form that
	   has some is right only if they hold text */
	unsigned int keys;
	/* several rows of one query may come in another order than from the
	   statement itself */
	bool reorders;
	/* the longest value that may be bound; 0: any length */
	unsigned int value_max;
	const struct db_statement *plain;	/* of a wide form */
	const struct db_statement *wider;	/* the next form, or NULL */
};

/* Whether the form does not have that column of the statement, from 0; NULL: it
   does. */
const struct db_echo *db_statement_echo(const struct db_statement *form,
				       unsigned int column);

/* The widest form there may be. */
#define DB_MAX_QUERIES 64

/* What is asked: the statement, never in a wide form, with the values to bind,
   as strings. Counts its users, on the loop's thread only; the last one to
   leave wipes the values, as they may be passwords. */
struct db_query {
	const struct db_statement *statement;
	unsigned int users;
	char **values;
	unsigned int hash;	/* of the values, to tell most apart quickly */
};

/* Copies the values; has one user. NULL if memory ran out. */
struct db_query *db_query_new(const struct db_statement *statement,
			      const char *const *values);
struct db_query *db_query_use(struct db_query *query);
/* Ends one use. NULL is fine. */
void db_query_free(struct db_query **query);
/* Whether they have the same answer. */
bool db_query_equals(const struct db_query *query,
		     const struct db_query *other);

/* What a statement gave: rows as strings, NULL for SQL's NULL; no columns if it
   selects nothing. Freeing wipes them. */
struct db_rows {
	unsigned int column_count, row_count;
	char **names;		/* column_count */
	/* column_count: how many characters each can hold */
	unsigned long *widths;
	/* row_count * column_count; some may be values of the queries, who have
	   to live as long */
	char **values;
	bool more;		/* there were more rows than asked for */
	/* no columns: how many rows the statement changed */
	unsigned long long affected;

	struct db_text *texts;	/* db.c's: names and values are in there */
};

/* No rows yet, with room for max_rows, all of it NULL. NULL if memory ran
   out. */
struct db_rows *db_rows_new(unsigned int column_count, unsigned int max_rows);
/* Room for a name or value of that length, for the caller to fill in; its NUL
   is there. It stays where it is. NULL if memory ran out. */
char *db_rows_text(struct db_rows *rows, size_t len);
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
	DB_ERROR_BUSY,		/* the server takes no connections, or none of
				   ours, or no queries for now */
	DB_ERROR_AGAIN,		/* it was in somebody's way, and was ended */
	DB_ERROR_WIDE,		/* the statement has no such wide form */
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
