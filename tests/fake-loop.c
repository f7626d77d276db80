/* SPDX-License-Identifier: MIT */
/*
 * A virtual clock, timers and descriptors for tests of the pool. Nothing here
 * waits, and nothing happens unless a test makes it happen.
 */
#include "fake-loop.h"

#include <poll.h>
#include <stdlib.h>

/* fakes count from here */
#define FIRST_FAKE_FD 1000
#define MAX_POLLED 16

struct fake_entry {
	struct fake_entry *next;
	bool timer;
	int fd;
	bool write;
	uint64_t due;
	void (*callback)(void *context);
	void *context;
};

static struct fake_entry *entries;
static uint64_t now;
unsigned int fake_loop_watches;

void fake_loop_init(void)
{
	now = 1000000;
}

static void *fake_add(const struct fake_entry *init)
{
	/* not malloc(), which tests let fail: Dovecot's loop never does */
	struct fake_entry *entry = aligned_alloc(_Alignof(struct fake_entry),
						 sizeof(*entry));
	struct fake_entry **last = &entries;

	*entry = *init;
	/* in the order of adding: equal times fire in that order */
	while (*last != NULL)
		last = &(*last)->next;
	*last = entry;
	return entry;
}

static void fake_remove(void *handle)
{
	struct fake_entry **entry = &entries;

	while (*entry != handle) {
		if (*entry == NULL)
			abort();	/* removed twice */
		entry = &(*entry)->next;
	}
	*entry = (*entry)->next;
	free(handle);
}

static void *fake_watch_fd(int fd, bool write, void (*callback)(void *),
			   void *context)
{
	fake_loop_watches++;
	return fake_add(&(struct fake_entry) {
		.fd = fd, .write = write, .callback = callback,
		.context = context });
}

static void *fake_start_timer(unsigned int msecs, void (*callback)(void *),
			      void *context)
{
	return fake_add(&(struct fake_entry) {
		.timer = true, .due = now + msecs, .callback = callback,
		.context = context });
}

static uint64_t fake_now(void)
{
	return now;
}

const struct dbpool_loop fake_loop = {
	.watch_fd = fake_watch_fd,
	.unwatch_fd = fake_remove,
	.start_timer = fake_start_timer,
	.cancel_timer = fake_remove,
	.now = fake_now,
};

static struct fake_entry *fake_next_timer(void)
{
	struct fake_entry *entry, *best = NULL;

	for (entry = entries; entry != NULL; entry = entry->next) {
		if (entry->timer && (best == NULL || entry->due < best->due))
			best = entry;
	}
	return best;
}

void fake_loop_advance(unsigned int msecs)
{
	uint64_t end = now + msecs;
	struct fake_entry *timer, copy;

	while ((timer = fake_next_timer()) != NULL && timer->due <= end) {
		copy = *timer;
		if (copy.due > now)
			now = copy.due;
		fake_remove(timer);
		copy.callback(copy.context);
	}
	now = end;
}

static bool fake_ready(int fd, bool write)
{
	struct fake_entry *entry;

	for (entry = entries; entry != NULL; entry = entry->next) {
		if (!entry->timer && entry->fd == fd &&
		    entry->write == write) {
			entry->callback(entry->context);
			return true;
		}
	}
	return false;
}

bool fake_loop_readable(int fd)
{
	return fake_ready(fd, false);
}

bool fake_loop_writable(int fd)
{
	return fake_ready(fd, true);
}

bool fake_loop_poll(unsigned int msecs)
{
	struct pollfd fds[MAX_POLLED];
	struct fake_entry *entry;
	unsigned int i, count = 0;

	for (entry = entries; entry != NULL && count < MAX_POLLED;
	     entry = entry->next) {
		if (!entry->timer && entry->fd < FIRST_FAKE_FD)
			fds[count++] = (struct pollfd) {
				.fd = entry->fd,
				.events = entry->write ? POLLOUT : POLLIN,
			};
	}
	if (poll(fds, count, (int)msecs) <= 0)
		return false;
	for (i = 0; i < count; i++) {
		if (fds[i].revents != 0)
			(void)fake_ready(fds[i].fd, fds[i].events == POLLOUT);
	}
	return true;
}

unsigned int fake_loop_pending(void)
{
	struct fake_entry *entry;
	unsigned int count = 0;

	for (entry = entries; entry != NULL; entry = entry->next)
		count++;
	return count;
}
