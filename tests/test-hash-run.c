/* SPDX-License-Identifier: MIT */
/*
 * Slow hashes: answers that are known, from RFCs, from Dovecot, and what
 * PostfixAdmin wrote; and hashes made here. See test-hash-run-memory.c for what
 * is left of a password, and what happens when there is no memory.
 */
#include "core/hash.h"
#include "verify/hash-run.h"

#include "password-rows.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* -- what the tests share */

static const struct hash_limits no_limits = {
	.bcrypt_cost = 31, .rounds = 999999999, .passes = 1000,
	.memory = 1024 * 1024,
};

/* Fails the test if hash_parse() takes it for something else. */
static bool parse(const char *name, const char *scheme, const char *text,
		  struct hash *hash_r)
{
	struct errbuf error = { .text = "" };
	const bool ok = hash_parse(scheme, text, &no_limits, hash_r,
				   &error) == 0 &&
		hash_r->method != HASH_INLINE;

	UNIT_ASSERT_ROW(name, ok);
	return ok;
}

/* -- answers that are known */

#define PENCIL1 "4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=," \
	"D+CSWLOshSulAsxiupA+qs2/fTE="
#define PENCIL256 "4096,W22ZaJ0SNY7soEsUEjb6gQ==," \
	"WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=," \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define A9 "aaaaaaaaa"
#define A36 A9 A9 A9 A9
#define A72 A36 A36
#define P63 "ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"
#define P511 P63 "p" P63 "p" P63 "p" P63 "p" P63 "p" P63 "p" P63 "p" P63
#define DES12345678 "ab1iBa.N.U2C6"
#define BCRYPT_A72 "$2y$04$abcdefghijklmnopqrstuu" \
	"BzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe"
#define SHA512_P511 "$6$rounds=1000$0123456789abcdef$DbxV5ODD7VRpYjQ6sqJRW" \
	".W5CYFV9ez292jyDMPCOy4ILGdIFp0T/1n5HcnKmrtnNnoac3s/UbA03tZmCLICR0"
#define MD5_SECRET "$1$$ysVNzQc4CTMkp5daOdZ.3/"
#define SHA256_SECRET "$5$rounds=1000$saltsalt$" \
	"eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2"

