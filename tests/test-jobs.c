/* SPDX-License-Identifier: MIT */
/*
 * jobs.c with its real threads. Nothing sleeps: jobs meet each other at
 * semaphores, the loop is a poll() on the eventfd. ThreadSanitizer runs this
 * too.
 */
#include "pool/jobs.h"
#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define JOB_COUNT 200

struct test_job {
	struct job job;
	unsigned int ran, done;
	pthread_t ran_on;
	sem_t *post, *wait;
	sigset_t signals;
};

static void test_job_run(struct job *_job)
{
	struct test_job *job = (struct test_job *)_job;

	pthread_sigmask(SIG_SETMASK, NULL, &job->signals);
	job->ran_on = pthread_self();
	job->ran++;
	if (job->post != NULL)
		sem_post(job->post);
	if (job->wait != NULL)
		sem_wait(job->wait);
}

static void test_job_done(struct job *_job)
{
	((struct test_job *)_job)->done++;
}

static void job_init(struct test_job *job)
{
	memset(job, 0, sizeof(*job));
	job->job.run = test_job_run;
	job->job.done = test_job_done;
}

/* Dispatches until the job is done. */
static void wait_done(struct jobs *jobs, const struct test_job *job)
{
	struct pollfd fd = { .fd = jobs_fd(jobs), .events = POLLIN };

	while (job->done == 0) {
		CU_ASSERT_EQUAL_FATAL(poll(&fd, 1, 10000), 1);
		jobs_dispatch(jobs);
	}
}

static void test_jobs_run_elsewhere_and_are_done_here(void)
{
	struct jobs *jobs = jobs_new(2, NULL, NULL);
	struct test_job job;

	job_init(&job);
	CU_ASSERT_TRUE(jobs_submit(jobs, &job.job));
	wait_done(jobs, &job);
	CU_ASSERT_EQUAL(job.ran, 1);
	CU_ASSERT_EQUAL(job.done, 1);
	CU_ASSERT_FALSE(pthread_equal(job.ran_on, pthread_self()));
	CU_ASSERT_EQUAL(sigismember(&job.signals, SIGTERM), 1);
	CU_ASSERT_EQUAL(sigismember(&job.signals, SIGHUP), 1);
	jobs_free(&jobs);
}

static void test_jobs_run_side_by_side(void)
{
	struct jobs *jobs = jobs_new(2, NULL, NULL);
	struct test_job first, second;
	sem_t to_first, to_second;

	/* each waits for the other: they have to overlap */
	sem_init(&to_first, 0, 0);
	sem_init(&to_second, 0, 0);
	job_init(&first);
	job_init(&second);
	first.post = second.wait = &to_second;
	second.post = first.wait = &to_first;
	CU_ASSERT_TRUE(jobs_submit(jobs, &first.job));
	CU_ASSERT_TRUE(jobs_submit(jobs, &second.job));
	wait_done(jobs, &first);
	wait_done(jobs, &second);
	jobs_free(&jobs);
	sem_destroy(&to_first);
	sem_destroy(&to_second);
}

static void test_jobs_beyond_the_threads_wait(void)
{
	struct jobs *jobs = jobs_new(1, NULL, NULL);
	struct test_job blocker, next;
	sem_t started, go;

	sem_init(&started, 0, 0);
	sem_init(&go, 0, 0);
	job_init(&blocker);
	job_init(&next);
	blocker.post = &started;
	blocker.wait = &go;
	CU_ASSERT_TRUE(jobs_submit(jobs, &blocker.job));
	CU_ASSERT_TRUE(jobs_submit(jobs, &next.job));
	sem_wait(&started);
	jobs_dispatch(jobs);
	CU_ASSERT_EQUAL(blocker.done + next.done, 0);
	sem_post(&go);
	wait_done(jobs, &next);
	CU_ASSERT_EQUAL(blocker.done, 1);
	CU_ASSERT_TRUE(pthread_equal(blocker.ran_on, next.ran_on));
	jobs_free(&jobs);
	sem_destroy(&started);
	sem_destroy(&go);
}

