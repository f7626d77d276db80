/* SPDX-License-Identifier: MIT */
/*
 * What rehash = SCHEME[:COST] may be, by tables: the schemes that can be made,
 * and which of them PostfixAdmin reads with which $CONF['encrypt']. Computes no
 * hash and sees the length of a password only. Called by lookup-engine.c at
 * start and by rehash.c for each login.
 */
#include "core/rehash-rule.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* libxcrypt takes no longer passwords for any method of crypt(). */
#define CRYPT_PLAIN_MAX 511
#define BCRYPT_PLAIN_MAX 72

enum target_id {
	BLF_CRYPT, SHA256_CRYPT, SHA512_CRYPT, ARGON2I, ARGON2ID, PBKDF2,
	SCRAM_SHA_1, SCRAM_SHA_256,

	TARGET_COUNT
};

#define SET(id) (1U << (id))
#define CRYPTS (SET(BLF_CRYPT) | SET(SHA256_CRYPT) | SET(SHA512_CRYPT))
#define ARGON2S (SET(ARGON2I) | SET(ARGON2ID))
#define ALL (SET(TARGET_COUNT) - 1)

/* What a scheme costs, and what limits that. */
enum cost_kind {
	COST_BCRYPT,
	COST_ROUNDS,
	COST_PASSES,
};

static const struct {
	const char *setting;
	size_t limit;		/* offset in struct hash_limits */
} costs[] = {
	[COST_BCRYPT] = { "verify_max_bcrypt_cost",
			  offsetof(struct hash_limits, bcrypt_cost) },
	[COST_ROUNDS] = { "verify_max_rounds",
			  offsetof(struct hash_limits, rounds) },
	[COST_PASSES] = { "verify_max_passes",
			  offsetof(struct hash_limits, passes) },
};

/*
 * The costs are those of Dovecot's doveadm pw, and libsodium's "interactive"
 * memory, but bcrypt's is PHP's. The least ones are what hashes are verified
 * with: libxcrypt's, libsodium's (argon2i), Dovecot's (SCRAM).
 */
static const struct target {
	const char *scheme;
	enum hash_kind method;
	const char *id;
	unsigned int memory;
	enum cost_kind cost;
	unsigned int cost_default, cost_min;
	size_t plain_max;
} targets[TARGET_COUNT] = {
	[BLF_CRYPT] = { "BLF-CRYPT", HASH_CRYPT, "$2y$", 0,
			COST_BCRYPT, 10, 4, BCRYPT_PLAIN_MAX },
	[SHA256_CRYPT] = { "SHA256-CRYPT", HASH_CRYPT, "$5$", 0,
			   COST_ROUNDS, 5000, 1000, CRYPT_PLAIN_MAX },
	[SHA512_CRYPT] = { "SHA512-CRYPT", HASH_CRYPT, "$6$", 0,
			   COST_ROUNDS, 5000, 1000, CRYPT_PLAIN_MAX },
	[ARGON2I] = { "ARGON2I", HASH_ARGON2, "$argon2i$", 32768,
		      COST_PASSES, 4, 3, SIZE_MAX },
	[ARGON2ID] = { "ARGON2ID", HASH_ARGON2, "$argon2id$", 65536,
		       COST_PASSES, 3, 1, SIZE_MAX },
	[PBKDF2] = { "PBKDF2", HASH_PBKDF2, "", 0,
		     COST_ROUNDS, 5000, 1, SIZE_MAX },
	[SCRAM_SHA_1] = { "SCRAM-SHA-1", HASH_SCRAM_SHA1, "", 0,
			  COST_ROUNDS, 4096, 4096, SIZE_MAX },
	[SCRAM_SHA_256] = { "SCRAM-SHA-256", HASH_SCRAM_SHA256, "", 0,
			    COST_ROUNDS, 4096, 4096, SIZE_MAX },
};

/*
 * What PostfixAdmin's pacrypt() verifies with each value of $CONF['encrypt'],
 * in all versions that have the value: 3.2.4, 3.3.16, 4.0.5 and the development
 * branch were asked (tests/data/readable.tsv). The first row that fits counts.
 */