static const struct known_row {
	const char *name;
	const char *scheme, *text, *plain;
	enum hash_verdict verdict;
} known_rows[] = {
	{ "DES", "DES-CRYPT", DES12345678, "12345678", HASH_MATCH },
	{ "DES reads 8 bytes", "DES-CRYPT", DES12345678, "123456789",
	  HASH_MATCH },
	{ "DES reads all 8", "DES-CRYPT", DES12345678, "1234567",
	  HASH_MISMATCH },
	{ "no password", "DES-CRYPT", DES12345678, "", HASH_MISMATCH },
	{ "BSDi's DES", "CRYPT", "_J9..rasmz0.F/jqjWck", "secret",
	  HASH_MATCH },
	{ "no salt", "MD5-CRYPT", MD5_SECRET, "secret", HASH_MATCH },
	{ "$5$", "SHA256-CRYPT", SHA256_SECRET, "secret", HASH_MATCH },
	{ "$5$, longer", "SHA256-CRYPT", SHA256_SECRET, "secret1",
	  HASH_MISMATCH },
	{ "$5$, shorter", "SHA256-CRYPT", SHA256_SECRET, "secre",
	  HASH_MISMATCH },
	{ "$5$, another case", "SHA256-CRYPT", SHA256_SECRET, "Secret",
	  HASH_MISMATCH },
	{ "$6$ without salt", "SHA512-CRYPT",
	  "$6$$2M9DchxW4txWyTYoZrH9D3VvAAQxBpEezYsLY6Cao.jwzEXpyL9xwip9hiUZX7"
	  "GqTqe/E/z6iKvZqXUuqniQH.", "secret", HASH_MATCH },
	{ "crypt()'s longest password", "SHA512-CRYPT", SHA512_P511, P511,
	  HASH_MATCH },
	{ "one that is longer", "SHA512-CRYPT", SHA512_P511, P511 "p",
	  HASH_MISMATCH },
	{ "yescrypt", "CRYPT",
	  "$y$j75$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2",
	  "secret", HASH_MATCH },
	/* the vectors of crypt_blowfish: $2x$ keeps the bug of old PHP */
	{ "$2x$, 8 bits", "BLF-CRYPT",
	  "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
	  "\xa3", HASH_MATCH },
	{ "$2y$, 8 bits", "BLF-CRYPT",
	  "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
	  "\xa3", HASH_MATCH },
	{ "$2a$, 8 bits", "BLF-CRYPT",
	  "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
	  "\xa3", HASH_MATCH },
	{ "$2b$, 8 bits", "BLF-CRYPT",
	  "$2b$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq",
	  "\xa3", HASH_MATCH },
	{ "bcrypt's longest password", "BLF-CRYPT", BCRYPT_A72, A72,
	  HASH_MATCH },
	{ "bcrypt reads 72 bytes", "BLF-CRYPT", BCRYPT_A72, A72 "b",
	  HASH_MATCH },
	{ "however long the rest", "BLF-CRYPT", BCRYPT_A72, A72 P511,
	  HASH_MATCH },
	{ "bcrypt reads all 72", "BLF-CRYPT", BCRYPT_A72, A36 A9 A9 A9
	  "aaaaaaaab", HASH_MISMATCH },
	/* the test vectors of Argon2's authors have 8 bytes of salt */
	{ "argon2i, short salt", "ARGON2I", "$argon2i$v=19$m=256,t=2,p=1$"
	  "c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
	  "password", HASH_MATCH },
	{ "argon2id, short salt", "ARGON2ID", "$argon2id$v=19$m=256,t=2,p=1$"
	  "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
	  "password", HASH_MATCH },
	{ "argon2id, two lanes", "ARGON2ID", "$argon2id$v=19$m=256,t=2,p=2$"
	  "c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	  "password", HASH_MATCH },
	{ "argon2id, two lanes, wrong", "ARGON2ID",
	  "$argon2id$v=19$m=256,t=2,p=2$"
	  "c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
	  "passwore", HASH_MISMATCH },
	{ "argon2id, four lanes", "ARGON2ID", "$argon2id$v=19$m=64,t=2,p=4$"
	  "M3DWFtkb1Lo6HcBfRPHKRQ$JUzakwVahm/H/2j/avZW8WtRocjReUFwuwapl10vAOw",
	  "password", HASH_MATCH },
	{ "argon2i, one pass", "ARGON2I", "$argon2i$v=19$m=64,t=1,p=1$"
	  "Wq0ITkLo1Gp/xWlnru2iBw$y2gHELGUDB4V/eXJwXRtOUdqMNUXg7baazI6ehVaxhI",
	  "password", HASH_MATCH },
	{ "argon2i, one pass, wrong", "ARGON2I", "$argon2i$v=19$m=64,t=1,p=1$"
	  "Wq0ITkLo1Gp/xWlnru2iBw$y2gHELGUDB4V/eXJwXRtOUdqMNUXg7baazI6ehVaxhI",
	  "Password", HASH_MISMATCH },
	{ "argon2id, least", "ARGON2ID", "$argon2id$v=19$m=8,t=1,p=1$"
	  "UXK2K0xqtwYsy/yk0k/8ug$1gJoNbpMAgJmwKWz+baq3LwiDnqH4YA0YaFviLy/Vo8",
	  "password", HASH_MATCH },
	{ "argon2id, short digest", "ARGON2ID", "$argon2id$v=19$m=64,t=2,p=1$"
	  "su2v5FPZvMhvv0jOunoWqA$i6zAyNVvDp6pcZSEsT1/AQ",
	  "password", HASH_MATCH },
	{ "argon2id, long digest", "ARGON2ID", "$argon2id$v=19$m=64,t=2,p=1$"
	  "JVGd3TpR5DpZ5JT1VMJL0A$rCnsW3ZV3uvQyEMAC764F/JK+qxGokUGzcOPHvf5eiF1"
	  "dMHEwoMkuLbOXxuhP2mieWoUBG+gWCDfXKgGmaBwPqNWNGrf+MrTPazt6YVQJU++8hA"
	  "4l/jTWjgiO9XxUpVN", "password", HASH_MATCH },
	{ "argon2id, odd memory", "ARGON2ID", "$argon2id$v=19$m=65,t=2,p=1$"
	  "kRxUow4Ytmtc/CCwmLykPg$logujLLA1BNNM7LIKDI9iynlV9ZQx6chYIwT5H6hdCc",
	  "password", HASH_MATCH },
	{ "argon2id under the other name", "ARGON2I",
	  "$argon2id$v=19$m=8,t=1,p=1$"
	  "UXK2K0xqtwYsy/yk0k/8ug$1gJoNbpMAgJmwKWz+baq3LwiDnqH4YA0YaFviLy/Vo8",
	  "password", HASH_MATCH },
	/* RFC 6070 */
	{ "PBKDF2, once", "PBKDF2",
	  "$1$salt$1$0c60c80f961f0e71f3a9b524af6012062fe037a6", "password",
	  HASH_MATCH },
	{ "PBKDF2, twice", "PBKDF2",
	  "$1$salt$2$EA6C014DC72D6F8CCD1ED92ACE1D41F0D8DE8957", "password",
	  HASH_MATCH },
	{ "PBKDF2, often", "PBKDF2",
	  "$1$salt$4096$4b007901b765489abead49d926f721d065a429c1", "password",
	  HASH_MATCH },
	{ "PBKDF2, wrong", "PBKDF2",
	  "$1$salt$1$0c60c80f961f0e71f3a9b524af6012062fe037a6", "passwore",
	  HASH_MISMATCH },
	{ "PBKDF2, other salt", "PBKDF2",
	  "$1$sale$1$0c60c80f961f0e71f3a9b524af6012062fe037a6", "password",
	  HASH_MISMATCH },
	/* RFC 5802, RFC 7677: keys of their examples */
	{ "SCRAM-SHA-1", "SCRAM-SHA-1", PENCIL1, "pencil", HASH_MATCH },
	{ "SCRAM-SHA-1, wrong", "SCRAM-SHA-1", PENCIL1, "Pencil",
	  HASH_MISMATCH },
	{ "SCRAM-SHA-256", "SCRAM-SHA-256", PENCIL256, "pencil", HASH_MATCH },
	{ "SCRAM-SHA-256, wrong", "SCRAM-SHA-256", PENCIL256, "pencil ",
	  HASH_MISMATCH },
	{ "SCRAM, white space", "SCRAM-SHA-1", "4096,QSXC R+Q6sek8bf92,"
	  "6dlGYMOd ZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=",
	  "pencil", HASH_MATCH },
	/* RFC 2289, appendix C */
	{ "OTP, md4", "OTP", "md4 99 test c5e612776e6c237a",
	  "This is a test.", HASH_MATCH },
	{ "OTP, md4, wrong", "OTP", "md4 99 test c5e612776e6c237a",
	  "this is a test.", HASH_MISMATCH },
	{ "OTP, md5, 0", "OTP", "md5 0 test 9e876134d90499dd",
	  "This is a test.", HASH_MATCH },
	{ "OTP, md5, 1", "OTP", "md5 1 alpha1 7cd34c1040add14b",
	  "AbCdEfGhIjK", HASH_MATCH },
	{ "OTP, md5, 99", "OTP", "md5 99 test 50fe1962c4965880",
	  "This is a test.", HASH_MATCH },
	{ "OTP, sha1, 0", "OTP", "sha1 0 test bb9e6ae1979d8ff4",
	  "This is a test.", HASH_MATCH },
	{ "OTP, sha1, 99, capitals", "OTP", "sha1 99 TeSt 87FEC7768B73CCF9",
	  "This is a test.", HASH_MATCH },
	{ "OTP, sha1, wrong", "OTP", "sha1 98 test 87fec7768b73ccf9",
	  "This is a test.", HASH_MISMATCH },
};

static void test_known_answers(void)
{
	const struct known_row *row;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(known_rows); i++) {
		row = &known_rows[i];
		if (parse(row->name, row->scheme, row->text, &hash))
			UNIT_ASSERT_ROW(row->name,
				hash_run(&hash, row->text, row->plain) ==
				row->verdict);
	}
}

