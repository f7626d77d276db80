/* SPDX-License-Identifier: MIT */
#ifndef USERDB_POSTFIXADMIN_H
#define USERDB_POSTFIXADMIN_H

#include "dovecot/authdb-compat.h"

/* The callbacks of the userdb, as userdb.h of Dovecot describes them. */
void userdb_pfa_init(struct userdb_module *module);
void userdb_pfa_deinit(struct userdb_module *module);
void userdb_pfa_lookup(struct auth_request *request,
		       userdb_callback_t *callback);

struct userdb_iterate_context *
userdb_pfa_iterate_init(struct auth_request *request,
			userdb_iter_callback_t *callback, void *context);
void userdb_pfa_iterate_next(struct userdb_iterate_context *ctx);
int userdb_pfa_iterate_deinit(struct userdb_iterate_context *ctx);

#endif
