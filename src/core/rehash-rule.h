/* SPDX-License-Identifier: MIT */
#ifndef PFA_REHASH_RULE_H
#define PFA_REHASH_RULE_H

#include "core/errbuf.h"
#include "core/hash.h"
#include "core/pfa-conf.h"
#include "core/strbuf.h"

/*
 * The setting rehash, checked: which stored passwords are to be replaced at a
 * login, and by what. Only by what PostfixAdmin verifies too, with the value of
 * its $CONF['encrypt'] that the setting encrypt repeats.
 */
struct rehash_rule {
	const char *scheme;	/* Dovecot's name of the new one */
	struct hash like;	/* for hash_make() */
	bool bare;		/* stored without {SCHEME} */
	size_t plain_max;	/* bytes of a password that count */
};

/* conf->rehash is set. Returns 0, or -1 with error filled in, for the setting
   rehash. */
int rehash_rule_new(const struct pfa_conf *conf,
		    const struct hash_limits *limits,
		    struct rehash_rule *rule_r, struct errbuf *error);

/* Whether the password that just matched the stored hash shall have a new one:
   the stored one is of another scheme or costs less. */
bool rehash_rule_wants(const struct rehash_rule *rule,
		       const struct hash *stored, const char *plain);

/* Appends what goes into the column for a hash that was made. */
void rehash_rule_store(const struct rehash_rule *rule, const char *made,
		       struct strbuf *out);

#endif
