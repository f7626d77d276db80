/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_ROWS_H
#define MYSQL_ROWS_H

#include "pool/db.h"

#include <mysql.h>

/* For mysql-conn.c only: reading the rows of a statement that was executed. */

enum mysql_rows_result {
	MYSQL_ROWS_OK,
	/* the library tells why */
	MYSQL_ROWS_FAILED,
	/* error_r tells what cannot be used; the server did nothing wrong */
	MYSQL_ROWS_REFUSED,
	/* error_r tells how the server left the protocol */
	MYSQL_ROWS_BROKEN,
};

/*
 * Reads up to max_rows rows. queries are what was asked, in a wide form for the
 * columns that it leaves out: the rows point to their values. look_ahead: to
 * know whether there are more, one further row is read and dropped; else
 * rows->more says that the next call finds out. On failure, *rows_r is NULL.
 */
enum mysql_rows_result
mysql_rows_read(MYSQL_STMT *stmt, const struct db_statement *statement,
		struct db_query *const *queries, unsigned int query_count,
		unsigned int max_rows, bool look_ahead,
		struct db_rows **rows_r, struct db_error *error_r);

#endif
