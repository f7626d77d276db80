/* SPDX-License-Identifier: MIT */
/*
 * Line numbers of settings in both forms of configuration.
 */
#include "core/conf-lines.h"
#include "unit.h"

#include <string.h>

static const char text[] =
	"# user = comment\n"
	"\n"
	"  hosts = /run/mysqld.sock\n"
	"password=a = b\n"
	"password_query = SELECT x \\\n"
	"  FROM y WHERE z = 1\n"
	"user = second\r\n"
	"user = third\n"
	"broken line\n"
	"a_name_much_longer_than_any_setting_there_is = x\n"
	"last = 1";

static const struct {
	const char *name;
	unsigned int line;
} rows[] = {
	{ "hosts", 3 },
	{ "password", 4 },
	{ "password_query", 5 },
	{ "user", 7 },
	{ "last", 11 },
	{ "broken", 0 },
	{ "z", 0 },
	{ "a_name_much_longer_than_any_setting_there_is", 0 },
	{ "", 0 },
	{ NULL, 0 },
};

static void test_conf_lines_finds_the_first_line(void)
{
	struct conf_lines *lines = conf_lines_scan(text, strlen(text));
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
	for (i = 0; i < N_ROWS(rows); i++) {
		UNIT_ASSERT_ROW(rows[i].name,
				conf_lines_find(lines, rows[i].name) ==
				rows[i].line);
	}
	conf_lines_free(&lines);
	CU_ASSERT_PTR_NULL(lines);
	CU_ASSERT_EQUAL(conf_lines_find(NULL, "hosts"), 0);
}

static void test_conf_lines_takes_any_text(void)
{
	static const char *const texts[] = {
		"", "\n", "=", "a", "a=", "\n\n=\n", "a\0=b",
	};
	struct conf_lines *lines;
	size_t i;

	for (i = 0; i < N_ROWS(texts); i++) {
		lines = conf_lines_scan(texts[i], strlen(texts[i]));
		UNIT_ASSERT_ROW(texts[i], conf_lines_find(lines, "b") == 0);
		conf_lines_free(&lines);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_conf_lines_finds_the_first_line),
	TEST(test_conf_lines_takes_any_text),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("conf-lines", tests);
}
