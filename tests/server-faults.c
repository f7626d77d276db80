/* SPDX-License-Identifier: MIT */
/*
 * Lookups and a listing on a real server, with the first allocation failing,
 * then the second, and so on until they get through, and the same with the
 * calls of the client library. Each time the answer is the right one or "could
 * not tell", and what is asked next is answered rightly; under a leak checker
 * nothing leaks. Threads are fakes, so that the order is the same each time.
 *
 * The server has seed 000's accounts; its socket is the one argument. Run by
 * tests/integration/test_faults.py.
 */
#include "fail-malloc.h"
#include "fail-mysql.h"
#include "fake-jobs.h"
#include "fake-loop.h"
#include "lookup.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The server is well, but may be busy. */
#define PATIENCE_MS 10000

#define JOE "joe@example.org"
/* longer than what is fetched at once */
#define QUERY(columns) "SELECT username AS user, " columns \
	", REPEAT('x', 300) AS userdb_long FROM mailbox WHERE username = '%u'"

static const char *server_socket;
static struct dbpool_loop loop;
static struct lookup_engine *engine;
static unsigned int asked;	/* and not yet answered */

/* What was answered: "could not tell", or all there is to know. */
struct answer {
	unsigned int calls;
	bool failed;
	char text[2048];
};

/* A step's answers; the unused ones are the same each time, too. */
#define ANSWERS 4
struct answers {
	struct answer list[ANSWERS];
};

static uint64_t real_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void test_log(enum dbpool_log_level level, const char *text,
		     void *context)
{
	(void)level;
	(void)text;
	(void)context;
}

static int no_expand(const char *text, struct strbuf *out, void *context,
		     struct errbuf *error)
{
	(void)out;
	(void)context;
	return errbuf_set(error, "no %s here", text);
}

static void engine_start(void)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_DROPIN);
	const struct lookup_engine_params params = {
		.conf = conf,
		.path = "/etc/x.conf",
		.loop = &loop,
		.log = test_log,
	};
	struct errbuf error = { .text = "" };
	char connect[512];

	snprintf(connect, sizeof(connect), "host=%s user=postfixadmin "
		 "password=pa$$word dbname=postfixadmin", server_socket);
	if (pfa_conf_set_dropin(conf, "driver", "mysql", &error) < 0 ||
	    pfa_conf_set_dropin(conf, "connect", connect, &error) < 0 ||
	    pfa_conf_set_dropin(conf, "password_query",
				QUERY("password"), &error) < 0 ||
	    pfa_conf_set_dropin(conf, "user_query",
				QUERY("maildir AS home"), &error) < 0 ||
	    pfa_conf_set_dropin(conf, "iterate_query",
				"SELECT username AS user FROM mailbox "
				"ORDER BY username", &error) < 0 ||
	    lookup_engine_new(&params, &engine, &error) < 0)
		CU_FAIL_FATAL(error.text);
}

static void add(struct answer *answer, const char *text)
{
	strncat(answer->text, text,
		sizeof(answer->text) - strlen(answer->text) - 1);
	strncat(answer->text, "\n",
		sizeof(answer->text) - strlen(answer->text) - 1);
}

static void lookup_done(const struct account *account, void *context)
{
	struct answer *answer = context;
	unsigned int i;

	asked--;
	answer->calls++;
	answer->failed = account->verdict == ACCOUNT_FAILED;
	add(answer, account->verdict == ACCOUNT_OK ? "OK" : "not OK");
	for (i = 0; i < account->field_count; i++) {
		add(answer, account->fields[i].name);
		add(answer, account->fields[i].value == NULL ? "(null)" :
		    account->fields[i].value);
	}
}

static void look_up(enum account_kind kind, const char *const *users,
		    struct answers *answers)
{
	struct lookup lookups[ANSWERS];
	unsigned int i;

	asked = 0;
	for (i = 0; i < ANSWERS && users[i] != NULL; i++) {
		asked++;
		lookups[i] = (struct lookup) {
			.engine = engine,
			.kind = kind,
			.vars = { .user = users[i], .expand = no_expand },
			.callback = lookup_done,
			.context = &answers->list[i],
		};
		lookup_start(&lookups[i]);
	}
	do {
		fake_jobs_settle();
	} while (asked > 0 && fake_loop_poll(PATIENCE_MS));
}

static const char *const only_joe[ANSWERS] = { JOE };
static const char *const nobody[ANSWERS] = { "nobody@example.org" };
static const char *const several[ANSWERS] = {
	JOE, "bare@example.org", "nobody@example.org", "quota@example.org",
};

static void step_passdb(struct answers *answers)
{
	look_up(ACCOUNT_PASSDB, only_joe, answers);
}

static void step_userdb(struct answers *answers)
{
	look_up(ACCOUNT_USERDB, only_joe, answers);
}

