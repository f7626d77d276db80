/* SPDX-License-Identifier: MIT */
/*
 * The pool's decisions as tables of numbers.
 */
#include "pool/dbpool-policy.h"
#include "unit.h"

static const struct {
	const char *name;
	unsigned int failures;
	uint64_t msecs;
} backoffs[] = {
	{ "first failure", 1, 1000 },
	{ "second", 2, 2000 },
	{ "fifth", 5, 16000 },
	{ "limit", 6, 30000 },
	{ "far beyond", 4000000000U, 30000 },
};

static void test_policy_backoff(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(backoffs); i++) {
		UNIT_ASSERT_ROW(backoffs[i].name,
				dbpool_policy_backoff(backoffs[i].failures) ==
				backoffs[i].msecs);
	}
}

#define NOW 100000
#define UP { .up = true }
#define UNKNOWN { .up = false }
/* failed once, 10 ms ago or long ago */
#define DOWN(ago) { .failures = 1, .failed_at = NOW - (ago), \
	.failed_order = NOW - (ago) }
#define DOWN_NOW(order) { .failures = 1, .failed_at = NOW, \
	.failed_order = (order) }

static const struct {
	const char *name;
	struct dbpool_host_state hosts[3];
	unsigned int host_count, waiting;
	int open;
} opens[] = {
	{ "nobody waits", { UP }, 1, 0, -1 },
	{ "one waits", { UP }, 1, 1, 0 },
	{ "never tried", { UNKNOWN }, 1, 1, 0 },
	{ "being connected for it", { { .connecting = 1, .up = true } }, 1, 1,
	  -1 },
	{ "one more waits", { { .connecting = 1, .up = true } }, 1, 2, 0 },
	{ "one attempt at a time", { { .connecting = 1 } }, 1, 2, -1 },
	{ "full", { { .open = 2, .up = true } }, 1, 5, -1 },
	{ "full with attempts", { { .open = 1, .connecting = 1, .up = true } },
	  1, 5, -1 },
	{ "first in order", { UP, UP }, 2, 1, 0 },
	{ "first is full", { { .open = 2, .up = true }, UP }, 2, 1, 1 },
	{ "first is down", { DOWN(10), UP }, 2, 1, 1 },
	{ "first was down", { DOWN(1000), UP }, 2, 1, 0 },
	{ "single host is tried at once", { DOWN(10) }, 1, 1, 0 },
	{ "all down: longest ago", { DOWN(10), DOWN(30), DOWN(20) }, 3, 1, 1 },
	{ "all down in one millisecond", { DOWN_NOW(7), DOWN_NOW(5) }, 2, 1,
	  1 },
	{ "first is down, second full", { DOWN(10), { .open = 2, .up = true } },
	  2, 5, -1 },
};

static void test_policy_open(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(opens); i++) {
		UNIT_ASSERT_ROW(opens[i].name,
				dbpool_policy_open(opens[i].hosts,
						   opens[i].host_count, 2,
						   opens[i].waiting, NOW) ==
				opens[i].open);
	}
}

static const struct {
	const char *name;
	struct dbpool_host_state hosts[2];
	unsigned int host_count, failed_in_row;
	bool give_up;
} give_ups[] = {
	{ "the only host", { UNKNOWN }, 1, 1, true },
	{ "one of two", { UNKNOWN, UNKNOWN }, 2, 1, false },
	{ "both", { UNKNOWN, UNKNOWN }, 2, 2, true },
	{ "a connection is left", { { .open = 1 }, UNKNOWN }, 2, 2, false },
};

static void test_policy_give_up(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(give_ups); i++) {
		UNIT_ASSERT_ROW(give_ups[i].name,
				dbpool_policy_give_up(give_ups[i].hosts,
						      give_ups[i].host_count,
						      give_ups[i].failed_in_row)
				== give_ups[i].give_up);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_policy_backoff),
	TEST(test_policy_open),
	TEST(test_policy_give_up),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("dbpool-policy", tests);
}
