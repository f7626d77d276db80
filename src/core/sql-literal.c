/* SPDX-License-Identifier: MIT */
/*
 * Reads string literals as MySQL does without NO_BACKSLASH_ESCAPES, keeping
 * both what was written and what it stands for. Does not know where they are
 * in the query or what becomes of them. Called by sql-template.c.
 * Source: MariaDB and MySQL manuals, "String Literals".
 */
#include "core/sql-literal.h"

#include <string.h>

static void literals_append(struct sql_literals *lits, const char *data,
			    size_t len)
{
	strbuf_append(&lits->kept, data, len);
	strbuf_append(&lits->content, data, len);
}

static void scan_percent_sign(struct sql_source *src,
			      struct sql_literals *lits)
{
	strbuf_append_c(&lits->kept, '%');
	strbuf_append_str(&lits->content, "%%");
	src->p += 2;
}

static int scan_percent(struct sql_source *src, struct sql_literals *lits)
{
	size_t span;

	if (sql_is_percent_sign(src->p)) {
		scan_percent_sign(src, lits);
		return 0;
	}
	if (sql_source_check_variable(src, src->p, &span) < 0)
		return -1;
	lits->variables = true;
	strbuf_append(&lits->content, src->p, span);
	src->p += span;
	return 0;
}

/* What the byte behind a backslash stands for. */
static char unescape(char c)
{
	static const char names[] = "bnrtZ", bytes[] = "\b\n\r\t\x1a";
	const char *name = strchr(names, c);

	return name == NULL ? c : bytes[name - names];
}

/* The backslash at start stays with a percent sign, for LIKE. */
static int scan_escaped_percent(struct sql_source *src, const char *start,
				struct sql_literals *lits)
{
	size_t span;

	if (sql_is_percent_sign(src->p)) {
		literals_append(lits, start, 1);
		scan_percent_sign(src, lits);
		return 0;
	}
	if (sql_source_check_variable(src, src->p, &span) < 0)
		return -1;
	return sql_source_error(src, start, "a variable behind a backslash: "
				"double the backslash or take it away");
}

static int scan_escape(struct sql_source *src, struct sql_literals *lits)
{
	const char *start = src->p++;

	if (*src->p == '%')
		return scan_escaped_percent(src, start, lits);
	/* the literal has no end, which the caller finds */
	if (*src->p == '\0')
		return 0;
	if (*src->p == '0' && lits->nul == NULL)
		lits->nul = start;
	if (*src->p == '_')
		strbuf_append_c(&lits->content, '\\');
	strbuf_append_c(&lits->content, unescape(*src->p));
	strbuf_append(&lits->kept, start, 2);
	src->p++;
	return 0;
}

/* src->p points at a quote within a literal of that quote. Returns whether it
   ends the literal. */
static bool scan_quote(struct sql_source *src, struct sql_literals *lits)
{
	char quote = *src->p++;

	strbuf_append_c(&lits->kept, quote);
	if (*src->p != quote)
		return true;
	literals_append(lits, &quote, 1);
	src->p++;
	return false;
}

static int scan_literal(struct sql_source *src, struct sql_literals *lits)
{
	const char *start = src->p;
	char quote = *src->p++;
	int ret = 0;

	strbuf_append_c(&lits->kept, quote);
	while (*src->p != '\0' && ret == 0) {
		if (*src->p == '%')
			ret = scan_percent(src, lits);
		else if (*src->p == '\\')
			ret = scan_escape(src, lits);
		else if (*src->p != quote)
			literals_append(lits, src->p++, 1);
		else if (scan_quote(src, lits))
			return 0;
	}
	if (ret < 0)
		return -1;
	return sql_source_error(src, start, "a literal without end: add the "
				"closing quote");
}

/* Goes on to the next literal, if it is an adjacent one. */
static bool skip_to_adjacent(struct sql_source *src, struct sql_literals *lits)
{
	const char *next = sql_skip_gap(src->p, NULL);

	if (!sql_is_quote(*next))
		return false;
	src->p = sql_skip_gap(src->p, &lits->kept);
	return true;
}

int sql_literals_scan(struct sql_source *src, struct sql_literals *lits_r)
{
	*lits_r = (struct sql_literals) {
		.start = src->p,
		.kept = STRBUF_INIT,
		.content = STRBUF_INIT,
	};
	do {
		if (scan_literal(src, lits_r) < 0)
			return -1;
	} while (skip_to_adjacent(src, lits_r));

	if (lits_r->kept.failed || lits_r->content.failed)
		return sql_source_no_memory(src);
	return 0;
}

void sql_literals_free(struct sql_literals *lits)
{
	strbuf_free(&lits->kept);
	strbuf_free(&lits->content);
}
