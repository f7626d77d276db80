/* SPDX-License-Identifier: MIT */
/*
 * The queries of the named form, word by word, and that each is a query the
 * template compiler takes.
 */
#include "core/schema.h"
#include "core/sql-template.h"
#include "unit.h"

#include <string.h>

#define BASE "hosts = db\ndbname = pfa\n"

enum query { PASSDB, USERDB, REDIRECT, SECRETS, ITERATE };

static const struct schema_row {
	const char *name;
	const char *settings;
	enum query query;
	const char *expected;
} schema_rows[] = {
	{ "passdb", "", PASSDB,
	  "SELECT m.`username` AS `user`, m.`password` AS `password`, "
	  "m.`quota` AS `quota`, m.`active` AS `active`, "
	  "d.`active` AS `domain_active` "
	  "FROM `mailbox` m LEFT JOIN `domain` d ON d.`domain` = '%Ld' "
	  "AND CONVERT(d.`domain` USING ascii) = '%Ld' "
	  "WHERE m.`username` = '%Lu'" },
	{ "the userdb needs no password", "", USERDB,
	  "SELECT m.`username` AS `user`, m.`quota` AS `quota`, "
	  "m.`active` AS `active`, d.`active` AS `domain_active` "
	  "FROM `mailbox` m LEFT JOIN `domain` d ON d.`domain` = '%Ld' "
	  "AND CONVERT(d.`domain` USING ascii) = '%Ld' "
	  "WHERE m.`username` = '%Lu'" },
	{ "domains out of the game", "domain_active = no\n", PASSDB,
	  "SELECT m.`username` AS `user`, m.`password` AS `password`, "
	  "m.`quota` AS `quota`, m.`active` AS `active` "
	  "FROM `mailbox` m WHERE m.`username` = '%Lu'" },
	{ "no quota", "domain_active = no\nquota = no\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active` "
	  "FROM `mailbox` m WHERE m.`username` = '%Lu'" },
	{ "prefix and names",
	  "table_prefix = p_\nmailbox_table = m x\ndomain_table = d%`\n"
	  "quota = no\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active`, "
	  "d.`active` AS `domain_active` "
	  "FROM `p_m x` m LEFT JOIN `p_d%%``` d ON d.`domain` = '%Ld' "
	  "AND CONVERT(d.`domain` USING ascii) = '%Ld' "
	  "WHERE m.`username` = '%Lu'" },
	{ "a flag that came late", "domain_active = no\nquota = no\n"
	  "smtp_active = and\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active`, "
	  "(SELECT (SELECT `smtp_active` FROM `mailbox` "
	  "WHERE `username` = '%Lu') FROM (SELECT NULL AS `smtp_active`) "
	  "absent) AS `smtp_active` "
	  "FROM `mailbox` m WHERE m.`username` = '%Lu'" },
	{ "expiry", "domain_active = no\nquota = no\ntable_prefix = p_\n"
	  "password_expiry = yes\n", PASSDB,
	  "SELECT m.`username` AS `user`, m.`password` AS `password`, "
	  "m.`active` AS `active`, "
	  "(SELECT (SELECT `password_expiry` <= NOW() FROM `p_mailbox` "
	  "WHERE `username` = '%Lu') FROM (SELECT NULL AS `password_expiry`) "
	  "absent) AS `past_expiry`, "
	  "(SELECT (SELECT `password_expiry` > 0 FROM `p_domain` "
	  "WHERE `domain` = '%Ld' AND CONVERT(`domain` USING ascii) = '%Ld') "
	  "FROM (SELECT NULL AS `password_expiry`) "
	  "absent) AS `domain_expires` "
	  "FROM `p_mailbox` m WHERE m.`username` = '%Lu'" },
	{ "the userdb knows no expiry", "domain_active = no\nquota = no\n"
	  "password_expiry = yes\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active` "
	  "FROM `mailbox` m WHERE m.`username` = '%Lu'" },
	{ "relayed domains", "domain_active = no\nquota = no\n"
	  "backupmx_login = no\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active`, "
	  "d.`backupmx` AS `backupmx` "
	  "FROM `mailbox` m LEFT JOIN `domain` d ON d.`domain` = '%Ld' "
	  "AND CONVERT(d.`domain` USING ascii) = '%Ld' "
	  "WHERE m.`username` = '%Lu'" },
	{ "a TOTP secret is not read", "domain_active = no\nquota = no\n"
	  "totp = enforce\n", PASSDB,
	  "SELECT m.`username` AS `user`, m.`password` AS `password`, "
	  "m.`active` AS `active`, "
	  "(SELECT (SELECT `totp_secret` <> '' FROM `mailbox` "
	  "WHERE `username` = '%Lu') FROM (SELECT NULL AS `totp_secret`) "
	  "absent) AS `totp` "
	  "FROM `mailbox` m WHERE m.`username` = '%Lu'" },
	{ "app passwords", "app_passwords = yes\napp_passwords_max = 3\n",
	  SECRETS,
	  "SELECT s.* FROM ((SELECT `password_hash` AS `app_password`, "
	  "`description` AS `description`, NULL AS `excepted` "
	  "FROM `mailbox_app_password` WHERE `username` = '%Lu' AND "
	  "LOWER(CONVERT(`username` USING utf8mb4)) COLLATE utf8mb4_bin "
	  "= '%Lu' AND CONVERT(`username` USING ascii) = '%Lu' "
	  "AND `password_hash` <> '' ORDER BY `id` DESC LIMIT 4)) s" },
	{ "app passwords and exceptions", "app_passwords = yes\n"
	  "totp = enforce\ntable_prefix = p_\napp_password_table = a`\n"
	  "totp_exception_table = t\n", SECRETS,
	  "SELECT s.* FROM ((SELECT `password_hash` AS `app_password`, "
	  "`description` AS `description`, NULL AS `excepted` "
	  "FROM `p_a``` WHERE `username` = '%Lu' AND "
	  "LOWER(CONVERT(`username` USING utf8mb4)) COLLATE utf8mb4_bin "
	  "= '%Lu' AND CONVERT(`username` USING ascii) = '%Lu' "
	  "AND `password_hash` <> '' ORDER BY `id` DESC LIMIT 11) "
	  "UNION ALL (SELECT NULL AS `app_password`, NULL AS `description`, "
	  "1 AS `excepted` FROM `p_t` WHERE (`username` IS NULL OR "
	  "LOWER(CONVERT(`username` USING utf8mb4)) COLLATE utf8mb4_bin IN "
	  "('', '%Lu', '%Ld') AND CONVERT(`username` USING ascii) IN "
	  "('', '%Lu', '%Ld')) AND INET6_ATON(`ip`) IN (INET6_ATON('%r'), "
	  "INET6_ATON('::ffff:%r')) LIMIT 1)) s" },
	{ "columns of one's own", "quota = no\ndomain_active = no\n"
	  "home = /%{column:maildir}/%n\n"
	  "fields = a=maildir b=domain.x`%\n", USERDB,
	  "SELECT m.`username` AS `user`, m.`active` AS `active`, "
	  "IF(LOCATE(CHAR(0), m.`maildir`) > 0, '', m.`maildir`) "
	  "AS `column:maildir`, "
	  "IF(LOCATE(CHAR(0), d.`x``%%`) > 0, '', d.`x``%%`) "
	  "AS `column:domain.x``%%` "
	  "FROM `mailbox` m LEFT JOIN `domain` d ON d.`domain` = '%Ld' "
	  "AND CONVERT(d.`domain` USING ascii) = '%Ld' "
	  "WHERE m.`username` = '%Lu'" },
	{ "users, a column of one's own", "schema = users\nquota = no\n"
	  "uid = %{column:id}\n", USERDB,
	  "SELECT `email` AS `user`, IF(LOCATE(CHAR(0), `id`) > 0, '', `id`) "
	  "AS `column:id` FROM `users` WHERE `email` = '%Lu'" },
	{ "alias domains", "alias_domains = yes\n", REDIRECT,
	  "SELECT `alias_domain` AS `alias_domain`, "
	  "`target_domain` AS `target_domain`, NULL AS `address`, "
	  "NULL AS `goto` FROM `alias_domain` "
	  "WHERE `alias_domain` = '%Ld' AND `active` = '1'" },
	{ "alias domains and aliases", "alias_domains = yes\n"
	  "alias_login = yes\ntable_prefix = p_\nalias_table = a`\n"
	  "alias_domain_table = b\n", REDIRECT,
	  "SELECT `alias_domain` AS `alias_domain`, "
	  "`target_domain` AS `target_domain`, NULL AS `address`, "
	  "NULL AS `goto` FROM `p_b` "
	  "WHERE `alias_domain` = '%Ld' AND `active` = '1' UNION ALL "
	  "SELECT NULL AS `alias_domain`, NULL AS `target_domain`, "
	  "`address` AS `address`, `goto` AS `goto` FROM `p_a``` "
	  "WHERE `address` = '%Lu' AND `active` = '1'" },
	{ "iterate", "", ITERATE,
	  "SELECT m.`username` AS `user` FROM `mailbox` m "
	  "WHERE m.`active` = '1' AND CONVERT(m.`domain` USING utf8mb4) "
	  "COLLATE utf8mb4_general_ci IN (SELECT CONVERT(d.`domain` USING "
	  "utf8mb4) COLLATE utf8mb4_general_ci FROM `domain` d "
	  "WHERE d.`active` = '1')" },
	{ "iterate without domains",
	  "domain_active = no\ntable_prefix = p_\n", ITERATE,
	  "SELECT m.`username` AS `user` FROM `p_mailbox` m "
	  "WHERE m.`active` = '1'" },
	{ "users passdb", "schema = users\n", PASSDB,
	  "SELECT `email` AS `user`, `password` AS `password`, "
	  "`quota` AS `quota` FROM `users` WHERE `email` = '%Lu'" },
	{ "users userdb", "schema = users\n", USERDB,
	  "SELECT `email` AS `user`, `quota` AS `quota` FROM `users` "
	  "WHERE `email` = '%Lu'" },
	{ "users, own names", "schema = users\nusers_table = virtual%users\n"
	  "email_column = e`mail\npassword_column = pw\n"
	  "quota_column = max\n", PASSDB,
	  "SELECT `e``mail` AS `user`, `pw` AS `password`, `max` AS `quota` "
	  "FROM `virtual%%users` WHERE `e``mail` = '%Lu'" },
	{ "users without quota column", "schema = users\nquota_column =\n",
	  USERDB, "SELECT `email` AS `user` FROM `users` "
	  "WHERE `email` = '%Lu'" },
	{ "users without quota", "schema = users\nquota = no\n",
	  USERDB, "SELECT `email` AS `user` FROM `users` "
	  "WHERE `email` = '%Lu'" },
	{ "users iterate", "schema = users\n", ITERATE,
	  "SELECT `email` AS `user` FROM `users`" },
};

