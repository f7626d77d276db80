/* SPDX-License-Identifier: MIT */
/*
 * Queries with %variables: the text that is prepared, the values that are
 * bound, and what is refused at which place.
 */
#include "core/sql-template.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* binds: the templates, each behind a "|" */
static const struct row {
	const char *name;
	const char *query;
	const char *text;
	const char *binds;
} rows[] = {
	{ "empty", "", "", "" },
	{ "no variable", "SELECT 1 FROM dual", "SELECT 1 FROM dual", "" },
	{ "layout is kept", "SELECT\t1,\n  2", "SELECT\t1,\n  2", "" },

	/* literals */
	{ "a literal", "SELECT '%u'", "SELECT ?", "|%u" },
	{ "more than the variable", "SELECT '/var/mail/%d/%n/'", "SELECT ?",
	  "|/var/mail/%d/%n/" },
	{ "in order", "SELECT '%n','%d' WHERE a='%u'",
	  "SELECT ?,? WHERE a=?", "|%n|%d|%u" },
	{ "double quotes", "SELECT \"%u\"", "SELECT ?", "|%u" },
	{ "any form of a variable", "SELECT '%5.2LHu%{if;%s;eq;a;b;c}'",
	  "SELECT ?", "|%5.2LHu%{if;%s;eq;a;b;c}" },
	{ "quotes within a variable", "SELECT '%{passdb:it's}', \"%{a:\"}\"",
	  "SELECT ?, ?", "|%{passdb:it's}|%{a:\"}" },
	{ "kept as it is", "SELECT 'it''s \\'\\n\\%%\\0?', \"\"\"%%\"",
	  "SELECT 'it''s \\'\\n\\%\\0?', \"\"\"%\"", "" },
	{ "empty literals", "SELECT '', \"\", '%u'", "SELECT '', \"\", ?",
	  "|%u" },
	{ "the other quote", "SELECT '\"%u', \"'%u\", '\"', \"'\"",
	  "SELECT ?, ?, '\"', \"'\"", "|\"%u|'%u" },
	{ "doubled quotes", "SELECT 'it''s %u', \"\"\"%u\"\"\"",
	  "SELECT ?, ?", "|it's %u|\"%u\"" },
	{ "escapes", "SELECT '\\'\\\"\\b\\n\\r\\t\\Z\\\\\\a\\xu%u'",
	  "SELECT ?", "|'\"\b\n\r\t\x1a\\axu%u" },
	{ "escapes for LIKE", "SELECT '\\%%\\_\\\\%u'", "SELECT ?",
	  "|\\%%\\_\\%u" },
	{ "percent signs", "SELECT 'a%%%u%%', '100%%', '%%'",
	  "SELECT ?, '100%', '%'", "|a%%%u%%" },
	{ "a percent sign with a modifier is a variable", "SELECT '%L%'",
	  "SELECT ?", "|%L%" },
	{ "a word behind", "SELECT 'a%u'as b, '%n'AS c WHERE '%u'='%u'AND 1",
	  "SELECT ? as b, ? AS c WHERE ?=? AND 1", "|a%u|%n|%u|%u" },
	{ "a word before", "SELECT'%u' WHERE a LIKE'%u'",
	  "SELECT? WHERE a LIKE?", "|%u|%u" },
	{ "an alias behind", "SELECT '%u'`a`, '%u' b, '%u' AS 'c', %a 'd'",
	  "SELECT ?`a`, ? b, ? AS 'c', ? 'd'", "|%u|%u|%u|%a" },
	{ "bytes beyond ASCII", "SELECT '\xc3\xa4%u', '\xc3\xa4'",
	  "SELECT ?, '\xc3\xa4'", "|\xc3\xa4%u" },

	/* adjacent literals */
	{ "joined, variable first", "SELECT '%u' 'b'", "SELECT ?", "|%ub" },
	{ "joined, variable last", "SELECT 'a' 'b%%' \"%u\"", "SELECT ?",
	  "|ab%%%u" },
	{ "joined across comments", "SELECT 'a'/**/'%u' -- x\n 'b', 1",
	  "SELECT ?, 1", "|a%ub" },
	{ "kept when joined", "SELECT 'a'\t'b%%' /* x */ 'c' ",
	  "SELECT 'a'\t'b%'   'c' ", "" },
	{ "not joined", "SELECT 'a', '%u', 'b'", "SELECT 'a', ?, 'b'", "|%u" },

	/* variables without quotes */
	{ "bare", "SELECT 1 WHERE port=%a AND (%{uid})<%p",
	  "SELECT 1 WHERE port=? AND (?)<?", "|%a|%{uid}|%p" },
	{ "bare at the end", "SELECT 1 WHERE port = %a",
	  "SELECT 1 WHERE port = ?", "|%a" },
	{ "modulo", "SELECT a %% 2, a%%b, %a%%2, '%u'%%%p",
	  "SELECT a % 2, a%b, ?%2, ?%?", "|%a|%u|%p" },
	{ "cut off by the end", "SELECT 1 %", "SELECT 1 ", "" },
	{ "in a list", "SELECT 1 WHERE a IN (%a, %b, 3)",
	  "SELECT 1 WHERE a IN (?, ?, 3)", "|%a|%b" },

	/* names */
	{ "quoted names", "SELECT `a``b`, `it's`, `\"`, `-- a`, `#?;`",
	  "SELECT `a``b`, `it's`, `\"`, `-- a`, `#?;`", "" },
	{ "percent sign in a name", "SELECT `a%%b`", "SELECT `a%b`", "" },
	{ "backslash in a name", "SELECT `a\\`, '%u'", "SELECT `a\\`, ?",
	  "|%u" },
	{ "user variables", "SELECT @a, @@b, @'c', @from, '%u'",
	  "SELECT @a, @@b, @'c', @from, ?", "|%u" },

	/* comments */
	{ "line comment", "SELECT 1 -- it's %u; ?\n, '%u'",
	  "SELECT 1  \n, ?", "|%u" },
	{ "line comment up to the end", "SELECT 1 -- it's", "SELECT 1  ", "" },
	{ "nothing behind the dashes", "SELECT 1 --", "SELECT 1  ", "" },
	{ "control character behind the dashes", "SELECT 1 --\1'\n",
	  "SELECT 1  \n", "" },
	{ "hash comment", "SELECT 1#it's %foo\n, '%u'", "SELECT 1 \n, ?",
	  "|%u" },
	{ "block comment", "SELECT/* it's; ? %u %foo */1", "SELECT 1", "" },
	{ "block comment with stars", "SELECT /***/1/*/ * /*/", "SELECT  1 ",
	  "" },
	{ "variable in a comment", "SELECT /* %{if;*/;a} */ 1 # %{x:\n}\n, 2",
	  "SELECT   1  \n, 2", "" },
	{ "two minus signs", "SELECT 1--2, 1 --'%u'",
	  "SELECT 1- -2, 1 - -?", "|%u" },
	{ "no comment made of what was none", "SELECT 1--/**/1",
	  "SELECT 1- - 1", "" },
	{ "version comment", "SELECT /*!40001 SQL_NO_CACHE */ '%u'",
	  "SELECT /*!40001 SQL_NO_CACHE */ ?", "|%u" },
	{ "MariaDB comment", "SELECT /*M!100000 'it''s', */ '%u'",
	  "SELECT /*M!100000 'it''s', */ ?", "|%u" },
	{ "hint", "SELECT /*+ MAX_EXECUTION_TIME(9) */ '%u'",
	  "SELECT /*+ MAX_EXECUTION_TIME(9) */ ?", "|%u" },
	{ "no hint", "SELECT /*M + */ 1", "SELECT   1", "" },
	{ "comment in a comment", "SELECT /*!40000 1, /* it's */ */ 2",
	  "SELECT /*!40000 1,   */ 2", "" },
	{ "variable in a comment that all servers read",
	  "SELECT 1 /*! WHERE a = '%u' */", "SELECT 1 /*! WHERE a = ? */",
	  "|%u" },
	{ "end of a comment within a literal", "SELECT '/*', '*/%u', '--'",
	  "SELECT '/*', ?, '--'", "|*/%u" },

	/* the end */
	{ "semicolon", "SELECT '%u';", "SELECT ?", "|%u" },
	{ "semicolon, blanks", "SELECT 1 ; \t\n", "SELECT 1 ", "" },
	{ "semicolon, comments", "SELECT 1; /* a */ -- b", "SELECT 1", "" },
	{ "semicolon in a literal", "SELECT ';'; ", "SELECT ';'", "" },

	/* places that look like names */
	{ "FROM in a function", "SELECT TRIM(LEADING '.' FROM '%d'), "
	  "SUBSTRING(a FROM %a)", "SELECT TRIM(LEADING '.' FROM ?), "
	  "SUBSTRING(a FROM ?)", "|%d|%a" },
	{ "comma behind FROM, elsewhere",
	  "SELECT 1 FROM a, b WHERE f(1, '%u') AND c IN ('%n', '%d')",
	  "SELECT 1 FROM a, b WHERE f(1, ?) AND c IN (?, ?)", "|%u|%n|%d" },
	{ "comma in a sub-select", "SELECT 1 FROM (SELECT '%n', '%d') x, y",
	  "SELECT 1 FROM (SELECT ?, ?) x, y", "|%n|%d" },
	{ "arguments of ORDER BY", "SELECT 1 ORDER BY FIELD(a, '%n', %a), '%u'",
	  "SELECT 1 ORDER BY FIELD(a, ?, ?), ?", "|%n|%a|%u" },
	{ "functions that are keywords", "SELECT DATE('%u'), VALUES('%u')",
	  "SELECT DATE(?), VALUES(?)", "|%u|%u" },
	{ "columns that are keywords", "SELECT t.from, '%u', t.limit='%u'",
	  "SELECT t.from, ?, t.limit=?", "|%u|%u" },
	{ "a call", "CALL account('%u', %a)", "CALL account(?, ?)",
	  "|%u|%a" },
	{ "an update", "UPDATE a SET b='%u', c='%n' WHERE d='%d'",
	  "UPDATE a SET b=?, c=? WHERE d=?", "|%u|%n|%d" },
	{ "an insert", "INSERT INTO a (b, c) VALUES ('%u', %a) "
	  "ON DUPLICATE KEY UPDATE b='%n', c='%d'",
	  "INSERT INTO a (b, c) VALUES (?, ?) "
	  "ON DUPLICATE KEY UPDATE b=?, c=?", "|%u|%a|%n|%d" },
	{ "words that start like a prefix", "SELECT n, x FROM _a WHERE b='%u'",
	  "SELECT n, x FROM _a WHERE b=?", "|%u" },
	{ "prefixes without a variable", "SELECT x'41', n'a', _utf8'b%%', '%u'",
	  "SELECT x'41', n'a', _utf8'b%', ?", "|%u" },
	{ "deep", "((((((((((((((((((((((((((((((((((((((((SELECT '%u', %a "
	  "FROM a))))))))))))))))))))))))))))))))))))))))",
	  "((((((((((((((((((((((((((((((((((((((((SELECT ?, ? "
	  "FROM a))))))))))))))))))))))))))))))))))))))))", "|%u|%a" },
	{ "unbalanced", ")))'%u", NULL, NULL },
};

