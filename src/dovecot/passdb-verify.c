/* SPDX-License-Identifier: MIT */
/*
 * Who checks a plain text password: Dovecot's own code if that takes
 * microseconds or no hash decides, verify.c's threads for all that is slow.
 * Whoever has no hash to check waits for one like it. The hashes themselves
 * are read by core/hash.c.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-verify.h"
#include "dovecot/stored-hash.h"

#include "safe-memset.h"
#include "password-scheme.h"

#include "core/scheme.h"
#include "rehash.h"

/* RFC 7677, 4; Dovecot's own password-scheme-scram.c takes as many. */
#define SCRAM_ITERATIONS 4096

static const struct hash_limits *passdb_verify_limits(
	const struct passdb_verify *verify)
{
	return lookup_engine_hash_limits(authdb_engine_lookup(verify->engine));
}

/* What is needed to write a better hash once the password was right; kept only
   where the setting rehash asks for it. */
struct passdb_verify_heal {
	char *user, *scheme, *stored;
	unsigned long width;
	struct hash hash;
};

static void passdb_verify_heal_begin(struct passdb_verify *verify,
				     const struct account *account)
{
	struct passdb_verify_heal *heal;

	if (account->stored == NULL || lookup_engine_rehash(
			authdb_engine_lookup(verify->engine)) == NULL)
		return;
	heal = i_new(struct passdb_verify_heal, 1);
	heal->user = i_strdup(account->user);
	heal->stored = i_strdup(account->stored);
	heal->width = account->stored_width;
	verify->heal = heal;
}

static void passdb_verify_heal_hash(struct passdb_verify *verify,
				    const char *scheme,
				    const struct hash *hash)
{
	if (verify->heal == NULL)
		return;
	verify->heal->scheme = i_strdup(scheme);
	verify->heal->hash = *hash;
}

static void passdb_verify_heal_end(struct passdb_verify *verify,
				   enum passdb_result result)
{
	struct passdb_verify_heal *heal = verify->heal;

	if (heal == NULL)
		return;
	verify->heal = NULL;
	/* without a scheme, no hash decided */
	if (result == PASSDB_RESULT_OK && heal->scheme != NULL) {
		const struct rehash_login login = {
			.user = heal->user,
			.scheme = heal->scheme,
			.hash = &heal->hash,
			.stored = heal->stored,
			.width = heal->width,
			.plain = verify->request->mech_password,
		};

		rehash_offer(lookup_engine_rehash(
			authdb_engine_lookup(verify->engine)), &login);
	}
	safe_memset(heal->stored, 0, strlen(heal->stored));
	i_free(heal->user);
	i_free(heal->scheme);
	i_free(heal->stored);
	i_free(heal);
}

static void passdb_verify_finish(struct passdb_verify *verify,
				 enum passdb_result result)
{
	passdb_verify_heal_end(verify, result);
	verify->callback(verify, result);
}

/* -- those who cannot log in, whatever the password is */

static void passdb_verify_dummy_callback(enum verify_result result,
					 const char *text ATTR_UNUSED,
					 const char *reason, void *context)
{
	struct passdb_verify *verify = context;

	if (result != VERIFY_FAILED) {
		passdb_verify_finish(verify, verify->account_result);
		return;
	}
	/* as whoever does exist is told at such a time */
	authdb_engine_log_busy(verify->engine, verify->request, reason);
	passdb_verify_finish(verify, PASSDB_RESULT_INTERNAL_FAILURE);
}

/* hash and text of the row, NULL if it has none that could be verified. */
static void passdb_verify_dummy(struct passdb_verify *verify,
				enum passdb_result result,
				const struct hash *hash, const char *text)
{
	struct verify *threads = authdb_engine_verify(verify->engine);

	verify->account_result = result;
	if (threads == NULL) {
		passdb_verify_finish(verify, result);
		return;
	}
	verify_dummy(threads, verify->request->fields.user, hash, text,
		     verify->request->mech_password,
		     passdb_verify_dummy_callback, verify);
}

/* An account that may not log in: the time of its own password, if it has
   one. */
static void passdb_verify_account(struct passdb_verify *verify,
				  enum passdb_result result,
				  const char *password)
{
	struct stored_password stored;
	struct errbuf error;
	struct hash hash;
	bool known;

	if (password == NULL) {
		passdb_verify_dummy(verify, result, NULL, NULL);
		return;
	}
	stored_password_init(&stored, password);
	known = stored.text != NULL &&
		hash_parse(stored.scheme, stored.text,
			   passdb_verify_limits(verify), &hash, &error) == 0;
	passdb_verify_dummy(verify, result, known ? &hash : NULL,
			    stored.text);
	stored_password_free(&stored);
}

/* -- those who may */

