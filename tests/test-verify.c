/* SPDX-License-Identifier: MIT */
/*
 * Who waits, who runs, who fails, what need not run again, and what runs for
 * those who have no hash. The jobs are the test's to run, and the hashes are
 * strings that tell the verdict: "right" matches every hash.
 */
#include "verify/hash-run.h"
#include "verify/memo.h"
#include "verify/usual.h"
#include "verify/verify.h"

#include "fake-jobs.h"
#include "fake-loop.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define MEMO_MS 60000

/* -- in place of hash-run.c */

static unsigned int runs, makes;
static char last_run[64];

int hash_run_init(void)
{
	return 0;
}

enum hash_verdict hash_run(const struct hash *hash, const char *text,
			   const char *plain)
{
	(void)hash;
	runs++;
	snprintf(last_run, sizeof(last_run), "%s", text);
	if (strcmp(text, "no memory") == 0)
		return HASH_NO_MEMORY;
	if (strcmp(text, "unusable") == 0)
		return HASH_UNUSABLE;
	return strcmp(plain, "right") == 0 ? HASH_MATCH : HASH_MISMATCH;
}

enum hash_verdict hash_make(const struct hash *like, const char *plain,
			    char out[HASH_MADE_MAX])
{
	(void)plain;
	makes++;
	snprintf(out, HASH_MADE_MAX, "%u rounds", like->rounds);
	return HASH_MATCH;
}

/* -- what the tests share */

static const struct hash crypt_hash = {
	.method = HASH_CRYPT, .id = "$6$", .rounds = 5000, .digest = 3,
};
static const struct hash slower_hash = {
	.method = HASH_CRYPT, .id = "$6$", .rounds = 10000, .digest = 3,
};
static const struct hash argon2_hash = {
	.method = HASH_ARGON2, .id = "$argon2id$", .rounds = 3,
	.memory = 65536, .digest = 3,
};
static const struct hash inline_hash = { .method = HASH_INLINE };

struct answer {
	unsigned int count;
	enum verify_result result;
	char text[HASH_MADE_MAX];
	const char *reason;
};

static void take_answer(enum verify_result result, const char *text,
			const char *reason, void *context)
{
	struct answer *answer = context;

	answer->count++;
	answer->result = result;
	snprintf(answer->text, sizeof(answer->text), "%s",
		 text == NULL ? "" : text);
	answer->reason = reason;
}

static struct verify *start(unsigned int threads, unsigned int queue,
			    unsigned int memo_ms)
{
	const struct verify_settings settings = {
		.threads = threads,
		.queue = queue,
		.memory = 131072,
		.memo_ms = memo_ms,
	};

	runs = makes = 0;
	fake_loop_init();
	return verify_new(&settings, &fake_loop);
}

static void finish(struct verify *verify)
{
	verify_free(&verify);
	CU_ASSERT_PTR_NULL(verify);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
}

static void test_verify_gives_each_verdict_its_result(void)
{
	static const struct {
		const char *text, *plain;
		enum verify_result result;
		const char *reason;
	} rows[] = {
		{ "$6$x", "right", VERIFY_MATCH, NULL },
		{ "$6$x", "wrong", VERIFY_MISMATCH, NULL },
		{ "unusable", "right", VERIFY_UNUSABLE, "new password" },
		{ "no memory", "right", VERIFY_FAILED, "vsz_limit" },
	};
	struct verify *verify = start(1, 10, 0);

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		struct answer answer = { .count = 0 };

		verify_start(verify, &crypt_hash, rows[i].text, rows[i].plain,
			     take_answer, &answer);
		/* nothing is computed here */
		UNIT_ASSERT_ROW(rows[i].text, answer.count == 0);
		UNIT_ASSERT_ROW(rows[i].text, runs == i);
		fake_jobs_run_all();
		UNIT_ASSERT_ROW(rows[i].text, answer.count == 1);
		UNIT_ASSERT_ROW(rows[i].text, answer.result == rows[i].result);
		UNIT_ASSERT_ROW(rows[i].text, rows[i].reason == NULL ?
				answer.reason == NULL :
				strstr(answer.reason, rows[i].reason) != NULL);
	}
	finish(verify);
}

