/* SPDX-License-Identifier: MIT */
/*
 * The hashes of crypt(3): DES, $1$, $2y$, $5$, $6$ and whatever else the
 * system's library has. Called through hash-run.c.
 */
#include "verify/hash-run-private.h"

#include "core/strbuf.h"

#include <crypt.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* bcrypt reads no more of a password */
#define BCRYPT_PLAIN_MAX 72

/* 32 KiB, most of it the library's: not for a thread's stack. */
struct crypt_work {
	struct crypt_data data;
	char plain[BCRYPT_PLAIN_MAX + 1];
};

static const char *const made_ids[] = { "$2y$", "$5$", "$6$" };

static void crypt_work_free(struct crypt_work *work)
{
	wipe_memory(work, sizeof(*work));
	free(work);
}

/*
 * libxcrypt takes no password of 512 bytes and more, whatever the method.
 * Dovecot's own bcrypt does, so what bcrypt would not look at is cut off here.
 * (So does its own "$1$", which reads all of it: there, nothing can be done.)
 * NULL: too long.
 */
static const char *crypt_plain(struct crypt_work *work, const char *setting,
			       const char *plain)
{
	if (strncmp(setting, "$2", 2) == 0) {
		memcpy(work->plain, plain, strnlen(plain, BCRYPT_PLAIN_MAX));
		return work->plain;
	}
	return strlen(plain) < CRYPT_MAX_PASSPHRASE_SIZE ? plain : NULL;
}

/* HASH_MATCH if there is a result, which stays in work. */
static enum hash_verdict crypt_compute(struct crypt_work *work,
				       const struct hash *hash,
				       const char *setting, const char *plain,
				       const char **result_r)
{
	plain = crypt_plain(work, setting, plain);
	if (plain == NULL)
		return HASH_MISMATCH;
	errno = 0;
	*result_r = crypt_r(plain, setting, &work->data);
	/* "*0" and "*1" stand for a failure */
	if (*result_r != NULL && (*result_r)[0] != '*')
		return HASH_MATCH;
	/* Without the memory that yescrypt needs libxcrypt says EINVAL, too.
	   That the text is in order hash_parse() has seen. */
	return errno == ENOMEM || hash->memory > 0 ? HASH_NO_MEMORY :
		HASH_UNUSABLE;
}

enum hash_verdict hash_crypt_run(const struct hash *hash, const char *text,
				 const char *plain)
{
	struct crypt_work *work = calloc(1, sizeof(*work));
	const char *result;
	enum hash_verdict verdict;
	size_t len;

	if (work == NULL)
		return HASH_NO_MEMORY;
	verdict = crypt_compute(work, hash, text, plain, &result);
	if (verdict == HASH_MATCH) {
		len = strlen(result);
		verdict = strlen(text) != len ? HASH_MISMATCH :
			hash_compare(result, text, len);
	}
	crypt_work_free(work);
	return verdict;
}

static bool is_made(const char *id)
{
	for (size_t i = 0; i < sizeof(made_ids) / sizeof(*made_ids); i++) {
		if (strcmp(made_ids[i], id) == 0)
			return true;
	}
	return false;
}

enum hash_verdict hash_crypt_make(const struct hash *like, const char *plain,
				  char out[HASH_MADE_MAX])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	struct crypt_work *work;
	enum hash_verdict verdict;
	const char *result;

	if (!is_made(like->id) ||
	    crypt_gensalt_rn(like->id, like->rounds, NULL, 0, setting,
			     sizeof(setting)) == NULL)
		return HASH_UNUSABLE;
	work = calloc(1, sizeof(*work));
	if (work == NULL)
		return HASH_NO_MEMORY;
	verdict = crypt_compute(work, like, setting, plain, &result);
	if (verdict == HASH_MATCH)
		snprintf(out, HASH_MADE_MAX, "%s", result);
	else if (verdict == HASH_MISMATCH)
		verdict = HASH_UNUSABLE;	/* of such a long password */
	crypt_work_free(work);
	return verdict;
}