/* hash.h's sample, which takes the time of a hash for those who have none. */
static void test_sample_is_computed(void)
{
	const struct known_row *row;
	struct hash hash;
	char text[512];

	for (size_t i = 0; i < N_ROWS(known_rows); i++) {
		row = &known_rows[i];
		snprintf(text, sizeof(text), "%s", row->text);
		if (!parse(row->name, row->scheme, text, &hash))
			continue;
		for (char *pos = text + hash.digest; *pos != '\0'; pos++) {
			if (strchr(",=$ ", *pos) == NULL)
				*pos = 'A';
		}
		UNIT_ASSERT_ROW(row->name, hash_run(&hash, text, row->plain) ==
				HASH_MISMATCH);
	}
}

/* The whole text is compared. */
static void test_digest_is_compared_to_its_end(void)
{
	struct hash hash;
	char text[] = SHA256_SECRET, longer[] = SHA256_SECRET "2";

	if (!parse("$5$", "SHA256-CRYPT", text, &hash))
		return;
	text[sizeof(text) - 2] ^= 1;
	CU_ASSERT_EQUAL(hash_run(&hash, text, "secret"), HASH_MISMATCH);
	CU_ASSERT_EQUAL(hash_run(&hash, longer, "secret"), HASH_MISMATCH);
	longer[sizeof(longer) - 3] = '\0';
	CU_ASSERT_EQUAL(hash_run(&hash, longer, "secret"), HASH_MISMATCH);
}