static void passdb_verify_callback(enum verify_result result,
				   const char *text ATTR_UNUSED,
				   const char *reason, void *context)
{
	struct passdb_verify *verify = context;
	enum passdb_result ret = PASSDB_RESULT_PASSWORD_MISMATCH;

	if (result != VERIFY_FAILED)
		authdb_engine_log_checked(verify->engine);
	switch (result) {
	case VERIFY_MATCH:
		ret = PASSDB_RESULT_OK;
		break;
	case VERIFY_MISMATCH:
		authdb_log_mismatch(verify->request);
		break;
	case VERIFY_UNUSABLE:
		authdb_log_refused(verify->request, AUTHDB_CODE_UNUSABLE,
				   reason);
		break;
	case VERIFY_FAILED:
		authdb_engine_log_busy(verify->engine, verify->request, reason);
		ret = PASSDB_RESULT_INTERNAL_FAILURE;
		break;
	}
	passdb_verify_finish(verify, ret);
}

/* Why a login with this hash is refused without looking at the password; NULL
   if it is not. On the data stack. */
static const char *passdb_verify_refuses(struct passdb_verify *verify,
					 const struct stored_password *stored,
					 const struct hash *hash,
					 const char **code_r)
{
	*code_r = "password_empty";
	if (*verify->request->mech_password == '\0')
		return "the password is empty";
	*code_r = "scheme_weak";
	if (hash->weak && !compat_allows_weak(verify->request)) {
		return t_strdup_printf("its scheme %s is weak: set "
			"auth_allow_weak_schemes = yes, or have the user set a "
			"new password", stored->scheme);
	}
	return NULL;
}

/* Dovecot's own answer, in its words. */
static void passdb_verify_stock(struct passdb_verify *verify,
				const struct stored_password *stored)
{
	passdb_verify_finish(verify, compat_verify(verify->request,
		verify->request->mech_password, stored->crypted,
		stored->scheme));
}

static void passdb_verify_inline(struct passdb_verify *verify,
				 const struct stored_password *stored)
{
	struct auth_request *request = verify->request;
	const int ret = compat_matches(request, request->mech_password,
				       stored->crypted, stored->scheme);

	if (ret > 0) {
		passdb_verify_finish(verify, PASSDB_RESULT_OK);
	} else if (ret == 0) {
		/* asked again for its line, which may show what was compared */
		authdb_event_refused(request, AUTHDB_CODE_WRONG);
		passdb_verify_stock(verify, stored);
	} else {
		authdb_log_refused(request, AUTHDB_CODE_UNUSABLE,
			t_strdup_printf("its stored password is not of the "
				"form of its scheme %s: have the user set a "
				"new password", stored->scheme));
		passdb_verify_finish(verify, PASSDB_RESULT_PASSWORD_MISMATCH);
	}
}

/* Reads the hash and hands it to whoever computes it. */
static void passdb_verify_hash(struct passdb_verify *verify,
			       const struct stored_password *stored)
{
	struct auth_request *request = verify->request;
	struct verify *threads = authdb_engine_verify(verify->engine);
	const char *reason, *code;
	struct errbuf error;
	struct hash hash;

	if (threads == NULL) {
		authdb_engine_log_busy(verify->engine, request,
				       "Out of memory or descriptors");
		passdb_verify_finish(verify, PASSDB_RESULT_INTERNAL_FAILURE);
		return;
	}
	if (stored->text == NULL) {
		passdb_verify_inline(verify, stored);
		return;
	}
	if (stored->unknown) {
		authdb_log_refused(request, AUTHDB_CODE_SCHEME,
			t_strdup_printf("its scheme %s is not known to this "
					"Dovecot", stored->scheme));
		passdb_verify_dummy(verify, PASSDB_RESULT_PASSWORD_MISMATCH,
				    NULL, NULL);
		return;
	}
	if (hash_parse(stored->scheme, stored->text,
		       passdb_verify_limits(verify), &hash, &error) < 0) {
		authdb_log_refused(request, AUTHDB_CODE_UNUSABLE, error.text);
		passdb_verify_dummy(verify, PASSDB_RESULT_PASSWORD_MISMATCH,
				    NULL, NULL);
		return;
	}
	passdb_verify_heal_hash(verify, stored->scheme, &hash);
	reason = passdb_verify_refuses(verify, stored, &hash, &code);
	if (reason != NULL) {
		authdb_log_refused(request, code, reason);
		passdb_verify_dummy(verify, PASSDB_RESULT_PASSWORD_MISMATCH,
				    &hash, stored->text);
	} else if (hash.method == HASH_INLINE) {
		verify_note_inline(threads, &hash);
		passdb_verify_inline(verify, stored);
	} else {
		verify_start(threads, &hash, stored->text,
			     request->mech_password, passdb_verify_callback,
			     verify);
	}
}