static void join_binds(const struct sql_template *tmpl, struct strbuf *out)
{
	unsigned int i;

	for (i = 0; i < tmpl->bind_count; i++) {
		strbuf_append_c(out, '|');
		strbuf_append_str(out, template_text(tmpl->binds[i]));
	}
}

static void check_row(const struct row *row)
{
	struct strbuf binds = STRBUF_INIT;
	struct errbuf error;
	struct sql_template *tmpl;

	if (sql_template_compile(row->query, &tmpl, &error) < 0) {
		UNIT_ASSERT_ROW(row->name, row->text == NULL);
		return;
	}
	join_binds(tmpl, &binds);
	UNIT_ASSERT_ROW(row->name, row->text != NULL &&
			strcmp(tmpl->text, row->text) == 0);
	UNIT_ASSERT_ROW(row->name, row->binds != NULL &&
			strcmp(strbuf_str(&binds), row->binds) == 0);
	strbuf_free(&binds);
	sql_template_free(&tmpl);
	UNIT_ASSERT_ROW(row->name, tmpl == NULL);
	sql_template_free(&tmpl);
}

static void test_sql_template_compile(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(rows); i++)
		check_row(&rows[i]);
}

#define JOINED "a variable next to other text"
#define NO_TABLE "a variable cannot be the name of a table"
#define NO_NAME "a variable cannot be the name of a column"
#define NO_PART "a variable cannot be part of a name"
#define NO_ALIAS "a variable cannot be an alias"
#define NO_LIMIT "a variable cannot be a limit"
#define NO_PREFIX "a variable in a literal with a prefix"
#define ONLY_CONSTANT "only a literal without a variable"
#define SOME_SERVERS "a variable in a comment that only some servers read"
#define UNKNOWN "unknown variable "

