/* SPDX-License-Identifier: MIT */
#ifndef LAST_LOGIN_H
#define LAST_LOGIN_H

#include "pool/dbpool.h"

/*
 * When somebody logged in last, written in the background: what comes in during
 * an interval goes out at its end, each user once. No login waits for it or
 * fails by it; what cannot be written is dropped.
 *
 * Everything here is called on the loop's thread.
 */
struct last_login;

/* All of it is borrowed and outlives the struct last_login. */
struct last_login_params {
	const char *insert;	/* for LAST_LOGIN_ROWS users */
	const char *table;	/* for messages */
	const struct db_server *servers;
	unsigned int server_count;
	unsigned int interval_ms, write_timeout_ms;
	const struct dbpool_loop *loop;
	dbpool_log_t *log;
	void *log_context;
	bool debug;
};

/* Each has its name and how many seconds ago it was bound. */
#define LAST_LOGIN_ROWS 32

/* Opens nothing yet. NULL if memory ran out. */
struct last_login *last_login_new(const struct last_login_params *params);
/* What was not written is lost. NULL is fine. */
void last_login_free(struct last_login **last_login);

/* Somebody has logged in. Never blocks. NULL is fine: then nothing is
   recorded. */
void last_login_note(struct last_login *last_login, const char *user);

#endif
