/* SPDX-License-Identifier: MIT */
#ifndef VERIFY_H
#define VERIFY_H

#include "core/hash.h"
#include "pool/dbpool.h"

/*
 * Slow password hashes, computed beside the loop: how many at once, who waits,
 * what need not be computed again (verify_memo), and what to compute for
 * somebody who has no hash, so that all take the same time.
 *
 * Everything here is called on the loop's thread. A callback runs exactly once
 * for each start, inside it or later from the loop. Passwords and hashes are
 * copied, and the copies wiped before the callback.
 */
struct verify;

struct verify_settings {
	unsigned int threads;		/* 0: one for each core */
	/* that may wait for a thread; whoever comes then has failed */
	unsigned int queue;
	/* KiB that hashes may take at once; one of them may always run */
	unsigned int memory;
	unsigned int memo_ms;		/* 0: no memo */
	/* what hashes are like before one was seen, NULL: unknown */
	const struct hash *usual;
};

enum verify_result {
	VERIFY_MATCH,
	VERIFY_MISMATCH,
	/* This hash can never be verified, whatever the password. */
	VERIFY_UNUSABLE,
	/* Could not tell: no memory, too many waiting, the process ends. */
	VERIFY_FAILED,
};

/* text is the hash that verify_make() asked for, else NULL. With UNUSABLE and
   FAILED, reason is for the log, static text. Both until it returns. */
typedef void verify_callback_t(enum verify_result result, const char *text,
			       const char *reason, void *context);

/* Starts no thread yet. Settings are copied, the loop is borrowed. NULL if
   memory, descriptors or a library's set-up failed. */
struct verify *verify_new(const struct verify_settings *settings,
			  const struct dbpool_loop *loop);
/* Whatever waits or runs fails; runs that have begun are waited for. Later
   starts fail too. */
void verify_stop(struct verify *verify);
/* The same, and frees. NULL is fine. */
void verify_free(struct verify **verify);

/* A login met a hash with a method that is not slow: see verify_dummy(). */
void verify_note_inline(struct verify *verify, const struct hash *hash);

/* hash is hash_parse()'s reading of text, not HASH_INLINE. */
void verify_start(struct verify *verify, const struct hash *hash,
		  const char *text, const char *plain,
		  verify_callback_t *callback, void *context);

/* Takes the time that verify_start() would take for user, if there were such a
   one: hash and text are those of the row, if there is a row, else NULL. The
   result is MISMATCH or FAILED. */
void verify_dummy(struct verify *verify, const char *user,
		  const struct hash *hash, const char *text, const char *plain,
		  verify_callback_t *callback, void *context);

/* Makes a hash of the password, see hash_make(). MATCH gives it as text. */
void verify_make(struct verify *verify, const struct hash *like,
		 const char *plain, verify_callback_t *callback, void *context);

#endif
