/* SPDX-License-Identifier: MIT */
/*
 * The list of settings for Dovecot 2.4, in both modules. All of them are texts
 * for Dovecot, as core/pfa-conf.c knows what may be in each one, in the words
 * it has for a file of 2.3.
 */
#include "dovecot/settings-24.h"

#include "core/pfa-conf.h"

#define VALUE(place, name) \
	offsetof(struct settings_24, \
		 values[SETTINGS_24_##place][SETTINGS_24_##name])

#define BLOCK_KEY(block, name) \
	(SETTINGS_24_##name == SETTINGS_24_fields ? \
	 block "_postfixadmin_account_fields" : block "_postfixadmin_" #name)

static const struct setting_define settings_24_defines[] = {
#define SETTING(kind, name, def, min, max, unit, help) \
	{ .type = SET_STR, .key = "postfixadmin_" #name, \
	  .offset = VALUE(GLOBAL, name) }, \
	{ .type = SET_STR, .key = BLOCK_KEY("passdb", name), \
	  .offset = VALUE(PASSDB, name) }, \
	{ .type = SET_STR, .key = BLOCK_KEY("userdb", name), \
	  .offset = VALUE(USERDB, name) },
#include "core/settings.def"
#undef SETTING
	SETTING_DEFINE_STRUCT_STR("passdb_postfixadmin_query", passdb_query,
				  struct settings_24),
	SETTING_DEFINE_STRUCT_STR("userdb_postfixadmin_query", userdb_query,
				  struct settings_24),
	SETTING_DEFINE_STRUCT_STR("userdb_postfixadmin_iterate_query",
				  iterate_query, struct settings_24),
	SETTING_DEFINE_STRUCT_STR("passdb_postfixadmin_args", passdb_args,
				  struct settings_24),
	SETTING_DEFINE_STRUCT_STR("userdb_postfixadmin_args", userdb_args,
				  struct settings_24),
	SETTING_DEFINE_LIST_END
};

static const struct settings_24 settings_24_defaults = {
	.values = {
		[SETTINGS_24_GLOBAL] = {
#define SETTING(kind, name, def, min, max, unit, help) \
			[SETTINGS_24_##name] = (def) == NULL ? "" : (def),
#include "core/settings.def"
#undef SETTING
		},
#define SETTING(kind, name, def, min, max, unit, help) \
			[SETTINGS_24_##name] = "",
		[SETTINGS_24_PASSDB] = {
#include "core/settings.def"
		},
		[SETTINGS_24_USERDB] = {
#include "core/settings.def"
		},
#undef SETTING
	},
	.passdb_query = "",
	.userdb_query = "",
	.iterate_query = "",
	.passdb_args = "",
	.userdb_args = "",
};

const char *const settings_24_names[SETTINGS_24_COUNT] = {
#define SETTING(kind, name, def, min, max, unit, help) \
	[SETTINGS_24_##name] = #name,
#include "core/settings.def"
#undef SETTING
};

bool settings_24_is_template(enum settings_24_setting setting)
{
	return setting == SETTINGS_24_home || setting == SETTINGS_24_mail ||
		setting == SETTINGS_24_uid || setting == SETTINGS_24_gid;
}

/* One value, when Dovecot reads its configuration; what holds between several
   is known when a passdb or userdb uses them. */
static bool settings_24_check_value(struct pfa_conf *conf,
				    enum settings_24_setting setting,
				    const char *value, const char **error_r)
{
	struct errbuf error;

	/* not known before auth starts: %{env:X} */
	if (value == set_value_unknown || strchr(value, '%') != NULL ||
	    *value == '\0')
		return TRUE;
	if (pfa_conf_set(conf, settings_24_names[setting], value, &error) == 0)
		return TRUE;
	*error_r = t_strdup_printf("postfixadmin: %s", error.text);
	return FALSE;
}

static bool settings_24_check_args(const char *args, const char **error_r)
{
	if (*args == '\0')
		return TRUE;
	*error_r = t_strdup_printf("postfixadmin: args = %s: Dovecot 2.4 reads "
		"no such file: write its settings into Dovecot's "
		"configuration, each with postfixadmin_ in front, and its "
		"variables as %%{user} (dovecot-2.4.md has both forms)", args);
	return FALSE;
}

static bool settings_24_check(void *_set, pool_t pool ATTR_UNUSED,
			      const char **error_r)
{
	const struct settings_24 *set = _set;
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_NAMED);
	unsigned int place, i;
	bool valid = conf != NULL;

	if (!valid)
		*error_r = "postfixadmin: out of memory";
	valid = valid && settings_24_check_args(set->passdb_args, error_r) &&
		settings_24_check_args(set->userdb_args, error_r);
	for (place = 0; valid && place < SETTINGS_24_PLACES; place++) {
		for (i = 0; valid && i < SETTINGS_24_COUNT; i++) {
			valid = settings_24_check_value(conf, i,
				set->values[place][i], error_r);
		}
	}
	pfa_conf_free(&conf);
	return valid;
}

/* Called for every value, those of defaults among them, which alone are at the
   place of the default: a block may set the empty value, too. */
static bool settings_24_apply(struct event *event ATTR_UNUSED, void *_set,
			      const char *key, const char **value,
			      enum setting_apply_flags flags ATTR_UNUSED,
			      const char **error_r ATTR_UNUSED)
{
	struct settings_24 *set = _set;
	const char *const *defaults = &settings_24_defaults.values[0][0];
	size_t index;
	unsigned int i;

	for (i = 0; i < SETTINGS_24_PLACES * SETTINGS_24_COUNT; i++) {
		if (strcmp(settings_24_defines[i].key, key) != 0)
			continue;
		index = (settings_24_defines[i].offset -
			 offsetof(struct settings_24, values)) /
			sizeof(*defaults);
		(&set->given[0][0])[index] = *value != defaults[index];
	}
	return TRUE;
}

const struct setting_parser_info settings_24_info = {
	.name = "postfixadmin",
	.defines = settings_24_defines,
	.defaults = &settings_24_defaults,
	.struct_size = sizeof(struct settings_24),
	.pool_offset1 = 1 + offsetof(struct settings_24, pool),
	.setting_apply = settings_24_apply,
	.check_func = settings_24_check,
};
