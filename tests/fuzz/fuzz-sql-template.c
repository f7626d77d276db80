/* SPDX-License-Identifier: MIT */
/*
 * Any text as a query. The prepared text is read again by a second, plain
 * lexer, which must see as many placeholders as there are values, no
 * comment but conditional ones, no second statement and everything closed.
 * Without values, the text must also be one that compiles to itself. Its wide
 * forms must have a placeholder for each value they are said to have.
 */
#include "core/sql-template.h"
#include "core/sql-wide.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a server sees in the text. */
struct seen {
	unsigned int placeholders;
	unsigned int comments;
	unsigned int conditionals;
	unsigned int semicolons;
	unsigned int percents;	/* outside of quotes */
	bool open;
};

/* p points at an opening quote. Returns what follows the closing one. */
static const char *read_quoted(const char *p, struct seen *seen)
{
	char quote = *p++;

	for (; *p != '\0'; p++) {
		if (*p == '\\' && quote != '`' && p[1] != '\0')
			p++;
		else if (*p == quote)
			return p + 1;
	}
	seen->open = true;
	return p;
}

static bool is_dash_comment(const char *p)
{
	return strncmp(p, "--", 2) == 0 &&
		((unsigned char)p[2] <= ' ' || p[2] == 0x7f);
}

static bool is_conditional(const char *p)
{
	return strncmp(p, "/*!", 3) == 0 || strncmp(p, "/*+", 3) == 0 ||
		strncmp(p, "/*M!", 4) == 0;
}

/* MySQL takes a "?" in front of a word for something else. */
static bool is_placeholder(const char *p)
{
	return *p == '?' && p[1] != '_' && p[1] != '$' &&
		!(p[1] >= '0' && p[1] <= '9') &&
		!((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z') &&
		(p[1] & 0x80) == 0;
}

static void read_text(const char *p, struct seen *seen)
{
	bool conditional = false;

	while (*p != '\0') {
		if (*p == '\'' || *p == '"' || *p == '`') {
			p = read_quoted(p, seen);
			continue;
		}
		if (is_conditional(p)) {
			seen->conditionals++;
			conditional = true;
			p += 3;
			continue;
		}
		if (conditional && strncmp(p, "*/", 2) == 0) {
			conditional = false;
			p += 2;
			continue;
		}
		seen->comments += *p == '#' || is_dash_comment(p) ||
			strncmp(p, "/*", 2) == 0;
		seen->placeholders += is_placeholder(p);
		seen->semicolons += *p == ';';
		seen->percents += *p == '%';
		p++;
	}
	if (conditional)
		seen->open = true;
}

static void check_text(const struct sql_template *tmpl, const char *query)
{
	struct seen seen = { .open = false };

	read_text(tmpl->text, &seen);
	if (seen.placeholders != tmpl->bind_count || seen.comments > 0 ||
	    seen.semicolons > 0 || seen.open)
		abort();
	if (seen.percents > 0 && strstr(query, "%%") == NULL)
		abort();
}

/* The text as it would have to be written in a file. */
static char *double_percents(const char *text)
{
	struct strbuf buf = STRBUF_INIT;

	for (; *text != '\0'; text++) {
		if (*text == '%')
			strbuf_append_c(&buf, '%');
		strbuf_append_c(&buf, *text);
	}
	return strbuf_steal(&buf);
}

static void check_again(const struct sql_template *tmpl)
{
	char *query = double_percents(tmpl->text);
	struct sql_template *again;
	struct errbuf error;

	if (sql_template_compile(query, &again, &error) < 0 ||
	    again->bind_count > 0 || strcmp(again->text, tmpl->text) != 0)
		abort();
	sql_template_free(&again);
	free(query);
}

static int expand_to_nothing(const char *text, struct strbuf *out,
			     void *context, struct errbuf *error)
{
	(void)text;
	(void)out;
	(void)context;
	(void)error;
	return 0;
}

static void check_binds(const struct sql_template *tmpl)
{
	struct template_vars vars = {
		.user = "joe@example.org",
		.expand = expand_to_nothing,
	};
	struct strbuf out = STRBUF_INIT;
	struct errbuf error;
	unsigned int i;

	for (i = 0; i < tmpl->bind_count; i++) {
		if (template_expand(tmpl->binds[i], &vars, &out, &error) < 0 ||
		    strchr(template_text(tmpl->binds[i]), '%') == NULL)
			abort();
	}
	strbuf_free(&out);
}

#define LOOKUPS 3

static void check_wide_text(char *text, unsigned int binds)
{
	struct seen seen = { .open = false };

	read_text(text, &seen);
	if (seen.placeholders != LOOKUPS * binds || seen.open)
		abort();
	free(text);
}

static void check_wide(const struct sql_template *tmpl)
{
	struct sql_shape shape;

	if (sql_wide_is_safe(tmpl->text)) {
		check_wide_text(sql_wide_union(tmpl->text, LOOKUPS, 2),
				tmpl->bind_count);
	}
	if (sql_shape_read(tmpl->text, &shape)) {
		if (shape.bind_count + shape.echo_count != tmpl->bind_count)
			abort();
		check_wide_text(sql_wide_join(&shape, LOOKUPS),
				shape.bind_count);
	}
	sql_shape_free(&shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct errbuf error = { .text = "" };
	struct sql_template *tmpl;
	char *query = malloc(size + 1);

	memcpy(query, data, size);
	query[size] = '\0';
	if (sql_template_compile(query, &tmpl, &error) == 0) {
		check_text(tmpl, query);
		check_binds(tmpl);
		check_wide(tmpl);
		if (tmpl->bind_count == 0)
			check_again(tmpl);
		(void)sql_template_uses(tmpl, 'w', "password");
		sql_template_free(&tmpl);
	} else if (strncmp(error.text, "at character ", 13) != 0 ||
		   tmpl != NULL) {
		abort();
	}
	free(query);
	return 0;
}
