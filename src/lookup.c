/* SPDX-License-Identifier: MIT */
/*
 * The story of one lookup: can this name exist, which statement, which values,
 * what does the row mean. Queries are compiled and rules made once, when the
 * engine is; the pool does the waiting.
 */
#include "lookup.h"

#include "core/schema.h"
#include "core/sql-template.h"
#include "pool/dbpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than Dovecot keeps an idle auth process. */
#define IDLE_TIMEOUT_MS (60 * 1000)

enum lookup_statement {
	STATEMENT_PASSDB = ACCOUNT_PASSDB,
	STATEMENT_USERDB = ACCOUNT_USERDB,
	STATEMENT_ITERATE,
	STATEMENT_COUNT
};

struct lookup_engine {
	struct pfa_conf *conf;
	struct conf_lines *lines;
	char *path;
	const struct dbpool_loop *loop;
	dbpool_log_t *log;
	void *log_context;
	bool debug, stopped;

	struct schema_queries queries;
	struct sql_template *templates[STATEMENT_COUNT];
	struct db_statement statements[STATEMENT_COUNT];
	struct account_rules *rules;
	struct db_server *servers;
	struct dbpool *pool;

	/* the trouble that lasts, so that a thousand logins do not report it a
	   thousand times; ends with the first lookup that succeeds */
	bool failing;
	enum db_error_kind failing_kind;
	unsigned int failing_code;
};

/* -------------------------------------------------------------- engine */

static const struct {
	const char *name;
	size_t query;		/* offset in struct schema_queries */
} statement_defs[STATEMENT_COUNT] = {
	[STATEMENT_PASSDB] = {
		"password_query", offsetof(struct schema_queries, passdb) },
	[STATEMENT_USERDB] = {
		"user_query", offsetof(struct schema_queries, userdb) },
	[STATEMENT_ITERATE] = {
		"iterate_query", offsetof(struct schema_queries, iterate) },
};

static const char *engine_query(const struct lookup_engine *engine,
				unsigned int id)
{
	return *(char *const *)((const char *)&engine->queries +
				statement_defs[id].query);
}

static int engine_compile(struct lookup_engine *engine, struct errbuf *error)
{
	unsigned int i;

	if (schema_build(engine->conf, &engine->queries, error) < 0)
		return -1;
	for (i = 0; i < STATEMENT_COUNT; i++) {
		if (sql_template_compile(engine_query(engine, i),
					 &engine->templates[i], error) < 0) {
			error->setting = statement_defs[i].name;
			return -1;
		}
		engine->statements[i].id = i;
		engine->statements[i].text = engine->templates[i]->text;
		engine->statements[i].bind_count =
			engine->templates[i]->bind_count;
	}
	return account_rules_new(engine->conf, &engine->rules, error);
}

static bool host_is_local(const struct pfa_conf_host *host)
{
	return host->socket != NULL || host->name == NULL ||
		strcmp(host->name, "localhost") == 0 ||
		strcmp(host->name, "::1") == 0 ||
		strncmp(host->name, "127.", 4) == 0;
}

static enum db_tls host_tls(const struct pfa_conf *conf,
			    const struct pfa_conf_host *host)
{
	switch (conf->tls) {
	case PFA_TLS_OFF:
		return DB_TLS_OFF;
	case PFA_TLS_REQUIRED:
		return DB_TLS_REQUIRED;
	case PFA_TLS_VERIFY:
		return DB_TLS_VERIFY;
	case PFA_TLS_STOCK:
		/* TLS is asked for by naming a CA, as in driver-mysql.c */
		if (conf->tls_ca == NULL && conf->tls_ca_path == NULL)
			return DB_TLS_DEFAULT;
		return conf->tls_verify_server_cert ?
			DB_TLS_VERIFY : DB_TLS_REQUIRED;
	case PFA_TLS_AUTO:
		break;
	}
	return host_is_local(host) ? DB_TLS_OFF : DB_TLS_VERIFY;
}

