/* SPDX-License-Identifier: MIT */
/*
 * The healer on a virtual clock, with hashes, server and threads that do what
 * the test says: who is healed, in what order, what is written, and what a
 * failure is followed by.
 */
#include "fail-malloc.h"
#include "fake-hash-run.h"
#include "fake-jobs.h"
#include "fake-loop.h"
#include "fake-mysql-conn.h"
#include "rehash.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define TIMEOUT_MS 5000
#define QUIET_MS (5 * 60 * 1000)
#define QUEUE_MAX 16

#define FAILED "error: rehash failed, logins are not affected: "

static const struct rehash_rule rule = {
	.scheme = "BLF-CRYPT",
	.like = { .method = HASH_CRYPT, .id = "$2y$", .rounds = 10 },
	.plain_max = 72,
};
static struct schema_rehash sql = {
	.update = (char []){ "UPDATE ..." },
	.table = (char []){ "`mailbox`" },
	.column = (char []){ "`password`" },
};
static const struct hash text_hash = { .method = HASH_INLINE };
static const struct hash healed_hash = {
	.method = HASH_CRYPT, .id = "$2y$", .rounds = 10,
};

/* printf 'stored' | sha256sum */
#define STORED_DIGEST \
	"87b04e58961f9a99d853d4046a0b5b793e7c3e4bbd21f5aca8fb17c20cdb1d8b"

static struct rehash *rehash;
static char log_text[8192];

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	static const char *const names[] = { "debug:", "info:", "error:" };
	const size_t used = strlen(log_text);

	CU_ASSERT_PTR_EQUAL(context, log_text);
	snprintf(log_text + used, sizeof(log_text) - used, "%s %s\n",
		 names[level], text);
}

static unsigned int log_count(const char *text)
{
	unsigned int count = 0;
	const char *p = log_text;

	while ((p = strstr(p, text)) != NULL) {
		count++;
		p += strlen(text);
	}
	return count;
}

static void rehash_start(bool debug)
{
	static const struct db_server servers[] = { {
		.port = 1, .connect_timeout_ms = 2000,
	} };
	const struct rehash_params params = {
		.rule = &rule,
		.sql = &sql,
		.servers = servers,
		.server_count = 1,
		.write_timeout_ms = TIMEOUT_MS,
		.loop = &fake_loop,
		.log = test_log,
		.log_context = log_text,
		.debug = debug,
	};

	log_text[0] = '\0';
	fake_loop_init();
	fake_mysql_conn_init();
	fake_hash_run_init();
	fake_hosts[0].changes = true;
	fake_hosts[0].affected = 1;
	rehash = rehash_new(&params);
	CU_ASSERT_PTR_NOT_NULL_FATAL(rehash);
}

static void rehash_end(void)
{
	rehash_free(&rehash);
	CU_ASSERT_PTR_NULL(rehash);
	CU_ASSERT_EQUAL(fake_conns, 0);
	CU_ASSERT_EQUAL(fake_loop_pending(), 0);
}

static void offer_hash(const char *user, const struct hash *hash,
		       unsigned long width)
{
	const struct rehash_login login = {
		.user = user,
		.scheme = "PLAIN-MD5",
		.hash = hash,
		.stored = "stored",
		.width = width,
		.plain = "secret",
	};

	rehash_offer(rehash, &login);
}

static void offer(const char *user)
{
	offer_hash(user, &text_hash, 255);
}

static void offer_and_settle(const char *user)
{
	offer(user);
	fake_jobs_settle();
}

static void offer_queue_full(void)
{
	char user[32];

	for (unsigned int i = 0; i < QUEUE_MAX; i++) {
		snprintf(user, sizeof(user), "user%02u@example.org", i);
		offer(user);
	}
}

static void test_rehash_heals(void)
{
	rehash_start(false);
	offer("joe@example.org");
	/* nothing before the loop has its turn */
	CU_ASSERT_EQUAL(fake_makes, 0);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 1);
	CU_ASSERT_STRING_EQUAL(fake_made_of, "secret");
	CU_ASSERT_STRING_EQUAL(fake_last_text, "UPDATE ...");
	CU_ASSERT_STRING_EQUAL(fake_last_values, "{BLF-CRYPT}$2y$10$made|"
			       "joe@example.org|" STORED_DIGEST "|");
	CU_ASSERT_STRING_EQUAL(log_text, "info: rehash: password of "
			       "joe@example.org, PLAIN-MD5 until now, is "
			       "BLF-CRYPT (1 healed since start)\n");

	offer_and_settle("anna@example.org");
	CU_ASSERT_EQUAL(log_count("(2 healed since start)"), 1);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 1);
	rehash_end();
}

