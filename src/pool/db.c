/* SPDX-License-Identifier: MIT */
/*
 * Making and wiping the plain data of db.h. Used on the loop and on worker
 * threads; each piece has one owner at a time.
 */
#include "pool/db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wipe_free(char *str)
{
	if (str != NULL)
		explicit_bzero(str, strlen(str));
	free(str);
}

static void wipe_free_all(char **strings, size_t count)
{
	size_t i;

	if (strings == NULL)
		return;
	for (i = 0; i < count; i++)
		wipe_free(strings[i]);
	free(strings);
}

/* FNV-1a. Who makes values collide only costs himself a comparison. */
static unsigned int hash_add(unsigned int hash, const char *value)
{
	do {
		hash = (hash ^ (unsigned char)*value) * 16777619U;
	} while (*value++ != '\0');
	return hash;
}

struct db_query *db_query_new(const struct db_statement *statement,
			      const char *const *values)
{
	struct db_query *query = calloc(1, sizeof(*query));
	unsigned int i;

	if (query == NULL)
		return NULL;
	query->statement = statement;
	query->users = 1;
	/* + 1: no values is not a failure */
	query->values = calloc(statement->bind_count + 1,
			       sizeof(*query->values));
	for (i = 0; query->values != NULL && i < statement->bind_count; i++) {
		query->values[i] = strdup(values[i]);
		if (query->values[i] == NULL)
			break;
		query->hash = hash_add(query->hash, values[i]);
	}
	if (i < statement->bind_count || query->values == NULL)
		db_query_free(&query);
	return query;
}

void db_query_free(struct db_query **_query)
{
	struct db_query *query = *_query;

	if (query == NULL)
		return;
	*_query = NULL;
	if (--query->users > 0)
		return;
	wipe_free_all(query->values, query->statement->bind_count);
	free(query);
}

struct db_query *db_query_use(struct db_query *query)
{
	query->users++;
	return query;
}

bool db_query_equals(const struct db_query *query,
		     const struct db_query *other)
{
	unsigned int i;

	if (query->statement != other->statement ||
	    query->hash != other->hash)
		return false;
	for (i = 0; i < query->statement->bind_count; i++) {
		if (strcmp(query->values[i], other->values[i]) != 0)
			return false;
	}
	return true;
}

/* Many short texts share a block. A batch of usual rows fits into one. */
#define TEXT_BLOCK_SIZE 4096

struct db_text {
	struct db_text *next;
	size_t used, size;
	char data[];
};

struct db_rows *db_rows_new(unsigned int column_count, unsigned int max_rows)
{
	const size_t values = (size_t)column_count * max_rows;
	struct db_rows *rows;

	rows = calloc(1, sizeof(*rows) + column_count * sizeof(*rows->widths) +
		      (column_count + values) * sizeof(*rows->values));
	if (rows == NULL)
		return NULL;
	rows->column_count = column_count;
	rows->widths = (unsigned long *)(rows + 1);
	rows->names = (char **)(rows->widths + column_count);
	rows->values = rows->names + column_count;
	return rows;
}

static struct db_text *text_new(struct db_text *next, size_t size)
{
	struct db_text *text = malloc(sizeof(*text) + size);

	if (text == NULL)
		return NULL;
	text->next = next;
	text->used = 0;
	text->size = size;
	return text;
}

char *db_rows_text(struct db_rows *rows, size_t len)
{
	struct db_text *text = rows->texts;
	char *str;

	if (text == NULL || text->size - text->used <= len) {
		text = text_new(rows->texts, len < TEXT_BLOCK_SIZE ?
				TEXT_BLOCK_SIZE : len + 1);
		if (text == NULL)
			return NULL;
		rows->texts = text;
	}
	str = text->data + text->used;
	str[len] = '\0';
	text->used += len + 1;
	return str;
}

void db_rows_free(struct db_rows **_rows)
{
	struct db_rows *rows = *_rows;
	struct db_text *text, *next;

	if (rows == NULL)
		return;
	*_rows = NULL;
	for (text = rows->texts; text != NULL; text = next) {
		next = text->next;
		explicit_bzero(text->data, text->used);
		free(text);
	}
	free(rows);
}

void db_error_set(struct db_error *error, const char *format, ...)
{
	va_list args;

	error->kind = DB_ERROR_OTHER;
	error->code = 0;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

const struct db_echo *db_statement_echo(const struct db_statement *form,
				       unsigned int column)
{
	unsigned int i;

	for (i = 0; i < form->echo_count; i++) {
		if (form->echoes[i].column == column)
			return &form->echoes[i];
	}
	return NULL;
}
