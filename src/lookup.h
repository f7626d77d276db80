/* SPDX-License-Identifier: MIT */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "core/account.h"
#include "core/conf-lines.h"
#include "core/errbuf.h"
#include "core/hash.h"
#include "core/pfa-conf.h"
#include "pool/dbpool.h"

/*
 * One lookup from its parameters to a verdict, and the engine behind all
 * lookups of one configuration: its statements, its rules and its pool. This is
 * where core meets pool; it knows nothing of Dovecot.
 */
struct lookup_engine;
struct rehash;
struct last_login;

/*
 * Compiles the queries. Takes over conf and lines, also on failure. The pool is
 * made with the first lookup, so that a process which never looks up costs
 * nothing. path is named in messages. loop and the log live as long as the
 * engine. Returns 0, or -1 with error filled in, path and line not in its text.
 */
typedef void lookup_observe_t(const struct dbpool_event *event,
			      const char *query, void *context);
struct lookup_engine_params {
	struct pfa_conf *conf;
	struct conf_lines *lines;	/* NULL: unknown */
	const char *path;
	const struct dbpool_loop *loop;
	dbpool_log_t *log;
	/* told what the pool does, query being the name of the query of
	   DBPOOL_EVENT_QUERY; NULL: nobody */
	lookup_observe_t *observe;
	void *log_context;		/* of both */
	bool debug;
};
int lookup_engine_new(const struct lookup_engine_params *params,
		      struct lookup_engine **engine_r, struct errbuf *error);
/* Lookups under way get their callbacks first. NULL is fine. */
void lookup_engine_free(struct lookup_engine **engine);
/* The same without freeing: lookups under way fail, later ones too. */
void lookup_engine_stop(struct lookup_engine *engine);

/* From now on no lookup takes longer than this, not those under way either:
   whoever waits for the end of the process need not wait for a database. */
void lookup_engine_hurry(struct lookup_engine *engine,
			 unsigned int lookup_timeout_ms);

const struct pfa_conf *lookup_engine_conf(const struct lookup_engine *engine);
/* What a stored hash may ask for. */
const struct hash_limits *
lookup_engine_hash_limits(const struct lookup_engine *engine);
/* The healer of the engine's passwords; NULL if rehash is not set, or after
   lookup_engine_stop(). */
struct rehash *lookup_engine_rehash(const struct lookup_engine *engine);
/* Who has logged in is told here; NULL if last_login is not set, or after
   lookup_engine_stop(). */
struct last_login *
lookup_engine_last_login(const struct lookup_engine *engine);
/* The queries as configured or built in, with their variables. */
const char *lookup_engine_query(const struct lookup_engine *engine,
				enum account_kind kind);

/* Whether a query binds the password that the client sent. */
bool lookup_engine_binds_password(const struct lookup_engine *engine);

/* account lives until the callback returns. */
typedef void lookup_callback_t(const struct account *account, void *context);

/* Embedded by the caller, who fills in the first part. */
struct lookup {
	struct lookup_engine *engine;
	enum account_kind kind;
	struct template_vars vars;	/* valid until the callback */
	/* "imap", "smtp" ...; NULL: unknown; valid as long */
	const char *service;
	/* the client's address, one of IPv4 as such; NULL or "": unknown */
	const char *remote;
	lookup_callback_t *callback;
	void *context;

	/* lookup.c only */
	bool ascii;
	/* the address that vars.user stands for; vars.user, then */
	struct strbuf target;
	bool redirected;
	/* what is known while more is asked */
	struct account account;
};

/* The callback runs once, either before this returns (the answer needs no
   database) or later from the loop. There is no cancelling. */
void lookup_start(struct lookup *lookup);

/*
 * All user names. The callback gets the next one (valid until it returns) for
 * each lookup_iterate_next(), NULL at the end; error is set if the list is
 * incomplete. It is never called inside lookup_iterate_start(), but may be
 * inside lookup_iterate_next(), and may itself call that and
 * lookup_iterate_end().
 */
struct lookup_iterate;
typedef void lookup_iterate_callback_t(const char *user, const char *error,
				       void *context);
/* NULL with error filled in on failure. */
struct lookup_iterate *
lookup_iterate_start(struct lookup_engine *engine,
		     const struct template_vars *vars,
		     lookup_iterate_callback_t *callback, void *context,
		     struct errbuf *error);
void lookup_iterate_next(struct lookup_iterate *iterate);
void lookup_iterate_end(struct lookup_iterate **iterate);

#endif
