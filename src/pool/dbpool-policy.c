/* SPDX-License-Identifier: MIT */
/*
 * Pure decisions of the pool. Whoever wants another policy changes it here and
 * in test-dbpool-policy.c, nowhere else.
 */
#include "pool/dbpool-policy.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 30000

uint64_t dbpool_policy_backoff(unsigned int failures)
{
	uint64_t msecs = BACKOFF_MIN_MS;

	while (failures-- > 1 && msecs < BACKOFF_MAX_MS)
		msecs *= 2;
	return msecs < BACKOFF_MAX_MS ? msecs : BACKOFF_MAX_MS;
}

static bool host_in_backoff(const struct dbpool_host_state *host, uint64_t now)
{
	return host->failures > 0 &&
		now < host->failed_at + dbpool_policy_backoff(host->failures);
}

static bool host_has_room(const struct dbpool_host_state *host,
			  unsigned int max_per_host)
{
	return host->connecting + host->open < max_per_host &&
		(host->up || host->connecting == 0);
}

static bool host_longer_failed(const struct dbpool_host_state *host,
			       const struct dbpool_host_state *than)
{
	return host->failed_order < than->failed_order;
}

int dbpool_policy_open(const struct dbpool_host_state *hosts,
		       unsigned int host_count, unsigned int max_per_host,
		       unsigned int waiting, uint64_t now)
{
	unsigned int i, connecting = 0;
	bool all_in_backoff = true;
	int oldest = -1;

	for (i = 0; i < host_count; i++)
		connecting += hosts[i].connecting;
	if (waiting <= connecting)
		return -1;

	for (i = 0; i < host_count; i++) {
		bool room = host_has_room(&hosts[i], max_per_host);

		if (!host_in_backoff(&hosts[i], now)) {
			all_in_backoff = false;
			if (room)
				return (int)i;
		} else if (room && (oldest < 0 ||
				    host_longer_failed(&hosts[i],
						       &hosts[oldest]))) {
			oldest = (int)i;
		}
	}
	return all_in_backoff ? oldest : -1;
}

bool dbpool_policy_give_up(const struct dbpool_host_state *hosts,
			   unsigned int host_count, unsigned int failed_in_row)
{
	unsigned int i;

	for (i = 0; i < host_count; i++) {
		if (hosts[i].open > 0)
			return false;
	}
	return failed_in_row >= host_count;
}