/* Readings that hash_parse() would not give, or that libraries do not know. */
static const struct unusable_row {
	const char *name;
	struct hash hash;
	const char *text;
} unusable_rows[] = {
	{ "inline", { .method = HASH_INLINE }, "x" },
	{ "empty", { .method = HASH_CRYPT }, "" },
	{ "a failure's token", { .method = HASH_CRYPT }, "*0" },
	{ "and the other", { .method = HASH_CRYPT }, "*1" },
	{ "unknown to crypt()", { .method = HASH_CRYPT }, "$9$salt$digest" },
	{ "unknown bcrypt", { .method = HASH_CRYPT },
	  "$2z$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe" },
	{ "a salt that crypt() refuses", { .method = HASH_CRYPT },
	  "$1$sa:lt$ysVNzQc4CTMkp5daOdZ.3/" },
	{ "argon2d", { .method = HASH_ARGON2, .id = "$argon2d$" },
	  "$argon2d$v=19$m=8,t=1,p=1$" },
	{ "argon2, old version", { .method = HASH_ARGON2, .id = "$argon2i$",
	  .rounds = 3, .memory = 8, .digest = 51 }, "$argon2i$v=16$m=8,t=3,p=2"
	  "$Wq0ITkLo1Gp/xWlnru2iBw$"
	  "y2gHELGUDB4V/eXJwXRtOUdqMNUXg7baazI6ehVaxhI" },
	{ "PBKDF2, other id", { .method = HASH_PBKDF2, .rounds = 1,
	  .digest = 10 },
	  "$2$salt$1$0c60c80f961f0e71f3a9b524af6012062fe037a6" },
	{ "PBKDF2, never", { .method = HASH_PBKDF2, .digest = 10 },
	  "$1$salt$0$0000000000000000000000000000000000000000" },
	{ "PBKDF2, for ever", { .method = HASH_PBKDF2, .rounds = 3000000000,
	  .digest = 19 },
	  "$1$salt$3000000000$0c60c80f961f0e71f3a9b524af6012062fe037a6" },
	{ "PBKDF2, cut off", { .method = HASH_PBKDF2, .rounds = 1,
	  .digest = 10 }, "$1$salt$1$0c60c80f961f0e71f3a9b524af6012062fe037" },
	{ "PBKDF2, no hex", { .method = HASH_PBKDF2, .rounds = 1,
	  .digest = 10 },
	  "$1$salt$1$xc60c80f961f0e71f3a9b524af6012062fe037a6" },
	{ "SCRAM, no base64", { .method = HASH_SCRAM_SHA1, .rounds = 4096,
	  .digest = 22 }, "4096,!!!!!!!!!!!!!!!!,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,"
	  "D+CSWLOshSulAsxiupA+qs2/fTE=" },
	{ "SCRAM, of another digest", { .method = HASH_SCRAM_SHA256,
	  .rounds = 4096, .digest = 22 }, PENCIL1 },
	{ "SCRAM, no commas", { .method = HASH_SCRAM_SHA1, .rounds = 4096,
	  .digest = 4 }, "4096" },
	{ "SCRAM, for ever", { .method = HASH_SCRAM_SHA1,
	  .rounds = 3000000000, .digest = 22 }, PENCIL1 },
	{ "OTP, unknown digest", { .method = HASH_OTP, .id = "md2",
	  .digest = 10 },
	  "md2 0 test 9e876134d90499dd" },
	{ "OTP, long seed", { .method = HASH_OTP, .id = "md5", .digest = 24 },
	  "md5 0 01234567890123456 9e876134d90499dd" },
	{ "OTP, cut off", { .method = HASH_OTP, .id = "md5", .digest = 11 },
	  "md5 0 test 9e876134d90499" },
};

