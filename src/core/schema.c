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

static void append_doubling(struct strbuf *sql, const char *name,
			    const char *chars)
{
	for (; *name != '\0'; name++) {
		if (strchr(chars, *name) != NULL)
			strbuf_append_c(sql, *name);
		strbuf_append_c(sql, *name);
	}
}

static void append_identifier(struct strbuf *sql, const char *prefix,
			      const char *name, const char *chars)
{
	strbuf_append_c(sql, '`');
	append_doubling(sql, prefix, chars);
	append_doubling(sql, name, chars);
	strbuf_append_c(sql, '`');
}

/* prefix and name are one identifier; a percent sign starts a variable in a
   template */
static void append_name(struct strbuf *sql, const char *prefix,
			const char *name)
{
	append_identifier(sql, prefix, name, "`%");
}

/* the same in a statement that is no template */
static char *quoted_name(const char *prefix, const char *name)
{
	struct strbuf sql = STRBUF_INIT;

	append_identifier(&sql, prefix, name, "`");
	return strbuf_steal(&sql);
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
	if (conf->form != PFA_CONF_NAMED)
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

static char *rehash_update(const struct schema_rehash *rehash,
			   const char *user_column)
{
	struct strbuf sql = STRBUF_INIT;

	strbuf_append_str(&sql, "UPDATE ");
	strbuf_append_str(&sql, rehash->table);
	strbuf_append_str(&sql, " SET ");
	strbuf_append_str(&sql, rehash->column);
	strbuf_append_str(&sql, " = ? WHERE ");
	strbuf_append_str(&sql, user_column);
	/* as it was read: in the connection's character set */
	strbuf_append_str(&sql, " = ? AND SHA2(CONVERT(");
	strbuf_append_str(&sql, rehash->column);
	strbuf_append_str(&sql, " USING utf8mb4), 256) = ?");
	return strbuf_steal(&sql);
}

int schema_rehash_build(const struct pfa_conf *conf,
			struct schema_rehash *rehash_r, struct errbuf *error)
{
	const bool users = conf->schema == PFA_SCHEMA_USERS;
	char *user_column;

	rehash_r->table = quoted_name(users ? "" : conf->table_prefix,
				      users ? conf->users_table :
				      conf->mailbox_table);
	rehash_r->column = quoted_name("", users ?
				       conf->password_column : "password");
	rehash_r->update = NULL;
	user_column = quoted_name("", users ? conf->email_column : "username");
	if (rehash_r->table != NULL && rehash_r->column != NULL &&
	    user_column != NULL)
		rehash_r->update = rehash_update(rehash_r, user_column);
	free(user_column);
	if (rehash_r->update == NULL) {
		schema_rehash_free(rehash_r);
		return errbuf_set(error, "out of memory");
	}
	return 0;
}

void schema_rehash_free(struct schema_rehash *rehash)
{
	free(rehash->update);
	free(rehash->table);
	free(rehash->column);
	memset(rehash, 0, sizeof(*rehash));
}

void schema_queries_free(struct schema_queries *queries)
{
	free(queries->passdb);
	free(queries->userdb);
	free(queries->iterate);
	memset(queries, 0, sizeof(*queries));
}
