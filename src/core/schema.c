/* SPDX-License-Identifier: MIT */
/*
 * The SQL of the named form: which column of which table becomes which column
 * of the answer, one table for each schema. Knows nothing of rows and verdicts
 * (account.c) nor of prepared statements (sql-template.c). To answer with one
 * more column, add it to enum schema_column and to the tables here.
 */
#include "core/schema.h"
#include "core/extra.h"
#include "core/strbuf.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const schema_column_names[SCHEMA_COLUMN_COUNT] = {
	[SCHEMA_COLUMN_USER] = "user",
	[SCHEMA_COLUMN_PASSWORD] = "password",
	[SCHEMA_COLUMN_QUOTA] = "quota",
	[SCHEMA_COLUMN_ACTIVE] = "active",
	[SCHEMA_COLUMN_SMTP_ACTIVE] = "smtp_active",
	[SCHEMA_COLUMN_DOMAIN_ACTIVE] = "domain_active",
	[SCHEMA_COLUMN_BACKUPMX] = "backupmx",
	[SCHEMA_COLUMN_PAST_EXPIRY] = "past_expiry",
	[SCHEMA_COLUMN_DOMAIN_EXPIRES] = "domain_expires",
	[SCHEMA_COLUMN_TOTP] = "totp",
};

const char *const schema_redirect_names[SCHEMA_REDIRECT_COUNT] = {
	[SCHEMA_REDIRECT_ALIAS_DOMAIN] = "alias_domain",
	[SCHEMA_REDIRECT_TARGET_DOMAIN] = "target_domain",
	[SCHEMA_REDIRECT_ADDRESS] = "address",
	[SCHEMA_REDIRECT_GOTO] = "goto",
};

const char *const schema_secret_names[SCHEMA_SECRET_COUNT] = {
	[SCHEMA_SECRET_PASSWORD] = "app_password",
	[SCHEMA_SECRET_DESCRIPTION] = "description",
	[SCHEMA_SECRET_EXCEPTED] = "excepted",
};

/* Makes a text of one collation of it, whichever the column has. */
#define COMPARABLE(column) \
	"CONVERT(" column " USING utf8mb4) COLLATE utf8mb4_general_ci"

/* PostfixAdmin's two tables of accounts. A column is only compared with a
   bound text, in lower case, as collations may tell case apart. */
enum pfa_table {
	TABLE_MAILBOX,
	TABLE_DOMAIN,
};

static const struct table_def {
	const char *alias;
	size_t name;		/* offset in struct pfa_conf */
	const char *key, *value;
	/* the answer does not have the key, for others to look at */
	bool exact;
} table_defs[] = {
	[TABLE_MAILBOX] = { "m", offsetof(struct pfa_conf, mailbox_table),
			    "username", "'%Lu'", false },
	[TABLE_DOMAIN] = { "d", offsetof(struct pfa_conf, domain_table),
			   "domain", "'%Ld'", true },
};

/* Who needs a column. */
static bool want_quota(const struct pfa_conf *conf)
{
	return conf->quota;
}

static bool want_smtp_active(const struct pfa_conf *conf)
{
	return conf->smtp_active != PFA_SMTP_IGNORE;
}

static bool want_domain_active(const struct pfa_conf *conf)
{
	return conf->domain_active;
}

static bool want_backupmx(const struct pfa_conf *conf)
{
	return !conf->backupmx_login;
}

static bool want_expiry(const struct pfa_conf *conf)
{
	return conf->password_expiry;
}

static bool want_totp(const struct pfa_conf *conf)
{
	return conf->totp == PFA_TOTP_ENFORCE;
}

/*
 * Where the answer's columns come from in PostfixAdmin's tables. late: not
 * every version has it. Which one this is, no version number tells: it means
 * two things for some releases, and administrators add columns by hand.
 */