static const struct pacrypt {
	/* the value as 3.x compares it, or how it begins */
	const char *encrypt;
	bool begins;
	unsigned int readable;
	/* crypt strings stand there without {SCHEME} */
	bool bare;
} readers[] = {
	/* PHP's crypt(); 3.2 does not know prefixes */
	{ "php_crypt", true, CRYPTS, true },
	{ "system", false, CRYPTS, true },
	/* doveadm pw; 4.x itself for another scheme than the one named */
	{ "dovecot:", true, CRYPTS | ARGON2S, false },
	/* 3.x makes the one thing out of every password and compares. 4.x reads
	   more, but there is no telling them apart. */
	{ "md5crypt", false, 0, true },
	{ "md5", false, 0, true },
	{ "cleartext", false, 0, false },
	{ "sha512.b64", false, 0, false },
	/* the database's ENCRYPT(), with two bytes of salt in 3.2 */
	{ "mysql_encrypt", false, 0, true },
	/* knows its own four flavours */
	{ "authlib", true, 0, false },
	{ "AUTHLIB", true, 0, false },
	/* all others are 4.x's own, which tells by the prefix */
	{ "", true, CRYPTS | ARGON2S, false },
};

static const struct target *target_find(const char *name, size_t len)
{
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		if (strncasecmp(targets[i].scheme, name, len) == 0 &&
		    targets[i].scheme[len] == '\0')
			return &targets[i];
	}
	return NULL;
}

static const struct pacrypt *reader_find(const char *encrypt)
{
	const struct pacrypt *reader = readers;

	while (strncmp(encrypt, reader->encrypt,
		       strlen(reader->encrypt)) != 0 ||
	       (!reader->begins && strcmp(encrypt, reader->encrypt) != 0))
		reader++;
	return reader;
}

/* "BLF-CRYPT, SHA256-CRYPT or SHA512-CRYPT" */
static void append_names(struct strbuf *out, unsigned int set)
{
	for (unsigned int i = 0; i < TARGET_COUNT; i++) {
		if ((set & SET(i)) == 0)
			continue;
		set &= ~SET(i);
		if (out->len > 0)
			strbuf_append_str(out, set == 0 ? " or " : ", ");
		strbuf_append_str(out, targets[i].scheme);
	}
}

static int scheme_error(unsigned int set, const char *what,
			struct errbuf *error)
{
	struct strbuf names = STRBUF_INIT;

	append_names(&names, set);
	errbuf_set(error, "%s: write %s", what,
		   names.failed ? "another scheme" : strbuf_str(&names));
	strbuf_free(&names);
	return -1;
}

static int parse_cost(const char *text, unsigned int *cost_r)
{
	const size_t len = strlen(text);

	/* so many digits fit, and none at all are 0, which is too little */
	if (len > 9 || strspn(text, "0123456789") != len)
		return -1;
	*cost_r = 0;
	for (; *text != '\0'; text++)
		*cost_r = *cost_r * 10 + (*text - '0');
	return 0;
}

static void rule_init(struct rehash_rule *rule, const struct target *target)
{
	*rule = (struct rehash_rule) {
		.scheme = target->scheme,
		.like = {
			.method = target->method,
			.rounds = target->cost_default,
			.memory = target->memory,
		},
		.plain_max = target->plain_max,
	};
	strncat(rule->like.id, target->id, sizeof(rule->like.id) - 1);
}

/* cost: ":COST", or nothing */
static int rule_parse_cost(struct rehash_rule *rule,
			   const struct target *target, const char *cost,
			   struct errbuf *error)
{
	if (*cost == '\0' ||
	    (parse_cost(cost + 1, &rule->like.rounds) == 0 &&
	     rule->like.rounds >= target->cost_min))
		return 0;
	return errbuf_set(error, "behind the colon has to stand the cost, a "
			  "whole number from %u on", target->cost_min);
}

/* A healed user must be able to log in. */
static int rule_check_cost(const struct rehash_rule *rule,
			   const struct target *target,
			   const struct hash_limits *limits,
			   struct errbuf *error)
{
	const unsigned int limit = *(const unsigned int *)
		((const char *)limits + costs[target->cost].limit);

	if (rule->like.rounds > limit) {
		return errbuf_set(error, "logins with a cost of %u would be "
				  "refused, %s allows %u: lower the cost, or "
				  "raise that", rule->like.rounds,
				  costs[target->cost].setting, limit);
	}
	if (rule->like.memory > limits->memory) {
		return errbuf_set(error, "logins with %s would be refused, as "
				  "it takes %u MiB: raise verify_memory to "
				  "that", target->scheme,
				  rule->like.memory / 1024);
	}
	return 0;
}