static void test_verify_queue_has_a_bound(void)
{
	struct verify *verify = start(2, 3, 0);
	struct answer answers[7];
	unsigned int i;

	memset(answers, 0, sizeof(answers));
	for (i = 0; i < 7; i++)
		verify_start(verify, &crypt_hash, "$6$x", "right", take_answer,
			     &answers[i]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 5);
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(answers[i].count, 0);
	for (; i < 7; i++) {
		CU_ASSERT_EQUAL(answers[i].count, 1);
		CU_ASSERT_EQUAL(answers[i].result, VERIFY_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(answers[i].reason,
					      "verify_queue"));
	}
	fake_jobs_run_all();
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(answers[i].result, VERIFY_MATCH);
	/* there is room again */
	verify_start(verify, &crypt_hash, "$6$x", "right", take_answer,
		     &answers[6]);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answers[6].result, VERIFY_MATCH);
	finish(verify);
}

static void test_verify_held_jobs_count_for_the_bound(void)
{
	struct verify *verify = start(1, 2, 0);
	struct answer answers[5];
	unsigned int i;

	memset(answers, 0, sizeof(answers));
	for (i = 0; i < 5; i++)
		verify_start(verify, &argon2_hash, "$a$", "right", take_answer,
			     &answers[i]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 2);
	CU_ASSERT_EQUAL(answers[2].count, 0);
	CU_ASSERT_EQUAL(answers[3].result, VERIFY_FAILED);
	CU_ASSERT_EQUAL(answers[4].result, VERIFY_FAILED);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answers[2].result, VERIFY_MATCH);
	finish(verify);
}

static void test_verify_memory_is_not_overdrawn(void)
{
	struct verify *verify = start(8, 100, 0);
	struct answer answers[5];
	struct hash larger = argon2_hash;
	unsigned int i;

	memset(answers, 0, sizeof(answers));
	for (i = 0; i < 3; i++)
		verify_start(verify, &argon2_hash, "$a$", "right", take_answer,
			     &answers[i]);
	/* two have room; what needs none passes by */
	CU_ASSERT_EQUAL(fake_jobs_queued(), 2);
	verify_start(verify, &crypt_hash, "$6$x", "right", take_answer,
		     &answers[3]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 3);
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_EQUAL(answers[0].count, 1);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 3);

	/* one that needs it all waits for all, and keeps its place */
	larger.memory = 131072;
	verify_start(verify, &larger, "$a$", "right", take_answer,
		     &answers[4]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 3);
	fake_jobs_run_all();
	for (i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(answers[i].count, 1);
		CU_ASSERT_EQUAL(answers[i].result, VERIFY_MATCH);
	}
	finish(verify);
}

/* More than there is, which hash_parse() would have refused. */
static void test_verify_memory_never_locks_out(void)
{
	struct verify *verify = start(8, 100, 0);
	struct hash huge = argon2_hash;
	struct answer answers[2];

	memset(answers, 0, sizeof(answers));
	huge.memory = 1 << 30;
	verify_start(verify, &argon2_hash, "$a$", "right", take_answer,
		     &answers[0]);
	verify_start(verify, &huge, "$a$", "right", take_answer, &answers[1]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answers[1].count, 1);
	CU_ASSERT_EQUAL(answers[1].result, VERIFY_MATCH);
	finish(verify);
}

static void test_verify_without_a_thread_fails(void)
{
	struct verify *verify = start(1, 1, 0);
	struct answer answers[3];
	unsigned int i;

	memset(answers, 0, sizeof(answers));
	fake_jobs_fail(true);
	/* more often than the queue is long: a failure takes no place */
	for (i = 0; i < 3; i++) {
		verify_start(verify, i == 0 ? &argon2_hash : &crypt_hash, "$6$",
			     "right", take_answer, &answers[i]);
		CU_ASSERT_EQUAL(answers[i].result, VERIFY_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(answers[i].reason, "thread"));
	}
	fake_jobs_fail(false);
	verify_start(verify, &argon2_hash, "$a$", "right", take_answer,
		     &answers[0]);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answers[0].result, VERIFY_MATCH);
	finish(verify);
}

