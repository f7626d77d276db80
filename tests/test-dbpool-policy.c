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
	uint64_t msecs, least;
	uint32_t random;
	size_t i;

	for (i = 0; i < N_ROWS(backoffs); i++) {
		least = backoffs[i].msecs;
		for (random = 0; random < 10000; random++) {
			msecs = dbpool_policy_backoff(backoffs[i].failures,
						      random);
			UNIT_ASSERT_ROW(backoffs[i].name,
					msecs <= backoffs[i].msecs);
			least = msecs < least ? msecs : least;
		}
		UNIT_ASSERT_ROW(backoffs[i].name,
				least == backoffs[i].msecs * 3 / 4);
	}
}

#define NOW 100000
#define UP { .up = true }
#define UNKNOWN { .up = false }
#define FULL { .open = 2, .up = true }
#define SLOW { .open = 1, .up = true, .slow = true }
#define FULL_SLOW { .open = 2, .up = true, .slow = true }
/* failed once, in back-off or no more */
#define DOWN(order) { .failures = 1, .retry_at = NOW + 1, \
	.failed_order = (order) }
#define WAITING_SINCE 10
/* and refused an attempt that began before the last lookup came, or after */
#define REFUSED_BEFORE { .failures = 1, .retry_at = NOW + 1, \
	.refused_since = WAITING_SINCE - 1 }
#define REFUSED_SINCE { .failures = 1, .retry_at = NOW + 1, \
	.refused_since = WAITING_SINCE + 1 }
#define WAS_DOWN { .failures = 1, .retry_at = NOW }

static const struct {
	const char *name;
	struct dbpool_host_state hosts[3];
	unsigned int host_count, waiting, hedges;
	bool load_balance;
	int open;
} opens[] = {
	{ "nobody waits", { UP }, 1, 0, 0, false, -1 },
	{ "one waits", { UP }, 1, 1, 0, false, 0 },
	{ "never tried", { UNKNOWN }, 1, 1, 0, false, 0 },
	{ "being connected for it", { { .connecting = 1, .up = true } }, 1, 1,
	  0, false, -1 },
	{ "one more waits", { { .connecting = 1, .up = true } }, 1, 2, 0,
	  false, 0 },
	{ "one attempt at a time", { { .connecting = 1 } }, 1, 2, 0, false,
	  -1 },
	{ "unless it is late",
	  { { .connecting = 1, .connecting_late = 1, .slow = true } }, 1, 1, 0,
	  false, 0 },
	{ "and one after it",
	  { { .connecting = 2, .connecting_late = 1, .slow = true } }, 1, 1, 0,
	  false, -1 },
	{ "full", { FULL }, 1, 5, 0, false, -1 },
	{ "full with attempts", { { .open = 1, .connecting = 1, .up = true } },
	  1, 5, 0, false, -1 },
	{ "first in order", { UP, UP }, 2, 1, 0, false, 0 },
	{ "first is full", { FULL, UP }, 2, 1, 0, false, 1 },
	{ "first is down", { DOWN(1), UP }, 2, 1, 0, false, 1 },
	{ "first was down", { WAS_DOWN, UP }, 2, 1, 0, false, 0 },
	{ "single host is tried at once", { DOWN(1) }, 1, 1, 0, false, 0 },
	{ "all down: longest ago", { DOWN(7), DOWN(5), DOWN(6) }, 3, 1, 0,
	  false, 1 },
	{ "first is down, second full", { DOWN(1), FULL }, 2, 5, 0, false,
	  -1 },
	{ "first is slow", { SLOW, UP }, 2, 1, 0, false, 1 },
	{ "a second host is wanted", { SLOW, UP }, 2, 0, 1, false, 1 },
	{ "the first is the second", { UP, SLOW }, 2, 0, 1, false, 0 },
	{ "no second host is well", { SLOW, REFUSED_BEFORE }, 2, 0, 1, false,
	  1 },
	{ "and it is asked only once", { SLOW, REFUSED_SINCE }, 2, 0, 1, false,
	  -1 },
	{ "nor by those that wait", { FULL_SLOW, REFUSED_SINCE }, 2, 1, 0,
	  false, -1 },
	{ "one failed host after the other",
	  { DOWN(1), { .failures = 1, .retry_at = NOW + 1, .connecting = 1 } },
	  2, 5, 0, false, -1 },
	{ "nor beside one that has yet to answer",
	  { DOWN(1), { .failures = 1, .retry_at = NOW + 1, .up = true,
		       .open = 2 } }, 2, 5, 0, false, -1 },
	{ "unless it is slow",
	  { DOWN(1), { .failures = 1, .retry_at = NOW + 1, .up = true,
		       .open = 2, .slow = true } }, 2, 5, 0, false, 0 },
	{ "all slow, or asked for it already",
	  { SLOW, { .failures = 1, .retry_at = NOW + 1, .connecting = 1 } },
	  2, 0, 1, false, -1 },
	{ "attempts to a slow host do not count",
	  { { .connecting = 1, .slow = true }, UP }, 2, 1, 0, false, 1 },
	{ "but if all are", { { .connecting = 1, .slow = true },
			      { .open = 1, .slow = true, .up = true } },
	  2, 1, 0, false, -1 },
	{ "all slow: one with room", { FULL_SLOW, SLOW }, 2, 1, 0, false, 1 },
	{ "slow and full: the one that is down", { FULL_SLOW, DOWN(1) }, 2, 1,
	  0, false, 1 },
	{ "balanced", { { .open = 1, .up = true }, UP }, 2, 1, 0, true, 1 },
	{ "balanced, alike", { UP, UP }, 2, 1, 0, true, 0 },
	{ "balanced, with attempts",
	  { { .connecting = 1, .up = true }, UP }, 2, 2, 0, true, 1 },
};

