/* SPDX-License-Identifier: MIT */
/*
 * The healer: a queue of users, of whom one at a time gets a new hash and has
 * it written. Which hashes are replaced, and by what, is core/rehash-rule.c's;
 * the statement is core/schema.c's. Called by the passdb after each login.
 */
#include "rehash.h"

#include "pool/jobs.h"
#include "verify/digest.h"
#include "verify/hash-run.h"
#include "verify/hash-thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#  include <sys/resource.h>
#endif

/* Others heal at a later login of theirs. */
#define QUEUE_MAX 16
/* How long nothing is tried after a failure. */
#define QUIET_MS (5 * 60 * 1000)
/* Logins are served first. */
#define THREAD_NICE 10
#define IDLE_TIMEOUT_MS (60 * 1000)

/* A user to heal. */
struct rehash_item {
	struct job job;
	struct rehash *rehash;
	struct rehash_item *next;
	char *user, *scheme;
	unsigned long width;
	char stored_digest[SHA256_HEX_SIZE];

	/* the thread's, until it is done */
	struct hash like;
	char *plain;
	enum hash_verdict verdict;
	char made[HASH_MADE_MAX];
};

struct rehash {
	struct rehash_params set;
	struct db_statement update;
	struct jobs *jobs;		/* made for the first user */
	void *jobs_watch;
	struct dbpool *pool;		/* made for the first hash */

	struct rehash_item *current;	/* is hashed or written */
	struct rehash_item *queue, **queue_tail;
	unsigned int count;		/* with current */
	bool stopping;

	unsigned long healed;
	/* what a new password takes, as soon as one was made: they are all of
	   the same length */
	unsigned long need;
	bool narrow_logged;
	uint64_t quiet_until;
	/* the failure that lasts, "" if none does */
	char failure[512];
};

static void __attribute__((format(printf, 3, 4)))
rehash_log(struct rehash *rehash, enum dbpool_log_level level,
	   const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rehash->set.log(level, text, rehash->set.log_context);
}

/* The pool's own reports of servers would repeat those of the lookups' pool. An
   error comes with the write, too. */
static void rehash_log_pool(enum dbpool_log_level level, const char *text,
			    void *context)
{
	struct rehash *rehash = context;

	(void)level;
	if (rehash->set.debug)
		rehash_log(rehash, DBPOOL_LOG_DEBUG, "rehash: %s", text);
}

static void item_free(struct rehash_item *item)
{
	free(item->user);
	free(item->scheme);
	wipe_free_str(item->plain);
	wipe_memory(item, sizeof(*item));
	free(item);
}

static struct rehash_item *item_new(struct rehash *rehash,
				    const struct rehash_login *login)
{
	struct rehash_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->rehash = rehash;
	item->user = strdup(login->user);
	item->scheme = strdup(login->scheme);
	item->plain = strdup(login->plain);
	item->width = login->width;
	item->like = rehash->set.rule->like;
	if (item->user == NULL || item->scheme == NULL ||
	    item->plain == NULL ||
	    !sha256_hex(login->stored, item->stored_digest)) {
		item_free(item);
		return NULL;
	}
	return item;
}

static struct rehash_item *queue_pop(struct rehash *rehash)
{
	struct rehash_item *item = rehash->queue;

	if (item != NULL) {
		rehash->queue = item->next;
		if (rehash->queue == NULL)
			rehash->queue_tail = &rehash->queue;
	}
	return item;
}

static void queue_push(struct rehash *rehash, struct rehash_item *item)
{
	item->next = NULL;
	*rehash->queue_tail = item;
	rehash->queue_tail = &item->next;
	rehash->count++;
}

static void queue_drop(struct rehash *rehash)
{
	struct rehash_item *item;

	while ((item = queue_pop(rehash)) != NULL) {
		item_free(item);
		rehash->count--;
	}
}

static bool rehash_has_user(const struct rehash *rehash, const char *user)
{
	const struct rehash_item *item = rehash->queue;

	if (rehash->current != NULL &&
	    strcmp(rehash->current->user, user) == 0)
		return true;
	while (item != NULL && strcmp(item->user, user) != 0)
		item = item->next;
	return item != NULL;
}

static void rehash_step(struct rehash *rehash);

static void rehash_finish_current(struct rehash *rehash)
{
	item_free(rehash->current);
	rehash->current = NULL;
	rehash->count--;
	rehash_step(rehash);
}

/* One line when something begins to fail, and quiet for a while: what fails
   for one user is going to fail for the next. */
