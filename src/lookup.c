/* SPDX-License-Identifier: MIT */
/*
 * The story of one lookup: can this name exist, which statement, which values,
 * what does the row mean; without a row, is it a name of another mailbox; and
 * with one, are there more passwords. The pool does the waiting.
 */
#include "lookup-private.h"

#include "core/account-redirect.h"

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

/* What a redirection gives at most: a row of each table. */
#define REDIRECT_ROWS 2

static struct account_row lookup_row(const struct db_rows *rows,
				     unsigned int index)
{
	return (struct account_row) {
		.count = rows->column_count,
		.names = (const char *const *)rows->names,
		.values = (const char *const *)rows->values +
			(size_t)index * rows->column_count,
		.widths = rows->widths,
	};
}

/* The end of every lookup. */
static void lookup_answer(struct lookup *lookup, struct account *account)
{
	struct strbuf target = lookup->target;
	struct account known = lookup->account;

	/* the callback may free the lookup */
	lookup->callback(account, lookup->context);
	account_free(account);
	account_free(&known);
	strbuf_free(&target);
}

static void lookup_finish(struct lookup *lookup, enum account_verdict verdict,
			  const char *reason, bool repeated)
{
	struct account account = {
		.verdict = verdict,
		.reason = reason,
		.code = account_verdict_code(verdict),
		.repeated = repeated,
	};

	lookup_answer(lookup, &account);
}

static void lookup_failed(struct lookup *lookup, enum lookup_statement id,
			  const struct db_error *error)
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
	lookup_engine_explain(lookup->engine, id, error, &text);
	lookup_finish(lookup, ACCOUNT_FAILED, text.failed ?
		      error->text : strbuf_str(&text),
		      engine_failed_before(lookup->engine, error));
	strbuf_free(&text);
}

static void lookup_submit(struct lookup *lookup, enum lookup_statement id,
			  dbpool_callback_t *callback);

/* Has the account that is known answered. */
static void lookup_answer_known(struct lookup *lookup)
{
	struct account account = lookup->account;

	memset(&lookup->account, 0, sizeof(lookup->account));
	lookup_answer(lookup, &account);
}

/* An older PostfixAdmin has no such table, so nobody has an app password. */
static void lookup_secrets_missing(struct lookup_engine *engine,
				   const struct db_error *error)
{
	struct strbuf text = STRBUF_INIT;
	const char *str;

	if (engine->secrets_missing)
		return;
	engine->secrets_missing = true;
	strbuf_append_str(&text, "PostfixAdmin before 4.0 has no app passwords "
			  "and no TOTP, as seems to be the case here: ");
	lookup_engine_explain(engine, STATEMENT_SECRETS, error, &text);
	str = strbuf_str(&text);
	engine->log(DBPOOL_LOG_ERROR, str != NULL ? str : error->text,
		    engine->log_context);
	strbuf_free(&text);
}

static void lookup_secrets_callback(const struct db_rows *rows,
				    const struct db_error *error,
				    void *context)
{
	struct lookup *lookup = context;
	struct account_row *list;

	if (rows == NULL && error->kind != DB_ERROR_TABLE) {
		lookup_failed(lookup, STATEMENT_SECRETS, error);
		return;
	}
	if (rows == NULL)
		lookup_secrets_missing(lookup->engine, error);
	list = calloc((rows == NULL ? 0 : rows->row_count) + 1, sizeof(*list));
	if (list == NULL) {
		lookup_finish(lookup, ACCOUNT_FAILED, "out of memory", false);
		return;
	}
	for (unsigned int i = 0; rows != NULL && i < rows->row_count; i++)
		list[i] = lookup_row(rows, i);
	account_add_secrets(lookup->engine->rules, list,
			    rows == NULL ? 0 : rows->row_count,
			    &lookup->account);
	free(list);
	lookup_answer_known(lookup);
}

/* Once, so that nobody relies on what these tables cannot tell. */
static void lookup_tell_missing(struct lookup *lookup,
				const struct account_row *row)
{
	struct lookup_engine *engine = lookup->engine;
	const char *text = lookup->kind != ACCOUNT_PASSDB ? NULL :
		account_rule_missing(engine->conf, row);

	if (text == NULL || engine->rule_missing)
		return;
	engine->rule_missing = true;
	engine->log(DBPOOL_LOG_INFO, text, engine->log_context);
}

