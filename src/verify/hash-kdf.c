/* SPDX-License-Identifier: MIT */
/*
 * PBKDF2 as Dovecot stores it, and SCRAM (RFC 5802), whose keys come out of the
 * same function; by libcrypto. Called through hash-run.c.
 */
#include "verify/hash-run-private.h"

#include "core/strbuf.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sodium.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* "$1$SALT$ROUNDS$HEX": the salt is used as it is written */
#define PBKDF2_ID "$1$"
#define PBKDF2_SALT_LEN 16
#define PBKDF2_KEY_LEN SHA_DIGEST_LENGTH

#define SCRAM_SALT_LEN 16
/* More than a row of PostfixAdmin's could hold. */
#define SCRAM_SALT_MAX 256

/* "ROUNDS,SALT,STORED KEY,SERVER KEY", all but the first in base64 */
struct scram_keys {
	unsigned char stored[EVP_MAX_MD_SIZE], server[EVP_MAX_MD_SIZE];
};

/* Why libcrypto failed: its arguments are right. Empties the thread's list. */
static enum hash_verdict kdf_failure(void)
{
	enum hash_verdict verdict = HASH_NO_MEMORY;
	unsigned long error;

	while ((error = ERR_get_error()) != 0) {
		if (ERR_GET_REASON(error) == ERR_R_UNSUPPORTED)
			verdict = HASH_UNUSABLE;
	}
	return verdict;
}

/* What libcrypto counts in an int. */
static bool rounds_fit(const struct hash *hash)
{
	return hash->rounds > 0 && hash->rounds <= INT_MAX;
}

static bool derive(const struct hash *hash, const EVP_MD *md,
		   const char *plain, const void *salt, size_t salt_len,
		   unsigned char *key_r)
{
	return PKCS5_PBKDF2_HMAC(plain, (int)strlen(plain), salt,
				 (int)salt_len, (int)hash->rounds, md,
				 EVP_MD_get_size(md), key_r) == 1;
}

enum hash_verdict hash_pbkdf2_run(const struct hash *hash, const char *text,
				  const char *plain)
{
	unsigned char wanted[PBKDF2_KEY_LEN], key[PBKDF2_KEY_LEN];
	const char *salt = text + strlen(PBKDF2_ID);
	enum hash_verdict verdict;
	size_t len;

	if (strncmp(text, PBKDF2_ID, strlen(PBKDF2_ID)) != 0 ||
	    !rounds_fit(hash) ||
	    sodium_hex2bin(wanted, sizeof(wanted), text + hash->digest,
			   strlen(text + hash->digest), NULL, &len, NULL) < 0 ||
	    len != sizeof(wanted))
		return HASH_UNUSABLE;
	if (!derive(hash, EVP_sha1(), plain, salt, strcspn(salt, "$"), key))
		verdict = kdf_failure();
	else
		verdict = hash_compare(key, wanted, sizeof(key));
	wipe_memory(key, sizeof(key));
	return verdict;
}

/* Of the alphabet Dovecot takes its own from. */
static bool make_salt(char salt[PBKDF2_SALT_LEN + 1])
{
	static const char alphabet[] = "./0123456789"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char bytes[PBKDF2_SALT_LEN];

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		salt[i] = alphabet[bytes[i] % (sizeof(alphabet) - 1)];
	salt[PBKDF2_SALT_LEN] = '\0';
	return true;
}

enum hash_verdict hash_pbkdf2_make(const struct hash *like, const char *plain,
				   char out[HASH_MADE_MAX])
{
	char salt[PBKDF2_SALT_LEN + 1], hex[PBKDF2_KEY_LEN * 2 + 1];
	unsigned char key[PBKDF2_KEY_LEN];

	if (!rounds_fit(like))
		return HASH_UNUSABLE;
	if (!make_salt(salt) ||
	    !derive(like, EVP_sha1(), plain, salt, strlen(salt), key))
		return kdf_failure();
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	snprintf(out, HASH_MADE_MAX, PBKDF2_ID "%s$%u$%s", salt, like->rounds,
		 hex);
	wipe_memory(key, sizeof(key));
	wipe_memory(hex, sizeof(hex));
	return HASH_MATCH;
}

