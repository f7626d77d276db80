/* SPDX-License-Identifier: MIT */
/*
 * What lasts as long as a configuration: its compiled statements, its rules,
 * its servers, its pool and its healer; and how its errors are told.
 */
#include "lookup-private.h"

#include "core/sql-wide.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than Dovecot keeps an idle auth process. */
#define IDLE_TIMEOUT_MS (60 * 1000)

static const struct {
	const char *name;
	size_t query;		/* offset in struct schema_queries */
} statement_defs[STATEMENT_COUNT] = {
	[STATEMENT_PASSDB] = {
		"password_query", offsetof(struct schema_queries, passdb) },
	[STATEMENT_USERDB] = {
		"user_query", offsetof(struct schema_queries, userdb) },
	[STATEMENT_REDIRECT] = {
		"alias lookup", offsetof(struct schema_queries, redirect) },
	[STATEMENT_SECRETS] = {
		"lookup of app passwords",
		offsetof(struct schema_queries, secrets) },
	[STATEMENT_ITERATE] = {
		"iterate_query", offsetof(struct schema_queries, iterate) },
};

static const char *engine_query(const struct lookup_engine *engine,
				unsigned int id)
{
	return *(char *const *)((const char *)&engine->queries +
				statement_defs[id].query);
}

/* One row is the answer, a second one tells that there are several. */
#define MAX_ROWS 2

static unsigned int engine_max_rows(const struct lookup_engine *engine,
				    unsigned int id)
{
	return id == STATEMENT_SECRETS ? engine->queries.secrets_max :
		MAX_ROWS;
}

static struct db_statement *
engine_add_form(struct lookup_engine *engine, unsigned int id,
		unsigned int form, const char *text, unsigned int queries)
{
	struct db_statement *forms = engine->statements[id];

	forms[form] = (struct db_statement) {
		.id = engine->statement_count++,
		.text = text,
		.bind_count = engine->templates[id]->bind_count * queries,
		.max_rows = engine_max_rows(engine, id),
		.queries = queries,
		.plain = form == 0 ? NULL : &forms[0],
	};
	if (form > 0)
		forms[form - 1].wider = &forms[form];
	return &forms[form];
}

/* Whoever writes the same twice means the same value. */
static void engine_share_values(const struct sql_template *tmpl,
				struct sql_shape *shape)
{
	/* of so many values each is bound or an echo */
	unsigned char first[2 * SQL_SHAPE_MAX];
	unsigned int i, j;

	for (i = 0; i < tmpl->bind_count; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(template_text(tmpl->binds[j]),
				   template_text(tmpl->binds[i])) == 0)
				break;
		}
		first[i] = (unsigned char)j;
	}
	sql_shape_share(shape, first);
}

/* Whether the statement can be joined. What our own queries for accounts
   compare values with is text in every PostfixAdmin. */
static bool engine_shape(struct lookup_engine *engine, unsigned int id)
{
	const char *text = engine->templates[id]->text;
	struct sql_shape *shape = &engine->shapes[id];
	unsigned int i;

	if (engine->conf->form == PFA_CONF_NAMED) {
		if ((id != STATEMENT_PASSDB && id != STATEMENT_USERDB) ||
		    !sql_shape_trust(text, engine->templates[id]->bind_count,
				     shape))
			return false;
	} else if (!sql_shape_read(text, shape)) {
		return false;
	}
	engine_share_values(engine->templates[id], shape);
	for (i = 0; i < shape->echo_count; i++) {
		engine->echoes[id][i] = (struct db_echo) {
			.column = shape->echoes[i].column,
			.value = shape->echoes[i].value,
			.name = shape->echoes[i].name,
		};
	}
	return true;
}

