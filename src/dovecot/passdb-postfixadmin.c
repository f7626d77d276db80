/* SPDX-License-Identifier: MIT */
/*
 * The passdb: takes a request to a lookup and the account that comes back to
 * Dovecot, with fields, password check (passdb-verify.c) and the one callback.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-postfixadmin.h"
#include "dovecot/passdb-verify.h"
#include "dovecot/prefetched.h"
#include "dovecot/replies.h"

#include "auth.h"
#include "auth-cache.h"
#include "auth-fields.h"
#include "passdb-cache.h"
#include "password-scheme.h"
#include "net.h"
#include "safe-memset.h"

struct passdb_pfa_request {
	struct lookup lookup;
	struct passdb_verify verify;
	struct passdb_scram scram;
	struct auth_request *request;
	union {
		verify_plain_callback_t *verify_plain;
		lookup_credentials_callback_t *lookup_credentials;
	} callback;
};

static struct authdb_engine *passdb_pfa_engine(struct auth_request *request)
{
	const struct passdb_pfa_module *module =
		container_of(request->passdb->passdb,
			     struct passdb_pfa_module, module);

	return module->engine;
}

static enum pfa_conf_form passdb_pfa_form(struct auth_request *request)
{
	struct authdb_engine *engine = passdb_pfa_engine(request);

	return lookup_engine_conf(authdb_engine_lookup(engine))->form;
}

/* The key under which Dovecot will cache what this request comes to; NULL if it
   will not. */
static const char *passdb_pfa_cache_key(const struct auth_request *request)
{
	return passdb_cache == NULL ? NULL : request->passdb->cache_key;
}

/* When the database fails, Dovecot's cache goes on with entries that have
   expired; a refusal does not replace them by itself. Nobody shall get in again
   by what was known before. */
static void passdb_pfa_forget_cached(struct auth_request *request)
{
	const char *key = passdb_pfa_cache_key(request);

	if (key != NULL)
		auth_cache_remove(passdb_cache, request, key);
}

/* What a login that is recorded leaves in the cache may answer the next ones,
   as long as it is young. What any other request leaves must not: whoever
   mistypes the password first would never be recorded. For outages it stays. */
static void passdb_pfa_expire_cached(struct authdb_engine *engine,
				     struct auth_request *request,
				     const char *key)
{
	struct auth_cache_node *node;
	bool expired, neg_expired;

	if (key != NULL && passdb_cache != NULL &&
	    lookup_engine_last_login(authdb_engine_lookup(engine)) != NULL &&
	    auth_cache_lookup(passdb_cache, request, key, &node, &expired,
			      &neg_expired) != NULL)
		node->created = 0;
}

/* What Dovecot is told about the account, its password still unchecked. Every
   result but OK has left its reason in the log. */
static enum passdb_result
passdb_pfa_result(struct auth_request *request, const struct account *account)
{
	authdb_log_account(request, account);
	switch (account->verdict) {
	case ACCOUNT_OK:
		break;
	case ACCOUNT_UNKNOWN:
		return PASSDB_RESULT_USER_UNKNOWN;
	case ACCOUNT_REFUSED:
		passdb_pfa_forget_cached(request);
		return PASSDB_RESULT_PASSWORD_MISMATCH;
	case ACCOUNT_FAILED:
		return PASSDB_RESULT_INTERNAL_FAILURE;
	}
	if (compat_set_passdb_fields(request, account,
				     passdb_pfa_form(request)) < 0) {
		authdb_event_refused(request,
				     account_verdict_code(ACCOUNT_FAILED));
		return PASSDB_RESULT_INTERNAL_FAILURE;
	}
	prefetched_keep(request, passdb_pfa_engine(request), account);
	/* an app password may do: passdb-verify.c, as a mechanism that does
	   not send the password cannot tell which one it is */
	if (account->password_refused != NULL) {
		if (request->wanted_credentials_scheme == NULL)
			return PASSDB_RESULT_OK;
		authdb_log_refused(request, "app_password_needed",
				   account->password_refused);
		return PASSDB_RESULT_PASSWORD_MISMATCH;
	}
	if (request->passdb_password == NULL &&
	    !auth_fields_exists(request->fields.extra_fields, "nopassword")) {
		authdb_event_refused(request, AUTHDB_CODE_UNUSABLE);
		return auth_request_password_missing(request);
	}
	return PASSDB_RESULT_OK;
}

