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
	struct job *queued, *finished;
};

/* NULL: no pool has been made yet */
static struct jobs *the_jobs;
static bool submit_fails;

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

struct jobs *jobs_new(unsigned int max_threads, void (*thread_exit)(void))
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	(void)max_threads;
	(void)thread_exit;
	submit_fails = false;
	the_jobs = jobs;
	return jobs;
}

int jobs_fd(const struct jobs *jobs)
{
	(void)jobs;
	return FAKE_JOBS_FD;
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

void jobs_free(struct jobs **_jobs)
{
	struct jobs *jobs = *_jobs;

	if (jobs == NULL)
		return;
	while (fake_jobs_run_only())
		;
	jobs_dispatch(jobs);
	free(jobs);
	*_jobs = NULL;
	the_jobs = NULL;
}

bool fake_jobs_run_only(void)
{
	struct job *job = the_jobs == NULL ? NULL : pop(&the_jobs->queued);

	if (job == NULL)
		return false;
	job->run(job);
	push(&the_jobs->finished, job);
	return true;
}

bool fake_jobs_step(void)
{
	if (!fake_jobs_run_only() &&
	    (the_jobs == NULL || the_jobs->finished == NULL))
		return false;
	if (!fake_loop_readable(FAKE_JOBS_FD))
		abort();
	return true;
}

void fake_jobs_run_all(void)
{
	while (fake_jobs_step())
		;
}

unsigned int fake_jobs_queued(void)
{
	struct job *job;
	unsigned int count = 0;

	if (the_jobs == NULL)
		return 0;
	for (job = the_jobs->queued; job != NULL; job = job->next)
		count++;
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