static void test_rehash_leaves_healed_ones(void)
{
	rehash_start(true);
	offer_hash("joe@example.org", &healed_hash, 255);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 0);
	CU_ASSERT_STRING_EQUAL(log_text, "");
	rehash_end();
}

static void test_rehash_without_a_healer(void)
{
	const struct rehash_login login = { .user = "joe@example.org" };

	rehash_offer(NULL, &login);
	rehash_free(&rehash);
}

/* One at a time: the second hash is not made before the first is written. */
static void test_rehash_takes_turns(void)
{
	rehash_start(false);
	offer("a@example.org");
	offer("b@example.org");
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_EQUAL(fake_makes, 1);
	CU_ASSERT_EQUAL(fake_jobs_queued(), 0);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(log_text, "a@example.org"));
	CU_ASSERT_TRUE(strstr(log_text, "a@example.org") <
		       strstr(log_text, "b@example.org"));
	rehash_end();
}

static void test_rehash_has_one_user_once(void)
{
	rehash_start(false);
	offer("a@example.org");
	offer("a@example.org");
	offer("b@example.org");
	offer("b@example.org");
	/* while the first is written, too */
	CU_ASSERT_TRUE(fake_jobs_step());
	offer("a@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 2);
	/* another time, it may */
	offer_and_settle("a@example.org");
	CU_ASSERT_EQUAL(fake_makes, 3);
	rehash_end();
}

static void test_rehash_queue_is_bounded(void)
{
	rehash_start(false);
	offer_queue_full();
	offer("user16@example.org");
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, QUEUE_MAX);
	CU_ASSERT_EQUAL(log_count("user15@"), 1);
	CU_ASSERT_EQUAL(log_count("user16@"), 0);
	/* there is room again */
	offer_and_settle("user16@example.org");
	CU_ASSERT_EQUAL(log_count("user16@"), 1);
	rehash_end();
}

/* Somebody else's change is not counted, and no trouble. */
static void test_rehash_yields_to_a_change(void)
{
	rehash_start(true);
	fake_hosts[0].affected = 0;
	offer_and_settle("joe@example.org");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	CU_ASSERT_EQUAL(log_count("info:"), 0);
	CU_ASSERT_EQUAL(log_count("error:"), 0);
	CU_ASSERT_EQUAL(log_count("debug: rehash: password of "
				  "joe@example.org has changed"), 1);
	fake_hosts[0].affected = 1;
	offer_and_settle("joe@example.org");
	CU_ASSERT_EQUAL(log_count("(1 healed since start)"), 1);
	rehash_end();
}

/* The pool's own lines are for debugging. */
static void test_rehash_logs_little(void)
{
	rehash_start(false);
	offer_and_settle("joe@example.org");
	CU_ASSERT_EQUAL(log_count("\n"), 1);
	rehash_end();
	rehash_start(true);
	offer_and_settle("joe@example.org");
	CU_ASSERT_TRUE(log_count("debug: rehash: connection") > 0);
	rehash_end();
}

static void test_rehash_fails_once_and_is_quiet(void)
{
	static const struct {
		enum db_error_kind kind;
		const char *text;
	} rows[] = {
		{ DB_ERROR_RIGHTS, FAILED "run failed (error 4242): GRANT "
		  "UPDATE (`password`) ON `mailbox` to this user\n" },
		{ DB_ERROR_READ_ONLY, FAILED "run failed (error 4242): name a "
		  "server that takes changes first in hosts, or leave rehash "
		  "out\n" },
		{ DB_ERROR_OTHER, FAILED "run failed (error 4242)\n" },
	};

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		rehash_start(false);
		fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
		fake_hosts[0].error_kind = rows[i].kind;
		offer("a@example.org");
		offer("b@example.org");
		fake_jobs_settle();
		UNIT_ASSERT_ROW(rows[i].text,
				strcmp(log_text, rows[i].text) == 0);
		/* the one that waited was dropped, later ones come in vain */
		UNIT_ASSERT_ROW(rows[i].text, fake_makes == 1);
		fake_loop_advance(QUIET_MS - 1);
		offer_and_settle("c@example.org");
		UNIT_ASSERT_ROW(rows[i].text, fake_makes == 1);
		/* another try, and the same failure is not news */
		fake_loop_advance(1);
		offer_and_settle("c@example.org");
		UNIT_ASSERT_ROW(rows[i].text, fake_makes == 2);
		UNIT_ASSERT_ROW(rows[i].text, log_count("error:") == 1);
		rehash_end();
	}
}

