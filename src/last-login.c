/* SPDX-License-Identifier: MIT */
/*
 * Records logins: a set of names that is written when the interval is over, in
 * batches, over a connection of its own, so that a row that is locked or a
 * server that takes no changes is nothing that a lookup meets. The statement
 * is core/schema.c's. Called by the passdb and userdb after each login.
 */
#include "last-login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024
/* Names in one interval; others are recorded at a later login of theirs. */
#define MAX_NAMES 16384
#define IDLE_TIMEOUT_MS (60 * 1000)

struct login {
	struct login *next;
	uint64_t at;
	char user[];
};

struct login_set {
	struct login *buckets[BUCKETS];
	unsigned int count;
};

struct last_login {
	struct last_login_params set;
	struct db_statement insert;
	struct dbpool *pool;		/* made for the first batch */
	void *timer;
	bool stopping;

	struct login_set noted;
	/* those of the interval before, as long as they are being written */
	struct login *writing;
	/* the failure that lasts, "" if none does */
	char failure[512];
};

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static unsigned int bucket_of(const char *user)
{
	unsigned int hash = 2166136261U;

	for (; *user != '\0'; user++)
		hash = (hash ^ (unsigned char)*user) * 16777619U;
	return hash % BUCKETS;
}

static void logins_free(struct login *login)
{
	struct login *next;

	for (; login != NULL; login = next) {
		next = login->next;
		free(login);
	}
}

/* All of the set, as a list. */
static struct login *set_take(struct login_set *set)
{
	struct login *list = NULL, *login;

	for (unsigned int i = 0; i < BUCKETS; i++) {
		while ((login = set->buckets[i]) != NULL) {
			set->buckets[i] = login->next;
			login->next = list;
			list = login;
		}
	}
	set->count = 0;
	return list;
}

static struct login *set_find(const struct login_set *set, const char *user)
{
	struct login *login = set->buckets[bucket_of(user)];

	while (login != NULL && strcmp(login->user, user) != 0)
		login = login->next;
	return login;
}

static struct login *set_add(struct login_set *set, const char *user)
{
	const size_t size = strlen(user) + 1;
	struct login **bucket = &set->buckets[bucket_of(user)];
	struct login *login;

	if (set->count == MAX_NAMES)
		return NULL;
	login = malloc(sizeof(*login) + size);
	if (login == NULL)
		return NULL;
	memcpy(login->user, user, size);
	login->next = *bucket;
	*bucket = login;
	set->count++;
	return login;
}

/* The pool's own reports of servers would repeat those of the lookups' pool.
   An error comes with the write, too. */
static void last_login_log_pool(enum dbpool_log_level level, const char *text,
				void *context)
{
	struct last_login *last_login = context;

	(void)level;
	if (last_login->set.debug) {
		last_login->set.log(DBPOOL_LOG_DEBUG, text,
				    last_login->set.log_context);
	}
}

static struct dbpool *last_login_pool(struct last_login *last_login)
{
	const struct dbpool_settings settings = {
		.servers = last_login->set.servers,
		.server_count = last_login->set.server_count,
		.connections = 1,
		.lookup_timeout_ms = last_login->set.write_timeout_ms,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.max_batch = 1,
		.statement_count = 1,
		.log = last_login_log_pool,
		.log_context = last_login,
		.debug = last_login->set.debug,
	};

	if (last_login->pool == NULL)
		last_login->pool = dbpool_new(&settings,
					      last_login->set.loop);
	return last_login->pool;
}

/* Reported when it begins. The others of this interval would fail, too. */
static void last_login_fail(struct last_login *last_login, const char *reason,
			    const char *cure)
{
	char failure[sizeof(last_login->failure)];

	logins_free(last_login->writing);
	last_login->writing = NULL;
	snprintf(failure, sizeof(failure), "last_login failed, logins are not "
		 "affected: %s%s", reason, cure);
	if (strcmp(failure, last_login->failure) == 0)
		return;
	memcpy(last_login->failure, failure, sizeof(failure));
	last_login->set.log(DBPOOL_LOG_ERROR, failure,
			    last_login->set.log_context);
}