/* Whether the loop was told since it last looked. */
static bool is_told(struct jobs *jobs)
{
	struct pollfd fd = { .fd = jobs_fd(jobs), .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* One thread goes from job to job, each of which waits for the test. */
#define CHAIN 8
static struct test_job chain[CHAIN];
static sem_t chain_started, chain_go;

static struct jobs *chain_start(const bool *brief)
{
	struct jobs *jobs = jobs_new(1, NULL, NULL);
	unsigned int i;

	sem_init(&chain_started, 0, 0);
	sem_init(&chain_go, 0, 0);
	for (i = 0; i < CHAIN; i++) {
		job_init(&chain[i]);
		chain[i].job.brief = brief[i];
		chain[i].post = &chain_started;
		chain[i].wait = &chain_go;
		CU_ASSERT_TRUE(jobs_submit(jobs, &chain[i].job));
	}
	sem_wait(&chain_started);
	return jobs;
}

/* The job that runs ends, and the next one has begun. */
static void chain_step(void)
{
	sem_post(&chain_go);
	sem_wait(&chain_started);
}

static void chain_end(struct jobs *jobs)
{
	unsigned int i;

	for (i = 0; i < CHAIN; i++)
		sem_post(&chain_go);
	jobs_free(&jobs);
	for (i = 0; i < CHAIN; i++)
		CU_ASSERT_EQUAL(chain[i].done, 1);
	sem_destroy(&chain_started);
	sem_destroy(&chain_go);
}

static void test_jobs_brief_ones_are_told_together(void)
{
	static const bool brief[CHAIN] = {
		false, true, true, true, true, true, false, true,
	};
	struct jobs *jobs = chain_start(brief);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		chain_step();
		CU_ASSERT_FALSE(is_told(jobs));
	}
	/* four have finished */
	chain_step();
	CU_ASSERT_TRUE(is_told(jobs));
	jobs_dispatch(jobs);
	CU_ASSERT_EQUAL(chain[3].done, 1);
	CU_ASSERT_FALSE(is_told(jobs));
	chain_step();
	CU_ASSERT_FALSE(is_told(jobs));
	/* the next one may take its time */
	chain_step();
	CU_ASSERT_TRUE(is_told(jobs));
	jobs_dispatch(jobs);
	CU_ASSERT_EQUAL(chain[5].done, 1);
	chain_step();
	CU_ASSERT_FALSE(is_told(jobs));
	/* there is no next one */
	sem_post(&chain_go);
	wait_done(jobs, &chain[CHAIN - 1]);
	chain_end(jobs);
}

static void test_jobs_others_are_told_at_once(void)
{
	static const bool brief[CHAIN] = { true };
	struct jobs *jobs = chain_start(brief);

	chain_step();
	CU_ASSERT_TRUE(is_told(jobs));
	jobs_dispatch(jobs);
	CU_ASSERT_EQUAL(chain[0].done, 1);
	chain_step();
	CU_ASSERT_TRUE(is_told(jobs));
	chain_end(jobs);
}

static void test_jobs_many_each_once(void)
{
	static struct test_job list[JOB_COUNT];
	struct jobs *jobs = jobs_new(4, NULL, NULL);
	unsigned int i;

	for (i = 0; i < JOB_COUNT; i++) {
		job_init(&list[i]);
		list[i].job.brief = i % 3 != 0;
		CU_ASSERT_TRUE(jobs_submit(jobs, &list[i].job));
		if (i % 16 == 0)
			jobs_dispatch(jobs);
	}
	for (i = 0; i < JOB_COUNT; i++)
		wait_done(jobs, &list[i]);
	for (i = 0; i < JOB_COUNT; i++) {
		CU_ASSERT_EQUAL(list[i].ran, 1);
		CU_ASSERT_EQUAL(list[i].done, 1);
	}
	jobs_free(&jobs);
}

static void test_jobs_free_finishes_everything(void)
{
	static struct test_job list[JOB_COUNT];
	struct jobs *jobs = jobs_new(2, NULL, NULL);
	unsigned int i;

	for (i = 0; i < JOB_COUNT; i++) {
		job_init(&list[i]);
		CU_ASSERT_TRUE(jobs_submit(jobs, &list[i].job));
	}
	jobs_free(&jobs);
	CU_ASSERT_PTR_NULL(jobs);
	for (i = 0; i < JOB_COUNT; i++) {
		CU_ASSERT_EQUAL(list[i].ran, 1);
		CU_ASSERT_EQUAL(list[i].done, 1);
	}
}

static atomic_uint starts, exits;

static void count_start(void)
{
	atomic_fetch_add(&starts, 1);
}

static void count_exit(void)
{
	atomic_fetch_add(&exits, 1);
}

static void test_jobs_start_no_thread_without_work(void)
{
	struct jobs *jobs = jobs_new(4, count_start, count_exit);
	struct test_job job;

	atomic_store(&starts, 0);
	atomic_store(&exits, 0);
	jobs_free(&jobs);
	CU_ASSERT_EQUAL(atomic_load(&starts), 0);
	CU_ASSERT_EQUAL(atomic_load(&exits), 0);

	jobs = jobs_new(4, count_start, count_exit);
	job_init(&job);
	CU_ASSERT_TRUE(jobs_submit(jobs, &job.job));
	wait_done(jobs, &job);
	jobs_free(&jobs);
	CU_ASSERT_EQUAL(atomic_load(&starts), 1);
	CU_ASSERT_EQUAL(atomic_load(&exits), 1);
}

static CU_TestInfo tests[] = {
	TEST(test_jobs_run_elsewhere_and_are_done_here),
	TEST(test_jobs_run_side_by_side),
	TEST(test_jobs_beyond_the_threads_wait),
	TEST(test_jobs_brief_ones_are_told_together),
	TEST(test_jobs_others_are_told_at_once),
	TEST(test_jobs_many_each_once),
	TEST(test_jobs_free_finishes_everything),
	TEST(test_jobs_start_no_thread_without_work),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("jobs", tests);
}