static int engine_servers(struct lookup_engine *engine, struct errbuf *error)
{
	const struct pfa_conf *conf = engine->conf;
	unsigned int i;

	engine->servers = calloc(conf->host_count, sizeof(*engine->servers));
	if (engine->servers == NULL)
		return errbuf_set(error, "out of memory");
	for (i = 0; i < conf->host_count; i++) {
		engine->servers[i] = (struct db_server) {
			.socket = conf->hosts[i].socket,
			.host = conf->hosts[i].name,
			.port = conf->hosts[i].port,
			.tcp = conf->form == PFA_CONF_NAMED &&
				conf->hosts[i].port != 0,
			.user = conf->user,
			.password = conf->password,
			.dbname = conf->dbname,
			.option_file = conf->option_file,
			.option_group = conf->option_group,
			.client_flags = conf->client_flags,
			.tls = host_tls(conf, &conf->hosts[i]),
			.tls_ca = conf->tls_ca,
			.tls_ca_path = conf->tls_ca_path,
			.tls_cert = conf->tls_cert,
			.tls_key = conf->tls_key,
			.tls_cipher = conf->tls_cipher,
			.connect_timeout_ms = conf->connect_timeout,
		};
	}
	return 0;
}

int lookup_engine_new(const struct lookup_engine_params *params,
		      struct lookup_engine **engine_r, struct errbuf *error)
{
	struct lookup_engine *engine = calloc(1, sizeof(*engine));
	struct pfa_conf *conf = params->conf;
	struct conf_lines *lines = params->lines;

	*engine_r = NULL;
	if (engine == NULL) {
		pfa_conf_free(&conf);
		conf_lines_free(&lines);
		return errbuf_set(error, "out of memory");
	}
	engine->conf = conf;
	engine->lines = lines;
	engine->path = strdup(params->path);
	engine->loop = params->loop;
	engine->log = params->log;
	engine->log_context = params->log_context;
	engine->debug = params->debug;
	if (engine->path == NULL)
		errbuf_set(error, "out of memory");
	if (engine->path == NULL || engine_compile(engine, error) < 0 ||
	    engine_servers(engine, error) < 0) {
		lookup_engine_free(&engine);
		return -1;
	}
	*engine_r = engine;
	return 0;
}

void lookup_engine_stop(struct lookup_engine *engine)
{
	engine->stopped = true;
	dbpool_free(&engine->pool);
}

void lookup_engine_free(struct lookup_engine **_engine)
{
	struct lookup_engine *engine = *_engine;
	unsigned int i;

	if (engine == NULL)
		return;
	*_engine = NULL;
	lookup_engine_stop(engine);
	for (i = 0; i < STATEMENT_COUNT; i++)
		sql_template_free(&engine->templates[i]);
	schema_queries_free(&engine->queries);
	account_rules_free(&engine->rules);
	pfa_conf_free(&engine->conf);
	conf_lines_free(&engine->lines);
	free(engine->servers);
	free(engine->path);
	free(engine);
}

const struct pfa_conf *lookup_engine_conf(const struct lookup_engine *engine)
{
	return engine->conf;
}

const char *lookup_engine_query(const struct lookup_engine *engine,
				enum account_kind kind)
{
	return engine_query(engine, kind);
}

static struct dbpool *engine_pool(struct lookup_engine *engine)
{
	const struct dbpool_settings settings = {
		.servers = engine->servers,
		.server_count = engine->conf->host_count,
		.connections = engine->conf->connections,
		.lookup_timeout_ms = engine->conf->lookup_timeout,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.statements = engine->statements,
		.statement_count = STATEMENT_COUNT,
		.log = engine->log,
		.log_context = engine->log_context,
		.debug = engine->debug,
	};

	if (engine->pool == NULL && !engine->stopped)
		engine->pool = dbpool_new(&settings, engine->loop);
	return engine->pool;
}

