/* SPDX-License-Identifier: MIT */
#ifndef PFA_CONF_PRIVATE_H
#define PFA_CONF_PRIVATE_H

#include "core/pfa-conf.h"

/*
 * What the files of the configuration share: pfa-conf.c (life cycle, the named
 * form's file), pfa-conf-value.c (one value of a type) and pfa-conf-dropin.c
 * (the keys of dovecot-sql.conf.ext). Nobody else includes this.
 */
enum pfa_setting_type {
	PFA_SETTING_STR,
	PFA_SETTING_SECRET,
	PFA_SETTING_BOOL,
	PFA_SETTING_UINT,
	PFA_SETTING_TIME,
	PFA_SETTING_HOSTS,
	PFA_SETTING_SCHEMA,
	PFA_SETTING_TLS,
	PFA_SETTING_SMTP,
	PFA_SETTING_TOTP,
};

/* A row of settings.def. */
struct pfa_setting {
	const char *name;
	enum pfa_setting_type type;
	size_t offset;
	const char *def;
	unsigned int min, max;
};

/* NULL if there is no setting of that name. */
const struct pfa_setting *pfa_setting_find(const char *name);
/* Whether the drop-in form has it too: those of the verifier, as a limit that
   refuses a login must have a setting that raises it, and of the pool what
   stock has no word for. */
bool pfa_setting_is_shared(const char *name);

/* Checks the value and puts it into conf. 0, or -1 with error filled in; conf
   is then as it was. */
int pfa_setting_store(const struct pfa_setting *setting, struct pfa_conf *conf,
		      const char *value, struct errbuf *error);

/* Letters, digits and _ only, and not long: fit to be quoted in an error. */
bool pfa_conf_name_is_plain(const char *name);

/* Whether it is a key of dovecot-sql.conf.ext, !include among them. */
bool pfa_conf_key_is_dropin(const char *key);
/* pfa_conf_new()'s and pfa_conf_check()'s part of the forms with queries. */
int pfa_conf_queries_defaults(struct pfa_conf *conf, struct errbuf *error);
int pfa_conf_dropin_defaults(struct pfa_conf *conf, struct errbuf *error);
int pfa_conf_dropin_check(struct pfa_conf *conf, struct errbuf *error);

/* Frees the old text (wiping it) and copies the new one. */
int pfa_conf_replace_str(char **str, const char *value, struct errbuf *error);
/* Appends a host without name and socket. NULL if memory ran out. */
struct pfa_conf_host *pfa_conf_add_host(struct pfa_conf *conf);
void pfa_conf_clear_hosts(struct pfa_conf *conf);

/* Digits only, at most max: 0, or -1. */
int pfa_conf_parse_uint(const char *str, size_t len, unsigned long max,
			unsigned long *value_r);

#endif
