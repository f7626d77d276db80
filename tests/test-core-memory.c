/* SPDX-License-Identifier: MIT */
/*
 * Memory that runs out between the configuration and an account: the story is
 * told with its first allocation failing, then its second, until one run goes
 * through. A failure must be reported, and leak nothing. The single steps of
 * templates are test-no-memory.c's.
 */
#include "core/account.h"
#include "core/schema.h"
#include "fail-malloc.h"
#include "unit.h"

#include <string.h>

#define RUNS_MAX 500

static const char named_text[] =
	"hosts = /s db:3307 [::1]:3306\n"
	"user = u\n"
	"password = pa$$word\n"
	"dbname = d\n"
	"tls = verify\n"
	"lookup_timeout = 3 s\n"
	"encrypt = dovecot:CRAM-MD5\n"
	"home = /var/mail/%d/%n\n"
	"mail = maildir:/var/mail/%d/%n\n"
	"uid = 2000\n"
	"gid = 2000\n";

static const char connect_text[] =
	"host=a host=/s dbname=d user=u password=p ssl_ca=/c option_file=/f";

/* Returns 0, or -1 with conf possibly half filled. */
static int named_conf(struct pfa_conf **conf_r)
{
	struct errbuf error;

	*conf_r = pfa_conf_new(PFA_CONF_NAMED);
	if (*conf_r == NULL)
		return -1;
	return pfa_conf_parse(*conf_r, "c", named_text, strlen(named_text),
			      &error);
}

static int dropin_conf(struct pfa_conf **conf_r)
{
	struct errbuf error;

	*conf_r = pfa_conf_new(PFA_CONF_DROPIN);
	if (*conf_r == NULL ||
	    pfa_conf_set_dropin(*conf_r, "driver", "mysql", &error) < 0 ||
	    pfa_conf_set_dropin(*conf_r, "connect", connect_text,
				&error) < 0 ||
	    pfa_conf_set_dropin(*conf_r, "connect", "hostaddr=a",
				&error) < 0 ||
	    pfa_conf_set_dropin(*conf_r, "connect", "option_file=x",
				&error) < 0 ||
	    pfa_conf_set_dropin(*conf_r, "user_query", "SELECT 1", &error) < 0)
		return -1;
	return pfa_conf_check(*conf_r, &error);
}

static int evaluate(const struct account_rules *rules)
{
	static const char *const names[] = {
		"user", "password", "quota", "active", "domain_active",
	};
	static const char *const values[] = {
		"a@b", "{PLAIN}x", "1024", "1", "1",
	};
	const struct account_row row = { 5, names, values, NULL };
	const struct template_vars vars = { .user = "a@b" };
	const struct account_request request = { .vars = &vars };
	struct account account;
	int ret;

	account_evaluate(rules, ACCOUNT_PASSDB, &row, false, &request, &account);
	ret = account.verdict == ACCOUNT_OK ? 0 : -1;
	/* memory that runs out is no verdict about the user */
	CU_ASSERT_TRUE(ret == 0 || (account.verdict == ACCOUNT_FAILED &&
				    account.field_count == 0 &&
				    account.reason != NULL));
	account_free(&account);
	return ret;
}

static int story_of(int (*conf_story)(struct pfa_conf **))
{
	struct schema_queries queries;
	struct account_rules *rules = NULL;
	struct pfa_conf *conf = NULL;
	struct errbuf error;
	int ret = -1;

	if (conf_story(&conf) == 0 &&
	    schema_build(conf, &queries, &error) == 0) {
		if (account_rules_new(conf, &rules, &error) == 0)
			ret = evaluate(rules);
		/* not after an error: then there is nothing to free */
		schema_queries_free(&queries);
	}
	account_rules_free(&rules);
	pfa_conf_free(&conf);
	return ret;
}

static int story_named(void)
{
	return story_of(named_conf);
}

static int story_dropin(void)
{
	return story_of(dropin_conf);
}

static const struct story {
	const char *name;
	int (*run)(void);
} stories[] = {
	{ "named", story_named },
	{ "dropin", story_dropin },
};

static void test_core_each_allocation_may_fail(void)
{
	unsigned int n;
	bool failed;
	int ret;

	for (size_t i = 0; i < N_ROWS(stories); i++) {
		for (n = 1; n < RUNS_MAX; n++) {
			fail_malloc_arm(n);
			ret = stories[i].run();
			failed = fail_malloc_disarm();
			UNIT_ASSERT_ROW(stories[i].name,
					ret == (failed ? -1 : 0));
			if (!failed)
				break;
		}
		/* enough of them did fail to mean something */
		UNIT_ASSERT_ROW(stories[i].name, n > 20 && n < RUNS_MAX);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_core_each_allocation_may_fail),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("core-memory", tests);
}
