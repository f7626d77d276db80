/* SPDX-License-Identifier: MIT */
#ifndef LOOKUP_PRIVATE_H
#define LOOKUP_PRIVATE_H

/*
 * What the files of the lookup share: lookup-engine.c makes what lasts as long
 * as a configuration, lookup.c answers for one user, lookup-iterate.c lists
 * them all.
 */
#include "last-login.h"
#include "lookup.h"
#include "rehash.h"

#include "core/rehash-rule.h"
#include "core/schema.h"
#include "core/sql-shape.h"
#include "core/sql-template.h"

enum lookup_statement {
	STATEMENT_PASSDB = ACCOUNT_PASSDB,
	STATEMENT_USERDB = ACCOUNT_USERDB,
	STATEMENT_REDIRECT,
	STATEMENT_SECRETS,
	STATEMENT_ITERATE,
	STATEMENT_COUNT
};

/* 1, 2, 4 ... DB_MAX_QUERIES lookups at once */
#define STATEMENT_FORMS 7

struct lookup_engine {
	struct pfa_conf *conf;
	struct conf_lines *lines;
	char *path;
	const struct dbpool_loop *loop;
	dbpool_log_t *log;
	lookup_observe_t *observe;
	void *log_context;
	bool debug, stopped;

	struct schema_queries queries;
	/* NULL: the configuration has no use for this one */
	struct sql_template *templates[STATEMENT_COUNT];
	/* each with its wide forms behind it, which may need its shape */
	struct db_statement statements[STATEMENT_COUNT][STATEMENT_FORMS];
	struct sql_shape shapes[STATEMENT_COUNT];
	struct db_echo echoes[STATEMENT_COUNT][SQL_SHAPE_MAX];
	unsigned int statement_count;
	struct account_rules *rules;
	struct db_server *servers;
	struct dbpool *pool;

	struct hash_limits limits;
	/* NULL: rehash is not set, or the engine was stopped */
	struct rehash *rehash;
	struct rehash_rule rehash_rule;
	struct schema_rehash rehash_sql;
	/* the same */
	struct last_login *last_login;
	char *last_login_insert, *last_login_table;

	/* the trouble that lasts, so that a thousand logins do not report it a
	   thousand times; ends with the first lookup that succeeds */
	bool secrets_missing, rule_missing;	/* was told */
	bool failing;
	enum db_error_kind failing_kind;
	unsigned int failing_code;
};

/* The pool, made with its first use; NULL if the engine was stopped, or memory
   or descriptors ran out. */
struct dbpool *lookup_engine_pool(struct lookup_engine *engine);

/* Appends "user_query failed: ...: check dbname (FILE line N)", for the log:
   what failed, why, and what to look at where. */
void lookup_engine_explain(const struct lookup_engine *engine,
			   enum lookup_statement id,
			   const struct db_error *error, struct strbuf *out);

/* The values of one execution, each NUL-terminated in one buffer that is
   wiped. */
struct lookup_values {
	struct strbuf text;
	const char **list;
};

/* Expands the values of a statement. Returns 0, or -1 with error filled in; in
   both cases the values are to be freed. */
int lookup_values_expand(struct lookup_values *values,
			 const struct sql_template *tmpl,
			 const struct template_vars *vars,
			 struct errbuf *error);
void lookup_values_free(struct lookup_values *values);

#endif
