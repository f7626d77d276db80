/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_READ_24_H
#define SETTINGS_READ_24_H

#include "core/account.h"
#include "core/pfa-conf.h"

struct event;

/*
 * Dovecot 2.4: the settings of one passdb or userdb, as the event of its
 * preinit has them.
 */
struct settings_read_24 {
	struct pfa_conf *conf;		/* whoever asks owns it */
	/* the same for equal settings, and no secret */
	const char *key;
	/* text with every variable that an answer depends on */
	const char *cache_vars;
};

/* Texts are on the data stack. Returns 0, or -1 with error_r set. */
int settings_read_24(struct event *event, enum account_kind kind,
		     struct settings_read_24 *read_r, const char **error_r);

#endif