static const struct column_def {
	enum pfa_table table;
	const char *name;
	const char *test;	/* what is made of it; NULL: itself */
	bool late, passdb_only;
	bool (*wanted)(const struct pfa_conf *conf);	/* NULL: always */
} column_defs[SCHEMA_COLUMN_COUNT] = {
	[SCHEMA_COLUMN_USER] = { .name = "username" },
	[SCHEMA_COLUMN_PASSWORD] = { .name = "password", .passdb_only = true },
	[SCHEMA_COLUMN_QUOTA] = { .name = "quota", .wanted = want_quota },
	[SCHEMA_COLUMN_ACTIVE] = { .name = "active" },
	[SCHEMA_COLUMN_SMTP_ACTIVE] = {
		.name = "smtp_active", .late = true,
		.wanted = want_smtp_active },
	[SCHEMA_COLUMN_DOMAIN_ACTIVE] = {
		.table = TABLE_DOMAIN, .name = "active",
		.wanted = want_domain_active },
	[SCHEMA_COLUMN_BACKUPMX] = {
		.table = TABLE_DOMAIN, .name = "backupmx",
		.wanted = want_backupmx },
	/* by the clock of the database: the web server has another one */
	[SCHEMA_COLUMN_PAST_EXPIRY] = {
		.name = "password_expiry", .test = " <= NOW()", .late = true,
		.passdb_only = true, .wanted = want_expiry },
	[SCHEMA_COLUMN_DOMAIN_EXPIRES] = {
		.table = TABLE_DOMAIN, .name = "password_expiry",
		.test = " > 0", .late = true, .passdb_only = true,
		.wanted = want_expiry },
	/* not the secret itself */
	[SCHEMA_COLUMN_TOTP] = {
		.name = "totp_secret", .test = " <> ''", .late = true,
		.passdb_only = true, .wanted = want_totp },
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

static void append_from(struct strbuf *sql, const char *prefix,
			const char *table)
{
	strbuf_append_str(sql, " FROM ");
	append_name(sql, prefix, table);
}

static void append_as(struct strbuf *sql, const char *name)
{
	strbuf_append_str(sql, " AS ");
	append_name(sql, "", name);
}

static const char *table_name(const struct pfa_conf *conf,
			      const struct table_def *table)
{
	return *(char *const *)((const char *)conf + table->name);
}

/*
 * KEY = 'VALUE', the key of the table that alias stands for. Collations also
 * take other letters for equal: what is exact is compared once more, with
 * question marks for all that is not ASCII. There is no index for that, so it
 * is not compared like that alone.
 */
static void append_key(struct strbuf *sql, const char *alias,
		       const struct table_def *table)
{
	strbuf_append_str(sql, alias);
	append_name(sql, "", table->key);
	strbuf_append_str(sql, " = ");
	strbuf_append_str(sql, table->value);
	if (!table->exact)
		return;
	strbuf_append_str(sql, " AND CONVERT(");
	strbuf_append_str(sql, alias);
	append_name(sql, "", table->key);
	strbuf_append_str(sql, " USING ascii) = ");
	strbuf_append_str(sql, table->value);
}

/*
 * A column that may be missing: where the table has none of that name, the
 * server finds it in the query around, as NULL. A column that is there, but
 * not granted, stays an error, so that no rule is ever passed over for lack of
 * a right.
 */
static void append_late(struct strbuf *sql, const struct pfa_conf *conf,
			const struct column_def *column)
{
	const struct table_def *table = &table_defs[column->table];

	strbuf_append_str(sql, "(SELECT (SELECT ");
	append_name(sql, "", column->name);
	if (column->test != NULL)
		strbuf_append_str(sql, column->test);
	append_from(sql, conf->table_prefix, table_name(conf, table));
	strbuf_append_str(sql, " WHERE ");
	append_key(sql, "", table);
	strbuf_append_str(sql, ") FROM (SELECT NULL");
	append_as(sql, column->name);
	strbuf_append_str(sql, ") absent)");
}

static void append_column(struct strbuf *sql, const struct pfa_conf *conf,
			  const struct column_def *column)
{
	if (column->late) {
		append_late(sql, conf, column);
		return;
	}
	strbuf_append_str(sql, table_defs[column->table].alias);
	strbuf_append_c(sql, '.');
	append_name(sql, "", column->name);
}

static bool column_wanted(const struct column_def *column,
			  const struct pfa_conf *conf, bool passdb)
{
	return (passdb || !column->passdb_only) &&
		(column->wanted == NULL || column->wanted(conf));
}

/* Returns whether the domain's row is needed. */
static bool append_columns(struct strbuf *sql, const struct pfa_conf *conf,
			   bool passdb)
{
	const char *comma = "SELECT ";
	bool domain = false;

	for (int i = 0; i < SCHEMA_COLUMN_COUNT; i++) {
		const struct column_def *column = &column_defs[i];

		if (!column_wanted(column, conf, passdb))
			continue;
		strbuf_append_str(sql, comma);
		append_column(sql, conf, column);
		append_as(sql, schema_column_names[i]);
		comma = ", ";
		if (column->table == TABLE_DOMAIN && !column->late)
			domain = true;
	}
	return domain;
}

/* Strings end with a NUL where they are used: one inside would cut the value
   off, which could make another path of it. Such a value is none. */
static void append_extra(struct strbuf *sql, const char *alias,
			 const struct extra_column *column)
{
	strbuf_append_str(sql, ", IF(LOCATE(CHAR(0), ");
	strbuf_append_str(sql, alias);
	append_name(sql, "", column->name);
	strbuf_append_str(sql, ") > 0, '', ");
	strbuf_append_str(sql, alias);
	append_name(sql, "", column->name);
	strbuf_append_c(sql, ')');
	append_as(sql, column->answer);
}

/* Returns whether the domain's row is needed. */
static bool append_extras(struct strbuf *sql, const struct extra *extra)
{
	bool domain = false;

	for (unsigned int i = 0; i < extra->column_count; i++) {
		append_extra(sql, extra->columns[i].domain ? "d." : "m.",
			     &extra->columns[i]);
		domain = domain || extra->columns[i].domain;
	}
	return domain;
}

static char *postfixadmin_account(const struct pfa_conf *conf,
				  const struct extra *extra, bool passdb)
{
	const struct table_def *mailbox = &table_defs[TABLE_MAILBOX];
	const struct table_def *domain = &table_defs[TABLE_DOMAIN];
	struct strbuf sql = STRBUF_INIT;
	bool with_domain;

	with_domain = append_columns(&sql, conf, passdb);
	with_domain = append_extras(&sql, extra) || with_domain;
	append_from(&sql, conf->table_prefix, table_name(conf, mailbox));
	strbuf_append_str(&sql, " m");
	if (with_domain) {
		strbuf_append_str(&sql, " LEFT JOIN ");
		append_name(&sql, conf->table_prefix,
			    table_name(conf, domain));
		strbuf_append_str(&sql, " d ON ");
		append_key(&sql, "d.", domain);
	}
	strbuf_append_str(&sql, " WHERE ");
	append_key(&sql, "m.", mailbox);
	return strbuf_steal(&sql);
}

/* The two halves of a redirection, as columns of their own: a UNION of one
   column would mix the collations of two tables. */
static const struct redirect_def {
	size_t wanted, table;	/* offsets in struct pfa_conf */
	const char *columns[SCHEMA_REDIRECT_COUNT];	/* NULL: of no meaning */
	const char *where;
} redirect_defs[] = {
	{ offsetof(struct pfa_conf, alias_domains),
	  offsetof(struct pfa_conf, alias_domain_table),
	  { [SCHEMA_REDIRECT_ALIAS_DOMAIN] = "alias_domain",
	    [SCHEMA_REDIRECT_TARGET_DOMAIN] = "target_domain" },
	  " WHERE `alias_domain` = '%Ld' AND `active` = '1'" },
	{ offsetof(struct pfa_conf, alias_login),
	  offsetof(struct pfa_conf, alias_table),
	  { [SCHEMA_REDIRECT_ADDRESS] = "address",
	    [SCHEMA_REDIRECT_GOTO] = "goto" },
	  " WHERE `address` = '%Lu' AND `active` = '1'" },
};

static void append_redirect(struct strbuf *sql, const struct pfa_conf *conf,
			    const struct redirect_def *def)
{
	const char *comma = "SELECT ";

	for (int i = 0; i < SCHEMA_REDIRECT_COUNT; i++) {
		strbuf_append_str(sql, comma);
		if (def->columns[i] == NULL)
			strbuf_append_str(sql, "NULL");
		else
			append_name(sql, "", def->columns[i]);
		append_as(sql, schema_redirect_names[i]);
		comma = ", ";
	}
	append_from(sql, conf->table_prefix,
		    *(char *const *)((const char *)conf + def->table));
	strbuf_append_str(sql, def->where);
}

static bool redirect_wanted(const struct pfa_conf *conf,
			    const struct redirect_def *def)
{
	return *(const bool *)((const char *)conf + def->wanted);
}

static char *postfixadmin_redirect(const struct pfa_conf *conf)
{
	struct strbuf sql = STRBUF_INIT;

	for (size_t i = 0; i < sizeof(redirect_defs) /
			       sizeof(*redirect_defs); i++) {
		if (!redirect_wanted(conf, &redirect_defs[i]))
			continue;
		if (sql.len > 0)
			strbuf_append_str(&sql, " UNION ALL ");
		append_redirect(&sql, conf, &redirect_defs[i]);
	}
	return strbuf_steal(&sql);
}

/* A name in any case, told apart from all others; no index helps. LOWER() makes
   ASCII of a few letters that are none, such as the sign for Kelvin. */
#define EXACT(column, comparison) "LOWER(CONVERT(" column " USING utf8mb4)) " \
	"COLLATE utf8mb4_bin " comparison \
	" AND CONVERT(" column " USING ascii) " comparison

/* What is newest is in use. One more than are wanted tells that there are. */
static void append_app_passwords(struct strbuf *sql,
				 const struct pfa_conf *conf)
{
	char limit[16];

	strbuf_append_str(sql, "(SELECT `password_hash` AS `app_password`, "
			  "`description` AS `description`, "
			  "NULL AS `excepted`");
	append_from(sql, conf->table_prefix, conf->app_password_table);
	/* the first one for an index, which administrators may make */
	strbuf_append_str(sql, " WHERE `username` = '%Lu' AND "
			  EXACT("`username`", "= '%Lu'")
			  " AND `password_hash` <> '' "
			  "ORDER BY `id` DESC LIMIT ");
	snprintf(limit, sizeof(limit), "%u", conf->app_passwords_max + 1);
	strbuf_append_str(sql, limit);
	strbuf_append_c(sql, ')');
}

/* Addresses are compared as such, in whichever way they were written; one of
   IPv4 is the same in the clothes of IPv6. */
static void append_exceptions(struct strbuf *sql, const struct pfa_conf *conf)
{
	strbuf_append_str(sql, "(SELECT NULL AS `app_password`, "
			  "NULL AS `description`, 1 AS `excepted`");
	append_from(sql, conf->table_prefix, conf->totp_exception_table);
	strbuf_append_str(sql, " WHERE (`username` IS NULL OR "
			  EXACT("`username`", "IN ('', '%Lu', '%Ld')") ") AND "
			  "INET6_ATON(`ip`) IN (INET6_ATON('%r'), "
			  "INET6_ATON('::ffff:%r')) LIMIT 1)");
}

static char *postfixadmin_secrets(const struct pfa_conf *conf,
				  unsigned int *max_r)
{
	struct strbuf sql = STRBUF_INIT;

	*max_r = 0;
	strbuf_append_str(&sql, "SELECT s.* FROM (");
	if (conf->app_passwords) {
		append_app_passwords(&sql, conf);
		*max_r += conf->app_passwords_max + 1;
	}
	if (conf->totp == PFA_TOTP_ENFORCE) {
		if (*max_r > 0)
			strbuf_append_str(&sql, " UNION ALL ");
		append_exceptions(&sql, conf);
		*max_r += 1;
	}
	strbuf_append_str(&sql, ") s");
	return strbuf_steal(&sql);
}

static bool secrets_wanted(const struct pfa_conf *conf)
{
	return conf->app_passwords || conf->totp == PFA_TOTP_ENFORCE;
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
			       const struct extra *extra,
			       struct schema_queries *queries_r)
{
	queries_r->passdb = postfixadmin_account(conf, extra, true);
	queries_r->userdb = postfixadmin_account(conf, extra, false);
	queries_r->iterate = postfixadmin_iterate(conf);
	if (conf->alias_domains || conf->alias_login)
		queries_r->redirect = postfixadmin_redirect(conf);
	if (secrets_wanted(conf)) {
		queries_r->secrets =
			postfixadmin_secrets(conf, &queries_r->secrets_max);
	}
}

static char *users_account(const struct pfa_conf *conf,
			   const struct extra *extra, bool passdb)
{
	const char *const names[SCHEMA_COLUMN_COUNT] = {
		[SCHEMA_COLUMN_USER] = conf->email_column,
		[SCHEMA_COLUMN_PASSWORD] = passdb ?
			conf->password_column : NULL,
		[SCHEMA_COLUMN_QUOTA] =
			conf->quota && *conf->quota_column != '\0' ?
			conf->quota_column : NULL,
	};
	struct strbuf sql = STRBUF_INIT;
	const char *comma = "SELECT ";

	for (int i = 0; i < SCHEMA_COLUMN_COUNT; i++) {
		if (names[i] == NULL)
			continue;
		strbuf_append_str(&sql, comma);
		append_name(&sql, "", names[i]);
		append_as(&sql, schema_column_names[i]);
		comma = ", ";
	}
	for (unsigned int i = 0; i < extra->column_count; i++)
		append_extra(&sql, "", &extra->columns[i]);
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
	append_as(&sql, "user");
	append_from(&sql, "", conf->users_table);
	return strbuf_steal(&sql);
}

static void users_build(const struct pfa_conf *conf, const struct extra *extra,
			struct schema_queries *queries_r)
{
	queries_r->passdb = users_account(conf, extra, true);
	queries_r->userdb = users_account(conf, extra, false);
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
	struct extra *extra = NULL;

	memset(queries_r, 0, sizeof(*queries_r));
	if (conf->form == PFA_CONF_NAMED && extra_new(conf, &extra, error) < 0)
		return -1;
	if (conf->form != PFA_CONF_NAMED)
		dropin_build(conf, queries_r);
	else if (conf->schema == PFA_SCHEMA_USERS)
		users_build(conf, extra, queries_r);
	else
		postfixadmin_build(conf, extra, queries_r);
	extra_free(&extra);

	if (queries_r->passdb == NULL || queries_r->userdb == NULL ||
	    queries_r->iterate == NULL ||
	    (queries_r->redirect == NULL &&
	     (conf->alias_domains || conf->alias_login)) ||
	    (queries_r->secrets == NULL && secrets_wanted(conf))) {
		schema_queries_free(queries_r);
		return errbuf_set(error, "out of memory");
	}
	return 0;
}

/* Of two servers that record the same user, the later login counts. */
int schema_last_login_build(const struct pfa_conf *conf, unsigned int rows,
			    char **insert_r, char **table_r,
			    struct errbuf *error)
{
	struct strbuf sql = STRBUF_INIT;

	*table_r = quoted_name("", conf->last_login_table);
	strbuf_append_str(&sql, "INSERT INTO ");
	strbuf_append_str(&sql, *table_r == NULL ? "" : *table_r);
	strbuf_append_str(&sql, " (`username`, `last_login`) VALUES ");
	for (unsigned int i = 0; i < rows; i++) {
		strbuf_append_str(&sql, i == 0 ? "" : ", ");
		strbuf_append_str(&sql, "(?, NOW() - INTERVAL ? SECOND)");
	}
	strbuf_append_str(&sql, " ON DUPLICATE KEY UPDATE `last_login` = "
			  "GREATEST(`last_login`, VALUES(`last_login`))");
	*insert_r = strbuf_steal(&sql);
	return *table_r != NULL && *insert_r != NULL ? 0 :
		errbuf_set(error, "out of memory");
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
	free(queries->redirect);
	free(queries->secrets);
	free(queries->iterate);
	memset(queries, 0, sizeof(*queries));
}