static void test_policy_open(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(opens); i++) {
		const struct dbpool_policy policy = {
			.hosts = opens[i].hosts,
			.host_count = opens[i].host_count,
			.max_per_host = 2,
			.load_balance = opens[i].load_balance,
			.waiting_since = WAITING_SINCE,
			.now = NOW,
		};

		UNIT_ASSERT_ROW(opens[i].name,
				dbpool_policy_open(&policy, opens[i].waiting,
						   opens[i].hedges) ==
				opens[i].open);
	}
}

static const struct {
	const char *name;
	struct dbpool_host_state hosts[3];
	unsigned int host_count;
	int probe;
} probes[] = {
	{ "all well", { FULL, FULL }, 2, -1 },
	{ "never tried", { FULL, UNKNOWN }, 2, -1 },
	{ "in back-off", { DOWN(1), FULL }, 2, -1 },
	{ "may be back", { WAS_DOWN, FULL }, 2, 0 },
	{ "the first that may", { FULL, WAS_DOWN, WAS_DOWN }, 3, 1 },
	{ "one attempt at a time", { { .failures = 1, .connecting = 1 }, FULL },
	  2, -1 },
	{ "lookups do it", { WAS_DOWN, UNKNOWN }, 2, -1 },
};

static void test_policy_probe(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(probes); i++) {
		const struct dbpool_policy policy = {
			.hosts = probes[i].hosts,
			.host_count = probes[i].host_count,
			.max_per_host = 2,
			.now = NOW,
		};

		UNIT_ASSERT_ROW(probes[i].name,
				dbpool_policy_probe(&policy) ==
				probes[i].probe);
	}
}

static const struct {
	const char *name;
	struct dbpool_host_state hosts[2];
	bool load_balance, prefers_first, shuns_first;
} preferences[] = {
	{ "in order", { UP, UP }, false, true, false },
	{ "not the slow one", { SLOW, UP }, false, false, true },
	{ "both slow", { SLOW, SLOW }, false, true, false },
	{ "the slow one, as the other is down", { SLOW, DOWN(1) }, false, false,
	  false },
	{ "less busy", { { .busy = 1, .up = true }, { .busy = 2, .up = true } },
	  true, true, false },
	{ "busier", { { .busy = 2, .up = true }, { .busy = 1, .up = true } },
	  true, false, false },
};

static void test_policy_prefers(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(preferences); i++) {
		const struct dbpool_policy policy = {
			.hosts = preferences[i].hosts,
			.host_count = 2,
			.max_per_host = 2,
			.load_balance = preferences[i].load_balance,
			.now = NOW,
		};

		UNIT_ASSERT_ROW(preferences[i].name,
				dbpool_policy_prefers(&policy, 0, 1) ==
				preferences[i].prefers_first);
		UNIT_ASSERT_ROW(preferences[i].name,
				dbpool_policy_shuns(&policy, 0) ==
				preferences[i].shuns_first);
	}
}

