/* SPDX-License-Identifier: MIT */
/*
 * Pure decisions of the pool. Whoever wants another policy changes it here and
 * in test-dbpool-policy.c, nowhere else.
 */
#include "pool/dbpool-policy.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 30000

uint64_t dbpool_policy_backoff(unsigned int failures, uint32_t random)
{
	uint64_t msecs = BACKOFF_MIN_MS;

	while (failures-- > 1 && msecs < BACKOFF_MAX_MS)
		msecs *= 2;
	if (msecs > BACKOFF_MAX_MS)
		msecs = BACKOFF_MAX_MS;
	return msecs - random % (msecs / 4 + 1);
}

static bool host_in_backoff(const struct dbpool_policy *policy,
			    unsigned int host)
{
	return policy->hosts[host].failures > 0 &&
		policy->now < policy->hosts[host].retry_at;
}

static bool host_is_well(const struct dbpool_policy *policy, unsigned int host)
{
	return !policy->hosts[host].slow && !host_in_backoff(policy, host);
}

static bool any_host_is_well(const struct dbpool_policy *policy)
{
	unsigned int i;

	for (i = 0; i < policy->host_count; i++) {
		if (host_is_well(policy, i))
			return true;
	}
	return false;
}

static bool host_has_room(const struct dbpool_policy *policy,
			  unsigned int host)
{
	const struct dbpool_host_state *state = &policy->hosts[host];

	return state->connecting + state->open < policy->max_per_host &&
		(state->up || state->connecting == state->connecting_late);
}

/* Attempts that lookups may count on: no late ones, nor those to a slow server,
   unless there is no other. */
static unsigned int attempts_under_way(const struct dbpool_policy *policy,
				       bool any_well)
{
	unsigned int i, count = 0;

	for (i = 0; i < policy->host_count; i++) {
		if (!any_well || !policy->hosts[i].slow)
			count += policy->hosts[i].connecting -
				policy->hosts[i].connecting_late;
	}
	return count;
}

static bool host_has_fewer(const struct dbpool_policy *policy,
			   unsigned int host, int than)
{
	return policy->hosts[host].connecting + policy->hosts[host].open <
		policy->hosts[than].connecting + policy->hosts[than].open;
}

/* The preferred one of those with room that are well, or that are not. */
static int first_with_room(const struct dbpool_policy *policy, bool well)
{
	int best = -1;
	unsigned int i;

	for (i = 0; i < policy->host_count; i++) {
		if (host_is_well(policy, i) != well ||
		    host_in_backoff(policy, i) || !host_has_room(policy, i))
			continue;
		if (best < 0 ||
		    (policy->load_balance && host_has_fewer(policy, i, best)))
			best = (int)i;
	}
	return best;
}

/* Of those that have refused nobody since the last lookup came. */
static int longest_failed(const struct dbpool_policy *policy)
{
	int best = -1;
	unsigned int i;

	for (i = 0; i < policy->host_count; i++) {
		if (host_in_backoff(policy, i) && host_has_room(policy, i) &&
		    policy->hosts[i].refused_since < policy->waiting_since &&
		    (best < 0 || policy->hosts[i].failed_order <
		     policy->hosts[best].failed_order))
			best = (int)i;
	}
	return best;
}

/* Whether one of those that failed may turn out to be well. */
static bool any_host_is_tried(const struct dbpool_policy *policy)
{
	const struct dbpool_host_state *host = policy->hosts;
	unsigned int i;

	for (i = 0; i < policy->host_count; i++, host++) {
		if (!host->slow &&
		    (host->connecting > 0 || (host->up && host->open > 0)))
			return true;
	}
	return false;
}

int dbpool_policy_open(const struct dbpool_policy *policy,
		       unsigned int waiting, unsigned int hedges)
{
	const bool any_well = any_host_is_well(policy);
	const unsigned int attempts = attempts_under_way(policy, any_well);
	int host = -1;

	if (any_well) {
		return waiting + hedges > attempts ?
			first_with_room(policy, true) : -1;
	}
	if (waiting > attempts)
		host = first_with_room(policy, false);
	/* one after the other: who fails first would get the lookups again */
	if (host < 0 && waiting + hedges > 0 && !any_host_is_tried(policy))
		host = longest_failed(policy);
	return host;
}

int dbpool_policy_probe(const struct dbpool_policy *policy)
{
	bool live = false;
	int failed = -1;
	unsigned int i;

	for (i = 0; i < policy->host_count; i++) {
		const struct dbpool_host_state *host = &policy->hosts[i];

		if (host->open > 0)
			live = true;
		else if (failed < 0 && host->failures > 0 &&
			 host->connecting == 0 && !host_in_backoff(policy, i))
			failed = (int)i;
	}
	return live ? failed : -1;
}

bool dbpool_policy_prefers(const struct dbpool_policy *policy,
			   unsigned int host, unsigned int than)
{
	if (policy->hosts[host].slow != policy->hosts[than].slow)
		return !policy->hosts[host].slow;
	if (policy->load_balance)
		return policy->hosts[host].busy < policy->hosts[than].busy;
	return host < than;
}

bool dbpool_policy_shuns(const struct dbpool_policy *policy, unsigned int host)
{
	return policy->hosts[host].slow && any_host_is_well(policy);
}

int dbpool_policy_elsewhere(const struct dbpool_policy *policy,
			    dbpool_host_set but, uint64_t since)
{
	int best = -1;
	unsigned int i, trouble, least = 3;

	for (i = 0; i < policy->host_count; i++) {
		trouble = host_in_backoff(policy, i) ? 2 :
			policy->hosts[i].slow ? 1 : 0;
		if ((DBPOOL_HOST_SET(i) & ~but) != 0 && trouble < least &&
		    (trouble < 2 || policy->hosts[i].refused_since < since)) {
			best = (int)i;
			least = trouble;
		}
	}
	return best;
}

bool dbpool_policy_open_there(const struct dbpool_policy *policy,
			      unsigned int host)
{
	const struct dbpool_host_state *state = &policy->hosts[host];

	return state->connecting == state->connecting_late &&
		state->open == state->busy && host_has_room(policy, host);
}

uint64_t dbpool_policy_give_up(const struct dbpool_policy *policy)
{
	uint64_t since = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < policy->host_count; i++) {
		if (policy->hosts[i].open > 0)
			return 0;
		if (policy->hosts[i].refused_since < since)
			since = policy->hosts[i].refused_since;
	}
	return since;
}

/* One for the only server; of several, one may connect and then not serve,
   again and again, while another comes back. */
unsigned int dbpool_policy_max_losses(const struct dbpool_policy *policy)
{
	return 2 * policy->host_count - 1;
}
