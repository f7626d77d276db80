/* SPDX-License-Identifier: MIT */
/*
 * Argon2, by libsodium. Called through hash-run.c.
 *
 * crypto_pwhash_str_verify() takes every hash, but gives one answer for a wrong
 * password and for memory that it could not get (seen with 1.0.18), and a right
 * password must not be called wrong. crypto_pwhash() tells them apart, but
 * wants 16 bytes of salt and one lane, as libsodium, PHP and Dovecot make them.
 * So that is tried first, and the other is for what came from elsewhere.
 */
#include "verify/hash-run-private.h"

#include "core/strbuf.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>

#define ARGON2_DIGEST_MAX 64
/* Beside the blocks themselves: libsodium's smaller buffers. */
#define ARGON2_MORE_MEMORY (1024 * 1024)

static const struct argon2_variant {
	const char *id;
	int alg;
} variants[] = {
	{ "$argon2i$", crypto_pwhash_ALG_ARGON2I13 },
	{ "$argon2id$", crypto_pwhash_ALG_ARGON2ID13 },
};

/* "...,p=1$SALT$DIGEST", decoded */
struct argon2_parts {
	unsigned char salt[crypto_pwhash_SALTBYTES];
	unsigned char digest[ARGON2_DIGEST_MAX];
	size_t digest_len;
};

static const struct argon2_variant *variant_find(const char *id)
{
	for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
		if (strcmp(variants[i].id, id) == 0)
			return &variants[i];
	}
	return NULL;
}

/* 0 if it is no base64, or more than fits. */
static size_t decode(const char *text, size_t len, unsigned char *out,
		     size_t size)
{
	size_t out_len;

	return sodium_base642bin(out, size, text, len, NULL, &out_len, NULL,
		sodium_base64_VARIANT_ORIGINAL_NO_PADDING) < 0 ? 0 : out_len;
}

/* Whether crypto_pwhash() can do it. */
static bool argon2_split(const struct hash *hash, const char *text,
			 struct argon2_parts *parts)
{
	static const char lane[] = ",p=1$";
	const char *digest = text + hash->digest;
	const char *salt = strstr(text, lane);

	if (salt == NULL)
		return false;
	salt += sizeof(lane) - 1;
	if (digest <= salt ||
	    decode(salt, digest - 1 - salt, parts->salt,
		   sizeof(parts->salt)) != sizeof(parts->salt))
		return false;
	parts->digest_len = decode(digest, strlen(digest), parts->digest,
				   sizeof(parts->digest));
	return parts->digest_len >= crypto_pwhash_BYTES_MIN;
}

static size_t memory_bytes(const struct hash *hash)
{
	return (size_t)hash->memory * 1024;
}

/* libsodium names no other cause than memory and arguments. */
static enum hash_verdict argon2_failure(void)
{
	return errno == ENOMEM ? HASH_NO_MEMORY : HASH_UNUSABLE;
}

static enum hash_verdict argon2_run_parts(const struct hash *hash, int alg,
					  const struct argon2_parts *parts,
					  const char *plain)
{
	unsigned char digest[ARGON2_DIGEST_MAX];
	enum hash_verdict verdict;

	errno = 0;
	if (crypto_pwhash(digest, parts->digest_len, plain, strlen(plain),
			  parts->salt, hash->rounds, memory_bytes(hash),
			  alg) < 0)
		verdict = argon2_failure();
	else
		verdict = hash_compare(digest, parts->digest,
				       parts->digest_len);
	wipe_memory(digest, sizeof(digest));
	return verdict;
}

static bool memory_is_there(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory != MAP_FAILED && munmap(memory, size) == 0;
}

static enum hash_verdict argon2_run_text(const struct hash *hash,
					 const char *text, const char *plain)
{
	/* Others may take it before libsodium does; then it is too late to
	   tell. */
	if (!memory_is_there(memory_bytes(hash) + ARGON2_MORE_MEMORY))
		return HASH_NO_MEMORY;
	errno = 0;
	if (crypto_pwhash_str_verify(text, plain, strlen(plain)) == 0)
		return HASH_MATCH;
	return errno == EINVAL ? HASH_MISMATCH : argon2_failure();
}

enum hash_verdict hash_argon2_run(const struct hash *hash, const char *text,
				  const char *plain)
{
	const struct argon2_variant *variant = variant_find(hash->id);
	enum hash_verdict verdict = HASH_UNUSABLE;
	struct argon2_parts parts;

	if (variant == NULL)
		return HASH_UNUSABLE;
	if (argon2_split(hash, text, &parts))
		verdict = argon2_run_parts(hash, variant->alg, &parts, plain);
	/* refused at once: of argon2i it wants three passes, where the other
	   takes one */
	if (verdict == HASH_UNUSABLE)
		verdict = argon2_run_text(hash, text, plain);
	return verdict;
}

enum hash_verdict hash_argon2_make(const struct hash *like, const char *plain,
				   char out[HASH_MADE_MAX])
{
	const struct argon2_variant *variant = variant_find(like->id);

	if (variant == NULL)
		return HASH_UNUSABLE;
	errno = 0;
	/* crypto_pwhash_STRBYTES of it, zeros if it fails */
	return crypto_pwhash_str_alg(out, plain, strlen(plain), like->rounds,
				     memory_bytes(like), variant->alg) < 0 ?
		argon2_failure() : HASH_MATCH;
}