static void rehash_fail(struct rehash *rehash, const char *reason,
			const char *cure)
{
	char failure[sizeof(rehash->failure)];

	snprintf(failure, sizeof(failure), "%s%s%s", reason,
		 *cure == '\0' ? "" : ": ", cure);
	if (strcmp(failure, rehash->failure) != 0) {
		memcpy(rehash->failure, failure, sizeof(failure));
		rehash_log(rehash, DBPOOL_LOG_ERROR, "rehash failed, logins "
			   "are not affected: %s", failure);
	}
	rehash->quiet_until = rehash->set.loop->now() + QUIET_MS;
	queue_drop(rehash);
	rehash_finish_current(rehash);
}

/* -- writing */

/* Whether the column takes a new password, as far as one is known. */
static bool rehash_has_room(struct rehash *rehash, unsigned long width)
{
	const struct schema_rehash *sql = rehash->set.sql;

	if (width >= rehash->need)
		return true;
	if (!rehash->narrow_logged) {
		rehash_log(rehash, DBPOOL_LOG_ERROR, "rehash: column %s of %s "
			   "takes %lu characters, a new password %lu: ALTER "
			   "TABLE %s MODIFY %s varchar(255) NOT NULL",
			   sql->column, sql->table, width, rehash->need,
			   sql->table, sql->column);
	}
	rehash->narrow_logged = true;
	return false;
}

static void rehash_written(struct rehash *rehash,
			   const struct rehash_item *item)
{
	rehash->narrow_logged = false;
	rehash->healed++;
	rehash_log(rehash, DBPOOL_LOG_INFO, "rehash: password of %s, %s until "
		   "now, is %s (%lu healed since start)", item->user,
		   item->scheme, rehash->set.rule->scheme, rehash->healed);
}

static void rehash_write_failed(struct rehash *rehash,
				const struct db_error *error)
{
	const struct schema_rehash *sql = rehash->set.sql;
	char reason[sizeof(error->text) + 32], cure[256] = "";
	const char *text = error->text;

	/* some errors quote a value, and there is no hash without these */
	if (strpbrk(text, "${") != NULL)
		text = "the server refused the new password";
	if (error->code == 0)
		snprintf(reason, sizeof(reason), "%s", text);
	else
		snprintf(reason, sizeof(reason), "%s (error %u)", text,
			 error->code);
	if (error->kind == DB_ERROR_RIGHTS) {
		snprintf(cure, sizeof(cure), "GRANT UPDATE (%s) ON %s to this "
			 "user", sql->column, sql->table);
	} else if (error->kind == DB_ERROR_READ_ONLY) {
		snprintf(cure, sizeof(cure), "name a server that takes "
			 "changes first in hosts, or leave rehash out");
	}
	rehash_fail(rehash, reason, cure);
}

static void rehash_write_callback(const struct db_rows *rows,
				  const struct db_error *error, void *context)
{
	struct rehash_item *item = context;
	struct rehash *rehash = item->rehash;

	if (rehash->stopping) {
		rehash_finish_current(rehash);
		return;
	}
	if (rows == NULL) {
		rehash_write_failed(rehash, error);
		return;
	}
	rehash->failure[0] = '\0';
	if (rows->affected > 0) {
		rehash_written(rehash, item);
	} else if (rehash->set.debug) {
		rehash_log(rehash, DBPOOL_LOG_DEBUG, "rehash: password of %s "
			   "has changed in the meantime", item->user);
	}
	rehash_finish_current(rehash);
}

static struct dbpool *rehash_pool(struct rehash *rehash)
{
	const struct dbpool_settings settings = {
		.servers = rehash->set.servers,
		.server_count = rehash->set.server_count,
		.connections = 1,
		.lookup_timeout_ms = rehash->set.write_timeout_ms,
		.idle_timeout_ms = IDLE_TIMEOUT_MS,
		.max_batch = 1,
		.statement_count = 1,
		.log = rehash_log_pool,
		.log_context = rehash,
		.debug = rehash->set.debug,
	};

	if (rehash->pool == NULL)
		rehash->pool = dbpool_new(&settings, rehash->set.loop);
	return rehash->pool;
}

static bool rehash_submit_write(struct rehash *rehash,
				struct rehash_item *item, const char *password)
{
	const char *const values[SCHEMA_REHASH_BINDS] = {
		password, item->user, item->stored_digest,
	};
	struct dbpool *pool = rehash_pool(rehash);

	return pool != NULL &&
		dbpool_submit(pool, &rehash->update, values,
			      rehash_write_callback, item);
}

