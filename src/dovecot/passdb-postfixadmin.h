/* SPDX-License-Identifier: MIT */
#ifndef PASSDB_POSTFIXADMIN_H
#define PASSDB_POSTFIXADMIN_H

#include "dovecot/authdb-compat.h"

/* The callbacks of the passdb, as passdb.h of Dovecot describes them. */
void passdb_pfa_init(struct passdb_module *module);
void passdb_pfa_deinit(struct passdb_module *module);
void passdb_pfa_verify_plain(struct auth_request *request,
			     const char *password,
			     verify_plain_callback_t *callback);
void passdb_pfa_lookup_credentials(struct auth_request *request,
				   lookup_credentials_callback_t *callback);

#endif
