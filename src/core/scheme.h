/* SPDX-License-Identifier: MIT */
#ifndef PFA_SCHEME_H
#define PFA_SCHEME_H

#include "core/errbuf.h"
#include "core/strbuf.h"

#include <stdbool.h>

/* How Dovecot verifies what is stored behind a scheme's name. */
enum scheme_class {
	SCHEME_TEXT,		/* compares it with the password */
	SCHEME_DIGEST,		/* one round of a hash, in hex or base64 */
	SCHEME_CRYPT,		/* crypt(), or its own bcrypt for "$2y$" */
	SCHEME_BCRYPT,		/* its own, "$2y$" only */
	SCHEME_MD5_CRYPT,	/* its own, "$1$" only */
	SCHEME_MD5,		/* as the one before, or as a digest */
	SCHEME_ARGON2,		/* argon2i and argon2id, whatever the name */
	SCHEME_PBKDF2,
	SCHEME_SCRAM_SHA1,
	SCHEME_SCRAM_SHA256,
	SCHEME_OTP,
};

struct scheme {
	const char *name;
	enum scheme_class class;
	/* how long it is in hex, 0 if that varies or is never so */
	unsigned int hex_len;
	/* Dovecot 2.4 refuses it unless auth_allow_weak_schemes is on. */
	bool weak;
};

/* name in any case, with or without ".B64" and the like. NULL if Dovecot does
   not know it. */
const struct scheme *scheme_find(const char *name);

/*
 * Which Dovecot password scheme verifies a stored string. PostfixAdmin keeps
 * rows of every setting it ever had side by side, most without a {PREFIX}, so
 * this is decided for each row by its shape, with one hint: the value of
 * PostfixAdmin's $CONF['encrypt']. Exactly one scheme results; trying several
 * on one string would let a stolen hash log in as its own password.
 */

/* What a bare string (no {PREFIX}, no $id$) means, from $CONF['encrypt']. All
   NULL, as without an encrypt setting, is a fine hint too: the shape decides,
   and nothing is ever clear text. */
struct scheme_hint {
	/* Scheme of a bare string of no recognised shape, NULL: refuse it.
	   PLAIN: every bare string is clear text, whatever its shape. May point
	   into the text given to scheme_hint_parse(). */
	const char *bare;
	/* Scheme of 64, 40 or 128 bare hex digits, whichever of these lengths
	   the scheme has; NULL: refuse them all. */
	const char *hex;
};

/* encrypt as written in PostfixAdmin's configuration, authlib with its
   flavour as "authlib:md5raw" or "authlib/md5raw". Returns 0, or -1 with error
   filled in if PostfixAdmin has no such value. */
int scheme_hint_parse(const char *encrypt, struct scheme_hint *hint_r,
		      struct errbuf *error);

/*
 * Appends the stored string to out as "{SCHEME}...", the scheme being one
 * that Dovecot knows. Returns NULL, or, if no scheme can verify it, the reason
 * (static, never part of the string) with out unchanged. Unknown prefixes are
 * kept as they are: Dovecot names them in its log.
 */
struct scheme_refusal {
	const char *code;	/* one word, for events */
	const char *text;	/* for the log */
};
const struct scheme_refusal *
scheme_normalize(const char *stored, const struct scheme_hint *hint,
		 struct strbuf *out);

#endif
