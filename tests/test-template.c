/* SPDX-License-Identifier: MIT */
/*
 * Values with %variables: where each one ends, what is expanded here, what is
 * handed on, and what is refused.
 */
#include "core/template.h"
#include "unit.h"

#include <string.h>

#define USER "Joe.User@Example.ORG@x"

static const struct span_row {
	const char *name;
	const char *text;
	size_t span;
} span_rows[] = {
	{ "end of text", "%", 1 },
	{ "percent sign", "%%u", 2 },
	{ "short key", "%user", 2 },
	{ "any byte is a key", "% x", 2 },
	{ "modifier", "%Lu.", 3 },
	{ "every modifier", "%LUEXRHNMDTux", 12 },
	{ "ten modifiers, then a key", "%LLLLLLLLLLLu", 12 },
	{ "lower case is no modifier", "%lu", 2 },
	{ "modifiers up to the end", "%LU", 3 },
	{ "width", "%5ux", 3 },
	{ "width up to the end", "%512", 4 },
	{ "offset and width", "%2.5ux", 5 },
	{ "negative offset", "%-2.5ux", 6 },
	{ "negative width", "%2.-5ux", 6 },
	{ "zero, then sign", "%2.0-5ux", 7 },
	{ "sign, then zero: a key", "%-05ux", 5 },
	{ "sign, then zero in a width", "%2.-05ux", 7 },
	{ "two signs: the second is a key", "%--u", 3 },
	{ "sign behind digits is a key", "%5-u", 3 },
	{ "two dots: the second is a key", "%1.2.u", 5 },
	{ "width and modifier", "%5.3LHux", 7 },
	{ "digits behind a modifier are a key", "%L5u", 3 },
	{ "long", "%{user}x", 7 },
	{ "long with all", "%-5.2LU{user}x", 13 },
	{ "nested braces", "%{if;%{user};eq;a;b;c}}", 22 },
	{ "escaped closing brace", "%{a\\}b}c}", 7 },
	{ "escaped opening brace", "%{a\\{b}c}", 7 },
	{ "escaped backslash", "%{a\\\\}b}", 6 },
	{ "empty name", "%{}x", 3 },
	{ "no closing brace at all", "%{user", 2 },
	{ "closing brace of the inner one only", "%{a{b}c", 7 },
	{ "closing brace escaped only", "%{a\\}c", 6 },
	{ "backslash at the end", "%{a{}\\", 6 },
	{ "the name may hold anything", "%{a'\" b}", 8 },
};

static void test_template_var_span(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(span_rows); i++) {
		UNIT_ASSERT_ROW(span_rows[i].name,
				template_var_span(span_rows[i].text) ==
				span_rows[i].span);
	}
}

/* What is handed on is seen in brackets. */
static int expand_bracketed(const char *text, struct strbuf *out,
			    void *context, struct errbuf *error)
{
	if (strcmp(text, context) == 0)
		return errbuf_set(error, "cannot expand %s", text);
	strbuf_append_c(out, '[');
	strbuf_append_str(out, text);
	strbuf_append_c(out, ']');
	return 0;
}

