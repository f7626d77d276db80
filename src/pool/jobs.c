/* SPDX-License-Identifier: MIT */
/*
 * Threads, their queue, the list of what is done and the eventfd that wakes
 * the loop: the only file with pthread in it. One mutex guards the two lists
 * and the counters; a job itself belongs to one side at a time.
 */
#include "pool/jobs.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Name resolution with foreign NSS modules and OpenSSL run on these stacks;
   256 KiB were enough without them. */
#define JOBS_STACK_SIZE (512 * 1024)

/* So many that have finished are not left lying for another brief one. */
#define JOBS_UNTOLD_MAX 4

struct job_list {
	struct job *head, **tail;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* queued grew, or stopping was set */
	struct job_list queued, finished;
	unsigned int queued_count;
	unsigned int idle_count;	/* threads that wait for work */
	unsigned int untold_count;	/* of the finished ones */
	bool told;			/* the loop will look at them */
	bool stopping;

	/* the loop's side only */
	int fd;
	void (*thread_start)(void), (*thread_exit)(void);
	pthread_t *threads;
	unsigned int thread_count, max_threads;
};

static void job_list_init(struct job_list *list)
{
	list->head = NULL;
	list->tail = &list->head;
}

static void job_list_push(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->tail = job;
	list->tail = &job->next;
}

static struct job *job_list_pop(struct job_list *list)
{
	struct job *job = list->head;

	if (job != NULL) {
		list->head = job->next;
		if (list->head == NULL)
			list->tail = &list->head;
	}
	return job;
}

static void jobs_wake_loop(struct jobs *jobs)
{
	const uint64_t one = 1;

	/* cannot fail: the counter is far from its limit */
	if (write(jobs->fd, &one, sizeof(one)) < 0)
		abort();
}

/* One wake-up serves everything that finishes until the loop gets to it. There
   is none yet if this thread goes on with a brief job: it will be back here
   soon. */
static void jobs_finish(struct jobs *jobs, struct job *job)
{
	const struct job *next = jobs->queued.head;

	job_list_push(&jobs->finished, job);
	if (jobs->told || (++jobs->untold_count < JOBS_UNTOLD_MAX &&
			   next != NULL && next->brief))
		return;
	jobs->told = true;
	jobs_wake_loop(jobs);
}

static void *jobs_thread(void *context)
{
	struct jobs *jobs = context;
	struct job *job;

	if (jobs->thread_start != NULL)
		jobs->thread_start();
	pthread_mutex_lock(&jobs->lock);
	for (;;) {
		while ((job = job_list_pop(&jobs->queued)) == NULL &&
		       !jobs->stopping) {
			jobs->idle_count++;
			pthread_cond_wait(&jobs->work, &jobs->lock);
			jobs->idle_count--;
		}
		if (job == NULL)
			break;
		jobs->queued_count--;
		pthread_mutex_unlock(&jobs->lock);

		job->run(job);

		pthread_mutex_lock(&jobs->lock);
		jobs_finish(jobs, job);
	}
	pthread_mutex_unlock(&jobs->lock);
	if (jobs->thread_exit != NULL)
		jobs->thread_exit();
	return NULL;
}

struct jobs *jobs_new(unsigned int max_threads, void (*thread_start)(void),
		      void (*thread_exit)(void))
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (jobs == NULL)
		return NULL;
	jobs->threads = calloc(max_threads, sizeof(*jobs->threads));
	jobs->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (jobs->threads == NULL || jobs->fd < 0) {
		if (jobs->fd >= 0)
			close(jobs->fd);
		free(jobs->threads);
		free(jobs);
		return NULL;
	}
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->work, NULL);
	job_list_init(&jobs->queued);
	job_list_init(&jobs->finished);
	jobs->max_threads = max_threads;
	jobs->thread_start = thread_start;
	jobs->thread_exit = thread_exit;
	return jobs;
}

int jobs_fd(const struct jobs *jobs)
{
	return jobs->fd;
}

static bool jobs_start_thread(struct jobs *jobs)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int ret;

	/* Each thread would otherwise get an arena of its own, 64 MiB of
	   address space each, and service auth may have 256 MB in all. */
	if (jobs->thread_count == 0)
		(void)mallopt(M_ARENA_MAX, 1);

	if (pthread_attr_init(&attr) != 0)
		return false;
	(void)pthread_attr_setstacksize(&attr, JOBS_STACK_SIZE);
	/* signals are the loop's business; the mask is inherited */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&jobs->threads[jobs->thread_count], &attr,
			     jobs_thread, jobs);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (ret != 0)
		return false;
	jobs->thread_count++;
	return true;
}

bool jobs_submit(struct jobs *jobs, struct job *job)
{
	const bool first = jobs->thread_count == 0;
	bool busy, wake;

	/* later on, a failure matters no more: there is somebody to do the
	   work */
	if (first && !jobs_start_thread(jobs))
		return false;

	pthread_mutex_lock(&jobs->lock);
	busy = jobs->queued_count >= jobs->idle_count;
	job_list_push(&jobs->queued, job);
	jobs->queued_count++;
	wake = jobs->idle_count > 0;
	pthread_mutex_unlock(&jobs->lock);

	/* not before: whoever wakes wants the lock first of all */
	if (wake)
		pthread_cond_signal(&jobs->work);
	if (busy && !first && jobs->thread_count < jobs->max_threads)
		(void)jobs_start_thread(jobs);
	return true;
}

void jobs_dispatch(struct jobs *jobs)
{
	struct job *job, *next;
	uint64_t count;

	/* read before the list is taken: what finishes in between writes
	   again, and an empty read later is harmless */
	if (read(jobs->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();

	pthread_mutex_lock(&jobs->lock);
	job = jobs->finished.head;
	job_list_init(&jobs->finished);
	jobs->untold_count = 0;
	jobs->told = false;
	pthread_mutex_unlock(&jobs->lock);

	for (; job != NULL; job = next) {
		next = job->next;
		job->done(job);
	}
}

void jobs_free(struct jobs **_jobs)
{
	struct jobs *jobs = *_jobs;
	unsigned int i;

	if (jobs == NULL)
		return;
	*_jobs = NULL;

	pthread_mutex_lock(&jobs->lock);
	jobs->stopping = true;
	pthread_cond_broadcast(&jobs->work);
	pthread_mutex_unlock(&jobs->lock);
	for (i = 0; i < jobs->thread_count; i++)
		pthread_join(jobs->threads[i], NULL);
	jobs_dispatch(jobs);

	pthread_cond_destroy(&jobs->work);
	pthread_mutex_destroy(&jobs->lock);
	close(jobs->fd);
	free(jobs->threads);
	free(jobs);
}