/* -------------------------------------------------------------- values */

/* The values of one execution, each NUL-terminated in one buffer that is
   wiped. */
struct lookup_values {
	struct strbuf text;
	const char **list;
};

static void lookup_values_free(struct lookup_values *values)
{
	strbuf_free(&values->text);
	free(values->list);
}

static int lookup_values_expand(struct lookup_values *values,
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

/* -------------------------------------------------------------- lookup */

/* What to look at, and where, for errors that the configuration or the rights
   on the server cause. */
static const struct {
	const char *named_setting, *named;
	const char *dropin_setting, *dropin;
} cures[] = {
	[DB_ERROR_LOGIN] = {
		"password", "check user and password",
		"connect", "check user= and password= of connect" },
	[DB_ERROR_RIGHTS] = {
		"user", "GRANT SELECT on it to this user",
		"connect", "GRANT SELECT on it to this user" },
	[DB_ERROR_DATABASE] = {
		"dbname", "check dbname",
		"connect", "check dbname= of connect" },
	[DB_ERROR_TABLE] = {
		"dbname", "check dbname, table_prefix and the table names",
		NULL, "check dbname= of connect, and the query" },
	[DB_ERROR_COLUMN] = {
		"schema", "check schema and the column names",
		NULL, "check the query" },
	[DB_ERROR_SYNTAX] = {
		"schema", "check the table and column names",
		NULL, "check the query" },
	[DB_ERROR_UNREACHABLE] = {
		"hosts", "check hosts, and that the server runs",
		"connect", "check host= of connect, and that the server runs" },
	[DB_ERROR_COLLATION] = {
		"dbname", "compare the collations of the columns",
		NULL, "compare the collations of the query's columns" },
};

/* "...: check dbname (FILE line N)". The text goes to the log; query is the
   setting whose query failed. */
static void engine_explain(const struct lookup_engine *engine,
			   const char *query, const struct db_error *error,
			   struct strbuf *out)
{
	bool named = engine->conf->form == PFA_CONF_NAMED;
	const char *setting, *cure;
	char place[32];
	unsigned int line;

	strbuf_append_str(out, query);
	strbuf_append_str(out, " failed: ");
	strbuf_append_str(out, error->text);
	if (error->code != 0) {
		snprintf(place, sizeof(place), " (error %u)", error->code);
		strbuf_append_str(out, place);
	}
	if (error->kind == DB_ERROR_OTHER)
		return;
	cure = named ? cures[error->kind].named : cures[error->kind].dropin;
	setting = named ? cures[error->kind].named_setting :
		cures[error->kind].dropin_setting;
	line = conf_lines_find(engine->lines, setting != NULL ? setting : query);
	strbuf_append_str(out, ": ");
	strbuf_append_str(out, cure);
	strbuf_append_str(out, " (");
	strbuf_append_str(out, engine->path);
	snprintf(place, sizeof(place), " line %u", line);
	strbuf_append_str(out, line > 0 ? place : "");
	strbuf_append_str(out, ")");
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
	engine_explain(lookup->engine, statement_defs[lookup->kind].name,
		       error, &text);
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
	pool = engine_pool(engine);
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

/* ------------------------------------------------------------- iterate */

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
	engine_explain(iterate->engine,
		       statement_defs[STATEMENT_ITERATE].name, error, &text);
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
	struct dbpool *pool = engine_pool(engine);
	struct lookup_values values;

	if (iterate == NULL || pool == NULL) {
		free(iterate);
		errbuf_set(error, "Out of memory or descriptors");
		return NULL;
	}
	iterate->engine = engine;
	iterate->callback = callback;
	iterate->context = context;
	iterate->asked = true;
	if (lookup_values_expand(&values, engine->templates[STATEMENT_ITERATE],
				 vars, error) == 0) {
		iterate->stream = dbpool_stream_open(pool,
			&engine->statements[STATEMENT_ITERATE], values.list,
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
