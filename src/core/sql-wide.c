/* SPDX-License-Identifier: MIT */
/*
 * The wide form of a statement. Knows of SQL where a literal ends, and
 * nothing of templates, rows or pools. Called by lookup-engine.c.
 */
#include "core/sql-wide.h"

#include "core/sql-source.h"
#include "core/strbuf.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What no table is called. */
#define LOOKUPS "dovecot_lookups"

/* A variable that one SELECT sets is seen by the next one; of a comment
   that counts, nobody knows what it says. */
static bool is_unsafe(const char *p)
{
	return *p == '@' || (p[0] == '/' && p[1] == '*') ||
		(p[0] == ':' && p[1] == '=');
}

static bool word_is(const char *p, const char *word)
{
	const size_t len = strlen(word);

	return strncasecmp(p, word, len) == 0 && !sql_is_word_char(p[len]);
}

/* Of a table that is a SELECT in parentheses, the server leaves out ORDER BY,
   unless that decides about rows: without LIMIT, another row than the first
   one would come first. */
static bool loses_order(const char *p)
{
	bool ordered = false, limited = false;
	unsigned int depth = 0;
	char before = ' ';

	while (*p != '\0') {
		if (depth == 0 && before != '.' && !sql_is_word_char(before)) {
			ordered = ordered || word_is(p, "ORDER");
			limited = limited || word_is(p, "LIMIT") ||
				word_is(p, "FETCH");
		}
		depth += *p == '(';
		depth -= *p == ')';
		before = *p;
		p = sql_is_quote(*p) || *p == '`' ? sql_skip_quoted(p) : p + 1;
	}
	return ordered && !limited;
}

bool sql_wide_is_safe(const char *text)
{
	const char *p = sql_skip_gap(text, NULL);

	if (!word_is(p, "SELECT") || loses_order(p))
		return false;
	while (*p != '\0') {
		if (is_unsafe(p))
			return false;
		p = sql_is_quote(*p) || *p == '`' ? sql_skip_quoted(p) : p + 1;
	}
	return true;
}

static void append_number(struct strbuf *sql, const char *before,
			  unsigned int number, const char *after)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", number);
	strbuf_append_str(sql, before);
	strbuf_append_str(sql, digits);
	strbuf_append_str(sql, after);
}

/* The parentheses around the statement keep its ORDER BY and LIMIT, and those
   around the whole the limit that is added. */
char *sql_wide_union(const char *text, unsigned int lookups,
		     unsigned int max_rows)
{
	struct strbuf sql = STRBUF_INIT;
	unsigned int i;

	for (i = 0; i < lookups; i++) {
		append_number(&sql, i == 0 ? "(SELECT " :
			      " UNION ALL (SELECT ", i,
			      " AS `lookup`, q.* FROM (");
		strbuf_append_str(&sql, text);
		append_number(&sql, ") q LIMIT ", max_rows, ")");
	}
	return strbuf_steal(&sql);
}

/* p is in the text, outside of quotes. */
static bool is_from(const char *text, const char *p)
{
	return p > text && !sql_is_word_char(p[-1]) && word_is(p, "FROM");
}

/* Appends the shape's text with each placeholder replaced by a column of the
   lookups, and with these in front of the first table. Behind the columns come
   the keys. */
static void append_joined(struct strbuf *sql, const struct sql_shape *shape)
{
	unsigned int depth = 0, place = 0;
	const char *text = strbuf_str(&shape->rest);
	const char *p = text, *end;
	bool joined = false;

	while (*p != '\0') {
		end = sql_is_quote(*p) || *p == '`' ? sql_skip_quoted(p) :
			p + 1;
		if (*p == '?') {
			append_number(sql, "k.`b", shape->places[place++],
				      "`");
		} else if (depth == 0 && !joined && is_from(text, p)) {
			end = p + strlen("FROM");
			strbuf_append_str(sql, strbuf_str(&shape->keys));
			strbuf_append_str(sql, " FROM `"LOOKUPS"` k "
					  "STRAIGHT_JOIN");
			joined = true;
		} else {
			strbuf_append(sql, p, (size_t)(end - p));
		}
		depth += *p == '(';
		depth -= *p == ')';
		p = end;
	}
}

static void append_names(struct strbuf *sql, unsigned int binds)
{
	unsigned int bind;

	strbuf_append_str(sql, "WITH `"LOOKUPS"` (`lookup`");
	for (bind = 0; bind < binds; bind++)
		append_number(sql, ", `b", bind, "`");
	strbuf_append_str(sql, ") AS (VALUES ");
}

/* MariaDB knows a row by its parentheses, MySQL by the word. Placeholders in
   VALUES have no type of their own when the statement is prepared. */
static void append_row(struct strbuf *sql, unsigned int lookup,
		       unsigned int binds)
{
	unsigned int bind;

	append_number(sql, "/*!80019 ROW*/(", lookup, "");
	for (bind = 0; bind < binds; bind++) {
		append_number(sql, ", CAST(? AS CHAR(", SQL_WIDE_VALUE_MAX,
			      ") CHARACTER SET ascii)");
	}
	strbuf_append_c(sql, ')');
}

char *sql_wide_join(const struct sql_shape *shape, unsigned int lookups)
{
	struct strbuf sql = STRBUF_INIT;
	unsigned int i;

	if (strbuf_str(&shape->rest) == NULL ||
	    strbuf_str(&shape->keys) == NULL)
		return NULL;
	append_names(&sql, shape->bind_count);
	for (i = 0; i < lookups; i++) {
		strbuf_append_str(&sql, i == 0 ? "" : ", ");
		append_row(&sql, i, shape->bind_count);
	}
	strbuf_append_str(&sql, ") SELECT k.`lookup`");
	append_joined(&sql, shape);
	return strbuf_steal(&sql);
}
