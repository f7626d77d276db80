/* SPDX-License-Identifier: MIT */
/*
 * The account of a login, in the request's pool, where an event's pointer leads
 * to it (Dovecot >= 2.3.8, lib-event.h): the request has no place for a
 * driver's own.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/prefetched.h"

#define PREFETCHED_KEY AUTHDB_NAME"_prefetched"

struct prefetched {
	const struct authdb_engine *engine;
	const char *user;
	struct account account;
};

void prefetched_keep(struct auth_request *request,
		     const struct authdb_engine *engine,
		     const struct account *account)
{
	struct prefetched *kept;
	struct account_field *field;
	const char *name;
	unsigned int i;

	if (!account->tells_userdb)
		return;
	kept = p_new(request->pool, struct prefetched, 1);
	kept->engine = engine;
	kept->user = p_strdup(request->pool, account->user);
	kept->account.verdict = ACCOUNT_OK;
	kept->account.fields = p_new(request->pool, struct account_field,
				     account->field_count);
	for (i = 0; i < account->field_count; i++) {
		name = account_userdb_name(account->fields[i].name);
		if (name == NULL)
			continue;
		field = &kept->account.fields[kept->account.field_count++];
		field->name = p_strdup(request->pool, name);
		field->value = p_strdup(request->pool,
					account->fields[i].value);
	}
	event_set_ptr(request->event, PREFETCHED_KEY, kept);
}

const struct account *prefetched_find(const struct auth_request *request,
				      const struct authdb_engine *engine)
{
	const struct prefetched *kept =
		event_get_ptr(request->event, PREFETCHED_KEY);

	/* a master user is another one, and a passdb behind ours may have given
	   the request another name */
	if (kept == NULL || kept->engine != engine ||
	    strcasecmp(request->fields.user, kept->user) != 0)
		return NULL;
	return &kept->account;
}
