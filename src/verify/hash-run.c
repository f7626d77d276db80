/* SPDX-License-Identifier: MIT */
/*
 * Finds the code for a hash's method, and what several methods need. Knows no
 * method itself: each has a file of its own. Called by verify.c, on its
 * threads.
 */
#include "verify/hash-run-private.h"

#include "core/strbuf.h"

#include <openssl/crypto.h>
#include <sodium.h>

/* More than any of the libraries gets to. */
#define STACK_WIPED (32 * 1024)

static const struct hash_runner {
	hash_run_t *run;
	hash_make_t *make;
} runners[] = {
	[HASH_INLINE] = { NULL, NULL },
	[HASH_CRYPT] = { hash_crypt_run, hash_crypt_make },
	[HASH_ARGON2] = { hash_argon2_run, hash_argon2_make },
	[HASH_PBKDF2] = { hash_pbkdf2_run, hash_pbkdf2_make },
	[HASH_SCRAM_SHA1] = { hash_scram_run, hash_scram_make },
	[HASH_SCRAM_SHA256] = { hash_scram_run, hash_scram_make },
	[HASH_OTP] = { hash_otp_run, NULL },
};

int hash_run_init(void)
{
	/* both look at the processor, and libcrypto reads its configuration:
	   not to be left to whichever thread comes first */
	return sodium_init() >= 0 &&
		OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1 ?
		0 : -1;
}

/*
 * The libraries wipe what they allocate, but not their stack: libxcrypt's MD5
 * leaves pieces of the password there, and so does the dynamic linker, which
 * saves vector registers, full of it after a memcpy(), when some function is
 * called for the first time.
 */
static void __attribute__((noinline)) wipe_stack(void)
{
	char below[STACK_WIPED];

	wipe_memory(below, sizeof(below));
}

enum hash_verdict hash_run(const struct hash *hash, const char *text,
			   const char *plain)
{
	const struct hash_runner *runner = &runners[hash->method];
	enum hash_verdict verdict = HASH_UNUSABLE;

	if (runner->run != NULL)
		verdict = runner->run(hash, text, plain);
	wipe_stack();
	return verdict;
}

enum hash_verdict hash_make(const struct hash *like, const char *plain,
			    char out[HASH_MADE_MAX])
{
	const struct hash_runner *runner = &runners[like->method];
	enum hash_verdict verdict = HASH_UNUSABLE;

	out[0] = '\0';
	if (runner->make != NULL)
		verdict = runner->make(like, plain, out);
	wipe_stack();
	return verdict;
}

enum hash_verdict hash_compare(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0 ? HASH_MATCH : HASH_MISMATCH;
}