static void last_login_write_failed(struct last_login *last_login,
				    const struct db_error *error)
{
	char cure[256] = "";

	if (error->kind == DB_ERROR_RIGHTS) {
		snprintf(cure, sizeof(cure), ": GRANT SELECT, INSERT, UPDATE "
			 "ON %s to this user", last_login->set.table);
	} else if (error->kind == DB_ERROR_TABLE) {
		snprintf(cure, sizeof(cure), ": create it as the manual page "
			 "says");
	}
	last_login_fail(last_login, error->text, cure);
}

static void last_login_write(struct last_login *last_login);

static void last_login_callback(const struct db_rows *rows,
				const struct db_error *error, void *context)
{
	struct last_login *last_login = context;

	if (last_login->stopping)
		return;
	if (rows == NULL) {
		last_login_write_failed(last_login, error);
		return;
	}
	last_login->failure[0] = '\0';
	last_login_write(last_login);
}

/* The next batch. One that is not full is filled up with its last row, which
   says the same twice. */
static void last_login_write(struct last_login *last_login)
{
	const char *values[LAST_LOGIN_ROWS * 2];
	char ages[LAST_LOGIN_ROWS][24];
	const uint64_t now = last_login->set.loop->now();
	struct login *login = last_login->writing, *last = login;
	struct dbpool *pool = last_login_pool(last_login);
	bool submitted;

	if (login == NULL)
		return;
	for (unsigned int i = 0; i < LAST_LOGIN_ROWS; i++) {
		snprintf(ages[i], sizeof(ages[i]), "%llu",
			 (unsigned long long)(now - last->at) / 1000);
		values[i * 2] = last->user;
		values[i * 2 + 1] = ages[i];
		if (last->next != NULL && i + 1 < LAST_LOGIN_ROWS)
			last = last->next;
	}
	submitted = pool != NULL &&
		dbpool_submit(pool, &last_login->insert, values,
			      last_login_callback, last_login);
	last_login->writing = last->next;
	last->next = NULL;
	logins_free(login);
	if (!submitted)
		last_login_fail(last_login, "out of memory or descriptors",
				"");
}

static void last_login_start_timer(struct last_login *last_login);

static void last_login_interval(void *context)
{
	struct last_login *last_login = context;

	last_login->timer = NULL;
	if (last_login->writing != NULL) {
		/* the server is slow: these wait for the next one */
		last_login_start_timer(last_login);
		return;
	}
	last_login->writing = set_take(&last_login->noted);
	last_login_write(last_login);
}

static void last_login_start_timer(struct last_login *last_login)
{
	last_login->timer = last_login->set.loop->start_timer(
		last_login->set.interval_ms, last_login_interval, last_login);
}

void last_login_note(struct last_login *last_login, const char *user)
{
	struct login *login;

	if (last_login == NULL)
		return;
	login = set_find(&last_login->noted, user);
	if (login == NULL)
		login = set_add(&last_login->noted, user);
	if (login == NULL)
		return;
	login->at = last_login->set.loop->now();
	if (last_login->timer == NULL)
		last_login_start_timer(last_login);
}

struct last_login *last_login_new(const struct last_login_params *params)
{
	struct last_login *last_login = calloc(1, sizeof(*last_login));

	if (last_login == NULL)
		return NULL;
	last_login->set = *params;
	last_login->insert = (struct db_statement) {
		.text = params->insert,
		.bind_count = LAST_LOGIN_ROWS * 2,
		.queries = 1,
		.changes = true,
	};
	return last_login;
}

void last_login_free(struct last_login **_last_login)
{
	struct last_login *last_login = *_last_login;

	if (last_login == NULL)
		return;
	*_last_login = NULL;
	last_login->stopping = true;
	if (last_login->timer != NULL)
		last_login->set.loop->cancel_timer(last_login->timer);
	dbpool_free(&last_login->pool);
	logins_free(last_login->writing);
	logins_free(set_take(&last_login->noted));
	free(last_login);
}
