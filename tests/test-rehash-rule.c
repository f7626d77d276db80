/* SPDX-License-Identifier: MIT */
/*
 * The setting rehash against what PostfixAdmin itself could read
 * (tests/data/readable.tsv), against our own reading, and which logins heal.
 */
#include "core/rehash-rule.h"
#include "core/scheme.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define READABLE TOP_SRCDIR "/tests/data/readable.tsv"
#define READABLE_ROWS 93

static const char *const schemes[] = {
	"BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "ARGON2I", "ARGON2ID",
	"PBKDF2", "SCRAM-SHA-1", "SCRAM-SHA-256",
};

static const struct hash_limits limits = {
	.bcrypt_cost = 14, .rounds = 1000000, .passes = 16, .memory = 131072,
};

static struct errbuf error;

/* encrypt may be NULL */
static int make_rule(const char *rehash, const char *encrypt,
		     const char *schema, struct rehash_rule *rule_r)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_NAMED);
	int ret;

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	memset(&error, 0, sizeof(error));
	if (pfa_conf_set(conf, "rehash", rehash, &error) < 0 ||
	    pfa_conf_set(conf, "schema", schema, &error) < 0 ||
	    (encrypt != NULL &&
	     pfa_conf_set(conf, "encrypt", encrypt, &error) < 0))
		CU_FAIL_FATAL(error.text);
	ret = rehash_rule_new(conf, &limits, rule_r, &error);
	if (ret < 0)
		CU_ASSERT_STRING_EQUAL(error.setting, "rehash");
	pfa_conf_free(&conf);
	return ret;
}

static void stored_form(const struct rehash_rule *rule, const char *made,
			char *buf, size_t size)
{
	struct strbuf out = STRBUF_INIT;

	rehash_rule_store(rule, made, &out);
	snprintf(buf, size, "%s", strbuf_str(&out));
	strbuf_free(&out);
}

/* Whether a list of words separated by blanks holds the word. */
static bool has_word(const char *list, const char *word)
{
	const size_t len = strlen(word);
	const char *p = list;

	while ((p = strstr(p, word)) != NULL) {
		if ((p == list || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return true;
		p += len;
	}
	return false;
}

/* In the table's words: "SCHEME" for bare, "{SCHEME}" with the prefix. */
static void check_readable(const char *encrypt, const char *scheme,
			   const char *readable)
{
	char bare[32], prefixed[32], form[64], name[128];
	struct rehash_rule rule;

	snprintf(bare, sizeof(bare), "%s", scheme);
	snprintf(prefixed, sizeof(prefixed), "{%s}", scheme);
	snprintf(name, sizeof(name), "%s, %s", encrypt, scheme);
	if (make_rule(scheme, encrypt, "postfixadmin", &rule) < 0) {
		UNIT_ASSERT_ROW(name, !has_word(readable, bare) &&
				!has_word(readable, prefixed));
		return;
	}
	stored_form(&rule, "", form, sizeof(form));
	UNIT_ASSERT_ROW(name, has_word(readable, rule.bare ? bare : prefixed));
	UNIT_ASSERT_ROW(name, strcmp(form, rule.bare ? "" : prefixed) == 0);
}

static void read_table(void (*check)(const char *encrypt, const char *scheme,
				     const char *readable))
{
	char line[512], *encrypt, *readable;
	unsigned int rows = 0;
	FILE *file = fopen(READABLE, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), file));
	while (fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		encrypt = line;
		readable = strrchr(line, '\t');
		CU_ASSERT_PTR_NOT_NULL_FATAL(readable);
		*readable++ = '\0';
		encrypt[strcspn(encrypt, "\t")] = '\0';
		for (size_t i = 0; i < N_ROWS(schemes); i++)
			check(encrypt, schemes[i], readable);
		rows++;
	}
	fclose(file);
	CU_ASSERT_EQUAL(rows, READABLE_ROWS);
}

static void test_rehash_rule_is_what_postfixadmin_reads(void)
{
	struct rehash_rule rule;

	read_table(check_readable);
	/* 4.x compares without case, and begins like one of 3.x */
	CU_ASSERT_EQUAL(make_rule("ARGON2ID", "md5raw", "postfixadmin", &rule),
			0);
}