static void test_verify_stop_answers_everybody(void)
{
	struct verify *verify = start(1, 100, 0);
	struct answer answers[5];
	unsigned int i;

	memset(answers, 0, sizeof(answers));
	for (i = 0; i < 4; i++)
		verify_start(verify, i == 3 ? &crypt_hash : &argon2_hash, "$6$",
			     "right", take_answer, &answers[i]);
	/* it has run, but the loop did not get to it */
	CU_ASSERT_TRUE(fake_jobs_run_only());
	verify_stop(verify);
	CU_ASSERT_EQUAL(answers[0].result, VERIFY_MATCH);
	for (i = 1; i < 4; i++) {
		CU_ASSERT_EQUAL(answers[i].count, 1);
		CU_ASSERT_EQUAL(answers[i].result, VERIFY_FAILED);
		CU_ASSERT_PTR_NOT_NULL(strstr(answers[i].reason, "ending"));
	}
	CU_ASSERT_EQUAL(runs, 1);
	verify_start(verify, &crypt_hash, "$6$x", "right", take_answer,
		     &answers[4]);
	CU_ASSERT_EQUAL(answers[4].result, VERIFY_FAILED);
	verify_dummy(verify, "u", &crypt_hash, "$6$x", "right", take_answer,
		     &answers[4]);
	CU_ASSERT_EQUAL(answers[4].result, VERIFY_FAILED);
	CU_ASSERT_EQUAL(answers[4].count, 2);
	finish(verify);
}

static void test_verify_makes_hashes(void)
{
	struct verify *verify = start(1, 1, 0);
	struct answer answer = { .count = 0 };

	verify_make(verify, &crypt_hash, "right", take_answer, &answer);
	CU_ASSERT_EQUAL(answer.count, 0);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answer.result, VERIFY_MATCH);
	CU_ASSERT_STRING_EQUAL(answer.text, "5000 rounds");
	finish(verify);
}

/* -- the memo */

static struct answer login(struct verify *verify, const char *text,
			   const char *plain)
{
	struct answer answer = { .count = 0 };

	verify_start(verify, &crypt_hash, text, plain, take_answer, &answer);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answer.count, 1);
	return answer;
}

