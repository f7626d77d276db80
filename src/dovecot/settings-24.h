/* SPDX-License-Identifier: MIT */
#ifndef SETTINGS_24_H
#define SETTINGS_24_H

/*
 * Dovecot 2.4: every setting of core/settings.def as Dovecot knows it. A module
 * of its own tells Dovecot's config process of them; the auth process asks for
 * their values. Both hold the same list, and refuse to go together if they do
 * not.
 *
 * A setting has three names: postfixadmin_X for all of Dovecot, and X inside
 * a passdb or userdb, which is passdb_postfixadmin_X or
 * userdb_postfixadmin_X and comes first where it is set. In a block, fields is
 * Dovecot's own: ours is account_fields there.
 */
#include "lib.h"
#include "settings.h"

enum settings_24_place {
	SETTINGS_24_GLOBAL,
	SETTINGS_24_PASSDB,
	SETTINGS_24_USERDB,

	SETTINGS_24_PLACES
};

enum settings_24_setting {
#define SETTING(kind, name, def, min, max, unit, help) \
	SETTINGS_24_##name,
#include "core/settings.def"
#undef SETTING

	SETTINGS_24_COUNT
};

struct settings_24 {
	pool_t pool;
	const char *values[SETTINGS_24_PLACES][SETTINGS_24_COUNT];
	/* by Dovecot's configuration, not by a default */
	bool given[SETTINGS_24_PLACES][SETTINGS_24_COUNT];
	const char *passdb_query, *userdb_query, *iterate_query;
	/* a file of Dovecot 2.3's form: known only to say what to do */
	const char *passdb_args, *userdb_args;
};

extern const struct setting_parser_info settings_24_info;

/* The name of core/settings.def. */
extern const char *const settings_24_names[SETTINGS_24_COUNT];
/* Whether its value is expanded for each request, not at start. */
bool settings_24_is_template(enum settings_24_setting setting);

#endif
