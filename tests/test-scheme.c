/* SPDX-License-Identifier: MIT */
/*
 * Stored passwords: each shape by hand, and every row that PostfixAdmin itself
 * wrote (tests/data/passwords-*.tsv).
 */
#include "core/scheme.h"

#include "password-rows.h"
#include "unit.h"

#include <string.h>
#include <strings.h>

#define HEX32 "5d7845ac6ee7cfffafc5fe5f35cf666d"
#define HEX40 HEX32 "01234567"
#define HEX64 HEX32 HEX32
#define HEX128 HEX64 HEX64
#define BCRYPT "$2y$10$e04c3f44c66958042bf47OyDAUJclFriw8e9Y2WJF1Zq0Dig3ygOO"

/* expected NULL: refused */
static const struct normalize_row {
	const char *name;
	const char *encrypt;
	const char *stored;
	const char *expected;
} normalize_rows[] = {
	{ "empty", NULL, "", NULL },
	{ "empty clear text", "cleartext", "", NULL },
	{ "empty behind the scheme", NULL, "{PLAIN}", NULL },
	{ "empty behind the scheme, clear text", "cleartext", "{PLAIN}", NULL },
	{ "empty behind an unknown scheme", NULL, "{FOO}", NULL },
	{ "known", NULL, "{SSHA}abcd", "{SSHA}abcd" },
	{ "known, other case", NULL, "{ssha512.b64}abcd",
	  "{ssha512.b64}abcd" },
	{ "known, encoding unknown", NULL, "{SSHA.FOO}abcd",
	  "{SSHA.FOO}abcd" },
	{ "md5raw", NULL, "{md5raw}" HEX32, "{PLAIN-MD5}" HEX32 },
	{ "MD5RAW", NULL, "{MD5RAW}" HEX32, "{PLAIN-MD5}" HEX32 },
	{ "md5raw, no hex", NULL, "{md5raw}abc", "{md5raw}abc" },
	{ "wrong prefix", NULL, "{SHA256}$5$salt$hash",
	  "{SHA256-CRYPT}$5$salt$hash" },
	{ "wrong prefix, encoded", NULL, "{SHA512.B64}$6$salt$hash",
	  "{SHA512-CRYPT}$6$salt$hash" },
	{ "wrong prefix, bcrypt", NULL, "{MD5-CRYPT}" BCRYPT,
	  "{BLF-CRYPT}" BCRYPT },
	{ "right prefix", NULL, "{SHA512-CRYPT}$6$a$b",
	  "{SHA512-CRYPT}$6$a$b" },
	{ "CRYPT takes all", NULL, "{CRYPT}" BCRYPT, "{CRYPT}" BCRYPT },
	{ "MD5 takes $1$", NULL, "{md5}$1$a$b", "{md5}$1$a$b" },
	{ "PBKDF2 starts with $1$", NULL, "{PBKDF2}$1$a$5000$b",
	  "{PBKDF2}$1$a$5000$b" },
	{ "a password like a hash", NULL, "{PLAIN}$1$a$b", "{PLAIN}$1$a$b" },
	{ "and encoded", NULL, "{CLEARTEXT.B64}$6$a", "{CLEARTEXT.B64}$6$a" },
	{ "argon2 with the other name", NULL, "{ARGON2I}$argon2id$v=19$a",
	  "{ARGON2I}$argon2id$v=19$a" },
	{ "unknown scheme", NULL, "{FOO}bar", "{FOO}bar" },
	{ "unknown scheme, clear text", "cleartext", "{FOO}bar",
	  "{PLAIN}{FOO}bar" },
	{ "no closing brace", NULL, "{foobar", NULL },
	{ "no closing brace, clear text", "cleartext", "{foobar",
	  "{PLAIN}{foobar" },
	{ "empty braces", NULL, "{}x", "{}x" },
	{ "bare bcrypt", NULL, BCRYPT, "{BLF-CRYPT}" BCRYPT },
	{ "bare $1$", NULL, "$1$a$b", "{MD5-CRYPT}$1$a$b" },
	{ "bare $5$", NULL, "$5$a$b", "{SHA256-CRYPT}$5$a$b" },
	{ "bare $6$, empty salt", NULL, "$6$$b", "{SHA512-CRYPT}$6$$b" },
	{ "bare argon2i", NULL, "$argon2i$v=19$a", "{ARGON2I}$argon2i$v=19$a" },
	{ "bare argon2id", NULL, "$argon2id$v=19$a",
	  "{ARGON2ID}$argon2id$v=19$a" },
	{ "bare yescrypt", NULL, "$y$j9T$a$b", "{CRYPT}$y$j9T$a$b" },
	{ "a dollar is no id", NULL, "$$abc", NULL },
	{ "no second dollar", NULL, "$abc", NULL },
	{ "32 hex digits", NULL, HEX32, "{PLAIN-MD5}" HEX32 },
	{ "32 hex digits, capitals", "md5", "5D7845AC6EE7CFFFAFC5FE5F35CF666D",
	  "{PLAIN-MD5}5D7845AC6EE7CFFFAFC5FE5F35CF666D" },
	{ "32 hex digits, clear text", "cleartext", HEX32, "{PLAIN}" HEX32 },
	{ "31 hex digits", NULL, "5d7845ac6ee7cfffafc5fe5f35cf666", NULL },
	{ "40 hex digits", NULL, HEX40, NULL },
	{ "64 hex digits", NULL, HEX64, NULL },
	{ "128 hex digits", NULL, HEX128, NULL },
	{ "64 hex digits, hint", "dovecot:CRAM-MD5", HEX64,
	  "{CRAM-MD5}" HEX64 },
	{ "64 hex digits, hint with case", "dovecot:sha256.hex", HEX64,
	  "{SHA256}" HEX64 },
	{ "40 hex digits, hint of another length", "dovecot:CRAM-MD5", HEX40,
	  NULL },
	{ "40 hex digits, hint", "SHA1.HEX", HEX40, "{SHA1}" HEX40 },
	{ "128 hex digits, hint", "dovecot:SHA512", HEX128,
	  "{SHA512}" HEX128 },
	{ "32 hex digits, hint of another scheme", "dovecot:PLAIN-MD4", HEX32,
	  "{PLAIN-MD5}" HEX32 },
	{ "DES", NULL, "./azAZ09abcde", "{DES-CRYPT}./azAZ09abcde" },
	{ "DES, clear text", "cleartext", "./azAZ09abcde",
	  "{PLAIN}./azAZ09abcde" },
	{ "one too long for DES", NULL, "./azAZ09abcdef", NULL },
	{ "13 bytes, not DES", NULL, "./azAZ09abcd=", NULL },
	{ "clear text without a hint", NULL, "secret", NULL },
	{ "clear text with another hint", "md5crypt", "secret", NULL },
	{ "clear text of 4.x has a prefix", "CLEARTEXT", "secret", NULL },
	{ "so has that of doveadm", "dovecot:PLAIN", "secret", NULL },
	{ "clear text", "cleartext", "secret", "{PLAIN}secret" },
	{ "a hash is a password too then", "cleartext", "$1$a$b",
	  "{PLAIN}$1$a$b" },
	{ "bare, default scheme", "dovecot:SSHA", "YWJjZGVmZ2g=",
	  "{SSHA}YWJjZGVmZ2g=" },
	{ "bare, default scheme with encoding", "dovecot:SSHA512.HEX",
	  "00112233", "{SSHA512.HEX}00112233" },
	{ "bare sha512.b64", "sha512.b64", "JDYkYWJj",
	  "{SHA512-CRYPT.B64}JDYkYWJj" },
};

