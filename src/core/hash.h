/* SPDX-License-Identifier: MIT */
#ifndef PFA_HASH_H
#define PFA_HASH_H

#include "core/errbuf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What a stored hash asks for, read off its text before anything is computed:
 * how it is verified, what that costs, and whether it is whole. Nothing here
 * sees a password.
 */

enum hash_kind {
	/* A few microseconds: Dovecot's own code does it on the spot. Also
	   what is not known here: Dovecot has the words for it. */
	HASH_INLINE,
	HASH_CRYPT,		/* crypt_r(), bcrypt included */
	HASH_ARGON2,
	HASH_PBKDF2,
	HASH_SCRAM_SHA1,
	HASH_SCRAM_SHA256,
	HASH_OTP,
};

#define HASH_ID_MAX 16

struct hash {
	enum hash_kind method;
	/* Dovecot 2.4 refuses it unless auth_allow_weak_schemes is on
	   (src/lib-auth/password-scheme.c, 2.4.1). */
	bool weak;
	/* The same method, id, rounds and memory: the same time to verify. */
	char id[HASH_ID_MAX];	/* as "$6$", OTP's "md5"; may be empty */
	/* bcrypt: their logarithm; with memory: passes over it */
	unsigned int rounds;
	unsigned int memory;	/* KiB, 0: next to nothing */
	/* Offset of the part that depends on the password. With an "A" for
	   each letter, digit, ".", "/" and "+" from there on, a text asks for
	   the same, and no password matches it. */
	size_t digest;
};

/* What is refused for its cost. */
struct hash_limits {
	unsigned int bcrypt_cost;	/* logarithm */
	unsigned int rounds;		/* iterations, counts, sequences */
	unsigned int passes;		/* over memory: argon2, yescrypt */
	unsigned int memory;		/* KiB */
};

/*
 * scheme: Dovecot's name, in any case, with or without ".B64" and the like.
 * text: what was behind the {SCHEME}, decoded if the scheme says so. Returns 0;
 * or -1 with the reason for the log in error, which never quotes a piece of
 * text: it is cut off, too long or not of its scheme's form, or asks for more
 * than the limits, with the setting that raises them. What software writes and
 * Dovecot 2.3 finds right is refused for its cost only.
 */
int hash_parse(const char *scheme, const char *text,
	       const struct hash_limits *limits, struct hash *hash_r,
	       struct errbuf *error);

/* Whether the limits allow what it costs. */
bool hash_affordable(const struct hash *hash, const struct hash_limits *limits);

/* Whether it takes less than a millisecond. */
bool hash_is_brief(const struct hash *hash);

/* Whether both take the same time. */
bool hash_same_cost(const struct hash *a, const struct hash *b);

#endif
