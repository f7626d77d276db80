/* SPDX-License-Identifier: MIT */
#ifndef REHASH_H
#define REHASH_H

#include "core/rehash-rule.h"
#include "core/schema.h"
#include "pool/dbpool.h"

/*
 * Heals on login: makes a new hash of a password that was right and writes it
 * over the old one, in the background. No login waits for it or fails by it: a
 * thread of its own makes one hash after another, and they are written over a
 * connection of its own, so that a row that is locked or a server that takes no
 * changes is nothing that a lookup meets. What cannot be done is not done; the
 * next login of that user is another chance.
 *
 * Everything here is called on the loop's thread.
 */
struct rehash;

/* All of it is borrowed and outlives the struct rehash. */
struct rehash_params {
	const struct rehash_rule *rule;
	const struct schema_rehash *sql;
	const struct db_server *servers;
	unsigned int server_count;
	unsigned int write_timeout_ms;
	const struct dbpool_loop *loop;
	dbpool_log_t *log;
	void *log_context;
	bool debug;
};

/* Starts and opens nothing yet. NULL if memory ran out. */
struct rehash *rehash_new(const struct rehash_params *params);
/* What is under way is finished or dropped; waits for a hash that is being
   made. NULL is fine. */
void rehash_free(struct rehash **rehash);

/* A password that was right. */
struct rehash_login {
	const char *user;		/* the row's name */
	const char *scheme;		/* of the stored one, for the log */
	const struct hash *hash;	/* hash_parse()'s reading of it */
	const char *stored;		/* what the column holds, as read */
	unsigned long width;		/* characters that the column takes */
	const char *plain;
};

/* Copies what it needs, if it needs anything, and wipes the copies afterwards.
   Never blocks. NULL is fine: then nothing is healed. */
void rehash_offer(struct rehash *rehash, const struct rehash_login *login);

#endif