static void test_scheme_normalize(void)
{
	const struct normalize_row *row;
	struct strbuf out = STRBUF_INIT;
	struct scheme_hint hint;
	struct errbuf error;
	const struct scheme_refusal *reason;

	for (size_t i = 0; i < N_ROWS(normalize_rows); i++) {
		row = &normalize_rows[i];
		hint = (struct scheme_hint) { NULL, NULL };
		UNIT_ASSERT_ROW(row->name, row->encrypt == NULL ||
			scheme_hint_parse(row->encrypt, &hint, &error) == 0);
		strbuf_reset(&out);
		strbuf_append_str(&out, "before");
		reason = scheme_normalize(row->stored, &hint, &out);
		UNIT_ASSERT_ROW(row->name,
				(reason == NULL) == (row->expected != NULL));
		UNIT_ASSERT_ROW(row->name, reason == NULL ||
			strcmp(reason->code,
			       strncmp(row->name, "empty", 5) == 0 ?
			       "password_empty" : "scheme_unknown") == 0);
		UNIT_ASSERT_ROW(row->name,
			strncmp(strbuf_str(&out), "before", 6) == 0 &&
			strcmp(strbuf_str(&out) + 6, row->expected == NULL ?
			       "" : row->expected) == 0);
	}
	strbuf_free(&out);
}

