/* SPDX-License-Identifier: MIT */
/*
 * Which statements are plain enough to be joined with what they ask for.
 */
#include "core/sql-shape.h"
#include "unit.h"

#include <string.h>

#define FROM_WHERE " FROM mailbox WHERE username = ?"

/* keys: NULL if the statement has another shape */
static const struct {
	const char *text, *keys;
} statements[] = {
	/* what administrators have */
	{ "SELECT username as user, password, ? as userdb_home, "
	  "? as userdb_mail, 2000 as userdb_uid, 2000 as userdb_gid "
	  "FROM mailbox WHERE username = ? AND active = '1'", ", username" },
	{ "SELECT ? as home, ?as mail, 2000 AS uid FROM mailbox "
	  "WHERE username = ? AND active = '1'", ", username" },
	{ "select concat('/var/mail/', maildir) home, "
	  "CONCAT('*:bytes=', quota) AS quota_rule, "
	  "concat('*:storage=', quota div 1024 / 2 + 1 - x * 3, 'M') z"
	  FROM_WHERE, ", username" },
	{ "SELECT `m`.`password` `p`, 5 FROM `db` . `mailbox` AS `m` WHERE "
	  "m.`local_part`=? AND m.domain = ? and m.active=1",
	  ", m.`local_part`, m.domain" },
	{ "SELECT a FROM db.mailbox m WHERE 	username =\n? AND a <> b "
	  "AND c <= 1 AND d >= 'x' AND e < f AND g > \"h\" AND i != 2 "
	  "AND j <=> 3", ", username" },
	{ "SELECT CONCAT(a, ?, 'b', ?) AS c" FROM_WHERE, ", username" },
	{ "SELECT 'it''s' AS \"d e\", a, password 'p'", NULL },
	{ "SELECT password AS 'p'" FROM_WHERE, ", username" },

	/* nothing that a value is compared with, or not like that */
	{ "SELECT password FROM mailbox", NULL },
	{ "SELECT password FROM mailbox WHERE active = 1", NULL },
	{ "SELECT ? AS a FROM mailbox WHERE active = 1", NULL },
	{ "SELECT password FROM mailbox WHERE username LIKE ?", NULL },
	{ "SELECT password FROM mailbox WHERE username <> ?", NULL },
	{ "SELECT password FROM mailbox WHERE username >= ?", NULL },
	{ "SELECT password FROM mailbox WHERE username <=> ?", NULL },
	{ "SELECT password FROM mailbox WHERE ? = username", NULL },
	{ "SELECT password FROM mailbox WHERE ?", NULL },
	{ "SELECT password FROM mailbox WHERE username = ? COLLATE utf8_bin",
	  NULL },
	{ "SELECT password FROM mailbox WHERE BINARY username = ?", NULL },
	{ "SELECT password FROM mailbox WHERE username = BINARY ?", NULL },
	{ "SELECT password FROM mailbox WHERE LOWER(username) = ?", NULL },
	{ "SELECT password FROM mailbox WHERE username = LOWER(?)", NULL },
	{ "SELECT password FROM mailbox WHERE username = (?)", NULL },
	{ "SELECT password FROM mailbox WHERE username = ? + 0", NULL },
	{ "SELECT password FROM mailbox WHERE username = _latin1'x' AND a = ?",
	  NULL },
	{ "SELECT password FROM mailbox WHERE username IN (?)", NULL },
	{ "SELECT password FROM mailbox WHERE \"username\" = ?", NULL },

	/* rows that are not judged by themselves */
	{ "SELECT DISTINCT password" FROM_WHERE, NULL },
	{ "SELECT distinctrow password" FROM_WHERE, NULL },
	{ "SELECT ALL password" FROM_WHERE, NULL },
	{ "SELECT SQL_CALC_FOUND_ROWS password" FROM_WHERE, NULL },
	{ "SELECT COUNT(*)" FROM_WHERE, NULL },
	{ "SELECT MAX(password)" FROM_WHERE, NULL },
	{ "SELECT CONCAT(MAX(password))" FROM_WHERE, NULL },
	{ "SELECT a, RAND()" FROM_WHERE, NULL },
	{ "SELECT a, NEXT VALUE FOR s" FROM_WHERE, NULL },
	{ "SELECT a, s.nextval" FROM_WHERE, NULL },
	{ "SELECT a" FROM_WHERE " GROUP BY a", NULL },
	{ "SELECT a" FROM_WHERE " HAVING a", NULL },
	{ "SELECT a" FROM_WHERE " ORDER BY a", NULL },
	{ "SELECT a" FROM_WHERE " LIMIT 1", NULL },
	{ "SELECT a" FROM_WHERE " OR 1", NULL },
	{ "SELECT a" FROM_WHERE " || 1", NULL },
	{ "SELECT a" FROM_WHERE " && 1", NULL },
	{ "SELECT a" FROM_WHERE " XOR 1", NULL },
	{ "SELECT a" FROM_WHERE " AND", NULL },
	{ "SELECT a" FROM_WHERE " AND NOT b", NULL },
	{ "SELECT a" FROM_WHERE " AND b", NULL },
	{ "SELECT a" FROM_WHERE " AND b = c = d", NULL },
	{ "SELECT a" FROM_WHERE " AND b = 1 OR c = 1", NULL },
	{ "SELECT a" FROM_WHERE " AND (b = 1 OR c = 1)", NULL },
	{ "SELECT a" FROM_WHERE " AND b = (SELECT c FROM d)", NULL },
	{ "SELECT a" FROM_WHERE " AND b BETWEEN 1 AND 2", NULL },
	{ "SELECT a" FROM_WHERE " AND b = 1 IS TRUE", NULL },
	{ "SELECT a" FROM_WHERE " FOR UPDATE", NULL },
	{ "SELECT a" FROM_WHERE " UNION SELECT b", NULL },
	{ "SELECT a" FROM_WHERE " INTO b", NULL },
	{ "SELECT a" FROM_WHERE ";", NULL },

	/* values in places where they decide something else */
	{ "SELECT IF(? = 'imap', a, b)" FROM_WHERE, NULL },
	{ "SELECT ? = a" FROM_WHERE, NULL },
	{ "SELECT ? + 1" FROM_WHERE, NULL },
	{ "SELECT 1 + ?" FROM_WHERE, NULL },
	{ "SELECT ? COLLATE utf8_bin" FROM_WHERE, NULL },
	{ "SELECT LEFT(?, 3)" FROM_WHERE, NULL },
	{ "SELECT CONCAT(LEFT(?, 3))" FROM_WHERE, NULL },
	{ "SELECT (SELECT a FROM b WHERE c = ?)" FROM_WHERE, NULL },
	{ "SELECT CASE ? WHEN 1 THEN 2 END" FROM_WHERE, NULL },

	/* tables */
	{ "SELECT a FROM b, c WHERE d = ?", NULL },
	{ "SELECT a FROM b JOIN c WHERE d = ?", NULL },
	{ "SELECT a FROM b LEFT JOIN c ON d = e WHERE f = ?", NULL },
	{ "SELECT a FROM (SELECT b) c WHERE d = ?", NULL },
	{ "SELECT a FROM b USE INDEX (c) WHERE d = ?", NULL },
	{ "SELECT a FROM b PARTITION (c) WHERE d = ?", NULL },
	{ "SELECT a FROM b FOR SYSTEM_TIME ALL WHERE d = ?", NULL },
	{ "SELECT a FROM f(1) WHERE d = ?", NULL },

	/* no statements at all */
	{ "", NULL },
	{ "SELECT", NULL },
	{ "SELECT a", NULL },
	{ "SELECT a,", NULL },
	{ "SELECT a, FROM b WHERE c = ?", NULL },
	{ "SELECT a FROM b WHERE", NULL },
	{ "SELECT a FROM b WHERE c =", NULL },
	{ "SELECT a FROM b WHERE c. = ?", NULL },
	{ "SELECT * FROM b WHERE c = ?", NULL },
	{ "SELECT b.* FROM b WHERE c = ?", NULL },
	{ "SELECT a AS FROM b WHERE c = ?", NULL },
	{ "SELECT CONCAT(a FROM b WHERE c = ?", NULL },
	{ "SELECT CONCAT() FROM b WHERE c = ?", NULL },
	{ "SELECT concat FROM b WHERE c = ?", NULL },
	{ "SELECT a b c FROM d WHERE e = ?", NULL },
	{ "SELECT 'without end FROM b WHERE c = ?", NULL },
	{ "UPDATE a SET b = 1 WHERE c = ?", NULL },
};

