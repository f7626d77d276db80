/* SPDX-License-Identifier: MIT */
/*
 * Dovecot's events about the pool. Their names and fields are in the manual
 * page, so that they cannot change without notice. Called by authdb-engine.c.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/pool-event.h"

#include "time-util.h"

static const struct {
	const char *name, *text;
	const char *lookups;		/* what their number is; NULL: none */
} kinds[] = {
	[DBPOOL_EVENT_QUERY] = {
		"postfixadmin_query_finished", "Query finished", "lookups" },
	[DBPOOL_EVENT_HOST_DOWN] = {
		"postfixadmin_host_down", "Host failed", NULL },
	[DBPOOL_EVENT_HOST_UP] = {
		"postfixadmin_host_up", "Host is back", "lookups_affected" },
};

/* An event's duration is counted from its creation. There is no other way to
   say that it began earlier. */
static void event_began(struct event *event, uint64_t usecs_ago)
{
	const char *args[3] = { NULL };
	const char *error;
	struct timeval tv;

	i_gettimeofday(&tv);
	timeval_sub_usecs(&tv, (long long)usecs_ago);
	args[0] = dec2str(tv.tv_sec);
	args[1] = dec2str(tv.tv_usec);
	if (!event_import_unescaped(event, args, &error))
		i_unreached();
}

void pool_event_send(struct event *parent, const struct dbpool_event *event,
		     const char *query)
{
	const char *const lookups = kinds[event->kind].lookups;
	const char *const error =
		event->error == NULL ? NULL : event->error->text;
	struct event *out = event_create(parent);

	event_began(out, event->duration_us);
	event_set_name(out, kinds[event->kind].name);
	event_add_str(out, "host", event->host);
	event_add_str(out, "result", error == NULL ? "ok" : "failed");
	if (query != NULL)
		event_add_str(out, "query", query);
	if (lookups != NULL)
		event_add_int(out, lookups, event->lookups);
	if (error != NULL) {
		event_add_str(out, "error", error);
		event_add_int(out, "error_code", event->error->code);
	}
	e_debug(out, "%s: %s%s%s", kinds[event->kind].text, event->host,
		error == NULL ? "" : ": ", error == NULL ? "" : error);
	event_unref(&out);
}