static const struct {
	const char *name;
	struct dbpool_host_state hosts[3];
	dbpool_host_set but;
	int elsewhere;
	bool open;
} elsewheres[] = {
	{ "the next", { UP, UP, UP }, 1, 1, true },
	{ "the only one left", { UP, UP, UP }, 5, 1, true },
	{ "none is left", { UP, UP, UP }, 7, -1, false },
	{ "never tried", { UP, UNKNOWN, UNKNOWN }, 1, 1, true },
	{ "one attempt at a time", { UP, { .connecting = 1, .up = true }, UP },
	  1, 1, false },
	{ "unless it is late",
	  { UP, { .connecting = 1, .connecting_late = 1 }, UP }, 1, 1, true },
	{ "one is idle", { UP, { .open = 1, .up = true }, UP }, 1, 1, false },
	{ "all are busy", { UP, { .open = 1, .busy = 1, .up = true }, UP }, 1,
	  1, true },
	{ "as many as may be",
	  { UP, { .open = 2, .busy = 2, .up = true }, UP }, 1, 1, false },
	{ "not the slow one", { UP, SLOW, UP }, 1, 2, true },
	{ "the slow one is left", { UP, SLOW, UP }, 5, 1, false },
	{ "before one in back-off", { UP, DOWN(1), SLOW }, 1, 2, false },
	{ "one in back-off is left", { UP, DOWN(1), SLOW }, 5, 1, true },
	{ "which refused others", { UP, REFUSED_BEFORE, UP }, 5, 1, true },
	{ "which refused this", { UP, REFUSED_SINCE, UP }, 5, -1, false },
	{ "that is over", { UP, { .failures = 1, .retry_at = NOW,
				  .refused_since = WAITING_SINCE + 1 }, UP },
	  5, 1, true },
};

static void test_policy_elsewhere(void)
{
	size_t i;
	int host;

	for (i = 0; i < N_ROWS(elsewheres); i++) {
		const struct dbpool_policy policy = {
			.hosts = elsewheres[i].hosts,
			.host_count = 3,
			.max_per_host = 2,
			.now = NOW,
		};

		host = dbpool_policy_elsewhere(&policy, elsewheres[i].but,
					       WAITING_SINCE);
		UNIT_ASSERT_ROW(elsewheres[i].name,
				host == elsewheres[i].elsewhere);
		UNIT_ASSERT_ROW(elsewheres[i].name, host < 0 ||
				dbpool_policy_open_there(
					&policy, (unsigned int)host) ==
				elsewheres[i].open);
	}
}

#define REFUSED(since) { .failures = 1, .refused_since = (since) }

static const struct {
	const char *name;
	struct dbpool_host_state hosts[2];
	unsigned int host_count;
	uint64_t give_up;
	unsigned int max_losses;
} give_ups[] = {
	{ "never tried", { UNKNOWN }, 1, 0, 1 },
	{ "the only host", { REFUSED(7) }, 1, 7, 1 },
	{ "one of two", { REFUSED(7), UNKNOWN }, 2, 0, 3 },
	{ "both", { REFUSED(7), REFUSED(5) }, 2, 5, 3 },
	{ "a connection is left", { { .open = 1, .refused_since = 5 },
				    REFUSED(7) }, 2, 0, 3 },
};

static void test_policy_give_up(void)
{
	size_t i;

	for (i = 0; i < N_ROWS(give_ups); i++) {
		const struct dbpool_policy policy = {
			.hosts = give_ups[i].hosts,
			.host_count = give_ups[i].host_count,
		};

		UNIT_ASSERT_ROW(give_ups[i].name,
				dbpool_policy_give_up(&policy) ==
				give_ups[i].give_up);
		UNIT_ASSERT_ROW(give_ups[i].name,
				dbpool_policy_max_losses(&policy) ==
				give_ups[i].max_losses);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_policy_backoff),
	TEST(test_policy_open),
	TEST(test_policy_probe),
	TEST(test_policy_prefers),
	TEST(test_policy_elsewhere),
	TEST(test_policy_give_up),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("dbpool-policy", tests);
}