static unsigned int commas(const char *keys)
{
	unsigned int count = 0;

	for (; *keys != '\0'; keys++)
		count += *keys == ',';
	return count;
}

static void test_shape(void)
{
	struct sql_shape shape;
	bool plain;
	size_t i;

	for (i = 0; i < N_ROWS(statements); i++) {
		plain = sql_shape_read(statements[i].text, &shape);
		UNIT_ASSERT_ROW(statements[i].text,
				plain == (statements[i].keys != NULL));
		if (plain && statements[i].keys != NULL) {
			UNIT_ASSERT_ROW(statements[i].text,
					strcmp(strbuf_str(&shape.keys),
					       statements[i].keys) == 0);
			UNIT_ASSERT_ROW(statements[i].text, shape.key_count ==
					commas(statements[i].keys));
		}
		sql_shape_free(&shape);
	}
}

/* Columns that are nothing but a value are not asked for. */
static void test_shape_echo(void)
{
	struct sql_shape shape;

	CU_ASSERT_TRUE(sql_shape_read(
		"SELECT username as user, ? AS home, CONCAT('x', ?) y, 1, "
		"?mail, ? AS 'quoted', ?, password FROM mailbox "
		"WHERE active = 1 AND username = ?", &shape));
	CU_ASSERT_STRING_EQUAL(strbuf_str(&shape.rest),
		", username as user, CONCAT('x', ?) y, 1, ? AS 'quoted', ?, "
		"password FROM mailbox WHERE active = 1 AND username = ?");
	CU_ASSERT_EQUAL_FATAL(shape.echo_count, 2);
	CU_ASSERT_EQUAL(shape.echoes[0].column, 1);
	CU_ASSERT_EQUAL(shape.echoes[0].value, 0);
	CU_ASSERT_STRING_EQUAL(shape.echoes[0].name, "home");
	CU_ASSERT_EQUAL(shape.echoes[1].column, 4);
	CU_ASSERT_EQUAL(shape.echoes[1].value, 2);
	CU_ASSERT_STRING_EQUAL(shape.echoes[1].name, "mail");
	CU_ASSERT_EQUAL_FATAL(shape.bind_count, 4);
	CU_ASSERT_EQUAL(shape.binds[0], 1);
	CU_ASSERT_EQUAL(shape.binds[1], 3);
	CU_ASSERT_EQUAL(shape.binds[2], 4);
	CU_ASSERT_EQUAL(shape.binds[3], 5);
	sql_shape_free(&shape);
}

