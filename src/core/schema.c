/* SPDX-License-Identifier: MIT */
/*
 * The SQL of the named form: which column of which table becomes which column
 * of the answer, one table for each schema. Knows nothing of rows and verdicts
 * (account.c) nor of prepared statements (sql-template.c). To answer with one
 * more column, add it to enum schema_column and to the tables here.
 */
#include "core/schema.h"
#include "core/strbuf.h"

#include <stdlib.h>
#include <string.h>

const char *const schema_column_names[SCHEMA_COLUMN_COUNT] = {
	[SCHEMA_COLUMN_USER] = "user",
	[SCHEMA_COLUMN_PASSWORD] = "password",
	[SCHEMA_COLUMN_QUOTA] = "quota",
	[SCHEMA_COLUMN_ACTIVE] = "active",
	[SCHEMA_COLUMN_DOMAIN_ACTIVE] = "domain_active",
};

/* Makes a text of one collation of it, whichever the column has. */
#define COMPARABLE(column) \
	"CONVERT(" column " USING utf8mb4) COLLATE utf8mb4_general_ci"

/* A column is only compared with a bound text, in lower case, as collations
   may tell case apart. m and d are the aliases of the two tables. */
#define MAILBOX_WHERE " WHERE m.`username` = '%Lu'"
#define DOMAIN_ON " d ON d.`domain` = '%Ld'"

/* Where a column of the answer comes from, "" if the schema has none:
   an alias of a table, and the name in it. */
struct column_source {
	const char *alias;
	const char *name;
};

struct sources {
	struct column_source columns[SCHEMA_COLUMN_COUNT];
};

static void append_doubling(struct strbuf *sql, const char *name, char c)
{
	for (; *name != '\0'; name++) {
		/* a percent sign starts a variable in a template */
		if (*name == '%' || *name == c)
			strbuf_append_c(sql, *name);
		strbuf_append_c(sql, *name);
	}
}

/* prefix and name are one identifier */
static void append_name(struct strbuf *sql, const char *prefix,
			const char *name)
{
	strbuf_append_c(sql, '`');
	append_doubling(sql, prefix, '`');
	append_doubling(sql, name, '`');
	strbuf_append_c(sql, '`');
}

static void append_select(struct strbuf *sql, const struct sources *sources,
			  bool with_password)
{
	const struct column_source *source;
	const char *comma = "SELECT ";

	for (int i = 0; i < SCHEMA_COLUMN_COUNT; i++) {
		source = &sources->columns[i];
		if (source->name == NULL ||
		    (i == SCHEMA_COLUMN_PASSWORD && !with_password))
			continue;
		strbuf_append_str(sql, comma);
		strbuf_append_str(sql, source->alias);
		append_name(sql, "", source->name);
		strbuf_append_str(sql, " AS ");
		append_name(sql, "", schema_column_names[i]);
		comma = ", ";
	}
}

static void append_from(struct strbuf *sql, const char *prefix,
			const char *table)
{
	strbuf_append_str(sql, " FROM ");
	append_name(sql, prefix, table);
}

static char *postfixadmin_account(const struct pfa_conf *conf,
				  bool with_password)
{
	struct sources sources = { .columns = {
		[SCHEMA_COLUMN_USER] = { "m.", "username" },
		[SCHEMA_COLUMN_PASSWORD] = { "m.", "password" },
		[SCHEMA_COLUMN_ACTIVE] = { "m.", "active" },
	} };
	struct strbuf sql = STRBUF_INIT;

	if (conf->quota)
		sources.columns[SCHEMA_COLUMN_QUOTA] =
			(struct column_source) { "m.", "quota" };
	if (conf->domain_active)
		sources.columns[SCHEMA_COLUMN_DOMAIN_ACTIVE] =
			(struct column_source) { "d.", "active" };

	append_select(&sql, &sources, with_password);
	append_from(&sql, conf->table_prefix, conf->mailbox_table);
	strbuf_append_str(&sql, " m");
	if (conf->domain_active) {
		strbuf_append_str(&sql, " LEFT JOIN ");
		append_name(&sql, conf->table_prefix, conf->domain_table);
		strbuf_append_str(&sql, DOMAIN_ON);
	}
	strbuf_append_str(&sql, MAILBOX_WHERE);
	return strbuf_steal(&sql);
}