static void engine_add_join(struct lookup_engine *engine, unsigned int id,
			    unsigned int form, const char *text,
			    unsigned int queries)
{
	const struct sql_shape *shape = &engine->shapes[id];
	struct db_statement *statement =
		engine_add_form(engine, id, form, text, queries);

	statement->reorders = true;
	statement->value_max = SQL_WIDE_VALUE_MAX;
	statement->keys = shape->key_count;
	statement->bind_count = shape->bind_count * queries;
	statement->values = shape->binds;
	statement->echoes = engine->echoes[id];
	statement->echo_count = shape->echo_count;
}

/* Forms of twice the width each, and one of the widest that is wanted. */
static int engine_widen(struct lookup_engine *engine, unsigned int id,
			struct errbuf *error)
{
	const char *text = engine->templates[id]->text;
	const unsigned int widest = engine->conf->coalesce;
	const bool joins = engine_shape(engine, id);
	unsigned int form = 0, queries = 1;
	char *wide;

	while (queries < widest && (joins || sql_wide_is_safe(text))) {
		queries = queries * 2 < widest ? queries * 2 : widest;
		wide = joins ? sql_wide_join(&engine->shapes[id], queries) :
			sql_wide_union(text, queries,
				       engine_max_rows(engine, id));
		if (wide == NULL)
			return errbuf_set(error, "out of memory");
		if (joins)
			engine_add_join(engine, id, ++form, wide, queries);
		else
			(void)engine_add_form(engine, id, ++form, wide,
					      queries);
	}
	return 0;
}

static void engine_free_statements(struct lookup_engine *engine)
{
	unsigned int id, form;

	for (id = 0; id < STATEMENT_COUNT; id++) {
		for (form = 1; form < STATEMENT_FORMS; form++)
			free((char *)engine->statements[id][form].text);
		sql_shape_free(&engine->shapes[id]);
		sql_template_free(&engine->templates[id]);
	}
}

static int engine_compile(struct lookup_engine *engine, struct errbuf *error)
{
	unsigned int i;

	if (schema_build(engine->conf, &engine->queries, error) < 0)
		return -1;
	for (i = 0; i < STATEMENT_COUNT; i++) {
		if (engine_query(engine, i) == NULL)
			continue;
		if (sql_template_compile(engine_query(engine, i),
					 &engine->templates[i], error) < 0) {
			error->setting = statement_defs[i].name;
			return -1;
		}
		(void)engine_add_form(engine, i, 0,
				      engine->templates[i]->text, 1);
		if (i != STATEMENT_ITERATE &&
		    engine_widen(engine, i, error) < 0)
			return -1;
	}
	return account_rules_new(engine->conf, &engine->rules, error);
}

static const enum db_tls tls_modes[] = {
	[PFA_TLS_AUTO] = DB_TLS_AUTO,
	[PFA_TLS_OFF] = DB_TLS_OFF,
	[PFA_TLS_REQUIRED] = DB_TLS_REQUIRED,
	[PFA_TLS_VERIFY] = DB_TLS_VERIFY,
	[PFA_TLS_STOCK] = DB_TLS_STOCK,
};

/* Dovecot 2.3 reads this group of the system's option files, even if no file
   is named. */
static const char *option_group(const struct pfa_conf *conf)
{
	if (conf->option_group != NULL || conf->form == PFA_CONF_NAMED)
		return conf->option_group;
	return "client";
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
			.tcp = conf->form != PFA_CONF_DROPIN &&
				conf->hosts[i].port != 0,
			.user = conf->user,
			.password = conf->password,
			.dbname = conf->dbname,
			.option_file = conf->option_file,
			.option_group = option_group(conf),
			.client_flags = conf->client_flags,
			.tls = tls_modes[conf->tls],
			.tls_ca = conf->tls_ca,
			.tls_ca_path = conf->tls_ca_path,
			.tls_cert = conf->tls_cert,
			.tls_key = conf->tls_key,
			.tls_cipher = conf->tls_cipher,
			.tls_stock_verify = conf->tls_verify_server_cert,
			.connect_timeout_ms = conf->connect_timeout,
		};
	}
	return 0;
}

