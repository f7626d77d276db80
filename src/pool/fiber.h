/* SPDX-License-Identifier: MIT */
#ifndef FIBER_H
#define FIBER_H

#include <stdbool.h>

/*
 * A function that can stop in the middle and go on later. It has a stack of its
 * own, and runs on the thread of whoever lets it run. So a library that knows
 * nothing but blocking calls can serve an event loop, if it calls back where it
 * would wait: the callback stops.
 *
 * A fiber stays on one thread. Nothing that counts on the thread's own stack may
 * be called on it: of Dovecot nothing at all, because of the data stack.
 */
struct fiber;

/* NULL with errno set if there is no memory for the stack. */
struct fiber *fiber_new(void);
/* It must not be under way. NULL is fine. */
void fiber_free(struct fiber **fiber);

/* Runs run(context) until it has returned, or stops. Returns whether it stopped:
   then it is under way, until fiber_go_on() says that it is not. */
bool fiber_start(struct fiber *fiber, void (*run)(void *context),
		 void *context);
/* The same, from where it stopped. */
bool fiber_go_on(struct fiber *fiber);

/* Whether this runs on a fiber. */
bool fiber_here(void);
/* On a fiber: stops, and returns when it goes on. */
void fiber_stop(void);

#endif