/* IN, not a join: the server makes a hash of the domains once, while the two
   converted columns of a join are compared pair by pair. */
static char *postfixadmin_iterate(const struct pfa_conf *conf)
{
	struct strbuf sql = STRBUF_INIT;

	strbuf_append_str(&sql, "SELECT m.`username` AS `user`");
	append_from(&sql, conf->table_prefix, conf->mailbox_table);
	strbuf_append_str(&sql, " m WHERE m.`active` = '1'");
	if (conf->domain_active) {
		strbuf_append_str(&sql, " AND " COMPARABLE("m.`domain`")
				  " IN (SELECT " COMPARABLE("d.`domain`"));
		append_from(&sql, conf->table_prefix, conf->domain_table);
		strbuf_append_str(&sql, " d WHERE d.`active` = '1')");
	}
	return strbuf_steal(&sql);
}

static void postfixadmin_build(const struct pfa_conf *conf,
			       struct schema_queries *queries_r)
{
	queries_r->passdb = postfixadmin_account(conf, true);
	queries_r->userdb = postfixadmin_account(conf, false);
	queries_r->iterate = postfixadmin_iterate(conf);
}

static char *users_account(const struct pfa_conf *conf, bool with_password)
{
	struct sources sources = { .columns = {
		[SCHEMA_COLUMN_USER] = { "", conf->email_column },
		[SCHEMA_COLUMN_PASSWORD] = { "", conf->password_column },
	} };
	struct strbuf sql = STRBUF_INIT;

	if (conf->quota && *conf->quota_column != '\0')
		sources.columns[SCHEMA_COLUMN_QUOTA] =
			(struct column_source) { "", conf->quota_column };

	append_select(&sql, &sources, with_password);
	append_from(&sql, "", conf->users_table);
	strbuf_append_str(&sql, " WHERE ");
	append_name(&sql, "", conf->email_column);
	strbuf_append_str(&sql, " = '%Lu'");
	return strbuf_steal(&sql);
}

static char *users_iterate(const struct pfa_conf *conf)
{
	struct strbuf sql = STRBUF_INIT;

	strbuf_append_str(&sql, "SELECT ");
	append_name(&sql, "", conf->email_column);
	strbuf_append_str(&sql, " AS `user`");
	append_from(&sql, "", conf->users_table);
	return strbuf_steal(&sql);
}

static void users_build(const struct pfa_conf *conf,
			struct schema_queries *queries_r)
{
	queries_r->passdb = users_account(conf, true);
	queries_r->userdb = users_account(conf, false);
	queries_r->iterate = users_iterate(conf);
}

static void dropin_build(const struct pfa_conf *conf,
			 struct schema_queries *queries_r)
{
	queries_r->passdb = strdup(conf->password_query);
	queries_r->userdb = strdup(conf->user_query);
	queries_r->iterate = strdup(conf->iterate_query);
}

int schema_build(const struct pfa_conf *conf, struct schema_queries *queries_r,
		 struct errbuf *error)
{
	memset(queries_r, 0, sizeof(*queries_r));
	if (conf->form == PFA_CONF_DROPIN)
		dropin_build(conf, queries_r);
	else if (conf->schema == PFA_SCHEMA_USERS)
		users_build(conf, queries_r);
	else
		postfixadmin_build(conf, queries_r);

	if (queries_r->passdb == NULL || queries_r->userdb == NULL ||
	    queries_r->iterate == NULL) {
		schema_queries_free(queries_r);
		return errbuf_set(error, "out of memory");
	}
	return 0;
}

void schema_queries_free(struct schema_queries *queries)
{
	free(queries->passdb);
	free(queries->userdb);
	free(queries->iterate);
	memset(queries, 0, sizeof(*queries));
}