/* place: what the error quotes, its start being the place it names */
static const struct refused_row {
	const char *name;
	const char *query;
	const char *place;
	const char *error;
} refused_rows[] = {
	{ "LIKE", "SELECT 1 WHERE a LIKE '%foo'", "%foo'",
	  UNKNOWN "%f: write %% for a percent sign" },
	{ "percent sign at the end of a literal", "SELECT 'a%'", "%'",
	  UNKNOWN "%': write %%" },
	{ "unknown long name", "SELECT '%{foo}'", "%{foo}'",
	  UNKNOWN "%{foo}:" },
	{ "unknown, bare", "SELECT 5%3 AS a", "%3 AS a", UNKNOWN "%3 :" },
	{ "unknown, in a name", "SELECT `%foo`", "%foo`", UNKNOWN "%f:" },
	{ "no closing brace", "SELECT '%{user'", "%{user'",
	  "%{ has no closing brace" },

	{ "part of a name, behind", "SELECT 1 FROM mailbox_%d", "%d", JOINED },
	{ "part of a name, before", "SELECT 1 FROM %d_box", "%d_box", JOINED },
	{ "digit behind", "SELECT %d1", "%d1", JOINED },
	{ "dollar sign behind", "SELECT %d$", "%d$", JOINED },
	{ "byte beyond ASCII behind", "SELECT %d\xc3\xa4", "%d  ", JOINED },
	{ "dot behind", "SELECT %d.mailbox", "%d.mailbox", JOINED },
	{ "dot before", "SELECT a.%d", "%d", JOINED },
	{ "at sign", "SELECT %n@%d", "%n@%d", JOINED },
	{ "user variable", "SELECT @%d", "%d", JOINED },
	{ "two variables", "SELECT %n%d", "%n%d", JOINED },
	{ "variable and broken one", "SELECT %n%", "%n%", JOINED },
	{ "quote behind", "SELECT %n'a'", "%n'a'", JOINED },
	{ "quote before", "SELECT 'a'%n", "%n", JOINED },
	{ "backtick behind", "SELECT %n`a`", "%n`a`", JOINED },
	{ "backtick before", "SELECT `a`%n", "%n", JOINED },
	{ "in backticks", "SELECT `a%d`", "%d`", NO_PART },
	{ "in doubled backticks", "SELECT `a``%d`", "%d`", NO_PART },
	{ "literal and dot", "SELECT '%d'.a", "'%d'.a", NO_PART },
	{ "dot and literal", "SELECT a.'%d'", "'%d'", NO_PART },
	{ "user and host", "SELECT '%n'@'%d'", "'%n'@'%d'", NO_PART },
	{ "user variable in quotes", "SELECT @'%d'", "'%d'", NO_PART },

	{ "FROM", "SELECT 1 FROM %d", "%d", NO_TABLE },
	{ "from, in a sub-select", "SELECT (SELECT 1 from %d)", "%d)",
	  NO_TABLE },
	{ "FROM, literal", "SELECT 1 FROM '%d'", "'%d'", NO_TABLE },
	{ "FROM, parenthesis", "SELECT 1 FROM (%d)", "%d)", NO_TABLE },
	{ "FROM, list", "SELECT 1 FROM a, b AS c, %d", "%d", NO_TABLE },
	{ "FROM, list, behind a sub-select",
	  "SELECT 1 FROM (SELECT 'a', '%n') b, %d", "%d", NO_TABLE },
	{ "FROM in a comment for all", "SELECT 1 /*! FROM %d */", "%d */",
	  NO_TABLE },
	{ "JOIN", "SELECT 1 FROM a LEFT JOIN %d ON 1", "%d ON 1", NO_TABLE },
	{ "STRAIGHT_JOIN", "SELECT 1 FROM a STRAIGHT_JOIN %d", "%d", NO_TABLE },
	{ "INTO", "INSERT INTO %d SELECT 1", "%d SELECT 1", NO_TABLE },
	{ "UPDATE", "UPDATE %d SET a=1", "%d SET a=1", NO_TABLE },
	{ "TABLE", "TRUNCATE TABLE %d", "%d", NO_TABLE },
	{ "USE", "USE %d", "%d", NO_TABLE },
	{ "CALL", "CALL %d", "%d", NO_TABLE },
	{ "DESCRIBE", "DESCRIBE %d", "%d", NO_TABLE },
	{ "DATABASE", "CREATE DATABASE %d", "%d", NO_TABLE },
	{ "COLLATE", "SELECT a COLLATE %d", "%d", NO_NAME },
	{ "USING", "SELECT CONVERT('%u' USING %d)", "%d)", NO_NAME },
	{ "USING, list", "SELECT 1 FROM a JOIN b USING (c, %d)", "%d)",
	  NO_NAME },
	{ "ORDER BY", "SELECT 1 ORDER BY %d", "%d",
	  "a variable cannot be a column to sort" },
	{ "GROUP BY, list", "SELECT 1 GROUP BY a, %d", "%d",
	  "a variable cannot be a column to sort" },
	{ "LIMIT", "SELECT 1 LIMIT %a", "%a", NO_LIMIT },
	{ "LIMIT, list", "SELECT 1 LIMIT 1, %a", "%a", NO_LIMIT },
	{ "LIMIT, literal", "SELECT 1 LIMIT '%a'", "'%a'", NO_LIMIT },
	{ "OFFSET", "SELECT 1 LIMIT 1 OFFSET %a", "%a", NO_LIMIT },
	{ "DATE", "SELECT DATE '20%u'", "'20%u'", ONLY_CONSTANT },
	{ "SEPARATOR", "SELECT GROUP_CONCAT(a SEPARATOR '%u')", "'%u')",
	  ONLY_CONSTANT },

	{ "AS", "SELECT a AS '%u'", "'%u'", NO_ALIAS },
	{ "AS, bare", "SELECT a AS %u", "%u", NO_ALIAS },
	{ "behind a function", "SELECT f(a) '%u'", "'%u'", NO_ALIAS },
	{ "behind a number", "SELECT 1 '%u'", "'%u'", NO_ALIAS },
	{ "behind a quoted name", "SELECT `a` '%u'", "'%u'", NO_ALIAS },
	{ "behind a literal", "SELECT 'a' %u", "%u", NO_ALIAS },
	{ "behind a bound literal", "SELECT '%u' %u", "%u", NO_ALIAS },
	{ "behind a variable", "SELECT %u '%u'", "'%u'", NO_ALIAS },

	{ "n prefix", "SELECT n'%u'", "'%u'", NO_PREFIX },
	{ "X prefix", "SELECT X'%u'", "'%u'", NO_PREFIX },
	{ "b prefix", "SELECT b'%u'", "'%u'", NO_PREFIX },
	{ "prefix of the first", "SELECT n'a' '%u'", "'a' '%u'", NO_PREFIX },
	{ "introducer", "SELECT _utf8mb4'%u'", "'%u'", NO_PREFIX },
	{ "introducer, blank", "SELECT _utf8mb4 '%u'", "'%u'", NO_PREFIX },

	{ "backslash", "SELECT 'a\\%u'", "\\%u'", "a variable behind a back" },
	{ "backslash, unknown", "SELECT 'a\\%foo'", "%foo'", UNKNOWN "%f:" },
	{ "NUL byte", "SELECT 'a\\0%u'", "\\0%u'", "a NUL byte" },
	{ "NUL byte behind", "SELECT '%u' 'a\\0'", "\\0'", "a NUL byte" },

	{ "hint", "SELECT /*+ X('%u') */ 1", "'%u') */ 1", SOME_SERVERS },
	{ "version comment", "SELECT /*!50000 %a */ 1", "%a */ 1",
	  SOME_SERVERS },
	{ "MariaDB comment", "SELECT /*M! '%u' */ 1", "'%u' */ 1",
	  SOME_SERVERS },
	{ "literal that goes on in a comment", "SELECT '%u' /*! 'a' */",
	  "'a' */", "a literal that goes on" },
	{ "literal that starts in a comment", "SELECT /*! 'a' */ '%u'",
	  "'%u'", NO_ALIAS },
	{ "literal that goes on behind a hint", "SELECT '%u' /*+ A(1) */ 'a'",
	  "'a'", "a literal that goes on" },
	{ "comment in a comment", "SELECT /*! /*! 1 */ */", "/*! 1 */ */",
	  "a comment within" },

	{ "literal without end", "SELECT 'a", "'a", "a literal without end" },
	{ "second literal without end", "SELECT 'a' \"b'", "\"b'",
	  "a literal without end" },
	{ "literal that ends in a backslash", "SELECT 'a\\", "'a\\",
	  "a literal without end" },
	{ "escaped quote", "SELECT 'a\\'", "'a\\'", "a literal without end" },
	{ "literal that ends in a percent sign", "SELECT 'a%", "'a%",
	  "a literal without end" },
	{ "name without end", "SELECT `a", "`a", "a name without end" },
	{ "comment without end", "SELECT /* a", "/* a",
	  "a comment without end" },
	{ "comment that has only started", "SELECT /*/", "/*/",
	  "a comment without end" },
	{ "version comment without end", "SELECT /*!1 a", "/*!1 a",
	  "a comment without end" },
	{ "variable hides the end", "SELECT /* %{a:*/ 1}", "/* %{a:*/ 1}",
	  "a comment without end" },
	{ "second statement", "SELECT 1; DROP TABLE a", "; DROP TABLE a",
	  "a second statement" },
	{ "two semicolons", "SELECT 1;;", ";;", "a second statement" },
	{ "semicolon in a comment", "SELECT /*! 1; */ 2", "; */ 2",
	  "a second statement" },
	{ "placeholder", "SELECT '%u', ?", "?", "a \"?\" outside of quotes" },

	{ "place counts characters", "SELECT '\xc3\xa4\xe2\x82\xac', ?", "?",
	  "a \"?\" outside" },
	{ "a long query", "SELECT ?, 'a query of some length goes on here'",
	  "?, 'a query of some lengt", NULL },
};

