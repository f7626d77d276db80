/* SPDX-License-Identifier: MIT */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include "pool/dbpool.h"

/* A loop with a clock that stands still until a test moves it. */
extern const struct dbpool_loop fake_loop;

void fake_loop_init(void);
/* Moves the clock and fires what is due, in order of time. */
void fake_loop_advance(unsigned int msecs);
/* Calls back whoever watches fd; false if nobody does. */
bool fake_loop_readable(int fd);
bool fake_loop_writable(int fd);
/* For those that are real: waits until some are ready, and calls back. */
bool fake_loop_poll(unsigned int msecs);
/* descriptors watched so far */
extern unsigned int fake_loop_watches;
/* Timers and watches that are still there: leaks, at the end of a test. */
unsigned int fake_loop_pending(void);

#endif