static void test_memo_spares_the_second_run(void)
{
	struct verify *verify = start(1, 10, MEMO_MS);

	CU_ASSERT_EQUAL(login(verify, "$6$x", "right").result, VERIFY_MATCH);
	CU_ASSERT_EQUAL(runs, 1);
	CU_ASSERT_EQUAL(login(verify, "$6$x", "right").result, VERIFY_MATCH);
	CU_ASSERT_EQUAL(runs, 1);
	/* another password, another hash: another run */
	CU_ASSERT_EQUAL(login(verify, "$6$x", "wrong").result,
			VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(runs, 2);
	CU_ASSERT_EQUAL(login(verify, "$6$y", "right").result, VERIFY_MATCH);
	CU_ASSERT_EQUAL(runs, 3);
	/* a wrong one is not remembered */
	CU_ASSERT_EQUAL(login(verify, "$6$x", "wrong").result,
			VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(runs, 4);
	finish(verify);
}

static void test_memo_ends_with_its_time(void)
{
	struct verify *verify = start(1, 10, MEMO_MS);

	login(verify, "$6$x", "right");
	fake_loop_advance(MEMO_MS - 1);
	login(verify, "$6$x", "right");
	CU_ASSERT_EQUAL(runs, 1);
	/* use does not prolong it */
	fake_loop_advance(1);
	login(verify, "$6$x", "right");
	CU_ASSERT_EQUAL(runs, 2);
	finish(verify);
}

static void test_memo_is_off_by_default(void)
{
	struct verify *verify = start(1, 10, 0);

	login(verify, "$6$x", "right");
	login(verify, "$6$x", "right");
	CU_ASSERT_EQUAL(runs, 2);
	finish(verify);
}

static void test_memo_keeps_hash_and_password_apart(void)
{
	struct memo *memo = memo_new();
	unsigned char mac[MEMO_MAC_SIZE], other[MEMO_MAC_SIZE];

	CU_ASSERT_TRUE(memo_mac(memo, "ab", "c", mac));
	CU_ASSERT_TRUE(memo_mac(memo, "a", "bc", other));
	CU_ASSERT_NOT_EQUAL(memcmp(mac, other, sizeof(mac)), 0);
	CU_ASSERT_TRUE(memo_mac(memo, "ab", "c", other));
	CU_ASSERT_EQUAL(memcmp(mac, other, sizeof(mac)), 0);
	memo_free(&memo);

	/* the key is another one each time */
	memo = memo_new();
	CU_ASSERT_TRUE(memo_mac(memo, "ab", "c", other));
	CU_ASSERT_NOT_EQUAL(memcmp(mac, other, sizeof(mac)), 0);
	memo_free(&memo);
	memo_free(&memo);
}

static void test_memo_replaces_what_expires_first(void)
{
	struct memo *memo = memo_new();
	unsigned char mac[MEMO_MAC_SIZE] = { 0 };
	unsigned int i;

	/* all in one bucket; the third is the oldest, the last one is put
	   again and stays */
	for (i = 0; i < 4; i++) {
		mac[31] = i;
		memo_put(memo, mac, i == 2 ? 100 : 200 + i);
	}
	mac[31] = 3;
	memo_put(memo, mac, 300);
	mac[31] = 4;
	memo_put(memo, mac, 400);
	for (i = 0; i < 5; i++) {
		mac[31] = i;
		CU_ASSERT_EQUAL(memo_has(memo, mac, 50), i != 2);
	}
	mac[31] = 4;
	CU_ASSERT_TRUE(memo_has(memo, mac, 399));
	CU_ASSERT_FALSE(memo_has(memo, mac, 400));
	memo_free(&memo);
}

/* -- those without a hash */

static struct answer dummy(struct verify *verify, const char *user)
{
	struct answer answer = { .count = 0 };

	verify_dummy(verify, user, NULL, NULL, "right", take_answer, &answer);
	fake_jobs_run_all();
	CU_ASSERT_EQUAL(answer.count, 1);
	return answer;
}

static void test_dummy_runs_what_is_usual_and_never_matches(void)
{
	struct verify *verify = start(1, 10, 0);

	login(verify, "$6$salt$di./+t, =$", "right");
	CU_ASSERT_EQUAL(runs, 1);
	CU_ASSERT_EQUAL(dummy(verify, "nobody").result, VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(runs, 2);
	/* as long as the real one, but without its digest */
	CU_ASSERT_STRING_EQUAL(last_run, "$6$AAAA$AAAAAA, =$");
	finish(verify);
}

static void test_dummy_runs_the_hash_of_the_row(void)
{
	struct verify *verify = start(1, 10, MEMO_MS);
	struct answer answer = { .count = 0 };

	login(verify, "$6$other", "right");
	verify_dummy(verify, "u", &slower_hash, "$6$own", "right", take_answer,
		     &answer);
	fake_jobs_run_all();
	CU_ASSERT_STRING_EQUAL(last_run, "$6$own");
	CU_ASSERT_EQUAL(answer.result, VERIFY_MISMATCH);
	/* no login: not remembered */
	login(verify, "$6$own", "right");
	CU_ASSERT_EQUAL(runs, 3);
	finish(verify);
}

static void test_dummy_is_cheap_where_hashes_are(void)
{
	struct verify *verify = start(1, 10, 0);

	/* nothing known yet */
	CU_ASSERT_EQUAL(dummy(verify, "nobody").result, VERIFY_MISMATCH);
	verify_note_inline(verify, &inline_hash);
	CU_ASSERT_EQUAL(dummy(verify, "nobody").result, VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(runs, 0);
	finish(verify);
}

/* A process that has just started. */
static void test_dummy_runs_what_is_to_be_expected(void)
{
	const struct verify_settings settings = {
		.threads = 1,
		.queue = 10,
		.memory = 131072,
		.usual = &crypt_hash,
	};
	struct verify *verify;

	runs = makes = 0;
	fake_loop_init();
	verify = verify_new(&settings, &fake_loop);
	CU_ASSERT_EQUAL(dummy(verify, "nobody").result, VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(makes, 1);
	CU_ASSERT_EQUAL(runs, 0);
	/* it counts as what it turns out to be */
	login(verify, "$6$x", "right");
	CU_ASSERT_EQUAL(dummy(verify, "nobody").result, VERIFY_MISMATCH);
	CU_ASSERT_EQUAL(makes, 2);
	finish(verify);
}

static void test_dummy_waits_in_the_same_queue(void)
{
	struct verify *verify = start(1, 1, 0);
	struct answer answers[3];
	unsigned int i;

	login(verify, "$6$x", "right");
	memset(answers, 0, sizeof(answers));
	for (i = 0; i < 3; i++)
		verify_dummy(verify, "nobody", NULL, NULL, "right",
			     take_answer, &answers[i]);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 2);
	CU_ASSERT_EQUAL(answers[2].result, VERIFY_FAILED);
	fake_jobs_run_all();
	finish(verify);
}

/* Of 1000 names, how many get that many rounds. */
static unsigned int count_rounds(const struct usual *usual, unsigned int rounds)
{
	unsigned int i, count = 0;
	char user[32];

	for (i = 0; i < 1000; i++) {
		snprintf(user, sizeof(user), "user%u@example.org", i);
		count += usual_pick(usual, user)->hash.rounds == rounds;
	}
	return count;
}

static void test_usual_picks_by_how_often(void)
{
	struct usual *usual = usual_new();
	unsigned int i, count;

	CU_ASSERT_PTR_NULL(usual_pick(usual, "u"));
	for (i = 0; i < 40; i++)
		usual_note(usual, i % 4 == 0 ? &slower_hash : &crypt_hash,
			   "$6$x");
	/* a quarter, and the same names each time; 3 sigma are 41 */
	count = count_rounds(usual, 10000);
	CU_ASSERT(count > 180 && count < 320);
	CU_ASSERT_EQUAL(count_rounds(usual, 10000), count);
	usual_free(&usual);
	usual_free(&usual);
}

static void test_usual_forgets_what_was(void)
{
	struct usual *usual = usual_new();
	unsigned int i;

	for (i = 0; i < 9000; i++)
		usual_note(usual, &slower_hash, "$6$x");
	for (i = 0; i < 50000; i++)
		usual_note(usual, &crypt_hash, "$6$x");
	CU_ASSERT(count_rounds(usual, 10000) < 20);
	usual_free(&usual);
}

static void test_usual_has_room_for_a_new_cost(void)
{
	struct usual *usual = usual_new();
	struct hash hash = crypt_hash;
	unsigned int i;

	/* eight costs, the sixth of them the rarest */
	for (i = 0; i < 8 * 30; i++) {
		hash.rounds = 1000 + i % 8;
		if (hash.rounds != 1005 || i < 8 * 20)
			usual_note(usual, &hash, "$6$x");
	}
	CU_ASSERT(count_rounds(usual, 1005) > 0);
	for (i = 0; i < 30; i++)
		usual_note(usual, &slower_hash, "$6$x");
	CU_ASSERT_EQUAL(count_rounds(usual, 1005), 0);
	CU_ASSERT(count_rounds(usual, 1000) > 0);
	CU_ASSERT(count_rounds(usual, 10000) > 0);
	usual_free(&usual);
}

static CU_TestInfo tests[] = {
	TEST(test_verify_gives_each_verdict_its_result),
	TEST(test_verify_queue_has_a_bound),
	TEST(test_verify_held_jobs_count_for_the_bound),
	TEST(test_verify_memory_is_not_overdrawn),
	TEST(test_verify_memory_never_locks_out),
	TEST(test_verify_without_a_thread_fails),
	TEST(test_verify_stop_answers_everybody),
	TEST(test_verify_makes_hashes),
	TEST(test_memo_spares_the_second_run),
	TEST(test_memo_ends_with_its_time),
	TEST(test_memo_is_off_by_default),
	TEST(test_memo_keeps_hash_and_password_apart),
	TEST(test_memo_replaces_what_expires_first),
	TEST(test_dummy_runs_what_is_usual_and_never_matches),
	TEST(test_dummy_runs_the_hash_of_the_row),
	TEST(test_dummy_is_cheap_where_hashes_are),
	TEST(test_dummy_runs_what_is_to_be_expected),
	TEST(test_dummy_waits_in_the_same_queue),
	TEST(test_usual_picks_by_how_often),
	TEST(test_usual_forgets_what_was),
	TEST(test_usual_has_room_for_a_new_cost),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("verify", tests);
}
