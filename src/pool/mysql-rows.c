/* SPDX-License-Identifier: MIT */
/*
 * From the packets of a result to rows of strings, one row at a time: a result
 * that the library stores first would be a copy that nobody wipes.
 */
#include "pool/mysql-rows.h"
#include "pool/mysql-conn.h"
#include "pool/mysql-connect.h"
#include "pool/mysql-distrust.h"

#include <stdlib.h>
#include <string.h>

/* Columns are fetched into buffers of this size first, longer values once
   more. */
#define COLUMN_SIZE 256

#define CHARSET_MAX_BYTES 4
/* MYSQL_FIELD's charsetnr for bytes */
#define CHARSET_BINARY 63

/* Buffers for one row, each column COLUMN_SIZE bytes. */
struct row {
	unsigned int count;
	MYSQL_BIND *binds;
	unsigned long *lengths;
	my_bool *nulls;
	char *buffers;
};

static void row_deinit(struct row *row)
{
	if (row->buffers != NULL) {
		/* a password column went through here */
		explicit_bzero(row->buffers,
			       (size_t)row->count * COLUMN_SIZE);
	}
	free(row->binds);
	free(row->lengths);
	free(row->nulls);
	free(row->buffers);
}

static bool row_init(struct row *row, MYSQL_STMT *stmt)
{
	unsigned int i;

	memset(row, 0, sizeof(*row));
	row->count = mysql_stmt_field_count(stmt);
	row->binds = calloc(row->count + 1, sizeof(*row->binds));
	row->lengths = calloc(row->count + 1, sizeof(*row->lengths));
	row->nulls = calloc(row->count + 1, sizeof(*row->nulls));
	row->buffers = calloc(row->count + 1, COLUMN_SIZE);
	if (row->binds == NULL || row->lengths == NULL || row->nulls == NULL ||
	    row->buffers == NULL)
		return false;
	for (i = 0; i < row->count; i++) {
		row->binds[i].buffer_type = MYSQL_TYPE_STRING;
		row->binds[i].buffer = row->buffers + i * COLUMN_SIZE;
		row->binds[i].buffer_length = COLUMN_SIZE;
		row->binds[i].length = &row->lengths[i];
		row->binds[i].is_null = &row->nulls[i];
	}
	return mysql_stmt_bind_result(stmt, row->binds) == 0;
}

/* Copies the value of one column of the row just fetched. */
static char *row_value(struct row *row, MYSQL_STMT *stmt,
			    unsigned int column, struct db_rows *rows)
{
	unsigned long length = row->lengths[column];
	char *value = db_rows_text(rows, length);
	MYSQL_BIND bind = {
		.buffer_type = MYSQL_TYPE_STRING,
		.buffer = value,
		.buffer_length = length,
		.length = &row->lengths[column],
		.is_null = &row->nulls[column],
	};

	if (value == NULL)
		return NULL;
	if (length <= COLUMN_SIZE)
		memcpy(value, row->binds[column].buffer, length);
	else if (mysql_stmt_fetch_column(stmt, &bind, column, 0) != 0)
		return NULL;
	return value;
}

/* The server gives it in bytes of the connection's charset. */
static unsigned long field_width(const MYSQL_FIELD *field)
{
	return field->charsetnr == CHARSET_BINARY ? field->length :
		field->length / CHARSET_MAX_BYTES;
}

static char *rows_name(struct db_rows *rows, const char *name)
{
	const size_t len = strlen(name);
	char *copy = db_rows_text(rows, len);

	return copy == NULL ? NULL : memcpy(copy, name, len);
}

/* How the rows of a statement are read. */
struct reader {
	const struct db_statement *statement;
	/* what was asked; none for a stream */
	struct db_query *const *queries;
	unsigned int query_count;

	MYSQL_STMT *stmt;
	struct row row;
	struct db_rows *rows;
};

/* The answer's column, behind the number of a wide form. */
static const struct db_echo *
reader_echo(const struct reader *reader, unsigned int column)
{
	return column == 0 ? NULL : db_statement_echo(reader->statement, column - 1);
}

static bool reader_names(struct reader *reader,
			      const MYSQL_FIELD *field)
{
	struct db_rows *rows = reader->rows;
	const struct db_echo *echo;
	unsigned int i;

	for (i = 0; i < rows->column_count; i++) {
		echo = reader_echo(reader, i);
		rows->names[i] = rows_name(rows, echo != NULL ?
						echo->name : field->name);
		if (rows->names[i] == NULL)
			return false;
		if (echo == NULL)
			rows->widths[i] = field_width(field++);
	}
	return true;
}

/* Room for the answer: without the keys of a wide form, but with the columns
   that it leaves out. */
static bool reader_rows(struct reader *reader, unsigned int max_rows)
{
	const struct db_statement *statement = reader->statement;
	const unsigned int count = mysql_stmt_field_count(reader->stmt) -
		statement->keys + statement->echo_count;
	MYSQL_RES *meta = mysql_stmt_result_metadata(reader->stmt);
	bool ok;

	reader->rows = db_rows_new(count, max_rows);
	ok = reader->rows != NULL && meta != NULL &&
		reader_names(reader, mysql_fetch_fields(meta));
	if (meta != NULL)
		mysql_free_result(meta);
	return ok;
}

