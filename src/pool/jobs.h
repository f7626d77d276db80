/* SPDX-License-Identifier: MIT */
#ifndef JOBS_H
#define JOBS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Blocking work beside an event loop: run() on a worker thread, then done()
 * back on the loop's thread. Nothing else in the project knows that threads
 * exist.
 *
 * A job is embedded in the caller's own struct and owns everything its run()
 * touches until done() is called. run() must not call anything of the loop's
 * owner (in Dovecot: no allocator, data stack, event or log).
 *
 * Threads start when there is work for them, never before, with all signals
 * blocked and small stacks, and end only with jobs_free().
 */
struct job {
	void (*run)(struct job *job);
	void (*done)(struct job *job);
	/* run() takes less than a millisecond. While such jobs wait for the
	   threads, the loop is told of several at a time, as it costs both
	   sides to wake it. */
	bool brief;
	struct job *next;	/* jobs.c only */
};

struct jobs;

/* At most max_threads run at once, further jobs wait in order. thread_start and
   thread_exit, if not NULL, are called on each thread before its first job, and
   before it ends. NULL with errno set if the eventfd cannot be had. */
struct jobs *jobs_new(unsigned int max_threads, void (*thread_start)(void),
		      void (*thread_exit)(void));

/* Readable while jobs_dispatch() has something to do. */
int jobs_fd(const struct jobs *jobs);

/* Queues the job. False if there is no thread and none can be started: then
   neither run() nor done() will be called. */
bool jobs_submit(struct jobs *jobs, struct job *job);

/* Calls done() for what has finished by now, in the order of finishing.
   done() may submit further jobs, but not free the pool. */
void jobs_dispatch(struct jobs *jobs);

/* Waits until every submitted job has run (it is the caller's business to
   make that soon), joins the threads, calls the outstanding done()s. These
   must not submit anything. NULL is fine. */
void jobs_free(struct jobs **jobs);

#endif
