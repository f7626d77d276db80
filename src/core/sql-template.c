/* SPDX-License-Identifier: MIT */
/*
 * Turns a query with %variables into the text of a prepared statement and the
 * templates of its values: cuts the query into tokens, as MySQL does, and
 * decides for each what becomes of it. Where a value may stand is
 * sql-place.c's business, what a variable is template.c's. Called once per
 * query, when a configuration is read.
 */
#include "core/sql-template.h"

#include "core/sql-literal.h"
#include "core/sql-place.h"
#include "core/sql-source.h"

#include <stdlib.h>
#include <string.h>

struct compiler {
	struct sql_source src;
	struct sql_template *tmpl;
	struct strbuf text;
	struct sql_places places;
	const char *conditional;	/* the comment whose content counts */
	struct sql_places before_hint;
};

static int refuse(const struct compiler *comp, const char *at,
		  const char *reason)
{
	return sql_source_error(&comp->src, at, reason);
}

/* What was read since start is one token. */
static void finish_token(struct compiler *comp, enum sql_token token,
			 const char *start)
{
	sql_places_token(&comp->places, token, start,
			 (size_t)(comp->src.p - start));
}

/* ---------------------------------------------------------- variables */

static int add_bind(struct compiler *comp, const char *content, char next)
{
	struct sql_template *tmpl = comp->tmpl;

	if (template_compile(content, &tmpl->binds[tmpl->bind_count],
			     comp->src.error) < 0)
		return -1;
	tmpl->bind_count++;
	strbuf_append_c(&comp->text, '?');
	/* MySQL does not take "?as" for a placeholder */
	if (sql_is_word_char(next))
		strbuf_append_c(&comp->text, ' ');
	return 0;
}

/* Hints, and comments for a version or for MariaDB only: were the server to
   skip one, it would count fewer "?" than are bound. */
static bool comment_is_read_by_some(const char *comment)
{
	return comment[2] != '!' || (comment[3] >= '0' && comment[3] <= '9');
}

static const char *value_objection(const struct compiler *comp, bool bare)
{
	if (comp->conditional != NULL &&
	    comment_is_read_by_some(comp->conditional)) {
		return "a variable in a comment that only some servers read: "
			"move it out of the comment";
	}
	return sql_places_objection(&comp->places, bare);
}

/* What would become one with the variable once that is expanded. */
static bool joins_variable(char c)
{
	return sql_is_word_char(c) || sql_is_quote(c) || c == '.' ||
		c == '@' || c == '`';
}

static bool variable_is_joined(const struct compiler *comp, size_t span)
{
	const char *p = comp->src.p, *end = p + span;

	return (p > comp->src.query && joins_variable(p[-1])) ||
		joins_variable(*end) ||
		(*end == '%' && !sql_is_percent_sign(end));
}

static int compile_bare_variable(struct compiler *comp, size_t span)
{
	const char *start = comp->src.p, *objection = NULL;
	char *source;
	int ret;

	if (variable_is_joined(comp, span)) {
		objection = "a variable next to other text is no value: put "
			"it all into one pair of quotes, or write the name "
			"out";
	} else {
		objection = value_objection(comp, true);
	}
	if (objection != NULL)
		return refuse(comp, start, objection);

	source = strndup(start, span);
	if (source == NULL)
		return sql_source_no_memory(&comp->src);
	comp->src.p = start + span;
	ret = add_bind(comp, source, *comp->src.p);
	free(source);
	finish_token(comp, SQL_TOKEN_BOUND_VARIABLE, start);
	return ret;
}

static int compile_percent(struct compiler *comp)
{
	const char *start = comp->src.p;
	size_t span;
	int ret;

	if (sql_is_percent_sign(start)) {
		strbuf_append_c(&comp->text, '%');
		comp->src.p += 2;
		finish_token(comp, SQL_TOKEN_OTHER, start);
		return 0;
	}
	ret = sql_source_check_variable(&comp->src, start, &span);
	if (ret > 0)
		return compile_bare_variable(comp, span);
	comp->src.p += span;
	return ret;
}

/* ----------------------------------------------------------- literals */