static void test_unusable(void)
{
	const struct unusable_row *row;

	for (size_t i = 0; i < N_ROWS(unusable_rows); i++) {
		row = &unusable_rows[i];
		errno = ENOMEM;	/* somebody else's */
		UNIT_ASSERT_ROW(row->name, hash_run(&row->hash, row->text,
			"This is a test.") == HASH_UNUSABLE);
	}
}

/* -- what PostfixAdmin wrote */

static struct hash seen[64];
static size_t seen_count;

static bool is_new_format(const struct hash *hash)
{
	for (size_t i = 0; i < seen_count; i++) {
		if (hash_same_cost(&seen[i], hash) &&
		    seen[i].digest == hash->digest)
			return false;
	}
	CU_ASSERT_TRUE_FATAL(seen_count < N_ROWS(seen));
	seen[seen_count++] = *hash;
	return true;
}

/* The text behind the prefix, decoded. */
static bool stored_text(const char *scheme, const char *stored, char *text,
			size_t size)
{
	const char *dot = strrchr(scheme, '.');
	size_t len = 0;

	if (*stored == '{')
		stored = strchr(stored, '}') + 1;
	if (dot == NULL || strcmp(dot, ".B64") != 0) {
		snprintf(text, size, "%s", stored);
		return true;
	}
	if (sodium_base642bin((unsigned char *)text, size - 1, stored,
			      strlen(stored), NULL, &len, NULL,
			      sodium_base64_VARIANT_ORIGINAL) < 0)
		return false;
	text[len] = '\0';
	return true;
}

static void verify_stored(const struct password_row *row)
{
	struct errbuf error;
	struct hash hash;
	char text[512], wrong[512];

	if (strcmp(row->doveadm, "unverifiable") == 0)
		return;
	if (!stored_text(row->scheme, row->stored, text, sizeof(text)) ||
	    hash_parse(row->scheme, text, &no_limits, &hash, &error) < 0) {
		UNIT_ASSERT_ROW(row->name, !"hash_parse() takes it");
		return;
	}
	if (hash.method == HASH_INLINE || !is_new_format(&hash))
		return;
	snprintf(wrong, sizeof(wrong), "x%s", row->plaintext);
	UNIT_ASSERT_ROW(row->name, hash_run(&hash, text, row->plaintext) ==
			HASH_MATCH);
	UNIT_ASSERT_ROW(row->name, hash_run(&hash, text, wrong) ==
			HASH_MISMATCH);
}