static const struct expand_row {
	const char *name;
	const char *text;
	const char *user;
	const char *expected;
} expand_rows[] = {
	{ "empty", "", USER, "" },
	{ "no variable", "/var/mail", USER, "/var/mail" },
	{ "user", "<%u>", USER, "<" USER ">" },
	{ "name and domain", "%d/%n", USER, "Example.ORG@x/Joe.User" },
	{ "long names", "%{user} %{username} %{domain}", USER,
	  USER " Joe.User Example.ORG@x" },
	{ "lower case", "%Lu %Ln %Ld", USER,
	  "joe.user@example.org@x joe.user example.org@x" },
	{ "lower case, long names", "%L{user} %L{username} %L{domain}", USER,
	  "joe.user@example.org@x joe.user example.org@x" },
	{ "lower case is ASCII only", "%Lu", "\xc3\x84Z@[`{", "\xc3\x84z@[`{" },
	{ "no domain", "%n|%d|%Ld", "joe", "joe||" },
	{ "empty name", "%n|%d", "@x", "|x" },
	{ "empty domain", "%n|%d", "joe@", "joe|" },
	{ "no user", "%u|%n|%d", NULL, "||" },
	{ "the value is no template", "%u", "%d%%%{x}", "%d%%%{x}" },
	{ "percent signs", "100%% %%u %%%u%%", "joe", "100% %u %joe%" },
	{ "percent sign at the end", "x%", USER, "x" },
	{ "nothing but a percent sign", "%", USER, "" },
	{ "cut off", "x%5.2LU", USER, "x" },
	{ "others", "%s%h%l%r%p%w%!%m%c%a%b%k", USER,
	  "[%s][%h][%l][%r][%p][%w][%!][%m][%c][%a][%b][%k]" },
	{ "other long names", "%{login_user}%{hostname}", USER,
	  "[%{login_user}][%{hostname}]" },
	{ "functions", "%{passdb:a b}%{sha256;rounds=2:user}%{x;y}", USER,
	  "[%{passdb:a b}][%{sha256;rounds=2:user}][%{x;y}]" },
	{ "another modifier", "%Uu%LUu%LLu", USER, "[%Uu][%LUu][%LLu]" },
	{ "sizes", "%1n%-1n%0u%1.2Ln%.u", USER,
	  "[%1n][%-1n][%0u][%1.2Ln][%.u]" },
	{ "percent sign with a modifier", "%L%%5%", USER, "[%L%][%5%]" },
	{ "mixed", "a%{rip}b%uc%s", "joe", "a[%{rip}]bjoec[%s]" },
};

static void test_template_expand(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(expand_rows); i++) {
		const struct expand_row *row = &expand_rows[i];
		struct template_vars vars = {
			.user = row->user,
			.expand = expand_bracketed,
			.context = "",
		};
		struct strbuf out = STRBUF_INIT;
		struct errbuf error;
		struct template *tmpl;

		if (template_compile(row->text, &tmpl, &error) < 0) {
			UNIT_ASSERT_ROW(row->name, false);
			continue;
		}
		UNIT_ASSERT_ROW(row->name, template_expand(
			tmpl, &vars, &out, &error) == 0);
		UNIT_ASSERT_ROW(row->name, strcmp(strbuf_str(&out),
						  row->expected) == 0);
		UNIT_ASSERT_ROW(row->name, strcmp(template_text(tmpl),
						  row->text) == 0);
		strbuf_free(&out);
		template_free(&tmpl);
	}
}

static void test_template_expand_appends(void)
{
	struct template_vars vars = { .user = "joe" };
	struct strbuf out = STRBUF_INIT;
	struct errbuf error;
	struct template *tmpl;

	CU_ASSERT_EQUAL_FATAL(template_compile("%u", &tmpl, &error), 0);
	strbuf_append_str(&out, "a ");
	CU_ASSERT_EQUAL(template_expand(tmpl, &vars, &out, &error), 0);
	CU_ASSERT_EQUAL(template_expand(tmpl, &vars, &out, &error), 0);
	CU_ASSERT_STRING_EQUAL(strbuf_str(&out), "a joejoe");
	strbuf_free(&out);
	template_free(&tmpl);
	CU_ASSERT_PTR_NULL(tmpl);
	template_free(&tmpl);
}

static void test_template_expand_fails(void)
{
	struct template_vars vars = {
		.user = "joe",
		.expand = expand_bracketed,
		.context = "%{x:y}",
	};
	struct strbuf out = STRBUF_INIT;
	struct errbuf error;
	struct template *tmpl;

	CU_ASSERT_EQUAL_FATAL(template_compile("%s%{x:y}%s", &tmpl, &error), 0);
	CU_ASSERT_EQUAL(template_expand(tmpl, &vars, &out, &error), -1);
	CU_ASSERT_STRING_EQUAL(error.text, "cannot expand %{x:y}");
	strbuf_free(&out);
	template_free(&tmpl);
}