/* bare and hex as they ought to be; ok false: no such value */
static const struct hint_row {
	const char *encrypt;
	bool ok;
	const char *bare, *hex;
} hint_rows[] = {
	{ "md5crypt", true, NULL, NULL },
	{ "md5", true, NULL, NULL },
	{ "MD5", true, NULL, NULL },
	{ "system", true, NULL, NULL },
	{ "mysql_encrypt", true, NULL, NULL },
	{ "cleartext", true, "PLAIN", NULL },
	{ "CLEARTEXT", true, NULL, NULL },
	{ "PLAIN", true, NULL, NULL },
	{ "authlib", true, NULL, NULL },
	{ "authlib:md5raw", true, NULL, NULL },
	{ "authlib:md5", true, NULL, NULL },
	{ "authlib:SHA", true, NULL, NULL },
	{ "authlib:crypt", true, NULL, NULL },
	{ "authlib/md5raw", true, NULL, NULL },
	{ "authlib/md5", true, NULL, NULL },
	{ "authlib/SHA", true, NULL, NULL },
	{ "authlib/crypt", true, NULL, NULL },
	{ "authlib/crypto", false, NULL, NULL },
	{ "authlib/md5raw-and-more", false, NULL, NULL },
	{ "authlib-md5", false, NULL, NULL },
	{ "courier:sha256", true, NULL, NULL },
	{ "courier:foo", false, NULL, NULL },
	{ "php_crypt", true, NULL, NULL },
	{ "php_crypt:SHA512:10000:{SHA512-CRYPT}", true, NULL, NULL },
	{ "php_crypt:BLOWFISH::{BLF-CRYPT}", true, NULL, NULL },
	/* 4.x reads the value in capitals */
	{ "PHP_CRYPT", true, NULL, NULL },
	{ "Php_Crypt:BLOWFISH:12", true, NULL, NULL },
	{ "Dovecot:SHA512.B64", true, "SHA512.B64", "SHA512" },
	{ "DOVECOT:FOO", false, NULL, NULL },
	{ "COURIER:MD5RAW", true, NULL, NULL },
	{ "AUTHLIB/MD5", true, NULL, NULL },
	{ "md5raw", true, NULL, NULL },
	{ "php_crypt:ROT13", false, NULL, NULL },
	{ "php_crypt:", false, NULL, NULL },
	{ "php_crypto", false, NULL, NULL },
	{ "sha512.b64", true, "SHA512-CRYPT.B64", NULL },
	{ "SHA512.B64", true, "SHA512-CRYPT.B64", NULL },
	{ "SHA256", true, "SHA256", "SHA256" },
	{ "dovecot:CRAM-MD5", true, "CRAM-MD5", "CRAM-MD5" },
	{ "dovecot:cram-md5", true, "cram-md5", "CRAM-MD5" },
	{ "dovecot:SHA512.B64", true, "SHA512.B64", "SHA512" },
	{ "dovecot:SHA512-CRYPT", true, NULL, NULL },
	{ "dovecot:BLF-CRYPT.B64", true, "BLF-CRYPT.B64", NULL },
	{ "dovecot:CLEARTEXT", true, NULL, NULL },
	{ "dovecot:SCRAM-SHA-256", true, "SCRAM-SHA-256", NULL },
	{ "dovecot:", false, NULL, NULL },
	{ "dovecot:FOO", false, NULL, NULL },
	{ "dovecot:SHA.FOO", false, NULL, NULL },
	{ "", false, NULL, NULL },
	{ "foo", false, NULL, NULL },
};