static unsigned int characters_before(const char *query, const char *end)
{
	unsigned int count = 0;

	for (; query < end; query++)
		count += (*query & 0xc0) != 0x80;
	return count;
}

static void check_refused_row(const struct refused_row *row)
{
	struct errbuf error = { .text = "" };
	struct sql_template *tmpl;
	char expected[256];
	unsigned int number;

	UNIT_ASSERT_ROW(row->name, sql_template_compile(
		row->query, &tmpl, &error) == -1);
	UNIT_ASSERT_ROW(row->name, tmpl == NULL);
	if (sscanf(error.text, "at character %u", &number) != 1)
		number = 0;
	snprintf(expected, sizeof(expected),
		 "at character %u, near \"%.24s\": %s", number, row->place,
		 row->error == NULL ? "" : row->error);
	UNIT_ASSERT_ROW(error.text, strncmp(error.text, expected,
					    strlen(expected)) == 0);
	/* the quoted text ends the query, unless it was cut */
	if (strlen(row->place) <= 24) {
		UNIT_ASSERT_ROW(error.text, number == 1 + characters_before(
			row->query, row->query + strlen(row->query) -
			strlen(row->place)));
	}
}

static void test_sql_template_refuses(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(refused_rows); i++)
		check_refused_row(&refused_rows[i]);
}

static void test_sql_template_uses(void)
{
	struct errbuf error;
	struct sql_template *tmpl;

	CU_ASSERT_EQUAL_FATAL(sql_template_compile(
		"SELECT '%u' /* %{rip} */, '%%s' WHERE a='x%w'",
		&tmpl, &error), 0);
	CU_ASSERT_TRUE(sql_template_uses(tmpl, 'w', "password"));
	CU_ASSERT_TRUE(sql_template_uses(tmpl, 'u', NULL));
	CU_ASSERT_FALSE(sql_template_uses(tmpl, 's', "service"));
	CU_ASSERT_FALSE(sql_template_uses(tmpl, 'r', "rip"));
	sql_template_free(&tmpl);
}

static CU_TestInfo tests[] = {
	TEST(test_sql_template_compile),
	TEST(test_sql_template_refuses),
	TEST(test_sql_template_uses),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("sql-template", tests);
}