/* Dovecot lets nobody in whose address is not among allow_nets. It says so in
   a line of its own, which is none of those that tools look for. */
static void passdb_pfa_log_failed_field(struct auth_request *request,
					enum passdb_result result)
{
	if (result == PASSDB_RESULT_OK && request->failed &&
	    passdb_pfa_form(request) == PFA_CONF_NAMED) {
		authdb_log_refused(request, "address_refused",
				   "its fields do not allow this login: "
				   "see allow_nets");
	}
}

/* The end of every request. */
static void passdb_pfa_verified(struct passdb_verify *verify,
				enum passdb_result result)
{
	struct passdb_pfa_request *pfa_request =
		container_of(verify, struct passdb_pfa_request, verify);
	struct auth_request *request = pfa_request->request;
	/* the request may have gone on to another passdb afterwards */
	const char *key = passdb_pfa_cache_key(request);
	const bool login = result == PASSDB_RESULT_OK && !request->failed;

	passdb_pfa_log_failed_field(request, result);
	if (login)
		authdb_engine_note_login(verify->engine, request);
	replies_hold(request);
	/* see passdb_pfa_lookup_callback(): threads end together, too */
	T_BEGIN {
		pfa_request->callback.verify_plain(result, request);
	} T_END;
	if (!login)
		passdb_pfa_expire_cached(verify->engine, request, key);
	compat_forget(request);
	auth_request_unref(&request);
}

static void passdb_pfa_credentials(struct passdb_pfa_request *pfa_request,
				   enum passdb_result result,
				   const char *password, const char *scheme)
{
	struct auth_request *request = pfa_request->request;
	const char *key = passdb_pfa_cache_key(request);

	passdb_pfa_log_failed_field(request, result);
	/* in Dovecot's words */
	if (result == PASSDB_RESULT_OK && !request->failed &&
	    password != NULL) {
		const char *code =
			passdb_verify_no_credentials(request, password, scheme);

		if (code != NULL)
			authdb_event_refused(request, code);
	}
	replies_hold(request);
	T_BEGIN {
		passdb_handle_credentials(result, password, scheme,
			pfa_request->callback.lookup_credentials, request);
	} T_END;
	/* nobody knows whether this is a login */
	passdb_pfa_expire_cached(pfa_request->verify.engine, request, key);
	auth_request_unref(&request);
}

static void passdb_pfa_scrammed(struct passdb_scram *scram,
				enum passdb_result result,
				const char *password)
{
	struct passdb_pfa_request *pfa_request =
		container_of(scram, struct passdb_pfa_request, scram);

	passdb_pfa_credentials(pfa_request, result, password,
		pfa_request->request->wanted_credentials_scheme);
}

/* The mechanism wants the stored password, or what can be made of it. */
static void passdb_pfa_find_credentials(struct passdb_pfa_request *pfa_request,
					enum passdb_result result)
{
	struct auth_request *request = pfa_request->request;
	const char *password = NULL, *scheme;
	char *copy = NULL;

	/* the request's own copy may change or be wiped on the way */
	if (result == PASSDB_RESULT_OK)
		password = copy = i_strdup(request->passdb_password);
	/* set_field() has put the scheme in front */
	scheme = password_get_scheme(&password);
	if (password != NULL && *request->wanted_credentials_scheme != '\0' &&
	    passdb_verify_is_empty(request, password, scheme)) {
		authdb_log_refused(request, "password_empty",
				   "its stored password is empty");
		passdb_pfa_credentials(pfa_request,
				       PASSDB_RESULT_PASSWORD_MISMATCH,
				       NULL, NULL);
	} else if (password == NULL ||
		   !passdb_scram_start(&pfa_request->scram, password,
				       scheme)) {
		passdb_pfa_credentials(pfa_request, result, password, scheme);
	}
	if (copy != NULL)
		safe_memset(copy, 0, strlen(copy));
	i_free(copy);
}

