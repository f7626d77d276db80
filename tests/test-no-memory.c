/* SPDX-License-Identifier: MIT */
/*
 * Each step of core with its first allocation failing, then its second, and so
 * on until it gets through: an error every time, and under a leak checker no
 * leak.
 */
#include "core/sql-template.h"
#include "core/strbuf.h"
#include "core/template.h"
#include "fail-malloc.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static int expand_verbatim(const char *text, struct strbuf *out,
			   void *context, struct errbuf *error)
{
	(void)context;
	(void)error;
	strbuf_append_str(out, text);
	return 0;
}

static int step_strbuf(struct errbuf *error)
{
	struct strbuf buf = STRBUF_INIT;
	unsigned int i;
	char *str;

	for (i = 0; i < 100; i++)
		strbuf_append_str(&buf, "some text");
	str = strbuf_steal(&buf);
	/* in the same state either way */
	CU_ASSERT_FALSE(buf.failed);
	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "");
	if (str == NULL)
		return errbuf_set(error, "out of memory");
	wipe_free_str(str);
	return 0;
}

static int step_strbuf_empty(struct errbuf *error)
{
	struct strbuf buf = STRBUF_INIT;
	char *str = strbuf_steal(&buf);

	if (str == NULL)
		return errbuf_set(error, "out of memory");
	free(str);
	return 0;
}

static int step_template(struct errbuf *error)
{
	struct template *tmpl;
	int ret = template_compile("/%d/%{rip}/%5Hu/%%", &tmpl, error);

	if (ret < 0)
		CU_ASSERT_PTR_NULL(tmpl);
	template_free(&tmpl);
	return ret;
}

/* the template itself is made while nothing fails */
static struct template *expanded;

static int step_template_expand(struct errbuf *error)
{
	const struct template_vars vars = {
		.user = "Someone.With.A.Long.Name@a.long.domain.example.org",
		.expand = expand_verbatim,
	};
	struct strbuf out = STRBUF_INIT;
	int ret = template_expand(expanded, &vars, &out, error);

	strbuf_free(&out);
	return ret;
}

static int step_sql_template(struct errbuf *error)
{
	struct sql_template *tmpl;
	int ret = sql_template_compile(
		"SELECT `a`, 'it''s' '%u' /* x */ '\\n', 'kept', 7 %% 2 "
		"FROM mailbox WHERE port = %a AND domain LIKE '%%.%Ld' OR "
		"a_long_name_that_makes_the_text_grow_once_more = '';",
		&tmpl, error);

	if (ret < 0)
		CU_ASSERT_PTR_NULL(tmpl);
	sql_template_free(&tmpl);
	return ret;
}

static const struct step {
	const char *name;
	int (*run)(struct errbuf *error);
	unsigned int allocations;	/* at least */
} steps[] = {
	{ "strbuf", step_strbuf, 5 },
	{ "empty strbuf", step_strbuf_empty, 1 },
	{ "template", step_template, 5 },
	{ "template, expand", step_template_expand, 2 },
	{ "SQL template", step_sql_template, 25 },
};

static void run_step(const struct step *step)
{
	struct errbuf error;
	unsigned int nth;
	bool failed;
	int ret;

	for (nth = 1;; nth++) {
		memset(&error, 0, sizeof(error));
		fail_malloc_arm(nth);
		ret = step->run(&error);
		failed = fail_malloc_disarm();
		UNIT_ASSERT_ROW(step->name, ret == (failed ? -1 : 0));
		if (!failed)
			break;
		UNIT_ASSERT_ROW(step->name,
				strstr(error.text, "out of memory") != NULL);
	}
	UNIT_ASSERT_ROW(step->name, nth > step->allocations);
}

static void test_no_memory_is_an_error(void)
{
	struct errbuf error;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(template_compile("%u %n %Ld %{rip} %u",
					       &expanded, &error), 0);
	for (i = 0; i < N_ROWS(steps); i++)
		run_step(&steps[i]);
	template_free(&expanded);
}

static CU_TestInfo tests[] = {
	TEST(test_no_memory_is_an_error),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("no-memory", tests);
}
