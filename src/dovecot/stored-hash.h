/* SPDX-License-Identifier: MIT */
#ifndef STORED_HASH_H
#define STORED_HASH_H

#include <stdbool.h>

/* A stored password, "{SCHEME}...", in a copy that may be taken apart. */
struct stored_password {
	char *scheme;
	char *crypted;		/* what stands behind it */
	char *decoded;		/* NULL: no other than crypted, or not valid */
	const char *text;	/* for hash_parse(); NULL: not valid */
	bool unknown;		/* this Dovecot has no such scheme */
};

void stored_password_init(struct stored_password *stored,
			  const char *password);
void stored_password_free(struct stored_password *stored);

/* Whether the text behind the scheme has to be looked at. */
bool scheme_may_be_slow(const char *name);

#endif
