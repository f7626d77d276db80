/* SPDX-License-Identifier: MIT */
#ifndef POOL_EVENT_H
#define POOL_EVENT_H

#include "pool/dbpool.h"

struct event;

/* What happened in the pool as an event of Dovecot, for metric blocks, exporters
   and filters. query is the name of the query that was answered, or NULL. */
void pool_event_send(struct event *parent, const struct dbpool_event *event,
		     const char *query);

#endif