/* A server may have changed its mind about columns when it executes. */
static bool reader_init(struct reader *reader, unsigned int max_rows,
			     struct db_error *error_r)
{
	const struct db_statement *statement = reader->statement;
	const unsigned int count = mysql_stmt_field_count(reader->stmt);

	if (count <= statement->keys) {
		db_error_set(error_r, "The server sends %u columns, fewer "
			     "than it was asked for", count);
		return false;
	}
	if (!row_init(&reader->row, reader->stmt) ||
	    !reader_rows(reader, max_rows)) {
		db_error_set(error_r, "Out of memory");
		return false;
	}
	return true;
}

/* The value that the query of this row has, as the server would have given it
   back. A row of no query is refused by whoever reads its number. */
static char *echo_value(const struct reader *reader,
			     const char *number, const struct db_echo *echo)
{
	const unsigned int query = number == NULL ? 0 :
		(unsigned int)atoi(number);

	return query >= reader->query_count ? NULL :
		reader->queries[query]->values[echo->value];
}

/* Copies a column of the row that was fetched. Returns -1 with error_r set. */
static int reader_copy(struct reader *reader, unsigned int column,
			    const char *name, char **value_r,
			    struct db_error *error_r)
{
	struct row *row = &reader->row;

	if (row->nulls[column])
		return 0;
	if (row->lengths[column] > MYSQL_CONN_MAX_VALUE) {
		db_error_set(error_r, "Column %s holds %lu bytes, more than "
			     "the %u that can be used", name,
			     row->lengths[column], MYSQL_CONN_MAX_VALUE);
		return -1;
	}
	*value_r = row_value(row, reader->stmt, column, reader->rows);
	if (*value_r == NULL) {
		db_error_set(error_r, "Out of memory");
		return -1;
	}
	return 0;
}

/* Copies the row that was fetched. Returns -1 with error_r set. */
static int reader_add(struct reader *reader,
			   struct db_error *error_r)
{
	struct db_rows *rows = reader->rows;
	char **values = rows->values +
		(size_t)rows->row_count * rows->column_count;
	const struct db_echo *echo;
	unsigned int i, column = 0;

	rows->row_count++;
	for (i = 0; i < rows->column_count; i++) {
		echo = reader_echo(reader, i);
		if (echo != NULL)
			values[i] = echo_value(reader, values[0], echo);
		else if (reader_copy(reader, column++, rows->names[i],
					  &values[i], error_r) < 0)
			return -1;
	}
	return 0;
}

static enum mysql_rows_result rows_broken(const char *what,
					  struct db_error *error_r)
{
	db_error_set(error_r, "The server sent %s", what);
	return MYSQL_ROWS_BROKEN;
}

/* Fetches until max_rows rows are there or the result ends. To know whether
   there are more, either one further row is read and dropped (look_ahead), or
   the next call finds out. */
static enum mysql_rows_result
reader_fetch(struct reader *reader, unsigned int max_rows, bool look_ahead,
	     struct db_error *error_r)
{
	struct db_rows *rows = reader->rows;
	MYSQL_STMT *stmt = reader->stmt;
	size_t mark;
	int ret;

	for (;;) {
		if (rows->row_count == max_rows && !look_ahead) {
			rows->more = true;
			return MYSQL_ROWS_OK;
		}
		mark = mysql_distrust_mark(stmt->mysql);
		ret = mysql_stmt_fetch(stmt);
		if (ret == MYSQL_NO_DATA)
			return mysql_distrust_end(stmt, mark) ? MYSQL_ROWS_OK :
				rows_broken("a broken end of rows", error_r);
		if (ret != 0 && ret != MYSQL_DATA_TRUNCATED)
			return MYSQL_ROWS_FAILED;
		if (!mysql_distrust_row(stmt, mark))
			return rows_broken("a broken row", error_r);
		if (rows->row_count == max_rows) {
			rows->more = true;
			return MYSQL_ROWS_OK;
		}
		if (reader_add(reader, error_r) < 0)
			return MYSQL_ROWS_REFUSED;
	}
}

enum mysql_rows_result
mysql_rows_read(MYSQL_STMT *stmt, const struct db_statement *statement,
		struct db_query *const *queries, unsigned int query_count,
		unsigned int max_rows, bool look_ahead,
		struct db_rows **rows_r, struct db_error *error_r)
{
	struct reader reader = {
		.statement = statement,
		.queries = queries,
		.query_count = query_count,
		.stmt = stmt,
	};
	enum mysql_rows_result result;

	result = reader_init(&reader, max_rows, error_r) ?
		reader_fetch(&reader, max_rows, look_ahead, error_r) :
		MYSQL_ROWS_REFUSED;
	row_deinit(&reader.row);
	if (result != MYSQL_ROWS_OK)
		db_rows_free(&reader.rows);
	*rows_r = reader.rows;
	return result;
}