static int check_bound_literals(struct compiler *comp,
				const struct sql_literals *lits)
{
	const char *start = lits->start, *objection;
	char before = start > comp->src.query ? start[-1] : ' ';

	if (sql_places_literal_has_prefix(&comp->places,
					  sql_is_word_char(before))) {
		return refuse(comp, start, "a variable in a literal with a "
			      "prefix or a character set: take that away");
	}
	if (before == '.' || before == '@' ||
	    *comp->src.p == '.' || *comp->src.p == '@') {
		return refuse(comp, start, "a variable cannot be part of a "
			      "name: write the name out");
	}
	if (lits->nul != NULL) {
		return refuse(comp, lits->nul, "a NUL byte next to a "
			      "variable: take the \\0 away");
	}
	objection = value_objection(comp, false);
	return objection == NULL ? 0 : refuse(comp, start, objection);
}

static int bind_literals(struct compiler *comp, const struct sql_literals *lits)
{
	if (check_bound_literals(comp, lits) < 0)
		return -1;
	return add_bind(comp, strbuf_str(&lits->content), *comp->src.p);
}

static int keep_literals(struct compiler *comp, const struct sql_literals *lits)
{
	/* only a conditional comment can be between the two */
	if (comp->places.last == SQL_TOKEN_BOUND_LITERAL) {
		return refuse(comp, lits->start, "a literal that goes on in "
			      "a comment: put both into one pair of quotes");
	}
	strbuf_append(&comp->text, lits->kept.data, lits->kept.len);
	return 0;
}

static int compile_literals(struct compiler *comp)
{
	struct sql_literals lits;
	int ret = sql_literals_scan(&comp->src, &lits);

	if (ret == 0 && lits.variables) {
		ret = bind_literals(comp, &lits);
		finish_token(comp, SQL_TOKEN_BOUND_LITERAL, lits.start);
	} else if (ret == 0) {
		ret = keep_literals(comp, &lits);
		finish_token(comp, SQL_TOKEN_LITERAL, lits.start);
	}
	sql_literals_free(&lits);
	return ret;
}

/* ------------------------------------------------------- other tokens */

static int refuse_variable_in_name(struct compiler *comp)
{
	size_t span;

	if (sql_source_check_variable(&comp->src, comp->src.p, &span) < 0)
		return -1;
	return refuse(comp, comp->src.p, "a variable cannot be part of a "
		      "name: write the name out");
}

/* A doubled backtick is read as the end of one name and the start of another,
   which comes to the same. */
static int compile_quoted_name(struct compiler *comp)
{
	const char *start = comp->src.p++;

	strbuf_append_c(&comp->text, '`');
	for (; *comp->src.p != '`'; comp->src.p++) {
		if (*comp->src.p == '\0') {
			return refuse(comp, start, "a name without end: add "
				      "the closing backtick");
		}
		if (sql_is_percent_sign(comp->src.p))
			comp->src.p++;
		else if (*comp->src.p == '%')
			return refuse_variable_in_name(comp);
		strbuf_append_c(&comp->text, *comp->src.p);
	}
	strbuf_append_c(&comp->text, '`');
	comp->src.p++;
	finish_token(comp, SQL_TOKEN_QUOTED_NAME, start);
	return 0;
}

static int compile_word(struct compiler *comp)
{
	const char *start = comp->src.p;

	while (sql_is_word_char(*comp->src.p))
		strbuf_append_c(&comp->text, *comp->src.p++);
	finish_token(comp, SQL_TOKEN_WORD, start);
	return 0;
}

static int compile_other(struct compiler *comp)
{
	const char *start = comp->src.p++;

	/* else a space in place of a comment would make one of "--" */
	if (*start == '-' && comp->text.len > 0 &&
	    comp->text.data[comp->text.len - 1] == '-')
		strbuf_append_c(&comp->text, ' ');
	strbuf_append_c(&comp->text, *start);
	finish_token(comp, SQL_TOKEN_OTHER, start);
	return 0;
}

static bool comment_is_hint(const char *comment)
{
	return comment[2] == '+';
}

static int compile_conditional_start(struct compiler *comp, size_t len)
{
	if (comp->conditional != NULL) {
		return refuse(comp, comp->src.p, "a comment within a "
			      "comment: take one of them away");
	}
	comp->conditional = comp->src.p;
	comp->before_hint = comp->places;
	strbuf_append(&comp->text, comp->src.p, len);
	comp->src.p += len;
	return 0;
}

