/* SPDX-License-Identifier: MIT */
/*
 * The list of all users, read as a stream and handed out name by name. It
 * holds the names of one batch.
 */
#include "lookup-private.h"

#include <stdlib.h>
#include <string.h>

struct lookup_iterate {
	struct lookup_engine *engine;
	struct dbpool_stream *stream;
	lookup_iterate_callback_t *callback;
	void *context;

	/* names of the rows at hand, back to back; next points into them */
	struct strbuf names;
	size_t next;
	bool wanted;		/* a name is owed to the caller */
	bool asked;		/* the stream is working */
	bool more;		/* the stream has more */
	char *error;
};

/* The name as stock takes it: "user", or "username" with "domain". */
static bool iterate_row_name(struct strbuf *out, const struct db_rows *rows,
			     unsigned int row)
{
	char *const *values = rows->values + (size_t)row * rows->column_count;
	const char *user = NULL, *username = NULL, *domain = NULL;
	unsigned int i;

	for (i = 0; i < rows->column_count; i++) {
		if (strcmp(rows->names[i], "user") == 0)
			user = values[i];
		else if (strcmp(rows->names[i], "username") == 0)
			username = values[i];
		else if (strcmp(rows->names[i], "domain") == 0)
			domain = values[i];
	}
	if (user == NULL && username == NULL)
		return false;
	strbuf_append_str(out, user != NULL ? user : username);
	if (user == NULL && domain != NULL) {
		strbuf_append_c(out, '@');
		strbuf_append_str(out, domain);
	}
	strbuf_append_c(out, '\0');
	return true;
}

static void iterate_set_error(struct lookup_iterate *iterate, const char *text)
{
	if (iterate->error == NULL)
		iterate->error = strdup(text);
}

static void iterate_take_rows(struct lookup_iterate *iterate,
			      const struct db_rows *rows)
{
	unsigned int i;

	strbuf_reset(&iterate->names);
	iterate->next = 0;
	for (i = 0; i < rows->row_count; i++) {
		if (!iterate_row_name(&iterate->names, rows, i))
			iterate_set_error(iterate, "iterate_query gave a row "
				"without a user: it must select user, or "
				"username and domain, not NULL");
	}
	if (iterate->names.failed)
		iterate_set_error(iterate, "out of memory");
	iterate->more = rows->more && !iterate->names.failed;
}

static void iterate_take_error(struct lookup_iterate *iterate,
			       const struct db_error *error)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_reset(&iterate->names);
	iterate->next = 0;
	iterate->more = false;
	lookup_engine_explain(iterate->engine, STATEMENT_ITERATE, error,
			      &text);
	iterate_set_error(iterate, text.failed ? error->text :
			  strbuf_str(&text));
	strbuf_free(&text);
}

/* Hands out what is there, asks for more, or says that this was all. */
static void iterate_serve(struct lookup_iterate *iterate)
{
	const char *user;

	if (iterate->next < iterate->names.len) {
		user = iterate->names.data + iterate->next;
		iterate->next += strlen(user) + 1;
		iterate->wanted = false;
		iterate->callback(user, NULL, iterate->context);
	} else if (iterate->asked) {
		return;
	} else if (iterate->more) {
		iterate->asked = true;
		dbpool_stream_more(iterate->stream);
	} else {
		iterate->wanted = false;
		iterate->callback(NULL, iterate->error, iterate->context);
	}
}

static void iterate_db_callback(const struct db_rows *rows,
				const struct db_error *error, void *context)
{
	struct lookup_iterate *iterate = context;

	iterate->asked = false;
	if (rows != NULL)
		iterate_take_rows(iterate, rows);
	else
		iterate_take_error(iterate, error);
	if (iterate->wanted)
		iterate_serve(iterate);
}

struct lookup_iterate *
lookup_iterate_start(struct lookup_engine *engine,
		     const struct template_vars *vars,
		     lookup_iterate_callback_t *callback, void *context,
		     struct errbuf *error)
{
	struct lookup_iterate *iterate = calloc(1, sizeof(*iterate));
	struct dbpool *pool = lookup_engine_pool(engine);
	struct lookup_values values;

	if (iterate == NULL || pool == NULL) {
		free(iterate);
		errbuf_set(error, "Out of memory or descriptors");
		return NULL;
	}
	if (*engine->queries.iterate == '\0') {
		free(iterate);
		errbuf_set(error, "iterate_query is not set: set it in the "
			   "userdb's block");
		return NULL;
	}
	iterate->engine = engine;
	iterate->callback = callback;
	iterate->context = context;
	iterate->asked = true;
	if (lookup_values_expand(&values, engine->templates[STATEMENT_ITERATE],
				 vars, error) == 0) {
		iterate->stream = dbpool_stream_open(pool,
			engine->statements[STATEMENT_ITERATE], values.list,
			iterate_db_callback, iterate);
		if (iterate->stream == NULL)
			errbuf_set(error, "Out of memory or descriptors");
	}
	lookup_values_free(&values);
	if (iterate->stream == NULL)
		lookup_iterate_end(&iterate);
	return iterate;
}

void lookup_iterate_next(struct lookup_iterate *iterate)
{
	iterate->wanted = true;
	iterate_serve(iterate);
}

void lookup_iterate_end(struct lookup_iterate **_iterate)
{
	struct lookup_iterate *iterate = *_iterate;

	if (iterate == NULL)
		return;
	*_iterate = NULL;
	dbpool_stream_close(&iterate->stream);
	strbuf_free(&iterate->names);
	free(iterate->error);
	free(iterate);
}