static bool same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void test_scheme_hint(void)
{
	const struct hint_row *row;
	struct scheme_hint hint;
	struct errbuf error;
	int ret;

	for (size_t i = 0; i < N_ROWS(hint_rows); i++) {
		row = &hint_rows[i];
		error.text[0] = '\0';
		ret = scheme_hint_parse(row->encrypt, &hint, &error);
		UNIT_ASSERT_ROW(row->encrypt, ret == (row->ok ? 0 : -1));
		UNIT_ASSERT_ROW(row->encrypt,
				row->ok == (error.text[0] == '\0'));
		UNIT_ASSERT_ROW(row->encrypt, !row->ok ||
				(same(hint.bare, row->bare) &&
				 same(hint.hex, row->hex)));
	}
}

static bool prefix_is(const char *str, const char *scheme)
{
	const size_t len = strlen(scheme);

	return *str == '{' && strncasecmp(str + 1, scheme, len) == 0 &&
		str[1 + len] == '}';
}

static void check_row(const struct password_row *row)
{
	struct strbuf out = STRBUF_INIT;
	struct scheme_hint hint;
	struct errbuf error;
	const char *end = strchr(row->stored, '}');

	UNIT_ASSERT_ROW(row->name, scheme_hint_parse(row->encrypt, &hint,
						     &error) == 0);
	UNIT_ASSERT_ROW(row->name,
			scheme_normalize(row->stored, &hint, &out) == NULL);
	if (strcmp(row->doveadm, "unverifiable") != 0)
		UNIT_ASSERT_ROW(row->name,
				prefix_is(strbuf_str(&out), row->scheme));
	/* whatever the prefix, the hash is what was stored */
	if (*row->stored != '{' || end == NULL)
		end = row->stored - 1;
	UNIT_ASSERT_ROW(row->name, strcmp(strchr(strbuf_str(&out), '}') + 1,
					  end + 1) == 0);
	strbuf_free(&out);
}

static void test_scheme_of_real_rows(void)
{
	CU_ASSERT_EQUAL(password_rows("passwords-3.3.13.tsv", check_row), 305);
	CU_ASSERT_EQUAL(password_rows("passwords-4.x.tsv", check_row), 271);
}

/* weak: on the list of Dovecot 2.4 */
static const struct find_row {
	const char *name;
	bool known, weak;
} find_rows[] = {
	{ "PLAIN", true, false },
	{ "PLAIN-TRUNC", true, false },
	{ "CRYPT", true, false },
	{ "DES-CRYPT", true, true },
	{ "MD5-CRYPT", true, true },
	{ "BLF-CRYPT", true, false },
	{ "SHA256-CRYPT", true, false },
	{ "SHA512-CRYPT", true, false },
	{ "ARGON2I", true, false },
	{ "ARGON2ID", true, false },
	{ "MD5", true, true },
	{ "PLAIN-MD5", true, true },
	{ "LDAP-MD5", true, true },
	{ "PLAIN-MD4", true, true },
	{ "DIGEST-MD5", true, false },
	{ "SMD5", true, true },
	{ "SHA", true, false },
	{ "SSHA512", true, false },
	{ "CRAM-MD5", true, false },
	{ "HMAC-MD5", true, true },
	{ "SCRAM-SHA-1", true, false },
	{ "PBKDF2", true, false },
	{ "OTP", true, false },
	{ "hmac-md5.hex", true, true },
	{ "Md5.Base64", true, true },
	{ "ssha.b64", true, false },
	{ "SSHA.FOO", false, false },
	{ "SSHA.", false, false },
	{ "SSH", false, false },
	{ "MD5RAW", false, false },
	{ ".HEX", false, false },
	{ "", false, false },
};

static void test_scheme_find(void)
{
	const struct scheme *scheme;
	const struct find_row *row;

	for (size_t i = 0; i < N_ROWS(find_rows); i++) {
		row = &find_rows[i];
		scheme = scheme_find(row->name);
		UNIT_ASSERT_ROW(row->name, (scheme != NULL) == row->known);
		UNIT_ASSERT_ROW(row->name, scheme == NULL ||
				scheme->weak == row->weak);
	}
}

static CU_TestInfo tests[] = {
	TEST(test_scheme_normalize),
	TEST(test_scheme_hint),
	TEST(test_scheme_of_real_rows),
	TEST(test_scheme_find),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("scheme", tests);
}
