/* SPDX-License-Identifier: MIT */
#ifndef FAKE_JOBS_H
#define FAKE_JOBS_H

#include <stdbool.h>

/*
 * jobs.h without threads: a submitted job waits until the test runs it, on the
 * test's own thread. Linked in place of jobs.c.
 */

/* Runs the oldest job that has not run, of the first pool that has one, and
   hands it back to the loop; false if there is none. */
bool fake_jobs_step(void);
/* Until nothing is left, jobs submitted on the way included. */
void fake_jobs_run_all(void);
/* Runs the oldest job, but does not hand it back until the next step. */
bool fake_jobs_run_only(void);
/* The oldest job of the first pool takes its time, until all are released. */
void fake_jobs_hold(void);
void fake_jobs_release(void);
/* Inside a job that runs: it is at it for longer, and runs again from its start
   when it is released. */
void fake_jobs_defer(void);
/* The descriptor will be ready when the test runs it like a job; held: when it
   has been released. */
void fake_jobs_await(int fd, bool write, bool held);
unsigned int fake_jobs_queued(void);
/* Lets everything happen that can without the clock moving on. */
void fake_jobs_settle(void);
/* jobs_submit() fails from now on, as if no thread could be had. */
void fake_jobs_fail(bool fail);

#endif
