/* SPDX-License-Identifier: MIT */
/*
 * The smallest pieces of a query: bytes, blanks, comments, variables, and the
 * place of an error. Knows what MySQL takes for a comment, but nothing of
 * statements. Called by the other files that read SQL.
 */
#include "core/sql-source.h"

#include "core/sql-template.h"
#include "core/template.h"

#include <stdlib.h>
#include <string.h>

/* How much of the query an error shows. */
#define NEAR_LEN 24

/* ------------------------------------------------------------- errors */

static unsigned int character_number(const char *query, const char *at)
{
	unsigned int number = 1;

	for (; query < at; query++) {
		/* the first byte of each UTF-8 sequence */
		if (((unsigned char)*query & 0xc0) != 0x80)
			number++;
	}
	return number;
}

int sql_source_error(const struct sql_source *src, const char *at,
		     const char *reason)
{
	const char *query = src->query;
	char near[NEAR_LEN + 1];
	size_t i;

	if (src->written != NULL) {
		at = src->written->origin(src->written->query,
					  (size_t)(at - query));
		query = src->written->query;
	}
	for (i = 0; i < NEAR_LEN && at[i] != '\0'; i++)
		near[i] = at[i] >= ' ' && at[i] <= '~' ? at[i] : ' ';
	near[i] = '\0';
	return errbuf_set(src->error, "at character %u, near \"%s\": %s",
			  character_number(query, at), near, reason);
}

int sql_source_no_memory(const struct sql_source *src)
{
	return errbuf_set(src->error, "out of memory");
}

int sql_source_check_variable(const struct sql_source *src, const char *p,
			      size_t *span_r)
{
	struct template *tmpl;
	struct errbuf error;
	char *source;
	int ret;

	*span_r = template_var_span(p);
	source = strndup(p, *span_r);
	if (source == NULL)
		return sql_source_no_memory(src);
	ret = template_compile(source, &tmpl, &error);
	free(source);
	if (ret < 0)
		return sql_source_error(src, p, error.text);
	ret = template_is_empty(tmpl) ? 0 : 1;
	template_free(&tmpl);
	return ret;
}

/* -------------------------------------------------------------- bytes */

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool sql_is_percent_sign(const char *p)
{
	return p[0] == '%' && p[1] == '%';
}

bool sql_is_quote(char c)
{
	return c == '\'' || c == '"';
}

const char *sql_skip_quoted(const char *p)
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

bool sql_is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '$' ||
		(c & 0x80) != 0;
}

/* ----------------------------------------------------------- comments */

static bool starts_line_comment(const char *p)
{
	if (*p == '#')
		return true;
	/* without the blank, it is a minus twice */
	return p[0] == '-' && p[1] == '-' &&
		((unsigned char)p[2] <= ' ' || p[2] == 0x7f);
}

size_t sql_conditional_comment_start(const char *p)
{
	size_t len;

	if (strncmp(p, "/*+", 3) == 0)
		return 3;
	if (strncmp(p, "/*!", 3) == 0)
		len = 3;
	else if (strncmp(p, "/*M!", 4) == 0)
		len = 4;
	else
		return 0;
	/* the version */
	return len + strspn(p + len, "0123456789");
}

bool sql_starts_comment(const char *p)
{
	return starts_line_comment(p) ||
		(p[0] == '/' && p[1] == '*' &&
		 sql_conditional_comment_start(p) == 0);
}

/* For stock Dovecot a variable is one even in a comment, so that nothing
   between its braces ends it. Any other % is plain text here. */
static size_t comment_char_span(const char *p)
{
	size_t span = *p == '%' ? template_var_span(p) : 1;

	if (span > 1 && p[span - 1] == '}' && memchr(p, '{', span) != NULL)
		return span;
	return 1;
}

/* p points at a comment. Returns what follows it; NULL if it has no end. */
static const char *comment_end(const char *p)
{
	bool line = starts_line_comment(p);

	for (p += *p == '#' ? 1 : 2; *p != '\0'; p += comment_char_span(p)) {
		if (line ? *p == '\n' : p[0] == '*' && p[1] == '/')
			return line ? p : p + 2;
	}
	return line ? p : NULL;
}

const char *sql_skip_gap(const char *p, struct strbuf *text)
{
	const char *end;

	for (;;) {
		if (is_blank(*p))
			end = p + 1;
		else if (!sql_starts_comment(p) ||
			 (end = comment_end(p)) == NULL)
			return p;
		if (text != NULL)
			strbuf_append_c(text, is_blank(*p) ? *p : ' ');
		p = end;
	}
}
