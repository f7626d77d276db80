/* SPDX-License-Identifier: MIT */
/*
 * What Dovecot's auth process finds when it loads the module: three symbols,
 * and nothing else is exported (src/lib/module-dir.c, src/auth/auth.c).
 */
#include "dovecot/authdb-compat.h"

/* Everything else is compiled with hidden visibility. */
#define EXPORTED __attribute__((visibility("default")))

extern EXPORTED const char *authdb_postfixadmin_version;
EXPORTED void authdb_postfixadmin_init(void);
EXPORTED void authdb_postfixadmin_deinit(void);

const char *authdb_postfixadmin_version = DOVECOT_ABI_VERSION;

void authdb_postfixadmin_init(void)
{
	passdb_register_module(&compat_passdb_iface);
	userdb_register_module(&compat_userdb_iface);
}

void authdb_postfixadmin_deinit(void)
{
	passdb_unregister_module(&compat_passdb_iface);
	userdb_unregister_module(&compat_userdb_iface);
}