#define BCRYPT "IHotXSo19UCmdcnSOvVa9OUYGLYJzBsxmuJwDZ6mYmWGdMjjuH8dy"
#define SHA512 "q3pEho4tidRDN7Uf$/6WxBFx5.QHJsQmJcJNmpW6Ojwg6rCJOAG3ShFN." \
	"u7pyhcOh.ebDqUefYjw5aB68Id/XpW4PbpBnjqr4kF9gI0"

/* One of each scheme, at its usual cost. */
static const char *const made[] = {
	"$2y$10$" BCRYPT,
	"$5$AKQGj8hZpOj3XLhV$VwYf7yglPk/vn8UYVRkVsXUcGZ8HLpcqKSqlLTPUFY2",
	"$6$" SHA512,
	"$argon2i$v=19$m=32768,t=4,p=1$GhADxNxyHhLp8yYWGHfJ1g$"
		"YVEs7ofLlg8zSHSe6iSI4gtR1HHwZiKpCpALnyCv2hw",
	"$argon2id$v=19$m=65536,t=3,p=1$h1VXNJFYPo7/lnd9sRqPWQ$"
		"VEBoC1151ZYzs5A4fNfBmgxpVfCjD6tdBerxxZB958c",
	"$1$TRUbFbOiIwkh.qD1$5000$f5c4825cb75a6b9ba6b444461e894502ce3cb78b",
	"4096,HgrCJ+svGRYndoE7cflpdg==,1Os0xSKms1QY8Cv9Y8o5mhwdLRs=,"
		"aGu9+SuK89ey3bJruPgg+X8AT6E=",
	"4096,J39PjKVFY6LnQthO2SbkAw==,"
		"OcNUlKpgl3Wmi0hoDaeB07PatntJun86q8BWbyxaej4=,"
		"Wsp99+jRsUMJtCYL7Lx6j4TBzJ9guSfXwG/3sXtNciI=",
};

static const char *made_by(const char *scheme)
{
	size_t i = 0;

	while (strcmp(schemes[i], scheme) != 0)
		i++;
	return made[i];
}

/* What is written is read as the scheme it is, and needs no further healing. */
static void check_own_reading(const char *schema, const char *encrypt,
			      const char *scheme)
{
	struct scheme_hint hint = { NULL, NULL };
	struct strbuf normal = STRBUF_INIT;
	struct rehash_rule rule;
	char stored[256], want[256], name[128];
	struct hash hash;

	if (make_rule(scheme, encrypt, schema, &rule) < 0)
		return;
	snprintf(name, sizeof(name), "%s, %s",
		 encrypt == NULL ? "no encrypt" : encrypt, scheme);
	stored_form(&rule, made_by(scheme), stored, sizeof(stored));
	snprintf(want, sizeof(want), "{%s}%s", scheme, made_by(scheme));
	if (encrypt != NULL)
		CU_ASSERT_EQUAL(scheme_hint_parse(encrypt, &hint, &error), 0);
	UNIT_ASSERT_ROW(name, scheme_normalize(stored, &hint, &normal) == NULL);
	UNIT_ASSERT_ROW(name, strcmp(strbuf_str(&normal), want) == 0);
	UNIT_ASSERT_ROW(name, hash_parse(scheme, made_by(scheme), &limits,
					 &hash, &error) == 0);
	UNIT_ASSERT_ROW(name, hash_same_cost(&hash, &rule.like));
	UNIT_ASSERT_ROW(name, !rehash_rule_wants(&rule, &hash, "secret"));
	strbuf_free(&normal);
}

static void check_both_schemas(const char *encrypt, const char *scheme,
			       const char *readable)
{
	(void)readable;
	check_own_reading("postfixadmin", encrypt, scheme);
	check_own_reading("users", encrypt, scheme);
}

static void test_rehash_rule_is_what_we_read(void)
{
	read_table(check_both_schemas);
	for (size_t i = 0; i < N_ROWS(schemes); i++) {
		check_own_reading("users", NULL, schemes[i]);
		check_own_reading("users", "mysql_encrypt", schemes[i]);
	}
}