static struct hash_limits engine_limits(const struct pfa_conf *conf)
{
	return (struct hash_limits) {
		.bcrypt_cost = conf->verify_max_bcrypt_cost,
		.rounds = conf->verify_max_rounds,
		.passes = conf->verify_max_passes,
		.memory = conf->verify_memory * 1024,
	};
}

static int engine_rehash(struct lookup_engine *engine, struct errbuf *error)
{
	const struct pfa_conf *conf = engine->conf;
	const struct rehash_params params = {
		.rule = &engine->rehash_rule,
		.sql = &engine->rehash_sql,
		.servers = engine->servers,
		.server_count = conf->host_count,
		.write_timeout_ms = conf->lookup_timeout,
		.loop = engine->loop,
		.log = engine->log,
		.log_context = engine->log_context,
		.debug = engine->debug,
	};

	if (conf->rehash == NULL)
		return 0;
	if (rehash_rule_new(conf, &engine->limits, &engine->rehash_rule,
			    error) < 0 ||
	    schema_rehash_build(conf, &engine->rehash_sql, error) < 0)
		return -1;
	engine->rehash = rehash_new(&params);
	return engine->rehash != NULL ? 0 : errbuf_set(error, "out of memory");
}

static int engine_last_login(struct lookup_engine *engine,
			     struct errbuf *error)
{
	const struct pfa_conf *conf = engine->conf;
	struct last_login_params params = {
		.servers = engine->servers,
		.server_count = conf->host_count,
		.interval_ms = conf->last_login_interval,
		.write_timeout_ms = conf->lookup_timeout,
		.loop = engine->loop,
		.log = engine->log,
		.log_context = engine->log_context,
		.debug = engine->debug,
	};