static struct pfa_conf *conf_of(const char *name, const char *settings)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_NAMED);
	char text[1024] = BASE;
	struct errbuf error = { .text = "" };

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	strcat(text, settings);
	UNIT_ASSERT_ROW(name, pfa_conf_parse(conf, "conf", text, strlen(text),
					     &error) == 0);
	return conf;
}

static const char *query_of(const struct schema_queries *queries,
			    enum query query)
{
	return query == PASSDB ? queries->passdb :
		query == USERDB ? queries->userdb :
		query == REDIRECT ? queries->redirect :
		query == SECRETS ? queries->secrets : queries->iterate;
}

static void test_schema_queries(void)
{
	struct schema_queries queries;
	struct sql_template *tmpl;
	struct pfa_conf *conf;
	struct errbuf error;
	const char *sql;

	for (size_t i = 0; i < N_ROWS(schema_rows); i++) {
		const struct schema_row *row = &schema_rows[i];

		conf = conf_of(row->name, row->settings);
		CU_ASSERT_EQUAL_FATAL(schema_build(conf, &queries, &error), 0);
		sql = query_of(&queries, row->query);
		UNIT_ASSERT_ROW(row->name, strcmp(sql, row->expected) == 0);

		tmpl = NULL;
		UNIT_ASSERT_ROW(row->name,
				sql_template_compile(sql, &tmpl, &error) == 0);
		/* a % of a name is one again, and no value is in the text */
		UNIT_ASSERT_ROW(row->name, tmpl != NULL &&
				strstr(tmpl->text, "%%") == NULL &&
				strstr(tmpl->text, "%L") == NULL);
		sql_template_free(&tmpl);
		schema_queries_free(&queries);
		pfa_conf_free(&conf);
	}
}