static void rehash_write(struct rehash *rehash, struct rehash_item *item)
{
	struct strbuf password = STRBUF_INIT;
	bool submitted;

	rehash_rule_store(rehash->set.rule, item->made, &password);
	if (!password.failed)
		rehash->need = password.len;
	if (!rehash_has_room(rehash, item->width)) {
		strbuf_free(&password);
		rehash_finish_current(rehash);
		return;
	}
	submitted = !password.failed &&
		rehash_submit_write(rehash, item, strbuf_str(&password));
	strbuf_free(&password);
	if (!submitted)
		rehash_fail(rehash, "out of memory or descriptors", "");
}

/* -- hashing */

static void rehash_thread_start(void)
{
	hash_thread_start();
#ifdef __linux__
	/* there, of this thread alone */
	(void)setpriority(PRIO_PROCESS, 0, THREAD_NICE);
#endif
}

static void rehash_run(struct job *job)
{
	struct rehash_item *item = (struct rehash_item *)job;

	item->verdict = hash_make(&item->like, item->plain, item->made);
}

static void rehash_done(struct job *job)
{
	struct rehash_item *item = (struct rehash_item *)job;
	struct rehash *rehash = item->rehash;

	wipe_free_str(item->plain);
	item->plain = NULL;
	if (rehash->stopping) {
		rehash_finish_current(rehash);
		return;
	}
	switch (item->verdict) {
	case HASH_MATCH:
		rehash_write(rehash, item);
		break;
	case HASH_NO_MEMORY:
		rehash_fail(rehash, "out of memory for the new hash",
			    "raise vsz_limit of service auth");
		break;
	case HASH_MISMATCH:
	case HASH_UNUSABLE:
		rehash_fail(rehash, "the system's libraries do not make such "
			    "hashes", "choose another scheme for rehash");
		break;
	}
}

static void rehash_on_jobs(void *context)
{
	struct rehash *rehash = context;

	jobs_dispatch(rehash->jobs);
}

static bool rehash_submit_hash(struct rehash *rehash, struct rehash_item *item)
{
	const struct dbpool_loop *loop = rehash->set.loop;

	if (rehash->jobs == NULL) {
		rehash->jobs = jobs_new(1, rehash_thread_start, NULL);
		if (rehash->jobs == NULL)
			return false;
		rehash->jobs_watch = loop->watch_fd(jobs_fd(rehash->jobs), false,
						    rehash_on_jobs, rehash);
	}
	item->job.run = rehash_run;
	item->job.done = rehash_done;
	return jobs_submit(rehash->jobs, &item->job);
}

/* Takes up the next one, if none is under way. */
static void rehash_step(struct rehash *rehash)
{
	if (rehash->stopping || rehash->current != NULL ||
	    rehash->queue == NULL)
		return;
	rehash->current = queue_pop(rehash);
	if (!rehash_submit_hash(rehash, rehash->current)) {
		rehash_fail(rehash, "no thread could be started",
			    "raise vsz_limit or process_limit of service "
			    "auth");
	}
}

/* -- from outside */

void rehash_offer(struct rehash *rehash, const struct rehash_login *login)
{
	struct rehash_item *item;

	if (rehash == NULL || rehash->count >= QUEUE_MAX ||
	    rehash->set.loop->now() < rehash->quiet_until ||
	    !rehash_rule_wants(rehash->set.rule, login->hash, login->plain) ||
	    !rehash_has_room(rehash, login->width) ||
	    rehash_has_user(rehash, login->user))
		return;
	item = item_new(rehash, login);
	if (item == NULL)
		return;
	queue_push(rehash, item);
	rehash_step(rehash);
}

struct rehash *rehash_new(const struct rehash_params *params)
{
	struct rehash *rehash = calloc(1, sizeof(*rehash));

	if (rehash == NULL)
		return NULL;
	rehash->set = *params;
	rehash->update = (struct db_statement) {
		.id = 0,
		.text = params->sql->update,
		.queries = 1,
		.bind_count = SCHEMA_REHASH_BINDS,
		.changes = true,
	};
	rehash->queue_tail = &rehash->queue;
	return rehash;
}

void rehash_free(struct rehash **_rehash)
{
	struct rehash *rehash = *_rehash;

	if (rehash == NULL)
		return;
	*_rehash = NULL;
	rehash->stopping = true;
	queue_drop(rehash);
	/* one of the two has the current one and gives it back */
	dbpool_free(&rehash->pool);
	if (rehash->jobs_watch != NULL)
		rehash->set.loop->unwatch_fd(rehash->jobs_watch);
	jobs_free(&rehash->jobs);
	free(rehash);
}
