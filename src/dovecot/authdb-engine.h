/* SPDX-License-Identifier: MIT */
#ifndef AUTHDB_ENGINE_H
#define AUTHDB_ENGINE_H

#include "lookup.h"
#include "verify/verify.h"

/*
 * The lookup engines of this auth process, one for each configuration, shared
 * by the passdbs and userdbs that have it.
 */
#define AUTHDB_NAME "postfixadmin"

struct authdb_engine;

/* A configuration that was read: the key is the same for equal ones, the name
   tells whoever reads the log where it stands. */
struct authdb_source {
	const char *key, *name;
	struct pfa_conf *conf;
	struct conf_lines *lines;	/* NULL: it has none */
};

/* The engine with this key, for one more passdb or userdb; NULL if there is
   none yet. */
struct authdb_engine *authdb_engine_find(const char *key);
/* Makes one, with which conf and lines go, also on failure. NULL with error
   filled in if the configuration can never work. */
struct authdb_engine *authdb_engine_new(const struct authdb_source *source,
					struct errbuf *error);
/* Fails what is under way, and is the last use by this passdb or userdb. */
void authdb_engine_release(struct authdb_engine **engine);

/* When the process is up: notices when Dovecot's master wants it to go. */
void authdb_engines_watch_master(void);

struct lookup_engine *authdb_engine_lookup(struct authdb_engine *engine);

/* The threads for slow hashes, made with their first use; NULL if memory or
   descriptors ran out. */
struct verify *authdb_engine_verify(struct authdb_engine *engine);
/* A password that could not be checked: a temporary failure, which is an error
   when it begins and, as long as it lasts, a line for auth_verbose. */
struct auth_request;
void authdb_engine_log_busy(struct authdb_engine *engine,
			    struct auth_request *request, const char *reason);
/* One could be checked: the trouble, if there was any, is over. */
void authdb_engine_log_checked(struct authdb_engine *engine);

/* The request's user has logged in: for the setting last_login. */
void authdb_engine_note_login(struct authdb_engine *engine,
			      const struct auth_request *request);

/* The variables of a request, for a lookup with this engine; valid as long as
   the request and its user name. */
struct template_vars authdb_engine_vars(struct authdb_engine *engine,
					struct auth_request *request);

/* The reason of every verdict but OK. Trouble is an error when it begins; while
   it lasts, and for whatever is the user's own, there is one line for each
   request with auth_verbose. */
void authdb_log_account(struct auth_request *request,
			const struct account *account);
/* Sends the event postfixadmin_refused with the reason as one word, which from
   now on is in every line about this lookup, and in Dovecot's event about its
   end. Returns the event for the line. */
struct event;
struct event *authdb_event_refused(struct auth_request *request,
				   const char *code);
/* A password that is not looked at. code is one word, for events. */
void authdb_log_refused(struct auth_request *request, const char *code,
			const char *reason);
/* Words for what is found out here; core/account.h has the others. */
#define AUTHDB_CODE_WRONG "password_wrong"
#define AUTHDB_CODE_UNUSABLE "password_unusable"
#define AUTHDB_CODE_SCHEME "scheme_unknown"
/* A wrong password. */
void authdb_log_mismatch(struct auth_request *request);

/* A userdb uses the engine. */
void authdb_engine_use_userdb(struct authdb_engine *engine);
/* Warns once, from the auth process, of what works and may not be meant:
   queries for a userdb that is not there, as stock does, and a client's
   password that goes to the database. */
void authdb_engine_warn(struct authdb_engine *engine);

#endif