/* The account's own password. */
static void passdb_verify_own(struct passdb_verify *verify)
{
	struct auth_request *request = verify->request;
	struct stored_password stored;

	if (verify->password_refused != NULL) {
		authdb_log_refused(request, "app_password_needed",
				   verify->password_refused);
		passdb_verify_finish(verify, PASSDB_RESULT_PASSWORD_MISMATCH);
		return;
	}
	if (request->passdb_password == NULL) {
		/* nopassword */
		passdb_verify_finish(verify, PASSDB_RESULT_OK);
		return;
	}
	stored_password_init(&stored, request->passdb_password);
	if (compat_hash_decides(request))
		passdb_verify_hash(verify, &stored);
	else
		passdb_verify_stock(verify, &stored);
	stored_password_free(&stored);
}

static void passdb_verify_apps_callback(struct passdb_apps *apps,
					enum passdb_result result)
{
	struct passdb_verify *verify =
		container_of(apps, struct passdb_verify, apps);

	if (result == PASSDB_RESULT_PASSWORD_MISMATCH)
		passdb_verify_own(verify);
	else
		passdb_verify_finish(verify, result);
}

void passdb_verify_start(struct passdb_verify *verify,
			 enum passdb_result account_result,
			 const struct account *account)
{
	if (account_result == PASSDB_RESULT_INTERNAL_FAILURE) {
		passdb_verify_finish(verify, account_result);
		return;
	}
	if (account_result != PASSDB_RESULT_OK) {
		passdb_verify_account(verify, account_result,
				      account->password);
		return;
	}
	verify->password_refused = account->password_refused;
	passdb_verify_heal_begin(verify, account);
	/* the empty password is no app password's, either */
	if (account->app_count == 0 ||
	    *verify->request->mech_password == '\0') {
		passdb_verify_own(verify);
		return;
	}
	verify->apps = (struct passdb_apps) {
		.request = verify->request,
		.engine = verify->engine,
		.callback = passdb_verify_apps_callback,
	};
	passdb_apps_start(&verify->apps, account);
}

/* -- mechanisms that want the stored password */

bool passdb_verify_is_empty(struct auth_request *request, const char *crypted,
			    const char *scheme)
{
	return *crypted == '\0' ||
		(!scheme_may_be_slow(scheme) &&
		 compat_matches(request, "", crypted, scheme) > 0);
}

const char *passdb_verify_no_credentials(const struct auth_request *request,
					 const char *crypted,
					 const char *scheme)
{
	const char *wanted = request->wanted_credentials_scheme;
	const unsigned char *raw;
	size_t size;
	const char *error;
	int ret;

	ret = password_decode(crypted, scheme, &raw, &size, &error);
	if (ret <= 0)
		return ret == 0 ? AUTHDB_CODE_SCHEME : AUTHDB_CODE_UNUSABLE;
	/* a decoded copy on the data stack */
	if (raw != (const unsigned char *)crypted)
		safe_memset((unsigned char *)raw, 0, size);
	return *wanted == '\0' || password_scheme_is_alias(scheme, wanted) ||
		password_scheme_is_alias(scheme, "PLAIN") ?
		NULL : "mechanism_unusable";
}

static const struct {
	const char *wanted;
	enum hash_kind method;
} scrams[] = {
	{ "SCRAM-SHA-1", HASH_SCRAM_SHA1 },
	{ "SCRAM-SHA-256", HASH_SCRAM_SHA256 },
};

static bool scram_find(const char *wanted, struct hash *like_r)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(scrams); i++) {
		if (strcasecmp(wanted, scrams[i].wanted) != 0)
			continue;
		*like_r = (struct hash) {
			.method = scrams[i].method,
			.rounds = SCRAM_ITERATIONS,
		};
		return TRUE;
	}
	return FALSE;
}

static void passdb_scram_callback(enum verify_result result, const char *text,
				  const char *reason, void *context)
{
	struct passdb_scram *scram = context;

	if (result == VERIFY_MATCH) {
		scram->callback(scram, PASSDB_RESULT_OK, text);
		return;
	}
	authdb_engine_log_busy(scram->engine, scram->request, reason);
	scram->callback(scram, PASSDB_RESULT_INTERNAL_FAILURE, NULL);
}

static void passdb_scram_make(struct passdb_scram *scram,
			      const struct hash *like, const char *plain)
{
	struct verify *threads = authdb_engine_verify(scram->engine);

	if (threads != NULL) {
		verify_make(threads, like, plain, passdb_scram_callback,
			    scram);
		return;
	}
	authdb_engine_log_busy(scram->engine, scram->request,
			       "Out of memory or descriptors");
	scram->callback(scram, PASSDB_RESULT_INTERNAL_FAILURE, NULL);
}

bool passdb_scram_start(struct passdb_scram *scram, const char *crypted,
			const char *scheme)
{
	const struct auth_request *request = scram->request;
	struct hash like;
	char *plain;

	if (request->prefer_plain_credentials ||
	    !scram_find(request->wanted_credentials_scheme, &like) ||
	    !password_scheme_is_alias(scheme, "PLAIN"))
		return FALSE;
	plain = compat_hash_decode(crypted, scheme);
	if (plain == NULL)
		return FALSE;
	passdb_scram_make(scram, &like, plain);
	compat_hash_free(&plain);
	return TRUE;
}
