/* SPDX-License-Identifier: MIT */
/*
 * The hashes that a new site writes, by a table. A process that has just
 * started has seen none, and yet must not answer faster for a user who does not
 * exist. Called once by dovecot/authdb-engine.c.
 */
#include "core/hash-usual.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DOVECOT "dovecot:"

/*
 * Where versions differ it is the newest: 4.x writes bcrypt for md5crypt. The
 * costs are PHP's, or doveadm pw's where the name begins with "dovecot:". The
 * first row that fits counts.
 */
static const struct usual_hash {
	const char *name;
	/* ":COST" may follow */
	bool has_cost;
	struct hash like;
} usual_hashes[] = {
	{ "php_crypt", false, { HASH_CRYPT, .id = "$2y$", .rounds = 10 } },
	{ "php_crypt:BLOWFISH", true,
	  { HASH_CRYPT, .id = "$2y$", .rounds = 10 } },
	{ "php_crypt:SHA256", true,
	  { HASH_CRYPT, .id = "$5$", .rounds = 5000 } },
	{ "php_crypt:SHA512", true,
	  { HASH_CRYPT, .id = "$6$", .rounds = 5000 } },
	{ "md5crypt", false, { HASH_CRYPT, .id = "$2y$", .rounds = 10 } },
	{ "sha512.b64", false, { HASH_CRYPT, .id = "$6$", .rounds = 5000 } },
	{ "mysql_encrypt", false, { HASH_CRYPT, .id = "$6$", .rounds = 5000 } },
	{ DOVECOT "BLF-CRYPT", false,
	  { HASH_CRYPT, .id = "$2y$", .rounds = 5 } },
	{ DOVECOT "CRYPT", false, { HASH_CRYPT, .id = "$2y$", .rounds = 5 } },
	{ DOVECOT "PBKDF2", false, { HASH_PBKDF2, .rounds = 5000 } },
	{ DOVECOT "SCRAM-SHA-1", false, { HASH_SCRAM_SHA1, .rounds = 4096 } },
	{ DOVECOT "SCRAM-SHA-256", false,
	  { HASH_SCRAM_SHA256, .rounds = 4096 } },
	{ DOVECOT "SHA256-CRYPT", false,
	  { HASH_CRYPT, .id = "$5$", .rounds = 5000 } },
	{ DOVECOT "SHA512-CRYPT", false,
	  { HASH_CRYPT, .id = "$6$", .rounds = 5000 } },
	{ DOVECOT "ARGON2I", false,
	  { HASH_ARGON2, .id = "$argon2i$", .rounds = 4, .memory = 32768 } },
	{ DOVECOT "ARGON2ID", false,
	  { HASH_ARGON2, .id = "$argon2id$", .rounds = 3, .memory = 65536 } },
	{ "BLF-CRYPT", false, { HASH_CRYPT, .id = "$2y$", .rounds = 10 } },
	{ "CRYPT", false, { HASH_CRYPT, .id = "$2y$", .rounds = 10 } },
	{ "SHA256-CRYPT", false, { HASH_CRYPT, .id = "$5$", .rounds = 5000 } },
	{ "SHA512-CRYPT", false, { HASH_CRYPT, .id = "$6$", .rounds = 5000 } },
	{ "ARGON2I", false,
	  { HASH_ARGON2, .id = "$argon2i$", .rounds = 4, .memory = 65536 } },
	{ "ARGON2ID", false,
	  { HASH_ARGON2, .id = "$argon2id$", .rounds = 4, .memory = 65536 } },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Up to the end, to ".B64" and the like, or to ":COST". */
static bool name_fits(const struct usual_hash *usual, const char *name)
{
	const size_t len = strlen(usual->name);

	return strncasecmp(name, usual->name, len) == 0 &&
		(name[len] == '\0' || name[len] == '.' ||
		 (name[len] == ':' && usual->has_cost));
}

static bool usual_find(const char *name, struct hash *like_r)
{
	const char *cost;

	for (size_t i = 0; i < COUNT(usual_hashes); i++) {
		if (!name_fits(&usual_hashes[i], name))
			continue;
		*like_r = usual_hashes[i].like;
		cost = name + strlen(usual_hashes[i].name);
		if (*cost == ':' && strtoul(cost + 1, NULL, 10) > 0)
			like_r->rounds = strtoul(cost + 1, NULL, 10);
		return true;
	}
	return false;
}

bool hash_usual(const struct pfa_conf *conf, struct hash *like_r)
{
	char name[sizeof(DOVECOT) + 32] = DOVECOT;

	if (conf->form == PFA_CONF_NAMED)
		return conf->encrypt != NULL &&
			usual_find(conf->encrypt, like_r);
	strncat(name, conf->default_pass_scheme, 32);
	return usual_find(name, like_r);
}