static void test_stored_by_postfixadmin(void)
{
	seen_count = 0;
	(void)password_rows("passwords-3.3.13.tsv", verify_stored);
	(void)password_rows("passwords-4.x.tsv", verify_stored);
	/* all of them were slow ones of some method */
	CU_ASSERT_TRUE(seen_count > 15);
}

/* -- made here */

static const struct make_row {
	const char *scheme;
	struct hash like;
	const char *start;
} make_rows[] = {
	{ "BLF-CRYPT", { .method = HASH_CRYPT, .id = "$2y$", .rounds = 4 },
	  "$2y$04$" },
	{ "BLF-CRYPT", { .method = HASH_CRYPT, .id = "$2y$", .rounds = 5 },
	  "$2y$05$" },
	{ "SHA256-CRYPT", { .method = HASH_CRYPT, .id = "$5$",
	  .rounds = 5000 }, "$5$" },
	{ "SHA256-CRYPT", { .method = HASH_CRYPT, .id = "$5$",
	  .rounds = 1000 }, "$5$rounds=1000$" },
	{ "SHA512-CRYPT", { .method = HASH_CRYPT, .id = "$6$",
	  .rounds = 5000 }, "$6$" },
	{ "SHA512-CRYPT", { .method = HASH_CRYPT, .id = "$6$",
	  .rounds = 5001 }, "$6$rounds=5001$" },
	{ "ARGON2I", { .method = HASH_ARGON2, .id = "$argon2i$", .rounds = 3,
	  .memory = 64 }, "$argon2i$v=19$m=64,t=3,p=1$" },
	{ "ARGON2ID", { .method = HASH_ARGON2, .id = "$argon2id$", .rounds = 1,
	  .memory = 1025 }, "$argon2id$v=19$m=1025,t=1,p=1$" },
	{ "PBKDF2", { .method = HASH_PBKDF2, .rounds = 1 }, "$1$" },
	{ "PBKDF2", { .method = HASH_PBKDF2, .rounds = 1234 }, "$1$" },
	{ "SCRAM-SHA-1", { .method = HASH_SCRAM_SHA1, .rounds = 4096 },
	  "4096," },
	{ "SCRAM-SHA-256", { .method = HASH_SCRAM_SHA256, .rounds = 4097 },
	  "4097," },
};

static void make_and_verify(const struct make_row *row, const char *made)
{
	struct hash hash;

	UNIT_ASSERT_ROW(made, strncmp(made, row->start,
				      strlen(row->start)) == 0);
	if (!parse(made, row->scheme, made, &hash))
		return;
	UNIT_ASSERT_ROW(made, hash.method == row->like.method &&
			hash.rounds == row->like.rounds &&
			hash.memory == row->like.memory);
	UNIT_ASSERT_ROW(made, hash_run(&hash, made, "secret") == HASH_MATCH);
	UNIT_ASSERT_ROW(made, hash_run(&hash, made, "secret ") ==
			HASH_MISMATCH);
}

static void test_made_hashes_verify(void)
{
	char first[HASH_MADE_MAX], second[HASH_MADE_MAX];
	const struct make_row *row;

	for (size_t i = 0; i < N_ROWS(make_rows); i++) {
		row = &make_rows[i];
		UNIT_ASSERT_ROW(row->start, hash_make(&row->like, "secret",
						      first) == HASH_MATCH);
		UNIT_ASSERT_ROW(row->start, hash_make(&row->like, "secret",
						      second) == HASH_MATCH);
		UNIT_ASSERT_ROW(row->start, strcmp(first, second) != 0);
		make_and_verify(row, first);
	}
}