static void test_rehash_rule_form_of_a_users_table(void)
{
	static const struct {
		const char *encrypt, *rehash;
		bool bare;
	} rows[] = {
		{ NULL, "SHA512-CRYPT", true },
		{ NULL, "BLF-CRYPT", true },
		{ NULL, "ARGON2ID", false },
		{ NULL, "SCRAM-SHA-256", false },
		{ "md5crypt", "SHA512-CRYPT", true },
		{ "cleartext", "SHA512-CRYPT", false },
		{ "dovecot:MD5-CRYPT", "SHA512-CRYPT", false },
		{ "php_crypt:MD5::{MD5-CRYPT}", "SHA512-CRYPT", false },
	};
	struct rehash_rule rule;

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		UNIT_ASSERT_ROW(rows[i].rehash,
				make_rule(rows[i].rehash, rows[i].encrypt,
					  "users", &rule) == 0);
		UNIT_ASSERT_ROW(rows[i].rehash, rule.bare == rows[i].bare);
	}
}

static void test_rehash_rule_takes_a_cost(void)
{
	static const struct {
		const char *rehash, *scheme, *id;
		unsigned int rounds, memory;
	} rows[] = {
		{ "BLF-CRYPT", "BLF-CRYPT", "$2y$", 10, 0 },
		{ "blf-crypt:4", "BLF-CRYPT", "$2y$", 4, 0 },
		{ "BLF-CRYPT:14", "BLF-CRYPT", "$2y$", 14, 0 },
		{ "SHA256-CRYPT:1000", "SHA256-CRYPT", "$5$", 1000, 0 },
		{ "SHA512-CRYPT", "SHA512-CRYPT", "$6$", 5000, 0 },
		{ "Sha512-Crypt:1000000", "SHA512-CRYPT", "$6$", 1000000, 0 },
		{ "ARGON2I", "ARGON2I", "$argon2i$", 4, 32768 },
		{ "ARGON2I:3", "ARGON2I", "$argon2i$", 3, 32768 },
		{ "ARGON2ID", "ARGON2ID", "$argon2id$", 3, 65536 },
		{ "ARGON2ID:1", "ARGON2ID", "$argon2id$", 1, 65536 },
		{ "PBKDF2:600000", "PBKDF2", "", 600000, 0 },
		{ "SCRAM-SHA-1", "SCRAM-SHA-1", "", 4096, 0 },
		{ "SCRAM-SHA-256:10000", "SCRAM-SHA-256", "", 10000, 0 },
	};
	struct rehash_rule rule;

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		const char *name = rows[i].rehash;

		UNIT_ASSERT_ROW(name, make_rule(name, NULL, "users",
						&rule) == 0);
		UNIT_ASSERT_ROW(name, strcmp(rule.scheme,
					     rows[i].scheme) == 0);
		UNIT_ASSERT_ROW(name, strcmp(rule.like.id, rows[i].id) == 0);
		UNIT_ASSERT_ROW(name, rule.like.rounds == rows[i].rounds);
		UNIT_ASSERT_ROW(name, rule.like.memory == rows[i].memory);
	}
}