static const struct refused_row {
	const char *name;
	const char *text;
	const char *error;
} refused_rows[] = {
	{ "LIKE", "%foo", "unknown variable %f: write %% for a percent sign" },
	{ "blank", "100% of", "unknown variable % : write %%" },
	{ "quote", "50%'", "unknown variable %': write %%" },
	{ "upper case", "%Z", "unknown variable %Z:" },
	{ "with size and modifier", "%5.2LZ", "unknown variable %5.2LZ:" },
	{ "eleven modifiers", "%LLLLLLLLLLL", "unknown variable" },
	{ "long", "%{foo}", "unknown variable %{foo}:" },
	{ "empty", "%{}", "unknown variable %{}:" },
	{ "start of a name", "%{use}", "unknown variable %{use}:" },
	{ "more than a name", "%{users}", "unknown variable %{users}:" },
	{ "case counts", "%{User}", "unknown variable %{User}:" },
	{ "as in 2.4", "%{user | lower}", "unknown variable %{user | lower}:" },
	{ "behind good ones", "%u%{rip}%q", "unknown variable %q:" },
	{ "no closing brace", "%{user", "%{ has no closing brace" },
	{ "inner closing brace only", "x%{if;{a}", "%{if;{a} has no closing" },
	{ "escaped closing brace only", "%{if;\\}", "%{if;\\} has no closing" },
	{ "a very long one",
	  "%{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
	  "unknown variable %{aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:" },
	{ "half of a UTF-8 sequence", "%\xc3\xa4", "unknown variable %:" },
};

static void test_template_refuses(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(refused_rows); i++) {
		const struct refused_row *row = &refused_rows[i];
		struct errbuf error = { .text = "" };
		struct template *tmpl;

		UNIT_ASSERT_ROW(row->name, template_compile(
			row->text, &tmpl, &error) == -1);
		UNIT_ASSERT_ROW(row->name, tmpl == NULL);
		UNIT_ASSERT_ROW(error.text,
				strncmp(error.text, row->error,
					strlen(row->error)) == 0);
	}
}

static const struct uses_row {
	const char *name;
	const char *text;
	char key;
	const char *long_key;
	bool expected;
} uses_rows[] = {
	{ "short", "a%w", 'w', "password", true },
	{ "long", "a%{password}", 'w', "password", true },
	{ "long only", "%{session}", '\0', "session", true },
	{ "short is not the long one", "%{password}", 'w', NULL, false },
	{ "neither", "%u%{user}password w", 'w', "password", false },
	{ "percent sign", "%%w", 'w', "password", false },
	{ "behind a percent sign", "%%%w", 'w', "password", true },
	{ "modifier and size", "%5.2LMw", 'w', "password", true },
	{ "no key", "x%", '\0', NULL, false },
	{ "part of a name", "%{login_user}", 'u', "user", false },
	{ "argument of a function", "%{md5:password}", 'w', "password", true },
	{ "of two functions", "%{md5:sha1:password}", 'w', "password", true },
	{ "with options", "%{sha256;salt=%u:password}", 'w', "password", true },
	{ "within options", "%{sha256;salt=%w:user}", 'w', "password", true },
	{ "condition", "%{if;%w;eq;x;y;z}", 'w', "password", true },
	{ "nested", "%{if;%{md5:password};eq;x;y;z}", 'w', "password", true },
	{ "nested, last", "%{if;a;eq;b;c;%{password}}", 'w', "password", true },
	{ "a field of that name", "%{passdb:password}", 'w', "password",
	  false },
	{ "environment", "%{env:password}", 'w', "password", false },
	{ "no variable, in a condition", "%{if;w;eq;password;y;z}", 'w',
	  "password", false },
};

static void test_template_uses(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(uses_rows); i++) {
		const struct uses_row *row = &uses_rows[i];
		struct errbuf error;
		struct template *tmpl;

		if (template_compile(row->text, &tmpl, &error) < 0) {
			UNIT_ASSERT_ROW(row->name, false);
			continue;
		}
		UNIT_ASSERT_ROW(row->name, template_uses(
			tmpl, row->key, row->long_key) == row->expected);
		template_free(&tmpl);
	}
}

static void test_template_is_empty(void)
{
	static const struct {
		const char *text;
		bool empty;
	} rows[] = {
		{ "", true }, { "%", true }, { "%5L", true },
		{ "%%", false }, { "%u", false }, { "x%", false },
	};
	struct errbuf error;
	struct template *tmpl;
	size_t i;

	for (i = 0; i < N_ROWS(rows); i++) {
		CU_ASSERT_EQUAL_FATAL(template_compile(rows[i].text, &tmpl,
						       &error), 0);
		UNIT_ASSERT_ROW(rows[i].text, template_is_empty(tmpl) ==
				rows[i].empty);
		template_free(&tmpl);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_template_var_span),
	TEST(test_template_expand),
	TEST(test_template_expand_appends),
	TEST(test_template_expand_fails),
	TEST(test_template_refuses),
	TEST(test_template_uses),
	TEST(test_template_is_empty),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("template", tests);
}