static void test_rehash_fails_again_after_success(void)
{
	rehash_start(false);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	offer_and_settle("a@example.org");
	CU_ASSERT_EQUAL(log_count("error:"), 1);

	fake_loop_advance(QUIET_MS);
	fake_hosts[0].run = MYSQL_CONN_OK;
	offer_and_settle("a@example.org");
	CU_ASSERT_EQUAL(log_count("(1 healed since start)"), 1);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	offer_and_settle("b@example.org");
	CU_ASSERT_EQUAL(log_count("error:"), 2);

	/* those that were dropped do not count any more */
	fake_loop_advance(QUIET_MS);
	fake_hosts[0].run = MYSQL_CONN_OK;
	offer_queue_full();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("user15@"), 1);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	offer_queue_full();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("error:"), 3);
	fake_loop_advance(QUIET_MS);
	fake_hosts[0].run = MYSQL_CONN_OK;
	offer_queue_full();
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("user15@"), 2);
	rehash_end();
}

static void test_rehash_fails_otherwise(void)
{
	rehash_start(false);
	fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
	offer_and_settle("b@example.org");
	CU_ASSERT_EQUAL(log_count("error:"), 1);
	/* another failure is news at once */
	fake_loop_advance(QUIET_MS);
	fake_hosts[0].error_kind = DB_ERROR_RIGHTS;
	offer_and_settle("b@example.org");
	CU_ASSERT_EQUAL(log_count("error:"), 2);
	rehash_end();
}

static void test_rehash_server_gone(void)
{
	rehash_start(false);
	fake_hosts[0].connect = MYSQL_CONN_LOST;
	offer_and_settle("a@example.org");
	CU_ASSERT_EQUAL(log_count(FAILED "Connecting to host1 failed: connect "
				  "failed"), 1);
	/* not the pool's line as well */
	CU_ASSERT_EQUAL(log_count("\n"), 1);
	rehash_end();
}

/* A connection that is lost may have brought the write before, so a second one
   does no harm. */
static void test_rehash_connection_lost(void)
{
	rehash_start(false);
	fake_hosts[0].run = MYSQL_CONN_LOST;
	fake_hosts[0].run_times = 1;
	offer_and_settle("a@example.org");
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 2);
	CU_ASSERT_EQUAL(log_count("(1 healed since start)"), 1);
	rehash_end();
}

/* A row that is locked: the write has a deadline. */
static void test_rehash_write_hangs(void)
{
	rehash_start(false);
	offer("a@example.org");
	CU_ASSERT_TRUE(fake_jobs_step());
	/* connected, and the write is under way */
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	fake_loop_advance(TIMEOUT_MS);
	CU_ASSERT_EQUAL(log_count(FAILED "No answer from the database within "
				  "5000 ms\n"), 1);
	CU_ASSERT_EQUAL(fake_interrupts, 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("\n"), 1);
	rehash_end();
}

/* Some servers' errors quote the value. */
static void test_rehash_error_with_a_hash_in_it(void)
{
	static const char *const texts[] = {
		"Incorrect integer value: '$2y$10$made' for column",
		"Incorrect integer value: '{BLF-CRYPT}' for column",
	};

	for (size_t i = 0; i < N_ROWS(texts); i++) {
		rehash_start(true);
		fake_hosts[0].run = MYSQL_CONN_STATEMENT_FAILED;
		fake_hosts[0].error_text = texts[i];
		offer_and_settle("a@example.org");
		CU_ASSERT_EQUAL(log_count(FAILED "the server refused the "
					  "new password (error 4242)\n"), 1);
		CU_ASSERT_EQUAL(log_count("Incorrect"), 0);
		rehash_end();
	}
}

static void test_rehash_hash_fails(void)
{
	static const struct {
		enum hash_verdict verdict;
		const char *text;
	} rows[] = {
		{ HASH_NO_MEMORY, "out of memory for the new hash: raise "
		  "vsz_limit of service auth\n" },
		{ HASH_UNUSABLE, "the system's libraries do not make such "
		  "hashes: choose another scheme for rehash\n" },
	};

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		rehash_start(false);
		fake_make_verdict = rows[i].verdict;
		offer("a@example.org");
		offer("b@example.org");
		fake_jobs_settle();
		UNIT_ASSERT_ROW(rows[i].text, log_count(rows[i].text) == 1);
		UNIT_ASSERT_ROW(rows[i].text, log_count("\n") == 1);
		UNIT_ASSERT_ROW(rows[i].text, fake_makes == 1);
		UNIT_ASSERT_ROW(rows[i].text, fake_hosts[0].runs == 0);
		rehash_end();
	}
}

