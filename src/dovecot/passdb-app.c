/* SPDX-License-Identifier: MIT */
/*
 * App passwords: many hashes, of which any may be the one. Called by
 * passdb-verify.c before it looks at the account's own password.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-app.h"
#include "dovecot/stored-hash.h"

#include "safe-memset.h"
#include "str-sanitize.h"

#include "core/hash.h"

/* of a description, in the log */
#define DESCRIPTION_MAX_LEN 80

struct passdb_app_hash {
	char *password, *description;
};

static void passdb_apps_finish(struct passdb_apps *apps,
			       enum passdb_result result)
{
	for (unsigned int i = 0; i < apps->count; i++) {
		safe_memset(apps->list[i].password, 0,
			    strlen(apps->list[i].password));
		i_free(apps->list[i].password);
		i_free(apps->list[i].description);
	}
	i_free(apps->list);
	apps->callback(apps, result);
}

static const char *passdb_apps_name(const struct passdb_apps *apps,
				    unsigned int i)
{
	return str_sanitize_utf8(apps->list[i].description,
				 DESCRIPTION_MAX_LEN);
}

static void passdb_apps_matched(struct passdb_apps *apps)
{
	e_info(authdb_event(apps->request), "logged in with the app password "
	       "\"%s\"", passdb_apps_name(apps, apps->next - 1));
	passdb_apps_finish(apps, PASSDB_RESULT_OK);
}

static void passdb_apps_step(struct passdb_apps *apps);

static void passdb_apps_callback(enum verify_result result,
				 const char *text ATTR_UNUSED,
				 const char *reason, void *context)
{
	struct passdb_apps *apps = context;

	if (result == VERIFY_FAILED) {
		authdb_engine_log_busy(apps->engine, apps->request, reason);
		passdb_apps_finish(apps, PASSDB_RESULT_INTERNAL_FAILURE);
		return;
	}
	authdb_engine_log_checked(apps->engine);
	if (result == VERIFY_MATCH)
		passdb_apps_matched(apps);
	else
		passdb_apps_step(apps);
}

/* NULL if the hash can be verified. On the data stack. */
static const char *passdb_apps_unusable(struct passdb_apps *apps,
					const struct stored_password *stored,
					struct hash *hash_r)
{
	struct errbuf error;

	if (stored->unknown) {
		return t_strdup_printf("its scheme %s is not known to this "
				       "Dovecot", stored->scheme);
	}
	if (stored->text == NULL)
		return "it cannot be decoded";
	if (hash_parse(stored->scheme, stored->text, lookup_engine_hash_limits(
			authdb_engine_lookup(apps->engine)), hash_r,
		       &error) < 0)
		return t_strdup(error.text);
	if (hash_r->weak && !compat_allows_weak(apps->request)) {
		return t_strdup_printf("its scheme %s is weak: set "
			"auth_allow_weak_schemes = yes", stored->scheme);
	}
	return NULL;
}

enum passdb_apps_try { TRY_NEXT, TRY_MATCHED, TRY_WAIT };

static enum passdb_apps_try
passdb_apps_try(struct passdb_apps *apps, const struct stored_password *stored)
{
	struct verify *threads = authdb_engine_verify(apps->engine);
	const char *plain = apps->request->mech_password, *reason;
	struct hash hash;

	reason = passdb_apps_unusable(apps, stored, &hash);
	if (reason != NULL) {
		e_info(authdb_event(apps->request), "the app password \"%s\" "
		       "is left out: %s",
		       passdb_apps_name(apps, apps->next - 1), reason);
		return TRY_NEXT;
	}
	if (hash.method != HASH_INLINE) {
		verify_start(threads, &hash, stored->text, plain,
			     passdb_apps_callback, apps);
		return TRY_WAIT;
	}
	verify_note_inline(threads, &hash);
	return compat_matches(apps->request, plain, stored->crypted,
			      stored->scheme) > 0 ? TRY_MATCHED : TRY_NEXT;
}

/* Verifies what takes no time in a loop, up to what does. */
static void passdb_apps_step(struct passdb_apps *apps)
{
	enum passdb_apps_try tried = TRY_NEXT;
	struct stored_password stored;

	while (tried == TRY_NEXT && apps->next < apps->count) {
		stored_password_init(&stored,
				     apps->list[apps->next++].password);
		T_BEGIN {
			tried = passdb_apps_try(apps, &stored);
		} T_END;
		stored_password_free(&stored);
	}
	if (tried == TRY_MATCHED)
		passdb_apps_matched(apps);
	else if (tried == TRY_NEXT)
		passdb_apps_finish(apps, PASSDB_RESULT_PASSWORD_MISMATCH);
}

void passdb_apps_start(struct passdb_apps *apps,
		       const struct account *account)
{
	apps->list = i_new(struct passdb_app_hash, account->app_count);
	apps->count = account->app_count;
	apps->next = 0;
	for (unsigned int i = 0; i < apps->count; i++) {
		apps->list[i].password = i_strdup(account->apps[i].password);
		apps->list[i].description =
			i_strdup(account->apps[i].description);
	}
	if (account->apps_left_out) {
		e_info(authdb_event(apps->request), "there are more than %u "
		       "app passwords: only the newest are tried "
		       "(app_passwords_max)", apps->count);
	}
	if (authdb_engine_verify(apps->engine) == NULL) {
		authdb_engine_log_busy(apps->engine, apps->request,
				       "Out of memory or descriptors");
		passdb_apps_finish(apps, PASSDB_RESULT_INTERNAL_FAILURE);
	} else {
		passdb_apps_step(apps);
	}
}
