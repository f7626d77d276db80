/* SPDX-License-Identifier: MIT */
/*
 * The userdb: one user's home, mail, ids and quota, and the list of all users.
 * Iteration always runs in an auth-worker; it streams, so that process holds
 * a few hundred names at a time.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/prefetched.h"
#include "dovecot/userdb-postfixadmin.h"

struct userdb_pfa_request {
	struct lookup lookup;
	struct auth_request *request;
	userdb_callback_t *callback;
};

struct userdb_pfa_iterate {
	struct userdb_iterate_context ctx;
	struct lookup_iterate *iterate;		/* NULL: could not start */
};

static struct authdb_engine *userdb_pfa_engine(struct auth_request *request)
{
	struct userdb_pfa_module *module =
		container_of(request->userdb->userdb,
			     struct userdb_pfa_module, module);

	return module->engine;
}

static enum userdb_result
userdb_pfa_result(struct auth_request *request, const struct account *account)
{
	const struct lookup_engine *engine =
		authdb_engine_lookup(userdb_pfa_engine(request));

	authdb_log_account(request, account);
	switch (account->verdict) {
	case ACCOUNT_OK:
		break;
	case ACCOUNT_UNKNOWN:
		return USERDB_RESULT_USER_UNKNOWN;
	case ACCOUNT_REFUSED:
	case ACCOUNT_FAILED:
		return USERDB_RESULT_INTERNAL_FAILURE;
	}
	if (compat_set_userdb_fields(request, account,
				     lookup_engine_conf(engine)->form) >= 0)
		return USERDB_RESULT_OK;
	authdb_event_refused(request, account_verdict_code(ACCOUNT_FAILED));
	return USERDB_RESULT_INTERNAL_FAILURE;
}

static void userdb_pfa_found(struct userdb_pfa_request *pfa_request,
			     const struct account *account)
{
	struct auth_request *request = pfa_request->request;
	enum userdb_result result = userdb_pfa_result(request, account);

	/* after a mechanism that does not send the password, this is where it
	   is known that there was a login */
	if (result == USERDB_RESULT_OK && request->fields.successful) {
		authdb_engine_note_login(userdb_pfa_engine(request),
					 request);
	}
	pfa_request->callback(result, request);
	auth_request_unref(&request);
}

/* See passdb_pfa_lookup_callback(). */
static void userdb_pfa_lookup_callback(const struct account *account,
				       void *context)
{
	T_BEGIN {
		userdb_pfa_found(context, account);
	} T_END;
}

void userdb_pfa_lookup(struct auth_request *request,
		       userdb_callback_t *callback)
{
	struct authdb_engine *engine = userdb_pfa_engine(request);
	const struct account *known = prefetched_find(request, engine);
	struct userdb_pfa_request *pfa_request =
		p_new(request->pool, struct userdb_pfa_request, 1);

	pfa_request->request = request;
	pfa_request->callback = callback;
	pfa_request->lookup = (struct lookup) {
		.engine = authdb_engine_lookup(engine),
		.kind = ACCOUNT_USERDB,
		.vars = authdb_engine_vars(engine, request),
		.service = compat_service(request),
		.callback = userdb_pfa_lookup_callback,
		.context = pfa_request,
	};
	auth_request_ref(request);
	if (known == NULL) {
		lookup_start(&pfa_request->lookup);
		return;
	}
	e_debug(authdb_event(request), "the login's row tells it all");
	userdb_pfa_lookup_callback(known, pfa_request);
}

static void userdb_pfa_iterate_callback(const char *user, const char *error,
					void *context)
{
	struct userdb_iterate_context *ctx = context;

	if (error != NULL) {
		e_error(authdb_event(ctx->auth_request), "%s", error);
		ctx->failed = TRUE;
	}
	ctx->callback(user, ctx->context);
}

struct userdb_iterate_context *
userdb_pfa_iterate_init(struct auth_request *request,
			userdb_iter_callback_t *callback, void *context)
{
	struct userdb_pfa_iterate *iterate =
		i_new(struct userdb_pfa_iterate, 1);
	struct authdb_engine *engine = userdb_pfa_engine(request);
	struct template_vars vars = authdb_engine_vars(engine, request);
	struct errbuf error;

	auth_request_ref(request);
	iterate->ctx.auth_request = request;
	iterate->ctx.callback = callback;
	iterate->ctx.context = context;
	iterate->iterate = lookup_iterate_start(authdb_engine_lookup(engine),
						&vars,
						userdb_pfa_iterate_callback,
						&iterate->ctx, &error);
	if (iterate->iterate == NULL) {
		e_error(authdb_event(request), "iterate_query failed: %s",
			error.text);
		iterate->ctx.failed = TRUE;
	}
	return &iterate->ctx;
}

void userdb_pfa_iterate_next(struct userdb_iterate_context *ctx)
{
	struct userdb_pfa_iterate *iterate =
		container_of(ctx, struct userdb_pfa_iterate, ctx);

	if (iterate->iterate == NULL)
		ctx->callback(NULL, ctx->context);
	else
		lookup_iterate_next(iterate->iterate);
}

int userdb_pfa_iterate_deinit(struct userdb_iterate_context *ctx)
{
	struct userdb_pfa_iterate *iterate =
		container_of(ctx, struct userdb_pfa_iterate, ctx);
	int ret = ctx->failed ? -1 : 0;

	lookup_iterate_end(&iterate->iterate);
	auth_request_unref(&ctx->auth_request);
	i_free(iterate);
	return ret;
}

void userdb_pfa_init(struct userdb_module *module)
{
	/* see passdb_pfa_init() */
	if (module->iface != &compat_userdb_iface) {
		i_fatal(AUTHDB_NAME": struct userdb_module of this Dovecot "
			"differs from the headers the module was built with: "
			"rebuild it against the installed dovecot-dev");
	}
	authdb_engines_watch_master();
}

void userdb_pfa_deinit(struct userdb_module *_module)
{
	struct userdb_pfa_module *module =
		container_of(_module, struct userdb_pfa_module, module);

	authdb_engine_release(&module->engine);
}