static const EVP_MD *scram_md(const struct hash *hash)
{
	return hash->method == HASH_SCRAM_SHA1 ? EVP_sha1() : EVP_sha256();
}

static bool hmac(const EVP_MD *md, const unsigned char *key, const char *text,
		 unsigned char *out)
{
	return HMAC(md, key, EVP_MD_get_size(md), (const unsigned char *)text,
		    strlen(text), out, NULL) != NULL;
}

static bool scram_derive(const struct hash *hash, const char *plain,
			 const unsigned char *salt, size_t salt_len,
			 struct scram_keys *keys_r)
{
	unsigned char salted[EVP_MAX_MD_SIZE], client[EVP_MAX_MD_SIZE];
	const EVP_MD *md = scram_md(hash);
	const bool ok = derive(hash, md, plain, salt, salt_len, salted) &&
		hmac(md, salted, "Client Key", client) &&
		EVP_Digest(client, EVP_MD_get_size(md), keys_r->stored, NULL,
			   md, NULL) == 1 &&
		hmac(md, salted, "Server Key", keys_r->server);

	wipe_memory(salted, sizeof(salted));
	wipe_memory(client, sizeof(client));
	return ok;
}

/* The base64 in front of a comma; white space is nothing to Dovecot. */
static bool decode_field(const char *text, unsigned char *out, size_t size,
			 size_t *len_r)
{
	return sodium_base642bin(out, size, text, strcspn(text, ","),
				 " \t\r\n", len_r, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* The stored key alone decides, as with Dovecot: a server key is for those who
   log in with SCRAM. */
enum hash_verdict hash_scram_run(const struct hash *hash, const char *text,
				 const char *plain)
{
	const size_t size = EVP_MD_get_size(scram_md(hash));
	unsigned char salt[SCRAM_SALT_MAX], stored[EVP_MAX_MD_SIZE];
	const char *salt_text = strchr(text, ',');
	struct scram_keys keys;
	enum hash_verdict verdict;
	size_t salt_len, len;

	if (salt_text == NULL || !rounds_fit(hash) ||
	    !decode_field(salt_text + 1, salt, sizeof(salt), &salt_len) ||
	    !decode_field(text + hash->digest, stored, size, &len) ||
	    len != size)
		return HASH_UNUSABLE;
	if (!scram_derive(hash, plain, salt, salt_len, &keys))
		verdict = kdf_failure();
	else
		verdict = hash_compare(keys.stored, stored, size);
	wipe_memory(&keys, sizeof(keys));
	return verdict;
}

static void append_field(char *out, const unsigned char *data, size_t len)
{
	const size_t used = strlen(out);

	out[used] = ',';
	sodium_bin2base64(out + used + 1, HASH_MADE_MAX - used - 1, data, len,
			  sodium_base64_VARIANT_ORIGINAL);
}

enum hash_verdict hash_scram_make(const struct hash *like, const char *plain,
				  char out[HASH_MADE_MAX])
{
	const size_t size = EVP_MD_get_size(scram_md(like));
	unsigned char salt[SCRAM_SALT_LEN];
	struct scram_keys keys;

	if (!rounds_fit(like))
		return HASH_UNUSABLE;
	if (RAND_bytes(salt, sizeof(salt)) != 1 ||
	    !scram_derive(like, plain, salt, sizeof(salt), &keys))
		return kdf_failure();
	snprintf(out, HASH_MADE_MAX, "%u", like->rounds);
	append_field(out, salt, sizeof(salt));
	append_field(out, keys.stored, size);
	append_field(out, keys.server, size);
	wipe_memory(&keys, sizeof(keys));
	return HASH_MATCH;
}