static void test_rehash_no_thread(void)
{
	rehash_start(false);
	offer_and_settle("a@example.org");
	fake_jobs_fail(true);
	offer("b@example.org");
	CU_ASSERT_EQUAL(log_count(FAILED "no thread could be started"), 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 1);
	rehash_end();
}

/* strlen("{BLF-CRYPT}$2y$10$made") */
#define NEED 22

static void test_rehash_narrow_column(void)
{
	rehash_start(false);
	offer_hash("a@example.org", &text_hash, NEED - 1);
	fake_jobs_settle();
	CU_ASSERT_STRING_EQUAL(log_text, "error: rehash: column `password` of "
		"`mailbox` takes 21 characters, a new password 22: ALTER TABLE "
		"`mailbox` MODIFY `password` varchar(255) NOT NULL\n");
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);

	/* from then on it is known */
	offer_hash("b@example.org", &text_hash, NEED - 1);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(fake_makes, 1);
	CU_ASSERT_EQUAL(log_count("\n"), 1);

	/* and is no failure that others have to wait for */
	offer_hash("c@example.org", &text_hash, NEED);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("(1 healed since start)"), 1);
	offer_hash("d@example.org", &text_hash, 0);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("error:"), 2);
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 1);
	rehash_end();
}

static void test_rehash_end_before_the_hash(void)
{
	rehash_start(true);
	offer("a@example.org");
	offer("b@example.org");
	rehash_end();
	/* the one that had begun; then nothing is written */
	CU_ASSERT_EQUAL(fake_makes, 1);
	CU_ASSERT_EQUAL(fake_hosts[0].connects, 0);
	CU_ASSERT_STRING_EQUAL(log_text, "");
}

static void test_rehash_end_before_the_write(void)
{
	rehash_start(false);
	offer("a@example.org");
	offer("b@example.org");
	CU_ASSERT_TRUE(fake_jobs_step());
	rehash_end();
	CU_ASSERT_EQUAL(fake_hosts[0].runs, 0);

	/* while the connection is at it */
	rehash_start(false);
	offer("a@example.org");
	CU_ASSERT_TRUE(fake_jobs_step());
	fake_loop_advance(0);
	CU_ASSERT_TRUE(fake_jobs_step());
	CU_ASSERT_EQUAL(fake_jobs_queued(), 1);
	rehash_end();
	CU_ASSERT_STRING_EQUAL(log_text, "");
}

/* Whoever cannot be remembered is not healed, this time. */
static void test_rehash_without_memory(void)
{
	unsigned int nth;

	rehash_start(false);
	offer_and_settle("first@example.org");
	for (nth = 1;; nth++) {
		fail_malloc_arm(nth);
		offer("joe@example.org");
		if (!fail_malloc_disarm())
			break;
		CU_ASSERT_EQUAL(fake_jobs_queued(), 0);
	}
	CU_ASSERT_TRUE(nth > 4);
	fake_jobs_settle();
	CU_ASSERT_EQUAL(log_count("joe@example.org"), 1);
	CU_ASSERT_EQUAL(log_count("error:"), 0);
	rehash_end();
}

static CU_TestInfo tests[] = {
	TEST(test_rehash_heals),
	TEST(test_rehash_leaves_healed_ones),
	TEST(test_rehash_without_a_healer),
	TEST(test_rehash_takes_turns),
	TEST(test_rehash_has_one_user_once),
	TEST(test_rehash_queue_is_bounded),
	TEST(test_rehash_yields_to_a_change),
	TEST(test_rehash_logs_little),
	TEST(test_rehash_fails_once_and_is_quiet),
	TEST(test_rehash_fails_again_after_success),
	TEST(test_rehash_fails_otherwise),
	TEST(test_rehash_server_gone),
	TEST(test_rehash_connection_lost),
	TEST(test_rehash_write_hangs),
	TEST(test_rehash_error_with_a_hash_in_it),
	TEST(test_rehash_hash_fails),
	TEST(test_rehash_no_thread),
	TEST(test_rehash_narrow_column),
	TEST(test_rehash_without_memory),
	TEST(test_rehash_end_before_the_hash),
	TEST(test_rehash_end_before_the_write),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("rehash", tests);
}