	if (!conf->last_login)
		return 0;
	if (schema_last_login_build(conf, LAST_LOGIN_ROWS,
				    &engine->last_login_insert,
				    &engine->last_login_table, error) < 0)
		return -1;
	params.insert = engine->last_login_insert;
	params.table = engine->last_login_table;
	engine->last_login = last_login_new(&params);
	return engine->last_login != NULL ? 0 :
		errbuf_set(error, "out of memory");
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
	engine->limits = engine_limits(conf);
	engine->path = strdup(params->path);
	engine->loop = params->loop;
	engine->log = params->log;
	engine->observe = params->observe;
	engine->log_context = params->log_context;
	engine->debug = params->debug;
	if (engine->path == NULL)
		errbuf_set(error, "out of memory");
	if (engine->path == NULL || engine_compile(engine, error) < 0 ||
	    engine_servers(engine, error) < 0 ||
	    engine_rehash(engine, error) < 0 ||
	    engine_last_login(engine, error) < 0) {
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
	rehash_free(&engine->rehash);
	last_login_free(&engine->last_login);
}

void lookup_engine_hurry(struct lookup_engine *engine,
			 unsigned int lookup_timeout_ms)
{
	/* for a pool that is yet to be made */
	if (engine->conf->lookup_timeout > lookup_timeout_ms)
		engine->conf->lookup_timeout = lookup_timeout_ms;
	if (engine->pool != NULL)
		dbpool_hurry(engine->pool, lookup_timeout_ms);
}

void lookup_engine_free(struct lookup_engine **_engine)
{
	struct lookup_engine *engine = *_engine;

	if (engine == NULL)
		return;
	*_engine = NULL;
	lookup_engine_stop(engine);
	engine_free_statements(engine);
	schema_queries_free(&engine->queries);
	schema_rehash_free(&engine->rehash_sql);
	free(engine->last_login_insert);
	free(engine->last_login_table);
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

struct last_login *
lookup_engine_last_login(const struct lookup_engine *engine)
{
	return engine->last_login;
}

struct rehash *lookup_engine_rehash(const struct lookup_engine *engine)
{
	return engine->rehash;
}

const struct hash_limits *
lookup_engine_hash_limits(const struct lookup_engine *engine)
{
	return &engine->limits;
}

const char *lookup_engine_query(const struct lookup_engine *engine,
				enum account_kind kind)
{
	return engine_query(engine, kind);
}

bool lookup_engine_binds_password(const struct lookup_engine *engine)
{
	unsigned int i;

	for (i = 0; i < STATEMENT_COUNT; i++) {
		if (engine->templates[i] != NULL &&
		    sql_template_uses(engine->templates[i], 'w', "password"))
			return true;
	}
	return false;
}

static void engine_observe(const struct dbpool_event *event, void *context)
{
	const struct lookup_engine *engine = context;
	const char *query = NULL;
	unsigned int id;

	if (engine->observe == NULL)
		return;
	for (id = 0; id < STATEMENT_COUNT; id++) {
		if (event->statement == engine->statements[id])
			query = statement_defs[id].name;
	}
	engine->observe(event, query, engine->log_context);
}

struct dbpool *lookup_engine_pool(struct lookup_engine *engine)
{
	const struct dbpool_settings settings = {
		.servers = engine->servers,
		.server_count = engine->conf->host_count,
		.load_balance = engine->conf->load_balance,
		.connections = engine->conf->connections,
		.max_batch = engine->conf->coalesce,
		.lookup_timeout_ms = engine->conf->lookup_timeout,
		.hedge_after_ms = engine->conf->hedge_after,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.statement_count = engine->statement_count,
		.log = engine->log,
		.log_context = engine->log_context,
		.observe = engine_observe,
		.observe_context = engine,
		.debug = engine->debug,
	};

	if (engine->pool == NULL && !engine->stopped)
		engine->pool = dbpool_new(&settings, engine->loop);
	return engine->pool;
}

/* What to look at, and where, for errors that the configuration or the rights
   on the server cause. */
static const struct {
	const char *named_setting, *named;
	const char *dropin_setting, *dropin;
} cures[] = {
	[DB_ERROR_LOGIN] = {
		"password", "check user and password (or tls and tls_cert, if "
		"the account REQUIREs them)",
		"connect", "check user= and password= of connect (or ssl_ca= "
		"and ssl_cert=, if the account REQUIREs them)" },
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
	[DB_ERROR_TLS] = {
		"tls", "check tls, tls_ca and hosts against who signed the "
		"server's certificate, its dates and names",
		"connect", "check ssl_ca= and host= of connect against who "
		"signed the server's certificate, its dates and names" },
	[DB_ERROR_READ_ONLY] = {
		"hosts", "the server takes no changes",
		NULL, "the server takes no changes, but the query makes one" },
	[DB_ERROR_BUSY] = {
		"hosts", "look at the server: it takes no connections or "
		"queries for now",
		"connect", "look at the server: it takes no connections or "
		"queries for now" },
	[DB_ERROR_AGAIN] = { NULL, NULL, NULL, NULL },
	/* kept inside the pool */
	[DB_ERROR_WIDE] = { NULL, NULL, NULL, NULL },
};

void lookup_engine_explain(const struct lookup_engine *engine,
			   enum lookup_statement id,
			   const struct db_error *error, struct strbuf *out)
{
	const char *query = statement_defs[id].name;
	bool named = engine->conf->form != PFA_CONF_DROPIN;
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
	cure = named ? cures[error->kind].named : cures[error->kind].dropin;
	if (cure == NULL)
		return;
	setting = named ? cures[error->kind].named_setting :
		cures[error->kind].dropin_setting;
	line = conf_lines_find(engine->lines,
			       setting != NULL ? setting : query);
	strbuf_append_str(out, ": ");
	strbuf_append_str(out, cure);
	strbuf_append_str(out, " (");
	strbuf_append_str(out, engine->path);
	snprintf(place, sizeof(place), " line %u", line);
	strbuf_append_str(out, line > 0 ? place : "");
	strbuf_append_str(out, ")");
}
