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

/* The parentheses around the statement keep its ORDER BY and LIMIT, and those
   around the whole the limit that is added. */
char *sql_wide_text(const char *text, unsigned int lookups,
		    unsigned int max_rows)
{
	struct strbuf sql = STRBUF_INIT;
	char number[32];
	unsigned int i;

	for (i = 0; i < lookups; i++) {
		snprintf(number, sizeof(number), "(SELECT %u", i);
		strbuf_append_str(&sql, i == 0 ? "" : " UNION ALL ");
		strbuf_append_str(&sql, number);
		strbuf_append_str(&sql, " AS `lookup`, q.* FROM (");
		strbuf_append_str(&sql, text);
		snprintf(number, sizeof(number), ") q LIMIT %u)", max_rows);
		strbuf_append_str(&sql, number);
	}
	return strbuf_steal(&sql);
}
