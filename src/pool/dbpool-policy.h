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
	unsigned int connecting_late;	/* of those, longer than usual */
	unsigned int open;		/* connected, idle or busy */
	unsigned int busy;		/* of those */
	bool up;			/* the last attempt succeeded */
	/* it owes an answer for longer than others are given */
	bool slow;
	unsigned int failures;		/* since it last answered */
	/* when the last attempt that was refused began, as a number that grows
	   with all that happens; 0: none, or one has succeeded since */
	uint64_t refused_since;
	uint64_t retry_at;		/* in back-off until then */
	/* a number that grows with each failure of any server: refusals come
	   several in one millisecond */
	uint64_t failed_order;
};

/* Some of the servers, a bit for each; further ones are in no set. */
typedef uint64_t dbpool_host_set;
#define DBPOOL_HOST_SET(host) \
	((host) < 64 ? (dbpool_host_set)1 << (host) : 0)

struct dbpool_policy {
	const struct dbpool_host_state *hosts;	/* in order of preference */
	unsigned int host_count;
	unsigned int max_per_host;	/* connections */
	bool load_balance;	/* no order: the least loaded is preferred */
	/* when the last lookup began to wait, as a number that grows */
	uint64_t waiting_since;
	uint64_t now;
};

/* How long a server that failed so often in a row is passed over in favour of
   another one: 1 s, doubling up to 30 s; up to a quarter less, as many
   processes have seen it fail in the same moment. random is any number. */
uint64_t dbpool_policy_backoff(unsigned int failures, uint32_t random);

/*
 * Which server to open a connection to, as an index, or -1 for none: there is
 * nothing to gain, or every server is full. waiting is the number of lookups
 * that any server may answer, hedges of those that wait for another server
 * than the slow one that was asked. A server that is not known to be up gets
 * one attempt at a time, until it is late: the network may have lost it, and a
 * new one is there sooner than its next try. Servers that are slow or in
 * back-off are passed over; if all are, one that is merely slow, then the one
 * that failed longest ago, is tried at once, as a login waits; but once for that
 * login, or a server that refuses at once would be asked again and again.
 */
int dbpool_policy_open(const struct dbpool_policy *policy,
		       unsigned int waiting, unsigned int hedges);

/* A server to try although nobody waits for it, so that it is back in use as
   soon as it can be: it failed, its back-off has run out, and logins live on
   another one. -1: none. */
int dbpool_policy_probe(const struct dbpool_policy *policy);

/* Whether an idle connection to one server should rather be used than one to
   the other. */
bool dbpool_policy_prefers(const struct dbpool_policy *policy,
			   unsigned int host, unsigned int than);
/* Whether its idle connections should not be used at all: it is slow, and
   there is a better server. */
bool dbpool_policy_shuns(const struct dbpool_policy *policy,
			 unsigned int host);

/* Who is to be asked next what others have an error of the statement for: none
   of these, and nobody who has refused an attempt that began later than
   `since`. One that is well comes first, one in back-off last. -1: none, so
   that the error is the answer. */
int dbpool_policy_elsewhere(const struct dbpool_policy *policy,
			    dbpool_host_set but, uint64_t since);
/* Whether to open a connection there for that: all are busy. One attempt at a
   time, until it is late, as the answer may be no better. */
bool dbpool_policy_open_there(const struct dbpool_policy *policy,
			      unsigned int host);

/* After an attempt failed: which lookups have nothing left to wait for, as those
   that have waited since before the number returned: every server has refused
   an attempt that began later. An attempt from before they came tells nothing
   of now. 0: none. */
uint64_t dbpool_policy_give_up(const struct dbpool_policy *policy);

/* How many times the connection may be lost under a lookup before that is its
   answer. */
unsigned int dbpool_policy_max_losses(const struct dbpool_policy *policy);

#endif