static void lookup_evaluate(struct lookup *lookup, const struct db_rows *rows)
{
	const struct account_request request = {
		.vars = &lookup->vars,
		.service = lookup->service,
	};
	const struct account_row row = lookup_row(rows, 0);

	account_evaluate(lookup->engine->rules, lookup->kind,
			 rows->row_count == 0 ? NULL : &row,
			 rows->row_count > 1, &request, &lookup->account);
	if (rows->row_count > 0)
		lookup_tell_missing(lookup, &row);
	if (!lookup->account.wants_secrets) {
		lookup_answer_known(lookup);
		return;
	}
	/* the name that the mailbox has */
	lookup->vars.user = lookup->account.user;
	lookup_submit(lookup, STATEMENT_SECRETS, lookup_secrets_callback);
}

/* %r is asked for by our own queries only, where the named form has no others;
   all else is the caller's. */
static int lookup_expand_remote(const char *text, struct strbuf *out,
				void *context, struct errbuf *error)
{
	const struct lookup *lookup = context;

	if (strcmp(text, "%r") != 0) {
		return lookup->vars.expand(text, out, lookup->vars.context,
					   error);
	}
	strbuf_append_str(out, lookup->remote == NULL ? "" : lookup->remote);
	return 0;
}

static void lookup_submit(struct lookup *lookup, enum lookup_statement id,
			  dbpool_callback_t *callback)
{
	struct lookup_engine *engine = lookup->engine;
	const struct template_vars secrets_vars = {
		.user = lookup->vars.user,
		.expand = lookup_expand_remote,
		.context = lookup,
	};
	struct lookup_values values;
	struct dbpool *pool;
	struct errbuf error;

	if (lookup_values_expand(&values, engine->templates[id],
				 id == STATEMENT_SECRETS ? &secrets_vars :
				 &lookup->vars, &error) < 0) {
		lookup_values_free(&values);
		lookup_finish(lookup, ACCOUNT_FAILED, error.text, false);
		return;
	}
	pool = lookup_engine_pool(engine);
	if (pool == NULL ||
	    !dbpool_submit(pool, engine->statements[id], values.list, callback,
			   lookup)) {
		lookup_values_free(&values);
		lookup_finish(lookup, ACCOUNT_FAILED, engine->stopped ?
			      "The authentication process is ending" :
			      "Out of memory or descriptors", false);
		return;
	}
	lookup_values_free(&values);
}

static void lookup_account(struct lookup *lookup);

static void lookup_redirect(struct lookup *lookup, const struct db_rows *rows)
{
	struct account_row row[REDIRECT_ROWS];
	const char *reason = NULL;
	bool found;

	for (unsigned int i = 0; i < rows->row_count; i++)
		row[i] = lookup_row(rows, i);
	found = account_redirect(row, rows->row_count, lookup->vars.user,
				 &lookup->target, &reason);
	if (found)
		lookup->vars.user = strbuf_str(&lookup->target);
	if (lookup->vars.user == NULL) {
		lookup_finish(lookup, ACCOUNT_FAILED, "out of memory", false);
	} else if (found && account_name_refused(lookup->engine->rules,
						 lookup->vars.user) == NULL) {
		lookup->redirected = true;
		lookup_account(lookup);
	} else {
		lookup_finish(lookup, ACCOUNT_UNKNOWN, reason, false);
	}
}

static void lookup_redirect_callback(const struct db_rows *rows,
				     const struct db_error *error,
				     void *context)
{
	struct lookup *lookup = context;

	if (rows == NULL)
		lookup_failed(lookup, STATEMENT_REDIRECT, error);
	else
		lookup_redirect(lookup, rows);
}

static void lookup_account_callback(const struct db_rows *rows,
				    const struct db_error *error,
				    void *context)
{
	struct lookup *lookup = context;

	if (rows == NULL) {
		lookup_failed(lookup, (enum lookup_statement)lookup->kind,
			      error);
		return;
	}
	lookup->engine->failing = false;
	if (rows->row_count == 0 && !lookup->redirected &&
	    lookup->engine->templates[STATEMENT_REDIRECT] != NULL) {
		lookup_submit(lookup, STATEMENT_REDIRECT,
			      lookup_redirect_callback);
		return;
	}
	lookup_evaluate(lookup, rows);
}

static void lookup_account(struct lookup *lookup)
{
	lookup_submit(lookup, (enum lookup_statement)lookup->kind,
		      lookup_account_callback);
}

void lookup_start(struct lookup *lookup)
{
	const char *refused;

	refused = account_name_refused(lookup->engine->rules,
				       lookup->vars.user);
	if (refused != NULL) {
		lookup_finish(lookup, ACCOUNT_UNKNOWN, refused, false);
		return;
	}
	lookup->ascii = str_is_ascii(lookup->vars.user);
	lookup_account(lookup);
}