static void compile_conditional_end(struct compiler *comp)
{
	/* the statement goes on as if the hint were not there */
	if (comment_is_hint(comp->conditional))
		comp->places = comp->before_hint;
	comp->conditional = NULL;
	strbuf_append_str(&comp->text, "*/");
	comp->src.p += 2;
}

static int compile_semicolon(struct compiler *comp)
{
	const char *end = sql_skip_gap(comp->src.p + 1, NULL);

	if (*end != '\0') {
		return refuse(comp, comp->src.p, "a second statement: keep "
			      "one, and nothing behind its \";\"");
	}
	comp->src.p = end;
	return 0;
}

static int compile_token(struct compiler *comp)
{
	size_t len;

	if (sql_is_word_char(*comp->src.p))
		return compile_word(comp);
	if (sql_is_quote(*comp->src.p))
		return compile_literals(comp);
	if ((len = sql_conditional_comment_start(comp->src.p)) > 0)
		return compile_conditional_start(comp, len);
	if (comp->conditional != NULL && strncmp(comp->src.p, "*/", 2) == 0) {
		compile_conditional_end(comp);
		return 0;
	}
	switch (*comp->src.p) {
	case '%':
		return compile_percent(comp);
	case '`':
		return compile_quoted_name(comp);
	case ';':
		return compile_semicolon(comp);
	case '?':
		return refuse(comp, comp->src.p, "a \"?\" outside of quotes, "
			      "where no value can be put: write the value");
	}
	if (sql_starts_comment(comp->src.p)) {
		return refuse(comp, comp->src.p, "a comment without end: add "
			      "the closing \"*/\"");
	}
	return compile_other(comp);
}

static int compile_query(struct compiler *comp)
{
	for (;;) {
		comp->src.p = sql_skip_gap(comp->src.p, &comp->text);
		if (*comp->src.p == '\0')
			break;
		if (compile_token(comp) < 0)
			return -1;
	}
	if (comp->conditional != NULL) {
		return refuse(comp, comp->conditional, "a comment without "
			      "end: add the closing \"*/\"");
	}
	comp->tmpl->text = strbuf_steal(&comp->text);
	return comp->tmpl->text != NULL ? 0 :
		sql_source_no_memory(&comp->src);
}

/* ------------------------------------------------------------- public */

static unsigned int max_binds(const char *query)
{
	unsigned int count = 1;

	for (; *query != '\0'; query++) {
		if (*query == '%')
			count++;
	}
	return count;
}

static int compile_written(const char *query, const struct sql_written *written,
			   struct sql_template **tmpl_r, struct errbuf *error)
{
	struct sql_template *tmpl = calloc(1, sizeof(*tmpl));
	struct compiler comp = {
		.src = { .query = query, .written = written, .p = query,
			 .error = error },
		.tmpl = tmpl,
		.text = STRBUF_INIT,
	};
	int ret;

	*tmpl_r = NULL;
	if (tmpl == NULL)
		return errbuf_set(error, "out of memory");
	tmpl->binds = calloc(max_binds(query), sizeof(*tmpl->binds));
	sql_places_init(&comp.places);
	ret = tmpl->binds != NULL ? compile_query(&comp) :
		errbuf_set(error, "out of memory");
	strbuf_free(&comp.text);
	if (ret < 0)
		sql_template_free(&tmpl);
	*tmpl_r = tmpl;
	return ret;
}

int sql_template_compile(const char *query, struct sql_template **tmpl_r,
			 struct errbuf *error)
{
	return compile_written(query, NULL, tmpl_r, error);
}

int sql_template_check(const char *query, const struct sql_written *written,
		       struct errbuf *error)
{
	struct sql_template *tmpl;

	if (compile_written(query, written, &tmpl, error) < 0)
		return -1;
	sql_template_free(&tmpl);
	return 0;
}

void sql_template_free(struct sql_template **_tmpl)
{
	struct sql_template *tmpl = *_tmpl;
	unsigned int i;

	if (tmpl == NULL)
		return;
	*_tmpl = NULL;
	for (i = 0; i < tmpl->bind_count; i++)
		template_free(&tmpl->binds[i]);
	free(tmpl->binds);
	free(tmpl->text);
	free(tmpl);
}

bool sql_template_uses(const struct sql_template *tmpl, char key,
		       const char *long_key)
{
	unsigned int i;

	for (i = 0; i < tmpl->bind_count; i++) {
		if (template_uses(tmpl->binds[i], key, long_key))
			return true;
	}
	return false;
}
