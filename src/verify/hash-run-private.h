/* SPDX-License-Identifier: MIT */
#ifndef HASH_RUN_PRIVATE_H
#define HASH_RUN_PRIVATE_H

#include "verify/hash-run.h"

/*
 * The methods behind hash_run() and hash_make(), with their contracts.
 */
typedef enum hash_verdict hash_run_t(const struct hash *hash, const char *text,
				     const char *plain);
typedef enum hash_verdict hash_make_t(const struct hash *like,
				      const char *plain,
				      char out[HASH_MADE_MAX]);

hash_run_t hash_crypt_run, hash_argon2_run, hash_pbkdf2_run, hash_scram_run,
	hash_otp_run;
hash_make_t hash_crypt_make, hash_argon2_make, hash_pbkdf2_make,
	hash_scram_make;

/* Whether both are the same, in a time that does not tell where they differ. */
enum hash_verdict hash_compare(const void *a, const void *b, size_t len);

#endif
