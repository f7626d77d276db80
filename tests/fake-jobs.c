/* SPDX-License-Identifier: MIT */
/*
 * The runner of jobs for tests of the pool: every step is the test's.
 */
#include "fake-jobs.h"
#include "fake-loop.h"

#include "pool/jobs.h"

#include <stdlib.h>

#define FAKE_JOBS_FD 1000

struct jobs {
	struct jobs *next;
	int fd;
	struct job *queued, *held, *finished;
};

/* A descriptor that will be ready, in the queue like a job. */
struct fake_ready {
	struct job job;
	int fd;
	bool write;
};

/* in the order they were made */
static struct jobs *all_jobs;
static bool submit_fails, deferred;

static void push(struct job **list, struct job *job)
{
	while (*list != NULL)
		list = &(*list)->next;
	job->next = NULL;
	*list = job;
}

static struct job *pop(struct job **list)
{
	struct job *job = *list;

	if (job != NULL)
		*list = job->next;
	return job;
}

struct jobs *jobs_new(unsigned int max_threads, void (*thread_start)(void),
		      void (*thread_exit)(void))
{
	struct jobs *jobs = calloc(1, sizeof(*jobs)), **last = &all_jobs;

	(void)max_threads;
	(void)thread_start;
	(void)thread_exit;
	if (jobs == NULL)
		return NULL;
	if (all_jobs == NULL)
		submit_fails = false;
	jobs->fd = FAKE_JOBS_FD;
	for (; *last != NULL; last = &(*last)->next)
		jobs->fd++;
	*last = jobs;
	return jobs;
}

int jobs_fd(const struct jobs *jobs)
{
	return jobs->fd;
}

bool jobs_submit(struct jobs *jobs, struct job *job)
{
	if (submit_fails)
		return false;
	push(&jobs->queued, job);
	return true;
}

void jobs_dispatch(struct jobs *jobs)
{
	struct job *job;

	while ((job = pop(&jobs->finished)) != NULL)
		job->done(job);
}

static bool run_oldest(struct jobs *jobs)
{
	struct job *job = pop(&jobs->queued);

	if (job == NULL)
		return false;
	deferred = false;
	job->run(job);
	push(deferred ? &jobs->held : &jobs->finished, job);
	return true;
}

static void release(struct jobs *jobs)
{
	struct job *job;

	while ((job = pop(&jobs->held)) != NULL)
		push(&jobs->queued, job);
}

void jobs_free(struct jobs **_jobs)
{
	struct jobs *jobs = *_jobs, **last = &all_jobs;

	if (jobs == NULL)
		return;
	release(jobs);
	while (run_oldest(jobs))
		;
	jobs_dispatch(jobs);
	while (*last != jobs)
		last = &(*last)->next;
	*last = jobs->next;
	free(jobs);
	*_jobs = NULL;
}

bool fake_jobs_run_only(void)
{
	struct jobs *jobs = all_jobs;

	while (jobs != NULL && !run_oldest(jobs))
		jobs = jobs->next;
	return jobs != NULL;
}

void fake_jobs_hold(void)
{
	push(&all_jobs->held, pop(&all_jobs->queued));
}

void fake_jobs_release(void)
{
	release(all_jobs);
}

void fake_jobs_defer(void)
{
	deferred = true;
}

static void ready_run(struct job *job)
{
	const struct fake_ready *ready = (const struct fake_ready *)job;

	/* unless nobody waits for it any more */
	(void)(ready->write ? fake_loop_writable(ready->fd) :
	       fake_loop_readable(ready->fd));
}

static void ready_done(struct job *job)
{
	free(job);
}

void fake_jobs_await(int fd, bool write, bool held)
{
	struct fake_ready *ready = calloc(1, sizeof(*ready));

	if (ready == NULL)
		abort();
	ready->job.run = ready_run;
	ready->job.done = ready_done;
	ready->fd = fd;
	ready->write = write;
	push(held ? &all_jobs->held : &all_jobs->queued, &ready->job);
}

bool fake_jobs_step(void)
{
	struct jobs *jobs;

	(void)fake_jobs_run_only();
	for (jobs = all_jobs; jobs != NULL; jobs = jobs->next) {
		if (jobs->finished != NULL) {
			if (!fake_loop_readable(jobs->fd))
				abort();
			return true;
		}
	}
	return false;
}

void fake_jobs_run_all(void)
{
	while (fake_jobs_step())
		;
}

unsigned int fake_jobs_queued(void)
{
	struct jobs *jobs;
	struct job *job;
	unsigned int count = 0;

	for (jobs = all_jobs; jobs != NULL; jobs = jobs->next) {
		for (job = jobs->queued; job != NULL; job = job->next)
			count++;
	}
	return count;
}

void fake_jobs_settle(void)
{
	do {
		fake_loop_advance(0);
		fake_jobs_run_all();
		fake_loop_advance(0);
	} while (fake_jobs_queued() > 0);
}

void fake_jobs_fail(bool fail)
{
	submit_fails = fail;
}