static void test_rehash_rule_refuses(void)
{
	static const struct {
		const char *rehash, *encrypt, *text;
	} rows[] = {
		{ "MD5-CRYPT", "php_crypt", "no such hashes are made here: "
		  "write BLF-CRYPT, SHA256-CRYPT, SHA512-CRYPT, ARGON2I, "
		  "ARGON2ID, PBKDF2, SCRAM-SHA-1 or SCRAM-SHA-256" },
		{ "BLF", "php_crypt", "no such hashes" },
		{ "BLF-CRYPT-X", "php_crypt", "no such hashes" },
		{ "BLF-CRYPT.B64", "php_crypt", "no such hashes" },
		{ "{BLF-CRYPT}", "php_crypt", "no such hashes" },
		{ ":10", "php_crypt", "no such hashes" },
		{ "BLF-CRYPT:", "php_crypt", "whole number from 4 on" },
		{ "BLF-CRYPT:3", "php_crypt", "whole number from 4 on" },
		{ "BLF-CRYPT: 10", "php_crypt", "whole number" },
		{ "BLF-CRYPT:10x", "php_crypt", "whole number" },
		{ "BLF-CRYPT:-10", "php_crypt", "whole number" },
		{ "SHA512-CRYPT:999", "php_crypt", "from 1000 on" },
		{ "SHA512-CRYPT:4294972296", "php_crypt", "whole number" },
		{ "ARGON2I:2", "dovecot:ARGON2I", "from 3 on" },
		{ "SCRAM-SHA-1:4095", "dovecot:SCRAM-SHA-1", "from 4096 on" },
		{ "BLF-CRYPT:15", "php_crypt", "a cost of 15 would be "
		  "refused, verify_max_bcrypt_cost allows 14" },
		{ "SHA256-CRYPT:1000001", "php_crypt", "verify_max_rounds" },
		{ "PBKDF2:1000001", "dovecot:PBKDF2", "verify_max_rounds" },
		{ "ARGON2ID:17", "ARGON2ID", "verify_max_passes" },
		{ "BLF-CRYPT", NULL, "only with encrypt" },
		{ "ARGON2ID", "php_crypt", "could not read that with encrypt = "
		  "php_crypt: write BLF-CRYPT, SHA256-CRYPT or SHA512-CRYPT" },
		{ "SCRAM-SHA-256", "dovecot:CRAM-MD5", "ARGON2I or ARGON2ID" },
		{ "PBKDF2", "PLAIN", "ARGON2I or ARGON2ID" },
		{ "SHA512-CRYPT", "md5crypt", "could read no new hash with "
		  "$CONF['encrypt'] = 'md5crypt': change that to php_crypt" },
		{ "SHA512-CRYPT", "md5", "could read no" },
		{ "SHA512-CRYPT", "cleartext", "could read no" },
		{ "SHA512-CRYPT", "sha512.b64", "could read no" },
		{ "SHA512-CRYPT", "mysql_encrypt", "could read no" },
		{ "SHA512-CRYPT", "authlib:md5raw", "could read no" },
		{ "SHA512-CRYPT", "AUTHLIB", "could read no" },
	};
	struct rehash_rule rule;

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		UNIT_ASSERT_ROW(rows[i].rehash,
				make_rule(rows[i].rehash, rows[i].encrypt,
					  "postfixadmin", &rule) == -1);
		if (strstr(error.text, rows[i].text) == NULL)
			UNIT_ASSERT_ROW(rows[i].rehash,
					strcmp(error.text, rows[i].text) == 0);
	}
}

static void test_rehash_rule_refuses_more_memory_than_verify_memory(void)
{
	const struct hash_limits little = {
		.bcrypt_cost = 14, .rounds = 1000000, .passes = 16,
		.memory = 65535,
	};
	struct pfa_conf conf = {
		.rehash = (char []){ "ARGON2ID" },
		.schema = PFA_SCHEMA_USERS,
	};
	struct rehash_rule rule;

	CU_ASSERT_EQUAL(rehash_rule_new(&conf, &little, &rule, &error), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "64 MiB: raise "
				      "verify_memory"));
}

