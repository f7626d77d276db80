/* SPDX-License-Identifier: MIT */
#ifndef HASH_RUN_H
#define HASH_RUN_H

#include "core/hash.h"

/*
 * Computes slow hashes: crypt_r(), libsodium, libcrypto. May run on any thread,
 * several at once; calls nothing of Dovecot's; wipes all it makes.
 */
enum hash_verdict {
	HASH_MATCH,
	HASH_MISMATCH,
	/* the library does not take this hash, or not know its method */
	HASH_UNUSABLE,
	HASH_NO_MEMORY,
};

/* Once, on the main thread, before anything else here. Returns 0, or -1 if a
   library could not be set up. */
int hash_run_init(void);

/* hash is hash_parse()'s reading of text, its method not HASH_INLINE. Of the
   part behind hash->digest only the length and the alphabet matter for the
   time it takes. */
enum hash_verdict hash_run(const struct hash *hash, const char *text,
			   const char *plain);

/* More than any hash that is made here. */
#define HASH_MADE_MAX 256

/* Makes a hash with a random salt and the method, id, rounds and memory of
   like (its other members do not matter), without any {SCHEME} in front. Not
   for HASH_OTP, and of HASH_CRYPT only for $2y$, $5$ and $6$: the others are
   HASH_UNUSABLE. On HASH_MATCH, out holds it, else "". */
enum hash_verdict hash_make(const struct hash *like, const char *plain,
			    char out[HASH_MADE_MAX]);

#endif
