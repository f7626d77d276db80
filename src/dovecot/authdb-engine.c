/* SPDX-License-Identifier: MIT */
/*
 * Finds, makes and frees engines. Everything an engine is about is in
 * lookup.c; this file ties it to Dovecot's loop and log.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/loop.h"
#include "dovecot/pool-event.h"
#include "dovecot/replies.h"

#include "llist.h"
#include "master-service.h"

#include "core/hash-usual.h"
#include "last-login.h"

struct authdb_engine {
	struct authdb_engine *prev, *next;
	int refcount;
	char *key, *name;
	struct event *event;
	struct lookup_engine *lookup;
	struct verify *verify;
	/* the last one reported, until a password could be checked again */
	const char *busy_reason;
	bool userdb_used, warned;
};

/* After a reload or stop, auth goes on for clients that are connected, and they
   stay until they are answered. This is plenty for a database that is well; one
   that is not shall not hold up the end. */
#define LEAVING_LOOKUP_TIMEOUT_MS 2000

static struct authdb_engine *engines;

static void authdb_engine_log(enum dbpool_log_level level, const char *text,
			      void *context)
{
	struct authdb_engine *engine = context;

	switch (level) {
	case DBPOOL_LOG_DEBUG:
		e_debug(engine->event, "%s", text);
		break;
	case DBPOOL_LOG_INFO:
		e_info(engine->event, "%s", text);
		break;
	case DBPOOL_LOG_ERROR:
		e_error(engine->event, "%s", text);
		break;
	}
}

static void authdb_engine_observe(const struct dbpool_event *event,
				  const char *query, void *context)
{
	struct authdb_engine *engine = context;

	pool_event_send(engine->event, event, query);
}

struct authdb_engine *authdb_engine_find(const char *key)
{
	struct authdb_engine *engine;

	for (engine = engines; engine != NULL; engine = engine->next) {
		if (strcmp(engine->key, key) == 0) {
			engine->refcount++;
			break;
		}
	}
	return engine;
}

static void authdb_engine_unref(struct authdb_engine *engine)
{
	if (--engine->refcount > 0)
		return;
	DLLIST_REMOVE(&engines, engine);
	verify_free(&engine->verify);
	lookup_engine_free(&engine->lookup);
	event_unref(&engine->event);
	i_free(engine->key);
	i_free(engine->name);
	i_free(engine);
	if (engines == NULL)
		replies_deinit();
}

struct authdb_engine *authdb_engine_new(const struct authdb_source *source,
					struct errbuf *error)
{
	struct authdb_engine *engine = i_new(struct authdb_engine, 1);
	const struct lookup_engine_params params = {
		.conf = source->conf,
		.lines = source->lines,
		.path = source->name,
		.loop = &dovecot_loop,
		.log = authdb_engine_log,
		.observe = authdb_engine_observe,
		.log_context = engine,
		.debug = compat_debug_enabled(),
	};

	engine->refcount = 1;
	engine->key = i_strdup(source->key);
	engine->name = i_strdup(source->name);
	engine->event = event_create(auth_event);
	event_set_append_log_prefix(engine->event, AUTHDB_NAME": ");
	DLLIST_PREPEND(&engines, engine);
	if (lookup_engine_new(&params, &engine->lookup, error) == 0)
		return engine;
	authdb_engine_unref(engine);
	return NULL;
}

static void engines_hurry(void)
{
	struct authdb_engine *engine;

	for (engine = engines; engine != NULL; engine = engine->next)
		lookup_engine_hurry(engine->lookup, LEAVING_LOOKUP_TIMEOUT_MS);
}

void authdb_engines_watch_master(void)
{
	/* Takes the place of auth's own callback, which does nothing except in
	   an auth-worker (auth/main.c: auth_die()). */
	if (!worker)
		master_service_set_die_callback(master_service, engines_hurry);
}

void authdb_engine_release(struct authdb_engine **_engine)
{
	struct authdb_engine *engine = *_engine;

	*_engine = NULL;
	/* Requests must be answered while their passdb or userdb is there. */
	lookup_engine_stop(engine->lookup);
	if (engine->verify != NULL)
		verify_stop(engine->verify);
	authdb_engine_unref(engine);
}

struct lookup_engine *authdb_engine_lookup(struct authdb_engine *engine)
{
	return engine->lookup;
}

