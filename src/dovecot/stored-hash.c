/* SPDX-License-Identifier: MIT */
/*
 * Stored passwords as Dovecot reads them: what all its versions do the same.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/stored-hash.h"

#include "safe-memset.h"
#include "auth-fields.h"
#include "auth-settings.h"
#include "password-scheme.h"

#include "core/scheme.h"

int compat_matches(struct auth_request *request, const char *plain,
		   const char *crypted, const char *scheme)
{
	const struct password_generate_params params = {
		.user = request->fields.original_username,
	};
	const unsigned char *raw;
	size_t size;
	const char *error;

	if (password_decode(crypted, scheme, &raw, &size, &error) <= 0)
		return -1;
	return password_verify(plain, &params, scheme, raw, size, &error);
}

bool compat_hash_decides(struct auth_request *request)
{
	return !request->fields.skip_password_check &&
		!request->passdb->set->deny &&
		!auth_fields_exists(request->fields.extra_fields,
				    "nopassword");
}

char *compat_hash_decode(const char *crypted, const char *scheme)
{
	const unsigned char *raw;
	size_t size;
	const char *error;
	char *text;

	if (password_decode(crypted, scheme, &raw, &size, &error) <= 0)
		return NULL;
	/* up to the first NUL, as Dovecot's own verifiers read it */
	text = i_strndup(raw, size);
	/* a decoded copy on the data stack */
	if (raw != (const unsigned char *)crypted)
		safe_memset((unsigned char *)raw, 0, size);
	return text;
}

void compat_hash_free(char **_text)
{
	char *text = *_text;

	if (text == NULL)
		return;
	*_text = NULL;
	safe_memset(text, 0, strlen(text));
	i_free(text);
}

void compat_forget(struct auth_request *request)
{
	/* in the request's own pool: not the empty string, which is const */
	if (request->initial_response_len > 0) {
		safe_memset((unsigned char *)request->initial_response, 0,
			    request->initial_response_len);
	}
}

bool scheme_may_be_slow(const char *name)
{
	const struct scheme *scheme = scheme_find(name);

	return scheme != NULL && scheme->class != SCHEME_TEXT &&
		scheme->class != SCHEME_DIGEST;
}

/* One that core does not know may be a plugin's. */
static bool scheme_of_dovecot(const char *name)
{
	const unsigned char *raw;
	size_t size;
	const char *error;

	return password_decode("", name, &raw, &size, &error) != 0;
}

void stored_password_init(struct stored_password *stored,
			  const char *password)
{
	const char *scheme = password_get_scheme(&password);

	/* set_field() has put it in front, core/scheme.c too */
	i_assert(scheme != NULL);
	stored->scheme = i_strdup(scheme);
	stored->crypted = i_strdup(password);
	stored->decoded = NULL;
	stored->unknown = scheme_find(scheme) == NULL &&
		!scheme_of_dovecot(scheme);
	stored->text = stored->crypted;
	if (scheme_may_be_slow(scheme)) {
		stored->decoded = compat_hash_decode(password, scheme);
		stored->text = stored->decoded;
	}
}

void stored_password_free(struct stored_password *stored)
{
	compat_hash_free(&stored->decoded);
	safe_memset(stored->crypted, 0, strlen(stored->crypted));
	i_free(stored->crypted);
	i_free(stored->scheme);
}
