/* SPDX-License-Identifier: MIT */
#ifndef AUTHDB_COMPAT_H
#define AUTHDB_COMPAT_H

/*
 * Every difference between the Dovecot versions the driver builds against, so
 * that nothing else needs to know one. compat-23.c is Dovecot 2.3, compat-24.c
 * and fields-24.c are 2.4; configure finds out which are built.
 *
 * Dovecot's own headers come first everywhere in this directory: its config.h
 * carries large-file definitions.
 */
#include "lib.h"
#include "auth-common.h"
#include "auth-request.h"
#include "passdb.h"
#include "userdb.h"

#include "core/account.h"
#include "core/errbuf.h"
#include "core/strbuf.h"

struct authdb_engine;

/*
 * Core's structs with ours behind them. Debian's security updates have changed
 * the size of core's within one ABI version; the gap keeps a module that was
 * built with the older headers from having core write over its own members
 * before authdb_check_layout() stops it.
 */
#define COMPAT_LAYOUT_SLACK 64

struct passdb_pfa_module {
	struct passdb_module module;
	unsigned char slack[COMPAT_LAYOUT_SLACK];
	struct authdb_engine *engine;
};

struct userdb_pfa_module {
	struct userdb_module module;
	unsigned char slack[COMPAT_LAYOUT_SLACK];
	struct authdb_engine *engine;
};

/* What is registered with core; the callbacks are passdb-postfixadmin.c's and
   userdb-postfixadmin.c's, preinit is in compat. */
extern struct passdb_module_interface compat_passdb_iface;
extern struct userdb_module_interface compat_userdb_iface;

/* Hands the account's fields to Dovecot, in the names of its version and, with
   2.4, through passdb_fields and userdb_fields. Returns 0, or -1 if these
   cannot be expanded, which is in the log then. */
int compat_set_passdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form);
int compat_set_userdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form);

/* Checks the plain password with Dovecot's own code; logs a mismatch. */
enum passdb_result compat_verify(struct auth_request *request,
				 const char *plain, const char *crypted,
				 const char *scheme);
/* The same for a password that nobody sent: logs nothing, and whatever the
   request's passdb or row say, the hash decides. 1: yes, 0: no, -1: it cannot
   be verified. */
int compat_matches(struct auth_request *request, const char *plain,
		   const char *crypted, const char *scheme);
/* Whether compat_verify() will look at the hash, and not have its answer
   already (nopassword, deny ...). */
bool compat_hash_decides(struct auth_request *request);
/* What stands behind the scheme, without the encoding that the scheme names;
   to be freed with compat_hash_free(), which wipes it. NULL if it cannot be
   decoded: then compat_matches() says so in no time. */
char *compat_hash_decode(const char *crypted, const char *scheme);
void compat_hash_free(char **text);
/* Whether this Dovecot lets schemes in that it calls weak. */
bool compat_allows_weak(struct auth_request *request);
/* The line that every backend logs for a wrong password. */
void compat_log_mismatch(struct auth_request *request);

/* The request is answered: wipes what the client sent with it, of which core
   keeps a copy with the password in it (auth-request-handler.c). */
void compat_forget(struct auth_request *request);

/* The line every backend logs for an unknown user. */
void compat_log_unknown_user(struct auth_request *request);

/* Expands one variable with the request's values: the template_expand_t of
   every lookup, context being the auth_request. The second one is for the
   drop-in form: the value that stock's SQL would hand the server. */
int compat_expand(const char *text, struct strbuf *out, void *context,
		  struct errbuf *error);
int compat_expand_dropin(const char *text, struct strbuf *out, void *context,
			 struct errbuf *error);

/* What the client logs in to: "imap", "smtp" ... */
const char *compat_service(const struct auth_request *request);

/* Where replies to that client are written. */
struct auth_client_connection;
struct ostream *
compat_client_output(const struct auth_client_connection *conn);

/* Whether auth debugging is on. */
bool compat_debug_enabled(void);

#endif
