/* SPDX-License-Identifier: MIT */
#ifndef DBPOOL_POLICY_H
#define DBPOOL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The pool's decisions, as pure functions of plain numbers: no clock, no
 * connection, no list. dbpool.c asks and acts.
 */

/* What is known of one server. Times in milliseconds. */
struct dbpool_host_state {
	unsigned int connecting;	/* attempts under way */
	unsigned int open;		/* connected, idle or busy */
	bool up;			/* the last attempt succeeded */
	unsigned int failures;		/* attempts failed since it was up */
	uint64_t failed_at;		/* the last of them */
	/* the same as a number that grows with each failure of any server:
	   refusals come several in one millisecond */
	uint64_t failed_order;
};

/* How long a server that failed so often in a row is passed over in favour of
   another one: 1 s, doubling up to 30 s. */
uint64_t dbpool_policy_backoff(unsigned int failures);

/*
 * Which server to open a connection to, as an index, or -1 for none: there is
 * nothing to gain, or every server is full. A server that is not known to be
 * up gets one attempt at a time. Servers in back-off are passed over; if all
 * are, the one that failed longest ago is tried at once, as a login waits.
 */
int dbpool_policy_open(const struct dbpool_host_state *hosts,
		       unsigned int host_count, unsigned int max_per_host,
		       unsigned int waiting, uint64_t now);

/* After an attempt failed: whether the lookups that wait have nothing left to
   wait for. failed_in_row counts the attempts since one succeeded or since
   lookups were last given up. */
bool dbpool_policy_give_up(const struct dbpool_host_state *hosts,
			   unsigned int host_count, unsigned int failed_in_row);

#endif