static void test_schema_dropin_queries_as_written(void)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_DROPIN);
	struct schema_queries queries;
	struct errbuf error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	CU_ASSERT_EQUAL(pfa_conf_set_dropin(conf, "user_query", "SELECT 1",
					    &error), 0);
	CU_ASSERT_EQUAL_FATAL(schema_build(conf, &queries, &error), 0);
	CU_ASSERT_STRING_EQUAL(queries.passdb, conf->password_query);
	CU_ASSERT_STRING_EQUAL(queries.userdb, "SELECT 1");
	CU_ASSERT_STRING_EQUAL(queries.iterate, conf->iterate_query);
	schema_queries_free(&queries);
	CU_ASSERT_PTR_NULL(queries.passdb);
	pfa_conf_free(&conf);
}

/* A percent sign is none of a template here, and no value is in the text. */
static void test_schema_rehash(void)
{
	static const struct {
		const char *settings;
		const char *update, *table, *column;
	} rows[] = {
		{ "",
		  "UPDATE `mailbox` SET `password` = ? WHERE `username` = ? "
		  "AND SHA2(CONVERT(`password` USING utf8mb4), 256) = ?",
		  "`mailbox`", "`password`" },
		{ "table_prefix = p_\nmailbox_table = m x%`\n",
		  "UPDATE `p_m x%``` SET `password` = ? WHERE `username` = ? "
		  "AND SHA2(CONVERT(`password` USING utf8mb4), 256) = ?",
		  "`p_m x%```", "`password`" },
		{ "schema = users\nusers_table = t\nemail_column = e%\n"
		  "password_column = p`p\n",
		  "UPDATE `t` SET `p``p` = ? WHERE `e%` = ? "
		  "AND SHA2(CONVERT(`p``p` USING utf8mb4), 256) = ?",
		  "`t`", "`p``p`" },
	};
	struct schema_rehash rehash;
	struct pfa_conf *conf;
	struct errbuf error;

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		conf = conf_of(rows[i].table, rows[i].settings);
		CU_ASSERT_EQUAL_FATAL(schema_rehash_build(conf, &rehash,
							  &error), 0);
		CU_ASSERT_STRING_EQUAL(rehash.update, rows[i].update);
		CU_ASSERT_STRING_EQUAL(rehash.table, rows[i].table);
		CU_ASSERT_STRING_EQUAL(rehash.column, rows[i].column);
		schema_rehash_free(&rehash);
		CU_ASSERT_PTR_NULL(rehash.update);
		pfa_conf_free(&conf);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_schema_queries),
	TEST(test_schema_dropin_queries_as_written),
	TEST(test_schema_rehash),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("schema", tests);
}
