/* SPDX-License-Identifier: MIT */
/*
 * The table of passwords that were right lately: HMAC-SHA-256 by libcrypto, and
 * buckets of a few entries, so that a lookup touches one cache line or two and
 * nothing ever grows. Used by verify.c, on the loop only.
 */
#include "verify/memo.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <stdlib.h>
#include <string.h>

#define MEMO_BUCKETS 2048
#define MEMO_WAYS 4

struct memo_entry {
	unsigned char mac[MEMO_MAC_SIZE];
	uint64_t expires;	/* 0: empty */
};

struct memo {
	EVP_MAC_CTX *keyed;	/* holds the key; copied for each MAC */
	struct memo_entry entries[MEMO_BUCKETS][MEMO_WAYS];
};

static EVP_MAC_CTX *memo_keyed(void)
{
	static char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
	unsigned char key[MEMO_MAC_SIZE];

	EVP_MAC_free(hmac);
	if (ctx != NULL && (RAND_bytes(key, sizeof(key)) != 1 ||
			    EVP_MAC_init(ctx, key, sizeof(key), params) != 1)) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	OPENSSL_cleanse(key, sizeof(key));
	return ctx;
}

struct memo *memo_new(void)
{
	struct memo *memo = calloc(1, sizeof(*memo));

	if (memo == NULL)
		return NULL;
	memo->keyed = memo_keyed();
	if (memo->keyed == NULL)
		memo_free(&memo);
	return memo;
}

void memo_free(struct memo **_memo)
{
	struct memo *memo = *_memo;

	if (memo == NULL)
		return;
	*_memo = NULL;
	EVP_MAC_CTX_free(memo->keyed);
	explicit_bzero(memo, sizeof(*memo));
	free(memo);
}

bool memo_mac(struct memo *memo, const char *stored, const char *plain,
	      unsigned char mac_r[MEMO_MAC_SIZE])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(memo->keyed);
	size_t len;
	bool ok;

	/* the NUL keeps the two apart */
	ok = ctx != NULL &&
		EVP_MAC_update(ctx, (const unsigned char *)stored,
			       strlen(stored) + 1) == 1 &&
		EVP_MAC_update(ctx, (const unsigned char *)plain,
			       strlen(plain)) == 1 &&
		EVP_MAC_final(ctx, mac_r, &len, MEMO_MAC_SIZE) == 1 &&
		len == MEMO_MAC_SIZE;
	EVP_MAC_CTX_free(ctx);
	return ok;
}

/* A MAC is as good as random: any of its bytes are an index. */
static unsigned int memo_bucket(const unsigned char mac[MEMO_MAC_SIZE])
{
	return (mac[0] | (unsigned int)mac[1] << 8) % MEMO_BUCKETS;
}

bool memo_has(const struct memo *memo, const unsigned char mac[MEMO_MAC_SIZE],
	      uint64_t now)
{
	const struct memo_entry *entry = memo->entries[memo_bucket(mac)];
	unsigned int i;

	for (i = 0; i < MEMO_WAYS; i++, entry++) {
		if (entry->expires > now &&
		    CRYPTO_memcmp(entry->mac, mac, MEMO_MAC_SIZE) == 0)
			return true;
	}
	return false;
}

void memo_put(struct memo *memo, const unsigned char mac[MEMO_MAC_SIZE],
	      uint64_t expires)
{
	struct memo_entry *entry = memo->entries[memo_bucket(mac)];
	struct memo_entry *place = entry;
	unsigned int i;

	for (i = 0; i < MEMO_WAYS; i++, entry++) {
		if (memcmp(entry->mac, mac, MEMO_MAC_SIZE) == 0) {
			place = entry;
			break;
		}
		if (entry->expires < place->expires)
			place = entry;
	}
	memcpy(place->mac, mac, MEMO_MAC_SIZE);
	place->expires = expires;
}
