/* SPDX-License-Identifier: MIT */
/*
 * The three things the pool wants of a loop, made of Dovecot's. Dovecot's
 * timeouts repeat until they are removed; the pool's fire once.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/loop.h"
#include "dovecot/replies.h"

#include "ioloop.h"

#include <time.h>

struct loop_watch {
	struct io *io;
	void (*callback)(void *context);
	void *context;
};

struct loop_timer {
	struct timeout *to;
	void (*callback)(void *context);
	void *context;
};

static void loop_call(void (*callback)(void *), void *context)
{
	replies_begin();
	callback(context);
	replies_end();
}

static void loop_watch_ready(struct loop_watch *watch)
{
	loop_call(watch->callback, watch->context);
}

static void *loop_watch_fd(int fd, bool write, void (*callback)(void *),
			   void *context)
{
	struct loop_watch *watch = i_new(struct loop_watch, 1);

	watch->callback = callback;
	watch->context = context;
	watch->io = io_add(fd, write ? IO_WRITE : IO_READ, loop_watch_ready,
			   watch);
	return watch;
}

static void loop_unwatch_fd(void *handle)
{
	struct loop_watch *watch = handle;

	io_remove(&watch->io);
	i_free(watch);
}

static void loop_cancel_timer(void *handle)
{
	struct loop_timer *timer = handle;

	timeout_remove(&timer->to);
	i_free(timer);
}

static void loop_timer_fired(struct loop_timer *timer)
{
	void (*callback)(void *) = timer->callback;
	void *context = timer->context;

	loop_cancel_timer(timer);
	loop_call(callback, context);
}

static void *loop_start_timer(unsigned int msecs, void (*callback)(void *),
			      void *context)
{
	struct loop_timer *timer = i_new(struct loop_timer, 1);

	timer->callback = callback;
	timer->context = context;
	timer->to = timeout_add_short(msecs, loop_timer_fired, timer);
	return timer;
}

/* The clock mysql-conn.c keeps its deadlines by. */
static uint64_t loop_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

const struct dbpool_loop dovecot_loop = {
	.watch_fd = loop_watch_fd,
	.unwatch_fd = loop_unwatch_fd,
	.start_timer = loop_start_timer,
	.cancel_timer = loop_cancel_timer,
	.now = loop_now,
};
