/* SPDX-License-Identifier: MIT */
/*
 * The story of one lookup: can this name exist, which statement, which values,
 * what does the row mean. The pool does the waiting.
 */
#include "lookup-private.h"

#include <stdlib.h>
#include <string.h>

void lookup_values_free(struct lookup_values *values)
{
	strbuf_free(&values->text);
	free(values->list);
}

int lookup_values_expand(struct lookup_values *values,
			 const struct sql_template *tmpl,
			 const struct template_vars *vars,
			 struct errbuf *error)
{
	unsigned int i;
	const char *p;

	memset(values, 0, sizeof(*values));
	values->list = calloc(tmpl->bind_count + 1, sizeof(*values->list));
	for (i = 0; i < tmpl->bind_count; i++) {
		if (template_expand(tmpl->binds[i], vars, &values->text,
				    error) < 0)
			return -1;
		strbuf_append_c(&values->text, '\0');
	}
	if (values->list == NULL || values->text.failed)
		return errbuf_set(error, "out of memory");
	p = strbuf_str(&values->text);
	for (i = 0; i < tmpl->bind_count; i++) {
		values->list[i] = p;
		p += strlen(p) + 1;
	}
	return 0;
}

static bool str_is_ascii(const char *str)
{
	for (; *str != '\0'; str++) {
		if ((unsigned char)*str >= 0x80)
			return false;
	}
	return true;
}

static bool engine_failed_before(struct lookup_engine *engine,
				 const struct db_error *error)
{
	bool repeated = engine->failing &&
		engine->failing_kind == error->kind &&
		engine->failing_code == error->code;

	engine->failing = true;
	engine->failing_kind = error->kind;
	engine->failing_code = error->code;
	return repeated;
}

static void lookup_finish(struct lookup *lookup, enum account_verdict verdict,
			  const char *reason, bool repeated)
{
	const struct account account = {
		.verdict = verdict,
		.reason = reason,
		.repeated = repeated,
	};

	lookup->callback(&account, lookup->context);
}

static void lookup_failed(struct lookup *lookup, const struct db_error *error)
{
	struct strbuf text = STRBUF_INIT;

	/* The column's character set has no such letters, so no row of it can
	   have that name. With an ASCII name it is the schema's fault. */
	if (error->kind == DB_ERROR_COLLATION && !lookup->ascii) {
		lookup_finish(lookup, ACCOUNT_UNKNOWN, "the name holds letters "
			      "that the column's character set does not have",
			      false);
		return;
	}
	lookup_engine_explain(lookup->engine,
			      (enum lookup_statement)lookup->kind, error,
			      &text);
	lookup_finish(lookup, ACCOUNT_FAILED, text.failed ?
		      error->text : strbuf_str(&text),
		      engine_failed_before(lookup->engine, error));
	strbuf_free(&text);
}

static void lookup_db_callback(const struct db_rows *rows,
			       const struct db_error *error, void *context)
{
	struct lookup *lookup = context;
	struct account account;
	struct account_row row;

	if (rows == NULL) {
		lookup_failed(lookup, error);
		return;
	}
	lookup->engine->failing = false;
	row.count = rows->column_count;
	row.names = (const char *const *)rows->names;
	row.values = (const char *const *)rows->values;
	row.widths = rows->widths;
	account_evaluate(lookup->engine->rules, lookup->kind,
			 rows->row_count == 0 ? NULL : &row,
			 rows->row_count > 1, &lookup->vars, &account);
	lookup->callback(&account, lookup->context);
	account_free(&account);
}

void lookup_start(struct lookup *lookup)
{
	struct lookup_engine *engine = lookup->engine;
	struct lookup_values values;
	struct dbpool *pool;
	struct errbuf error;
	const char *refused;

	refused = account_name_refused(engine->rules, lookup->vars.user);
	if (refused != NULL) {
		lookup_finish(lookup, ACCOUNT_UNKNOWN, refused, false);
		return;
	}
	lookup->ascii = str_is_ascii(lookup->vars.user);
	if (lookup_values_expand(&values, engine->templates[lookup->kind],
				 &lookup->vars, &error) < 0) {
		lookup_values_free(&values);
		lookup_finish(lookup, ACCOUNT_FAILED, error.text, false);
		return;
	}
	pool = lookup_engine_pool(engine);
	if (pool == NULL ||
	    dbpool_submit(pool, &engine->statements[lookup->kind], values.list,
			  lookup_db_callback, lookup) == NULL) {
		lookup_values_free(&values);
		lookup_finish(lookup, ACCOUNT_FAILED, engine->stopped ?
			      "The authentication process is ending" :
			      "Out of memory or descriptors", false);
		return;
	}
	lookup_values_free(&values);
}
