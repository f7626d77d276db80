/* SPDX-License-Identifier: MIT */
#ifndef PASSDB_APP_H
#define PASSDB_APP_H

#include "dovecot/authdb-compat.h"

#include "core/account.h"

/*
 * The check of a password against a user's app passwords, one after the other,
 * each by its own scheme. Only the one that matches is told in the log.
 */
struct passdb_app_hash;
struct passdb_apps {
	/* filled in by the caller */
	struct auth_request *request;
	struct authdb_engine *engine;
	/* PASSWORD_MISMATCH: none of them, about which nothing was logged */
	void (*callback)(struct passdb_apps *apps, enum passdb_result result);

	/* passdb-app.c only */
	struct passdb_app_hash *list;
	unsigned int count, next;
};

/* The callback runs once, before this returns or later. */
void passdb_apps_start(struct passdb_apps *apps,
		       const struct account *account);

#endif