struct verify *authdb_engine_verify(struct authdb_engine *engine)
{
	const struct pfa_conf *conf = lookup_engine_conf(engine->lookup);
	const struct hash_limits *limits =
		lookup_engine_hash_limits(engine->lookup);
	struct hash usual;
	const struct verify_settings settings = {
		.threads = conf->verify_threads,
		.queue = conf->verify_queue,
		.memory = limits->memory,
		.memo_ms = conf->verify_memo,
		.usual = hash_usual(conf, &usual) &&
			hash_affordable(&usual, limits) ?
			&usual : NULL,
	};

	if (engine->verify == NULL)
		engine->verify = verify_new(&settings, &dovecot_loop);
	return engine->verify;
}

struct template_vars authdb_engine_vars(struct authdb_engine *engine,
					struct auth_request *request)
{
	const struct pfa_conf *conf = lookup_engine_conf(engine->lookup);

	return (struct template_vars) {
		.user = request->fields.user,
		.expand = conf->form == PFA_CONF_DROPIN ?
			compat_expand_dropin : compat_expand,
		.context = request,
	};
}

void authdb_engine_note_login(struct authdb_engine *engine,
			      const struct auth_request *request)
{
	last_login_note(lookup_engine_last_login(engine->lookup),
			request->fields.user);
}

/* The word is in Dovecot's own event of the lookup, so that it is in lines that
   Dovecot writes, too. What is counted is no such line: one of level info would
   be logged for being counted, even without auth_verbose. */
struct event *authdb_event_refused(struct auth_request *request,
				   const char *code)
{
	struct event *event = authdb_event(request);

	event_add_str(event, "reason_code", code);
	e_debug(event_create_passthrough(event)->
		set_name(AUTHDB_NAME"_refused")->event(),
		"Refused: %s", code);
	return event;
}

/* An error when it begins; as long as it lasts, a line for auth_verbose. */
static void authdb_log_failed(struct auth_request *request, const char *code,
			      const char *reason, bool repeated)
{
	struct event *event = authdb_event_refused(request, code);

	if (repeated)
		e_info(event, "temporary failure: %s", reason);
	else
		e_error(event, "%s", reason);
}

void authdb_engine_log_busy(struct authdb_engine *engine,
			    struct auth_request *request, const char *reason)
{
	const bool repeated = engine->busy_reason != NULL &&
		strcmp(engine->busy_reason, reason) == 0;

	authdb_log_failed(request, account_verdict_code(ACCOUNT_FAILED),
			  reason, repeated);
	engine->busy_reason = reason;
}

void authdb_engine_log_checked(struct authdb_engine *engine)
{
	engine->busy_reason = NULL;
}

void authdb_log_refused(struct auth_request *request, const char *code,
			const char *reason)
{
	e_info(authdb_event_refused(request, code), "Password mismatch (%s)",
	       reason);
}

void authdb_log_mismatch(struct auth_request *request)
{
	authdb_event_refused(request, AUTHDB_CODE_WRONG);
	compat_log_mismatch(request);
}

void authdb_log_account(struct auth_request *request,
			const struct account *account)
{
	struct event *event;

	switch (account->verdict) {
	case ACCOUNT_OK:
		break;
	case ACCOUNT_UNKNOWN:
		event = authdb_event_refused(request, account->code);
		if (account->reason == NULL)
			compat_log_unknown_user(request);
		else
			e_info(event, "unknown user (%s)", account->reason);
		break;
	case ACCOUNT_REFUSED:
		authdb_log_refused(request, account->code, account->reason);
		break;
	case ACCOUNT_FAILED:
		authdb_log_failed(request, account->code, account->reason,
				  account->repeated);
		break;
	}
}

void authdb_engine_use_userdb(struct authdb_engine *engine)
{
	engine->userdb_used = TRUE;
}

static void authdb_engine_warn_unused(struct authdb_engine *engine)
{
	const struct pfa_conf *conf = lookup_engine_conf(engine->lookup);

	if (engine->userdb_used || conf->userdb_warning_disable ||
	    (!conf->user_query_set && !conf->iterate_query_set))
		return;
	e_warning(engine->event, "%s in %s is not used, as no userdb has "
		  "driver = "AUTHDB_NAME" with this file "
		  "(if that is intended, set userdb_warning_disable=yes)",
		  conf->user_query_set ? "user_query" : "iterate_query",
		  engine->name);
}

void authdb_engine_warn(struct authdb_engine *engine)
{
	if (worker || engine->warned)
		return;
	engine->warned = TRUE;
	authdb_engine_warn_unused(engine);
	if (lookup_engine_binds_password(engine->lookup)) {
		e_warning(engine->event, "a query in %s has %%w, the client's "
			  "password: the database's general log would show it",
			  engine->name);
	}
}
