/* SPDX-License-Identifier: MIT */
#ifndef PASSDB_VERIFY_H
#define PASSDB_VERIFY_H

#include "dovecot/authdb-compat.h"

#include "dovecot/passdb-app.h"

#include "core/account.h"

/*
 * The check of a password that a client sent in plain text. Every result but
 * OK has left its reason in the log, and takes the time that OK takes.
 */
struct passdb_verify {
	/* filled in by the caller */
	struct auth_request *request;
	struct authdb_engine *engine;
	void (*callback)(struct passdb_verify *verify,
			 enum passdb_result result);

	/* passdb-verify.c only */
	enum passdb_result account_result;
	struct passdb_verify_heal *heal;
	struct passdb_apps apps;
	const char *password_refused;
};

/* account_result is what Dovecot is to be told about the account itself; the
   password is looked at either way. The callback runs once, before this
   returns or later. */
void passdb_verify_start(struct passdb_verify *verify,
			 enum passdb_result account_result,
			 const struct account *account);

/* Whether the stored password is an empty one, or its hash, as far as that can
   be told without computing a slow one. With a mechanism that has no password
   sent, nobody else would notice. */
bool passdb_verify_is_empty(struct auth_request *request, const char *crypted,
			    const char *scheme);

/* The reason, as one word, for which Dovecot will not make the wanted
   credentials of the stored password; NULL if it will. */
const char *passdb_verify_no_credentials(const struct auth_request *request,
					 const char *crypted,
					 const char *scheme);

/*
 * SCRAM with a clear text password in the row: Dovecot would make the
 * credentials on the spot, thousands of rounds for each login.
 */
struct passdb_scram {
	/* filled in by the caller */
	struct auth_request *request;
	struct authdb_engine *engine;
	/* password: of the scheme that the request wants, NULL if the result
	   is not OK */
	void (*callback)(struct passdb_scram *scram, enum passdb_result result,
			 const char *password);
};
/* FALSE if this is no such case: then no callback comes. crypted is what
   stands behind the stored password's scheme. */
bool passdb_scram_start(struct passdb_scram *scram, const char *crypted,
			const char *scheme);

#endif
