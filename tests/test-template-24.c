/* SPDX-License-Identifier: MIT */
/*
 * Texts with the variables of Dovecot 2.4, and what template.h gets for them.
 */
#include "core/sql-template.h"
#include "core/template-24.h"
#include "core/template.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *text;
	const char *expect;	/* NULL: refused */
};

static const struct row rows[] = {
	{ "", "" },
	{ "/var/mail", "/var/mail" },
	{ "50%", "50%%" },
	{ "100% of %{user}", "100%% of %u" },
	{ "%%", "%%%%" },
	{ "%%{user}", "%%{user}" },
	{ "%{user}", "%u" },
	{ "%{ user }", "%u" },
	{ "/%{user | domain}/%{user | username}", "/%d/%n" },
	{ "%{user|domain|lower}", "%Ld" },
	{ "%{user | lower | username}", "%Ln" },
	{ "%{user | lower}", "%Lu" },
	{ "%{user | username | domain}", "%{user | username | domain:user}" },
	{ "%{user | upper}", "%{user | upper:user}" },
	{ "%{protocol}", "%{protocol:protocol}" },
	{ "%{password | sha1 | hexlify}",
	  "%{password | sha1 | hexlify:password}" },
	{ "%{passdb:x}", "%{passdb:x:passdb}" },
	{ "%{user | replace('|', \"}\")}", NULL },
	{ "%{user | replace('|', 'x')}", "%{user | replace('|', 'x'):user}" },
	{ "%{user | replace('\\'', 'x')}",
	  "%{user | replace('\\'', 'x'):user}" },
	{ "%{'a' | upper}", "%{'a' | upper:'a'}" },
	{ "%u", NULL },
	{ "%Lu", NULL },
	{ "/%d/%n", NULL },
	{ "/%1.1n", NULL },
	{ "%{user", NULL },
	{ "%{username}", NULL },
	{ "%{service}", NULL },
};

static const struct row sql_rows[] = {
	{ "a LIKE '%x%'", "a LIKE '%%x%%'" },
	{ "DATE_FORMAT(a, '%d')", "DATE_FORMAT(a, '%%d')" },
	{ "a = '%u'", NULL },
	{ "a = '%Lu'", NULL },
	{ "a = \"%u\"", NULL },
};

static void check_row(const struct row *row, bool is_sql)
{
	struct strbuf out = STRBUF_INIT;
	struct template *tmpl;
	struct errbuf error;
	int ret = template_24_translate(row->text, is_sql, &out, &error);

	UNIT_ASSERT_ROW(row->text, (ret == 0) == (row->expect != NULL));
	if (ret == 0 && row->expect != NULL) {
		UNIT_ASSERT_ROW(row->text, strcmp(strbuf_str(&out),
						  row->expect) == 0);
		UNIT_ASSERT_ROW(row->text, template_compile(
			strbuf_str(&out), &tmpl, &error) == 0);
		template_free(&tmpl);
	}
	strbuf_free(&out);
}

static void test_template_24_translate(void)
{
	for (size_t i = 0; i < N_ROWS(rows); i++)
		check_row(&rows[i], false);
	for (size_t i = 0; i < N_ROWS(sql_rows); i++)
		check_row(&sql_rows[i], true);
}

static int record(const char *text, struct strbuf *out, void *context,
		  struct errbuf *error __attribute__((unused)))
{
	(void)context;
	template_24_expression(text, out);
	return 0;
}

/* What Dovecot is handed is what was written. */
static void test_template_24_expression(void)
{
	static const char text[] = "/%{user | domain}/%{passdb:x}/"
		"%{user | replace('a', 'b:c') }";
	const struct template_vars vars = {
		.user = "joe@example.org",
		.expand = record,
	};
	struct strbuf translated = STRBUF_INIT, out = STRBUF_INIT;
	struct template *tmpl;
	struct errbuf error;

	CU_ASSERT_EQUAL_FATAL(template_24_translate(text, false,
						    &translated, &error), 0);
	CU_ASSERT_EQUAL_FATAL(template_compile(strbuf_str(&translated), &tmpl,
					       &error), 0);
	CU_ASSERT_EQUAL(template_expand(tmpl, &vars, &out, &error), 0);
	CU_ASSERT_STRING_EQUAL(strbuf_str(&out), "/example.org/%{passdb:x}/"
			       "%{user | replace('a', 'b:c')}");
	CU_ASSERT_FALSE(template_uses(tmpl, 'w', "password"));
	template_free(&tmpl);
	strbuf_free(&translated);
	strbuf_free(&out);
}

static void test_template_24_uses(void)
{
	struct strbuf translated = STRBUF_INIT;
	struct template *tmpl;
	struct errbuf error;

	CU_ASSERT_EQUAL_FATAL(template_24_translate(
		"x%{password | sha1}", true, &translated, &error), 0);
	CU_ASSERT_EQUAL_FATAL(template_compile(strbuf_str(&translated), &tmpl,
					       &error), 0);
	CU_ASSERT_TRUE(template_uses(tmpl, 'w', "password"));
	template_free(&tmpl);
	strbuf_free(&translated);
}

/* Errors of a query show what was written; "^" is put in front of the place. */
static void test_template_24_origin(void)
{
	static const char *const queries[] = {
		"SELECT ^? FROM a",
		"SELECT '50%', '%{user}' AS a, ^? FROM a",
		"SELECT '%{user | username | domain}', %{user} AS a, ^? FROM a",
		"SELECT '%%{user}', DATE_FORMAT(a, '%d'), ^? FROM a",
		"SELECT a FROM b^%{user | username} WHERE c = '%{user}'",
		"SELECT a FROM b^%{protocol | lower} WHERE c = '%{user}'",
		"SELECT a FROM b WHERE c = ^'%{user}",
	};
	char query[100], expected[100];
	struct strbuf translated = STRBUF_INIT;
	struct sql_written written = { query, template_24_origin };
	struct errbuf error;
	size_t place;

	for (size_t i = 0; i < N_ROWS(queries); i++) {
		place = strcspn(queries[i], "^");
		snprintf(query, sizeof(query), "%.*s%s", (int)place,
			 queries[i], queries[i] + place + 1);
		snprintf(expected, sizeof(expected),
			 "at character %zu, near \"%.24s\": ", place + 1,
			 query + place);
		strbuf_reset(&translated);
		CU_ASSERT_EQUAL_FATAL(template_24_translate(query, true,
			&translated, &error), 0);
		CU_ASSERT_EQUAL_FATAL(sql_template_check(
			strbuf_str(&translated), &written, &error), -1);
		UNIT_ASSERT_ROW(error.text, strncmp(error.text, expected,
					strlen(expected)) == 0);
	}
	strbuf_free(&translated);
}

static CU_TestInfo tests[] = {
	TEST(test_template_24_translate),
	TEST(test_template_24_expression),
	TEST(test_template_24_uses),
	TEST(test_template_24_origin),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("template-24", tests);
}