static void test_rehash_rule_wants(void)
{
	static const struct {
		const char *rehash, *name, *scheme, *text;
		bool wanted;
	} rows[] = {
		{ "BLF-CRYPT:5", "clear text", "PLAIN", "secret", true },
		{ "BLF-CRYPT:5", "digest", "PLAIN-MD5",
		  "5ebe2294ecd0e0f08eab7690d2a6ee69", true },
		{ "BLF-CRYPT:5", "$1$", "MD5-CRYPT",
		  "$1$c9809462$M0zeLuOvixH61C2csGN.U0", true },
		{ "BLF-CRYPT:5", "DES", "DES-CRYPT", "ab1Sx.2fXJ3Fs", true },
		{ "BLF-CRYPT:5", "$6$, though dearer", "SHA512-CRYPT",
		  "$6$rounds=900000$" SHA512,
		  true },
		{ "BLF-CRYPT:5", "cheaper", "BLF-CRYPT",
		  "$2y$04$" BCRYPT,
		  true },
		{ "BLF-CRYPT:5", "the same", "BLF-CRYPT",
		  "$2y$05$" BCRYPT,
		  false },
		{ "BLF-CRYPT:5", "$2a$", "BLF-CRYPT",
		  "$2a$05$" BCRYPT,
		  false },
		{ "BLF-CRYPT:5", "dearer, named CRYPT", "CRYPT",
		  "$2y$06$" BCRYPT,
		  false },
		{ "SHA512-CRYPT", "without rounds", "SHA512-CRYPT",
		  "$6$" SHA512, false },
		{ "SHA512-CRYPT:5001", "without rounds", "CRYPT",
		  "$6$" SHA512, true },
		{ "SHA512-CRYPT", "$5$", "SHA256-CRYPT", "$5$AKQGj8hZpOj3XLhV$"
		  "VwYf7yglPk/vn8UYVRkVsXUcGZ8HLpcqKSqlLTPUFY2", true },
		{ "ARGON2ID", "argon2i", "ARGON2I",
		  "$argon2i$v=19$m=65536,t=4,p=1$GhADxNxyHhLp8yYWGHfJ1g$"
		  "YVEs7ofLlg8zSHSe6iSI4gtR1HHwZiKpCpALnyCv2hw", true },
		{ "ARGON2ID", "fewer passes, more memory", "ARGON2ID",
		  "$argon2id$v=19$m=131072,t=2,p=1$h1VXNJFYPo7/lnd9sRqPWQ$"
		  "VEBoC1151ZYzs5A4fNfBmgxpVfCjD6tdBerxxZB958c", false },
		{ "ARGON2ID", "more passes, less memory", "ARGON2ID",
		  "$argon2id$v=19$m=32768,t=5,p=1$h1VXNJFYPo7/lnd9sRqPWQ$"
		  "VEBoC1151ZYzs5A4fNfBmgxpVfCjD6tdBerxxZB958c", true },
		{ "SCRAM-SHA-256", "the other SCRAM", "SCRAM-SHA-1",
		  "4096,HgrCJ+svGRYndoE7cflpdg==,1Os0xSKms1QY8Cv9Y8o5mhwdLRs=,"
		  "aGu9+SuK89ey3bJruPgg+X8AT6E=", true },
		{ "PBKDF2", "DES, without an id too", "CRYPT", "ab1Sx.2fXJ3Fs",
		  true },
	};
	struct rehash_rule rule;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(rows); i++) {
		CU_ASSERT_EQUAL(make_rule(rows[i].rehash, NULL, "users",
					  &rule), 0);
		UNIT_ASSERT_ROW(rows[i].name,
				hash_parse(rows[i].scheme, rows[i].text,
					   &limits, &hash, &error) == 0);
		UNIT_ASSERT_ROW(rows[i].name,
				rehash_rule_wants(&rule, &hash, "secret") ==
				rows[i].wanted);
	}
}

/* A longer one would be cut off, or could not be hashed. */
static void test_rehash_rule_wants_no_password_too_long(void)
{
	static const struct {
		const char *rehash;
		size_t most;
	} rows[] = {
		{ "BLF-CRYPT", 72 },
		{ "SHA256-CRYPT", 511 },
		{ "SHA512-CRYPT", 511 },
	};
	const struct hash text = { .method = HASH_INLINE };
	struct rehash_rule rule;
	char plain[1024];

	memset(plain, 'x', sizeof(plain));
	for (size_t i = 0; i < N_ROWS(rows); i++) {
		CU_ASSERT_EQUAL(make_rule(rows[i].rehash, NULL, "users",
					  &rule), 0);
		plain[rows[i].most] = '\0';
		UNIT_ASSERT_ROW(rows[i].rehash,
				rehash_rule_wants(&rule, &text, plain));
		plain[rows[i].most] = 'x';
		plain[rows[i].most + 1] = '\0';
		UNIT_ASSERT_ROW(rows[i].rehash,
				!rehash_rule_wants(&rule, &text, plain));
		plain[rows[i].most + 1] = 'x';
	}
	plain[sizeof(plain) - 1] = '\0';
	CU_ASSERT_EQUAL(make_rule("ARGON2ID", NULL, "users", &rule), 0);
	CU_ASSERT_TRUE(rehash_rule_wants(&rule, &text, plain));
	CU_ASSERT_FALSE(rehash_rule_wants(&rule, &text, ""));
}

static CU_TestInfo tests[] = {
	TEST(test_rehash_rule_is_what_postfixadmin_reads),
	TEST(test_rehash_rule_is_what_we_read),
	TEST(test_rehash_rule_form_of_a_users_table),
	TEST(test_rehash_rule_takes_a_cost),
	TEST(test_rehash_rule_refuses),
	TEST(test_rehash_rule_refuses_more_memory_than_verify_memory),
	TEST(test_rehash_rule_wants),
	TEST(test_rehash_rule_wants_no_password_too_long),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("rehash-rule", tests);
}