static void step_nobody(struct answers *answers)
{
	look_up(ACCOUNT_PASSDB, nobody, answers);
}

static void step_several(struct answers *answers)
{
	look_up(ACCOUNT_PASSDB, several, answers);
}

static void iterate_done(const char *user, const char *error, void *context)
{
	struct answer *answer = context;

	if (user != NULL) {
		add(answer, user);
		return;
	}
	answer->calls++;
	answer->failed = error != NULL;
}

static void step_list(struct answers *answers)
{
	struct answer *answer = &answers->list[0];
	const struct template_vars vars = { .expand = no_expand };
	struct errbuf error = { .text = "" };
	struct lookup_iterate *iterate;
	unsigned int names = 0;

	iterate = lookup_iterate_start(engine, &vars, iterate_done, answer,
				       &error);
	if (iterate == NULL) {
		answer->calls++;
		answer->failed = true;
		return;
	}
	while (answer->calls == 0 && names++ < 100) {
		lookup_iterate_next(iterate);
		fake_jobs_settle();
	}
	lookup_iterate_end(&iterate);
	fake_jobs_settle();
}

static const struct step {
	const char *name;
	void (*run)(struct answers *answers);
	unsigned int answers;
	/* what the first right answer begins with */
	const char *right;
	unsigned int allocations, calls;	/* at least */
} steps[] = {
	{ "passdb", step_passdb, 1, "OK\nuser\n" JOE "\npassword\n", 20, 20 },
	{ "userdb", step_userdb, 1, "OK\nuser\n" JOE "\nhome\n", 20, 20 },
	{ "nobody", step_nobody, 1, "not OK\n", 15, 15 },
	{ "several", step_several, ANSWERS,
	  "OK\nuser\n" JOE "\npassword\n", 40, 20 },
	{ "list", step_list, 1, "Anna.Case@example.org\n", 20, 15 },
};

static void arm_malloc(unsigned int nth)
{
	fail_malloc_arm(nth);
}

static const char *disarm_malloc(void)
{
	return fail_malloc_disarm() ? "allocation" : NULL;
}

static struct answers run(const struct step *step)
{
	struct answers answers;

	memset(&answers, 0, sizeof(answers));
	step->run(&answers);
	return answers;
}

/* Whether each was answered once, as is right, or, if may_fail, with "could
   not tell". */
static bool answered(const struct step *step, const struct answers *answers,
		     const struct answers *right, bool may_fail)
{
	unsigned int i;

	for (i = 0; i < step->answers; i++) {
		const struct answer *answer = &answers->list[i];

		if (answer->calls != 1 ||
		    (answer->failed ? !may_fail :
		     strcmp(answer->text, right->list[i].text) != 0))
			return false;
	}
	return true;
}

/* One failure: the nth. Returns whether there were that many. */
static bool fail_nth(const struct step *step, unsigned int nth,
		     void (*arm)(unsigned int nth),
		     const char *(*disarm)(void))
{
	struct answers right, answers, next;
	const char *failed;
	char name[128];

	engine_start();
	arm(nth);
	answers = run(step);
	failed = disarm();
	next = run(step);
	lookup_engine_free(&engine);
	engine_start();
	right = run(step);
	lookup_engine_free(&engine);

	snprintf(name, sizeof(name), "%s, %u: %s", step->name, nth,
		 failed == NULL ? "none" : failed);
	UNIT_ASSERT_ROW(name, strncmp(right.list[0].text, step->right,
				      strlen(step->right)) == 0);
	UNIT_ASSERT_ROW(name, answered(step, &right, &right, false));
	UNIT_ASSERT_ROW(name, answered(step, &answers, &right,
				       failed != NULL));
	UNIT_ASSERT_ROW(name, answered(step, &next, &right, false));
	UNIT_ASSERT_ROW(name, fake_loop_pending() == 0);
	return failed != NULL;
}

static void test_every_allocation_fails(void)
{
	unsigned int i, nth;

	for (i = 0; i < N_ROWS(steps); i++) {
		for (nth = 1; fail_nth(&steps[i], nth, arm_malloc,
				       disarm_malloc); nth++)
			;
		UNIT_ASSERT_ROW(steps[i].name, nth > steps[i].allocations);
	}
}

static void test_every_library_call_fails(void)
{
	unsigned int i, nth;

	for (i = 0; i < N_ROWS(steps); i++) {
		for (nth = 1; fail_nth(&steps[i], nth, fail_mysql_arm,
				       fail_mysql_disarm); nth++)
			;
		UNIT_ASSERT_ROW(steps[i].name, nth > steps[i].calls);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_every_allocation_fails),
	TEST(test_every_library_call_fails),
	CU_TEST_INFO_NULL,
};

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	server_socket = argv[1];
	fake_loop_init();
	loop = fake_loop;
	/* deadlines go to the real mysql-conn.c */
	loop.now = real_now;
	return unit_run("server-faults", tests);
}