/* All of them are values. */
static void test_shape_echo_only(void)
{
	struct sql_shape shape;

	CU_ASSERT_TRUE(sql_shape_read(
		"SELECT ? AS home, ? AS mail FROM mailbox WHERE username = ?",
		&shape));
	CU_ASSERT_STRING_EQUAL(strbuf_str(&shape.rest),
			       " FROM mailbox WHERE username = ?");
	CU_ASSERT_EQUAL(shape.echo_count, 2);
	CU_ASSERT_EQUAL_FATAL(shape.bind_count, 1);
	CU_ASSERT_EQUAL(shape.binds[0], 2);
	sql_shape_free(&shape);
}

/* More values than there is room for. */
static void test_shape_many(void)
{
	struct strbuf text = STRBUF_INIT;
	struct sql_shape shape;
	unsigned int i;

	strbuf_append_str(&text, "SELECT a");
	for (i = 0; i <= SQL_SHAPE_MAX; i++)
		strbuf_append_str(&text, ", ? AS b");
	strbuf_append_str(&text, " FROM c WHERE d = ?");
	CU_ASSERT_TRUE(sql_shape_read(strbuf_str(&text), &shape));
	CU_ASSERT_EQUAL(shape.echo_count, SQL_SHAPE_MAX);
	CU_ASSERT_EQUAL(shape.bind_count, 2);
	CU_ASSERT_EQUAL(shape.binds[1], SQL_SHAPE_MAX + 1);
	sql_shape_free(&shape);
	for (i = 0; i <= SQL_SHAPE_MAX; i++)
		strbuf_append_str(&text, " AND d = ?");
	CU_ASSERT_FALSE(sql_shape_read(strbuf_str(&text), &shape));
	sql_shape_free(&shape);
	strbuf_free(&text);
}

/* What is asked for by the same value is bound once; echoes are counted, too. */
static void test_shape_share(void)
{
	static const unsigned char first[] = { 0, 1, 0, 1, 4, 1 };
	struct sql_shape shape;

	CU_ASSERT_TRUE(sql_shape_read(
		"SELECT ? AS home, CONCAT(?, ?) a FROM b "
		"WHERE c = ? AND d = ? AND e = ?", &shape));
	CU_ASSERT_EQUAL(shape.bind_count, 5);
	sql_shape_share(&shape, first);
	CU_ASSERT_EQUAL_FATAL(shape.bind_count, 3);
	CU_ASSERT_EQUAL(shape.binds[0], 1);
	CU_ASSERT_EQUAL(shape.binds[1], 0);
	CU_ASSERT_EQUAL(shape.binds[2], 4);
	CU_ASSERT_EQUAL_FATAL(shape.place_count, 5);
	CU_ASSERT_EQUAL(memcmp(shape.places, "\0\1\0\2\0", 5), 0);
	sql_shape_free(&shape);
}

/* Our own statements have few values. */
static void test_shape_trust(void)
{
	struct sql_shape shape;

	CU_ASSERT_TRUE(sql_shape_trust("SELECT a FROM b", SQL_SHAPE_MAX,
				       &shape));
	CU_ASSERT_EQUAL(shape.bind_count, SQL_SHAPE_MAX);
	CU_ASSERT_EQUAL(shape.binds[5], 5);
	sql_shape_free(&shape);
	CU_ASSERT_FALSE(sql_shape_trust("SELECT a FROM b", SQL_SHAPE_MAX + 1,
					&shape));
	sql_shape_free(&shape);
}

static CU_TestInfo tests[] = {
	TEST(test_shape),
	TEST(test_shape_echo),
	TEST(test_shape_echo_only),
	TEST(test_shape_many),
	TEST(test_shape_share),
	TEST(test_shape_trust),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("sql-shape", tests);
}