static void passdb_pfa_found(struct passdb_pfa_request *pfa_request,
			     const struct account *account)
{
	struct auth_request *request = pfa_request->request;
	enum passdb_result result = passdb_pfa_result(request, account);

	if (request->wanted_credentials_scheme != NULL)
		passdb_pfa_find_credentials(pfa_request, result);
	else
		passdb_verify_start(&pfa_request->verify, result, account);
}

/* Many answers may come in one round of the loop, which frees the data stack
   after it. A frame for each keeps it small, and has the next one overwrite
   what Dovecot itself leaves there of a password. */
static void passdb_pfa_lookup_callback(const struct account *account,
				       void *context)
{
	T_BEGIN {
		passdb_pfa_found(context, account);
	} T_END;
}

/* "" if it is not known, NULL if no rule asks. */
static const char *passdb_pfa_remote(struct auth_request *request,
				     const struct pfa_conf *conf)
{
	struct ip_addr ip;

	if ((account_depends(conf) & ACCOUNT_DEPENDS_ADDRESS) == 0)
		return NULL;
	if (net_ipv6_mapped_ipv4_convert(&request->fields.remote_ip, &ip) < 0)
		ip = request->fields.remote_ip;
	return p_strdup(request->pool, net_ip2addr(&ip));
}

static void passdb_pfa_lookup(struct passdb_pfa_request *pfa_request)
{
	struct auth_request *request = pfa_request->request;
	struct passdb_pfa_module *module =
		container_of(request->passdb->passdb,
			     struct passdb_pfa_module, module);
	struct lookup_engine *engine = authdb_engine_lookup(module->engine);

	pfa_request->lookup = (struct lookup) {
		.engine = engine,
		.kind = ACCOUNT_PASSDB,
		.vars = authdb_engine_vars(module->engine, request),
		.service = compat_service(request),
		.remote = passdb_pfa_remote(request,
					    lookup_engine_conf(engine)),
		.callback = passdb_pfa_lookup_callback,
		.context = pfa_request,
	};
	pfa_request->verify = (struct passdb_verify) {
		.request = request,
		.engine = module->engine,
		.callback = passdb_pfa_verified,
	};
	pfa_request->scram = (struct passdb_scram) {
		.request = request,
		.engine = module->engine,
		.callback = passdb_pfa_scrammed,
	};
	auth_request_ref(request);
	lookup_start(&pfa_request->lookup);
}

void passdb_pfa_verify_plain(struct auth_request *request,
			     const char *password ATTR_UNUSED,
			     verify_plain_callback_t *callback)
{
	struct passdb_pfa_request *pfa_request =
		p_new(request->pool, struct passdb_pfa_request, 1);

	pfa_request->request = request;
	pfa_request->callback.verify_plain = callback;
	passdb_pfa_lookup(pfa_request);
}

void passdb_pfa_lookup_credentials(struct auth_request *request,
				   lookup_credentials_callback_t *callback)
{
	struct passdb_pfa_request *pfa_request =
		p_new(request->pool, struct passdb_pfa_request, 1);

	pfa_request->request = request;
	pfa_request->callback.lookup_credentials = callback;
	passdb_pfa_lookup(pfa_request);
}

void passdb_pfa_init(struct passdb_module *_module)
{
	struct passdb_pfa_module *module =
		container_of(_module, struct passdb_pfa_module, module);

	/* Core has copied the interface into the module by now: if it is not
	   where our headers say, core's struct has another layout. */
	if (_module->iface.name != compat_passdb_iface.name) {
		i_fatal(AUTHDB_NAME": struct passdb_module of this Dovecot "
			"differs from the headers the module was built with: "
			"rebuild it against the installed dovecot-dev");
	}
	authdb_engines_watch_master();
	authdb_engine_warn(module->engine);
}

void passdb_pfa_deinit(struct passdb_module *_module)
{
	struct passdb_pfa_module *module =
		container_of(_module, struct passdb_pfa_module, module);

	authdb_engine_release(&module->engine);
}
