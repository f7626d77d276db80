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

/* p points at a quote. Returns what follows the closing one. */
static const char *skip_quoted(const char *p)
{
	const char quote = *p++;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && quote != '`' && p[1] != '\0')
			p++;
		else if (*p == quote && p[1] == quote)
			p++;
		else if (*p == quote)
			return p + 1;
	}
	return p;
}

/* A variable that one SELECT sets is seen by the next one; of a comment
   that counts, nobody knows what it says. */
static bool is_unsafe(const char *p)
{
	return *p == '@' || (p[0] == '/' && p[1] == '*') ||
		(p[0] == ':' && p[1] == '=');
}

bool sql_wide_is_safe(const char *text)
{
	const char *p = sql_skip_gap(text, NULL);

	if (strncasecmp(p, "SELECT", 6) != 0 || sql_is_word_char(p[6]))
		return false;
	while (*p != '\0') {
		if (is_unsafe(p))
			return false;
		p = sql_is_quote(*p) || *p == '`' ? skip_quoted(p) : p + 1;
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

/* Appends the text with each placeholder replaced by a column of the table k, and with
   k in front of the first table. Returns the number of placeholders. */
static unsigned int append_joined(struct strbuf *sql, const char *text,
				  const char *keys)
{
	unsigned int depth = 0, binds = 0;
	const char *p = text, *end;

	while (*p != '\0') {
		end = sql_is_quote(*p) || *p == '`' ? skip_quoted(p) : p + 1;
		if (*p == '?') {
			append_number(sql, "k.`b", binds++, "`");
		} else if (depth == 0 && strncmp(p, " FROM ", 6) == 0) {
			strbuf_append_str(sql, " FROM (");
			strbuf_append_str(sql, keys);
			strbuf_append_str(sql, ") k STRAIGHT_JOIN ");
			end = p + 6;
		} else {
			strbuf_append(sql, p, (size_t)(end - p));
		}
		depth += *p == '(';
		depth -= *p == ')';
		p = end;
	}
	return binds;
}

/* A row for each lookup. Values are ASCII, which any column's character set
   contains, so it is they that are converted, and an index still serves. */
static void append_keys(struct strbuf *sql, unsigned int lookups,
			unsigned int binds)
{
	unsigned int i, bind;

	for (i = 0; i < lookups; i++) {
		append_number(sql, i == 0 ? "SELECT " : " UNION ALL SELECT ",
			      i, " AS `lookup`");
		for (bind = 0; bind < binds; bind++) {
			append_number(sql, ", CONVERT(? USING ascii) AS `b",
				      bind, "`");
		}
	}
}

char *sql_wide_join(const char *text, unsigned int lookups)
{
	const char *columns = sql_skip_gap(text, NULL) + strlen("SELECT");
	struct strbuf sql = STRBUF_INIT, keys = STRBUF_INIT;

	append_keys(&keys, lookups, append_joined(&sql, columns, ""));
	strbuf_reset(&sql);
	strbuf_append_str(&sql, "SELECT k.`lookup`,");
	(void)append_joined(&sql, columns, strbuf_str(&keys));
	sql.failed = sql.failed || keys.failed;
	strbuf_free(&keys);
	return strbuf_steal(&sql);
}