/* Nothing that is verified here looks at the server key: SCRAM does. */
static void test_made_scram_has_a_server_key(void)
{
	static const struct hash like = {
		.method = HASH_SCRAM_SHA1, .rounds = 4096,
	};
	unsigned char salt[16], salted[20], server[20];
	char made[HASH_MADE_MAX], salt_text[32], key[64], wanted[64];

	CU_ASSERT_EQUAL_FATAL(hash_make(&like, "pencil", made), HASH_MATCH);
	CU_ASSERT_EQUAL_FATAL(sscanf(made, "4096,%31[^,],%*[^,],%63s",
				     salt_text, key), 2);
	CU_ASSERT_EQUAL(sodium_base642bin(salt, sizeof(salt), salt_text,
		strlen(salt_text), NULL, NULL, NULL,
		sodium_base64_VARIANT_ORIGINAL), 0);
	PKCS5_PBKDF2_HMAC("pencil", -1, salt, sizeof(salt), 4096, EVP_sha1(),
			  sizeof(salted), salted);
	HMAC(EVP_sha1(), salted, sizeof(salted),
	     (const unsigned char *)"Server Key", 10, server, NULL);
	sodium_bin2base64(wanted, sizeof(wanted), server, sizeof(server),
			  sodium_base64_VARIANT_ORIGINAL);
	CU_ASSERT_STRING_EQUAL(key, wanted);
}

static const struct unmade_row {
	const char *name;
	struct hash like;
} unmade_rows[] = {
	{ "inline", { .method = HASH_INLINE } },
	{ "OTP", { .method = HASH_OTP, .rounds = 1024 } },
	{ "DES", { .method = HASH_CRYPT, .id = "" } },
	{ "$1$", { .method = HASH_CRYPT, .id = "$1$" } },
	{ "bcrypt, cheap", { .method = HASH_CRYPT, .id = "$2y$",
	  .rounds = 3 } },
	{ "bcrypt, dear", { .method = HASH_CRYPT, .id = "$2y$",
	  .rounds = 32 } },
	{ "argon2d", { .method = HASH_ARGON2, .id = "$argon2d$", .rounds = 3,
	  .memory = 64 } },
	{ "argon2id, no memory", { .method = HASH_ARGON2, .id = "$argon2id$",
	  .rounds = 3, .memory = 7 } },
	{ "argon2i, few passes", { .method = HASH_ARGON2, .id = "$argon2i$",
	  .rounds = 2, .memory = 64 } },
	{ "PBKDF2, never", { .method = HASH_PBKDF2 } },
	{ "SCRAM, never", { .method = HASH_SCRAM_SHA1 } },
	{ "SCRAM, for ever", { .method = HASH_SCRAM_SHA1,
	  .rounds = 3000000000 } },
};

static void test_make_refuses(void)
{
	static const struct hash sha512 = {
		.method = HASH_CRYPT, .id = "$6$", .rounds = 5000,
	};
	char made[HASH_MADE_MAX];
	const struct unmade_row *row;

	for (size_t i = 0; i < N_ROWS(unmade_rows); i++) {
		row = &unmade_rows[i];
		errno = ENOMEM;
		memset(made, 'x', sizeof(made));
		UNIT_ASSERT_ROW(row->name, hash_make(&row->like, "x", made) ==
				HASH_UNUSABLE);
		UNIT_ASSERT_ROW(row->name, made[0] == '\0');
	}
	CU_ASSERT_EQUAL(hash_make(&sha512, P511, made), HASH_MATCH);
	CU_ASSERT_EQUAL(hash_make(&sha512, P511 "p", made), HASH_UNUSABLE);
}

static CU_TestInfo tests[] = {
	TEST(test_known_answers),
	TEST(test_sample_is_computed),
	TEST(test_digest_is_compared_to_its_end),
	TEST(test_unusable),
	TEST(test_stored_by_postfixadmin),
	TEST(test_made_hashes_verify),
	TEST(test_made_scram_has_a_server_key),
	TEST(test_make_refuses),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return hash_run_init() < 0 ? 2 : unit_run("hash-run", tests);
}