/* "dovecot:PBKDF2" reads PBKDF2. */
static bool reader_is_for(const struct pacrypt *reader, const char *encrypt,
			  const struct target *target)
{
	return strcmp(reader->encrypt, "dovecot:") == 0 &&
		strcasecmp(encrypt + strlen(reader->encrypt),
			   target->scheme) == 0;
}

static int rule_check_reader(const struct pacrypt *reader, const char *encrypt,
			     const struct target *target, struct errbuf *error)
{
	char what[128];

	if ((reader->readable & SET(target - targets)) != 0 ||
	    reader_is_for(reader, encrypt, target))
		return 0;
	if (reader->readable != 0) {
		snprintf(what, sizeof(what), "PostfixAdmin could not read "
			 "that with encrypt = %.60s", encrypt);
		return scheme_error(reader->readable, what, error);
	}
	return errbuf_set(error, "PostfixAdmin, or its version 3, could read "
			  "no new hash with $CONF['encrypt'] = '%.60s': "
			  "change that to php_crypt or dovecot:SCHEME, and "
			  "encrypt here too", encrypt);
}

static int rule_check_postfixadmin(const struct pfa_conf *conf,
				   const struct pacrypt *reader,
				   const struct target *target,
				   struct errbuf *error)
{
	if (reader == NULL) {
		return errbuf_set(error, "what PostfixAdmin can read is known "
				  "only with encrypt: set it to the value of "
				  "$CONF['encrypt']");
	}
	return rule_check_reader(reader, conf->encrypt, target, error);
}

/*
 * Others who read a table of users take crypt strings as they are (Courier,
 * pam_mysql), so a prefix is put in front only where the table has them. Our
 * own reader is content with either, but not with a bare one in clear text.
 */
static bool rule_is_bare(const struct pfa_conf *conf,
			 const struct pacrypt *reader,
			 const struct target *target)
{
	if ((CRYPTS & SET(target - targets)) == 0)
		return false;
	if (reader == NULL)
		return true;
	/* php_crypt:METHOD:COST:{PREFIX} */
	return reader->bare && strchr(conf->encrypt, '{') == NULL;
}

static int rule_make(const struct pfa_conf *conf,
		     const struct hash_limits *limits,
		     struct rehash_rule *rule_r, struct errbuf *error)
{
	const struct pacrypt *reader = conf->encrypt == NULL ? NULL :
		reader_find(conf->encrypt);
	const size_t len = strcspn(conf->rehash, ":");
	const struct target *target = target_find(conf->rehash, len);

	if (target == NULL)
		return scheme_error(ALL, "no such hashes are made here", error);
	rule_init(rule_r, target);
	rule_r->bare = rule_is_bare(conf, reader, target);
	if (rule_parse_cost(rule_r, target, conf->rehash + len, error) < 0 ||
	    rule_check_cost(rule_r, target, limits, error) < 0)
		return -1;
	return conf->schema == PFA_SCHEMA_USERS ? 0 :
		rule_check_postfixadmin(conf, reader, target, error);
}

int rehash_rule_new(const struct pfa_conf *conf,
		    const struct hash_limits *limits,
		    struct rehash_rule *rule_r, struct errbuf *error)
{
	const int ret = rule_make(conf, limits, rule_r, error);

	if (ret < 0)
		error->setting = "rehash";
	return ret;
}

/* $2a$, $2b$ and $2y$ are one scheme. */
static bool same_scheme(const struct hash *a, const struct hash *b)
{
	return a->method == b->method &&
		(strcmp(a->id, b->id) == 0 ||
		 (strncmp(a->id, "$2", 2) == 0 &&
		  strncmp(b->id, "$2", 2) == 0));
}

/* To compare hashes of one scheme by. */
static uint64_t work(const struct hash *hash)
{
	return (uint64_t)hash->rounds *
		(hash->memory == 0 ? 1 : hash->memory);
}

bool rehash_rule_wants(const struct rehash_rule *rule,
		       const struct hash *stored, const char *plain)
{
	const size_t len = strlen(plain);

	return len > 0 && len <= rule->plain_max &&
		(!same_scheme(stored, &rule->like) ||
		 work(stored) < work(&rule->like));
}

void rehash_rule_store(const struct rehash_rule *rule, const char *made,
		       struct strbuf *out)
{
	if (!rule->bare) {
		strbuf_append_c(out, '{');
		strbuf_append_str(out, rule->scheme);
		strbuf_append_c(out, '}');
	}
	strbuf_append_str(out, made);
}
