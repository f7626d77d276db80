/* SPDX-License-Identifier: MIT */
/*
 * What Dovecot 2.4's config process finds when it loads the settings module
 * (src/config/config-parser.c): the list of settings, and the version it was
 * built for.
 */
#include "dovecot/settings-24.h"

#define EXPORTED __attribute__((visibility("default")))

extern EXPORTED const char *postfixadmin_settings_version;
extern EXPORTED const struct setting_parser_info *
postfixadmin_settings_set_infos[];

const char *postfixadmin_settings_version = DOVECOT_ABI_VERSION;

const struct setting_parser_info *postfixadmin_settings_set_infos[] = {
	&settings_24_info,
	NULL
};
