/* SPDX-License-Identifier: MIT */
/*
 * One-time passwords (RFC 2289): "DIGEST SEQUENCE SEED HEX", the state that
 * Dovecot keeps of somebody who logs in with OTP. With another mechanism the
 * pass phrase itself is held against it. Called through hash-run.c.
 *
 * libcrypto would rather see its EVP functions called. Those allocate, for
 * every login, and have MD4 only in a provider that must be loaded first, which
 * crashes without memory (3.0.19).
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "verify/hash-run-private.h"

#include "core/strbuf.h"

#include <openssl/md4.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <string.h>

#define OTP_LEN 8
#define OTP_SEED_MAX 16

struct otp_work {
	union {
		MD4_CTX md4;
		MD5_CTX md5;
		SHA_CTX sha1;
	} ctx;
	unsigned char digest[SHA_DIGEST_LENGTH];
	unsigned char otp[OTP_LEN];
};

/* The digest of a and b into work->otp, which may be one of them. */
typedef void otp_step_t(struct otp_work *work, const void *a, size_t a_len,
			const void *b, size_t b_len);

static void otp_fold(struct otp_work *work)
{
	for (size_t i = 0; i < OTP_LEN; i++)
		work->otp[i] = work->digest[i] ^ work->digest[i + OTP_LEN];
}

static void otp_step_md4(struct otp_work *work, const void *a, size_t a_len,
			 const void *b, size_t b_len)
{
	MD4_Init(&work->ctx.md4);
	MD4_Update(&work->ctx.md4, a, a_len);
	MD4_Update(&work->ctx.md4, b, b_len);
	MD4_Final(work->digest, &work->ctx.md4);
	otp_fold(work);
}

static void otp_step_md5(struct otp_work *work, const void *a, size_t a_len,
			 const void *b, size_t b_len)
{
	MD5_Init(&work->ctx.md5);
	MD5_Update(&work->ctx.md5, a, a_len);
	MD5_Update(&work->ctx.md5, b, b_len);
	MD5_Final(work->digest, &work->ctx.md5);
	otp_fold(work);
}

/* Five words, folded into two that are written the other way round. */
static void otp_step_sha1(struct otp_work *work, const void *a, size_t a_len,
			  const void *b, size_t b_len)
{
	SHA1_Init(&work->ctx.sha1);
	SHA1_Update(&work->ctx.sha1, a, a_len);
	SHA1_Update(&work->ctx.sha1, b, b_len);
	SHA1_Final(work->digest, &work->ctx.sha1);
	for (size_t i = 0; i < 4; i++) {
		work->otp[3 - i] = work->digest[i] ^ work->digest[8 + i] ^
			work->digest[16 + i];
		work->otp[7 - i] = work->digest[4 + i] ^ work->digest[12 + i];
	}
}

static const struct otp_digest {
	const char *id;
	otp_step_t *step;
} otp_digests[] = {
	{ "md4", otp_step_md4 },
	{ "md5", otp_step_md5 },
	{ "sha1", otp_step_sha1 },
};

static otp_step_t *otp_step_find(const char *id)
{
	for (size_t i = 0; i < sizeof(otp_digests) / sizeof(*otp_digests);
	     i++) {
		if (strcmp(otp_digests[i].id, id) == 0)
			return otp_digests[i].step;
	}
	return NULL;
}

static const char *next_word(const char *text)
{
	text += strcspn(text, " ");
	return text + strspn(text, " ");
}

/* The third word; it is hashed in lower case. */
static bool otp_seed(const char *text, char seed[OTP_SEED_MAX], size_t *len_r)
{
	const char *word = next_word(next_word(text));
	const size_t len = strcspn(word, " ");

	if (len > OTP_SEED_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		seed[i] = word[i] >= 'A' && word[i] <= 'Z' ?
			word[i] - 'A' + 'a' : word[i];
	*len_r = len;
	return true;
}

enum hash_verdict hash_otp_run(const struct hash *hash, const char *text,
			       const char *plain)
{
	otp_step_t *step = otp_step_find(hash->id);
	unsigned char wanted[OTP_LEN];
	enum hash_verdict verdict;
	struct otp_work work;
	char seed[OTP_SEED_MAX];
	size_t seed_len, len;

	if (step == NULL || !otp_seed(text, seed, &seed_len) ||
	    sodium_hex2bin(wanted, sizeof(wanted), text + hash->digest,
			   strlen(text + hash->digest), NULL, &len, NULL) < 0 ||
	    len != sizeof(wanted))
		return HASH_UNUSABLE;
	step(&work, seed, seed_len, plain, strlen(plain));
	for (unsigned int i = 0; i < hash->rounds; i++)
		step(&work, work.otp, sizeof(work.otp), "", 0);
	verdict = hash_compare(work.otp, wanted, sizeof(wanted));
	wipe_memory(&work, sizeof(work));
	return verdict;
}
