/* SPDX-License-Identifier: MIT */
/*
 * Which statements have a wide form, and its text.
 */
#include "core/sql-wide.h"
#include "unit.h"

#include <stdlib.h>

static const struct {
	const char *text;
	bool safe;
} statements[] = {
	{ "SELECT a FROM b WHERE c = ?", true },
	{ "  select a", true },
	{ "SELECT\ta", true },
	{ "SELECT(1)", true },
	{ "SELECTED", false },
	{ "CALL find(?)", false },
	{ "UPDATE a SET b = ?", false },
	{ "(SELECT a)", false },
	{ "WITH q AS (SELECT 1) SELECT * FROM q", false },
	{ "", false },
	/* user variables */
	{ "SELECT @a", false },
	{ "SELECT @a := 1", false },
	{ "SELECT a := 1", false },
	{ "SELECT @@version", false },
	/* which these are not */
	{ "SELECT 'joe@example.org', \"a@b\", `c@d`", true },
	{ "SELECT 'it''s @', '\\'@', \"\"\"@\", `\\`", true },
	{ "SELECT 'it''s', @a", false },
	{ "SELECT '\\\\', @a", false },
	{ "SELECT `\\`, @a", false },
	{ "SELECT 'without end @", true },
	{ "SELECT 'backslash at the end \\", true },
	/* comments that are left in statements */
	{ "SELECT /*! HIGH_PRIORITY */ a", false },
	{ "SELECT /*+ hint */ a", false },
	{ "SELECT '/*' a", true },
	{ "SELECT a / b * c", true },
	/* an order that UNION would lose */
	{ "SELECT a FROM b ORDER BY c", false },
	{ "SELECT a FROM b order\tby c DESC", false },
	{ "SELECT a FROM b WHERE c IN (SELECT d FROM e LIMIT 1) ORDER BY f",
	  false },
	{ "SELECT b.limit FROM b ORDER BY c", false },
	{ "SELECT `LIMIT`, 'LIMIT' FROM b ORDER BY c", false },
	{ "SELECT a FROM b ORDER BY c LIMIT 1", true },
	{ "SELECT a FROM b ORDER BY(c)limit 1", true },
	{ "SELECT a FROM b ORDER BY c FETCH FIRST 1 ROW ONLY", true },
	{ "SELECT GROUP_CONCAT(a ORDER BY c) FROM b", true },
	{ "SELECT b.order, border, orders FROM b", true },
	{ "SELECT `ORDER` FROM b", true },
};

static void test_wide_is_safe(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(statements); i++) {
		UNIT_ASSERT_ROW(statements[i].text,
				sql_wide_is_safe(statements[i].text) ==
				statements[i].safe);
	}
}

static void test_wide_union(void)
{
	char *text = sql_wide_union("SELECT a FROM b WHERE c = ?", 3, 2);

	CU_ASSERT_STRING_EQUAL(text,
		"(SELECT 0 AS `lookup`, q.* FROM "
		"(SELECT a FROM b WHERE c = ?) q LIMIT 2) UNION ALL "
		"(SELECT 1 AS `lookup`, q.* FROM "
		"(SELECT a FROM b WHERE c = ?) q LIMIT 2) UNION ALL "
		"(SELECT 2 AS `lookup`, q.* FROM "
		"(SELECT a FROM b WHERE c = ?) q LIMIT 2)");
	free(text);
}

#define CAST "CAST(? AS CHAR(255) CHARACTER SET ascii)"

static void test_wide_join(void)
{
	struct sql_shape shape;
	char *text;

	CU_ASSERT_TRUE(sql_shape_trust(
		"SELECT a, (SELECT b FROM c WHERE d = ?), '?' "
		"FROM `e FROM ?` LEFT JOIN f ON g = ? WHERE h = ?", 3,
		&shape));
	text = sql_wide_join(&shape, 2);
	CU_ASSERT_STRING_EQUAL(text,
		"WITH `dovecot_lookups` (`lookup`, `b0`, `b1`, `b2`) AS (VALUES "
		"/*!80019 ROW*/(0, "CAST", "CAST", "CAST"), "
		"/*!80019 ROW*/(1, "CAST", "CAST", "CAST")) "
		"SELECT k.`lookup`, a, (SELECT b FROM c WHERE d = k.`b0`), "
		"'?'  FROM `dovecot_lookups` k STRAIGHT_JOIN `e FROM ?` "
		"LEFT JOIN f ON g = k.`b1` WHERE h = k.`b2`");
	free(text);
	sql_shape_free(&shape);
}

/* as people write them */
static void test_wide_join_keys(void)
{
	struct sql_shape shape;
	char *text;

	CU_ASSERT_TRUE(sql_shape_read("select a,'from'as b, ? as c,concat(?)d\n"
				      "from e where e.f = ?", &shape));
	text = sql_wide_join(&shape, 1);
	CU_ASSERT_STRING_EQUAL(text,
		"WITH `dovecot_lookups` (`lookup`, `b0`, `b1`) AS (VALUES "
		"/*!80019 ROW*/(0, "CAST", "CAST")) SELECT k.`lookup`, a, "
		"'from'as b, concat(k.`b0`)d , e.f FROM `dovecot_lookups` k "
		"STRAIGHT_JOIN e where e.f = k.`b1`");
	free(text);
	sql_shape_free(&shape);
}

/* A value that is meant twice has one column. */
static void test_wide_join_shared(void)
{
	static const unsigned char first[] = { 0, 0, 2 };
	struct sql_shape shape;
	char *text;

	CU_ASSERT_TRUE(sql_shape_trust("SELECT a FROM b JOIN c ON d = ? AND "
				       "e = ? WHERE f = ?", 3, &shape));
	sql_shape_share(&shape, first);
	text = sql_wide_join(&shape, 1);
	CU_ASSERT_STRING_EQUAL(text,
		"WITH `dovecot_lookups` (`lookup`, `b0`, `b1`) AS (VALUES "
		"/*!80019 ROW*/(0, "CAST", "CAST")) SELECT k.`lookup`, a  "
		"FROM `dovecot_lookups` k STRAIGHT_JOIN b JOIN c ON "
		"d = k.`b0` AND e = k.`b0` WHERE f = k.`b1`");
	free(text);
	sql_shape_free(&shape);
}

static CU_TestInfo tests[] = {
	TEST(test_wide_is_safe),
	TEST(test_wide_union),
	TEST(test_wide_join),
	TEST(test_wide_join_keys),
	TEST(test_wide_join_shared),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("sql-wide", tests);
}
