/* SPDX-License-Identifier: MIT */
/*
 * Stored hashes: each form by hand, each way to be refused, each limit at its
 * edge, and every row that PostfixAdmin itself wrote.
 */
#include "core/hash.h"

#include "core/scheme.h"
#include "password-rows.h"
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Digests, named by their length. They say what their method's may end in. */
#define D11 "qv914M7v2rI"
#define D16 "c0a055581f665acc"
#define D22 "6tM0qiIflCvIfkMyvPWAb1"
#define D28 "kDb5oOLAr9MtTP6nmuw0yxk0S..Q"
#define D31 "yDAUJclFriw8e9Y2WJF1Zq0Dig3ygOO"
#define D32 "878d8014606cda29677a44efa1353fc7"
#define D40 "765ac7010f88022580bd9d61b617d9fa1e90dbd0"
#define D43 "q0BC/1zAm1egDOA28ap7Pv/qqIp2.2/hfz8I9ccfx08"
#define D86 D43 D43
#define B22 "b3h+wXA2RrL+3qVTkoFbbg"
#define B43 "kNc6HElTRHDliLJVHULv8imxJxVodREielrXD2sWQvE"
#define KEY20 "pym9QiP0Lgiin0fxdlGFEf7ymE8="
#define KEY32 "wjLq98ty5Na/6hos41JTc74j7K2oR8Pg+XDqELFJTe4="
#define S22 "e04c3f44c66958042bf47O"
#define BCRYPT "$2y$10$" S22 D31
#define SHA512 "$6$QuxnEPXRoJfj9mZ4$" D86
#define ARGON2ID "$argon2id$v=19$m=65536,t=3,p=1$" B22 "$" B43

static const struct hash_limits no_limits = {
	.bcrypt_cost = 31,
	.rounds = UINT_MAX,
	.passes = UINT_MAX,
	.memory = UINT_MAX,
};

/* the defaults of the settings */
static const struct hash_limits usual_limits = {
	.bcrypt_cost = 14,
	.rounds = 1000000,
	.passes = 16,
	.memory = 128 * 1024,
};

/* tail: how long the part is that depends on the password */
static const struct parse_row {
	const char *name;
	const char *scheme;
	const char *text;
	enum hash_kind method;
	const char *id;
	unsigned int rounds, memory;
	size_t tail;
} parse_rows[] = {
	{ "DES", "CRYPT", "ab" D11, HASH_CRYPT, "", 25, 0, 11 },
	{ "bigcrypt, up to 16 bytes", "CRYPT", "ab" D11 D11, HASH_CRYPT, "",
	  50, 0, 22 },
	{ "bigcrypt, up to 128", "DES-CRYPT", "ab" D11 D11 D11 D11 D11 D11 D11
	  D11 D11 D11 D11 D11 D11 D11 D11 D11, HASH_CRYPT, "", 400, 0, 176 },
	{ "BSDi", "CRYPT", "_/...abcd" D11, HASH_CRYPT, "_", 1, 0, 11 },
	{ "BSDi, most", "CRYPT", "_zzzzabcd" D11, HASH_CRYPT, "_", 16777215, 0,
	  11 },
	{ "BSDi, order of digits", "CRYPT", "_./..abcd" D11, HASH_CRYPT, "_",
	  64, 0, 11 },
	{ "MD5", "CRYPT", "$1$c9809462$" D22, HASH_CRYPT, "$1$", 1000, 0, 22 },
	{ "MD5, no salt", "MD5-CRYPT", "$1$$" D22, HASH_CRYPT, "$1$", 1000, 0,
	  22 },
	{ "MD5, by a name for more", "md5", "$1$ab$" D22, HASH_CRYPT, "$1$",
	  1000, 0, 22 },
	{ "MD5, a salt for Dovecot only", "MD5-CRYPT", "$1$a:b$" D22,
	  HASH_INLINE, "$1$", 1000, 0, 22 },
	{ "MD5, UTF-8 in the salt", "MD5", "$1$\xc3\xa4$" D22, HASH_INLINE,
	  "$1$", 1000, 0, 22 },
	{ "MD5, a blank in the salt", "MD5", "$1$a b$" D22, HASH_INLINE, "$1$",
	  1000, 0, 22 },
	{ "MD5, DEL in the salt", "MD5-CRYPT", "$1$\x7f$" D22, HASH_INLINE,
	  "$1$", 1000, 0, 22 },
	{ "bcrypt", "BLF-CRYPT", BCRYPT, HASH_CRYPT, "$2y$", 10, 0, 31 },
	{ "bcrypt, 2a", "CRYPT", "$2a$04$" S22 D31, HASH_CRYPT, "$2a$", 4, 0,
	  31 },
	{ "bcrypt, 2b", "blf-crypt", "$2b$09$" S22 D31, HASH_CRYPT, "$2b$", 9,
	  0, 31 },
	{ "bcrypt, 2x", "SHA512-CRYPT", "$2x$31$" S22 D31, HASH_CRYPT, "$2x$",
	  31, 0, 31 },
	{ "SHA-256", "SHA256-CRYPT", "$5$6DK/FWmqaDWOufHR$" D43, HASH_CRYPT,
	  "$5$", 5000, 0, 43 },
	{ "SHA-256, rounds", "CRYPT", "$5$rounds=10000$ab$" D43, HASH_CRYPT,
	  "$5$", 10000, 0, 43 },
	{ "SHA-256, fewest", "CRYPT", "$5$rounds=1000$$" D43, HASH_CRYPT,
	  "$5$", 1000, 0, 43 },
	{ "SHA-512", "SHA512-CRYPT.B64", SHA512, HASH_CRYPT, "$6$", 5000, 0,
	  86 },
	{ "SHA-512, no salt", "CRYPT", "$6$$" D86, HASH_CRYPT, "$6$", 5000, 0,
	  86 },
	{ "SHA-512, most", "DES-CRYPT", "$6$rounds=999999999$ab$" D86,
	  HASH_CRYPT, "$6$", 999999999, 0, 86 },
	{ "SHA-512, an odd salt", "CRYPT", "$6$round=5000,#$" D86, HASH_CRYPT,
	  "$6$", 5000, 0, 86 },
	{ "Sun", "CRYPT", "$md5$abc$" D22, HASH_CRYPT, "$md5", 4096, 0, 22 },
	{ "Sun, two dollars", "CRYPT", "$md5$abc$$" D22, HASH_CRYPT, "$md5",
	  4096, 0, 22 },
	{ "Sun, no salt", "CRYPT", "$md5$$" D22, HASH_CRYPT, "$md5", 4096, 0,
	  22 },
	{ "Sun, rounds", "CRYPT", "$md5,rounds=904$abc$$" D22, HASH_CRYPT,
	  "$md5", 5000, 0, 22 },
	{ "Sun, rounds after a dollar", "CRYPT", "$md5$rounds=1$abc$" D22,
	  HASH_CRYPT, "$md5", 4097, 0, 22 },
	{ "Sun, most", "CRYPT", "$md5,rounds=4294963199$abc$" D22, HASH_CRYPT,
	  "$md5", UINT_MAX, 0, 22 },
	{ "SHA-1", "CRYPT", "$sha1$24680$abc$" D28, HASH_CRYPT, "$sha1$", 24680,
	  0, 28 },
	{ "SHA-1, none", "CRYPT", "$sha1$0$abc$" D28, HASH_CRYPT, "$sha1$", 0,
	  0, 28 },
	{ "the longest", "CRYPT", "$sha1$100$" D86 D86 D86 D86 "$" D28,
	  HASH_CRYPT, "$sha1$", 100, 0, 28 },
	{ "NT", "CRYPT", "$3$$" D32, HASH_CRYPT, "$3$", 1, 0, 32 },
	/* crypt_gensalt(3) with the count that the name says */
	{ "yescrypt, 1", "CRYPT", "$y$j75$abcd$" D43, HASH_CRYPT, "$y$", 1,
	  1024, 43 },
	{ "yescrypt, 5", "CRYPT", "$y$j9T$abcd$" D43, HASH_CRYPT, "$y$", 1,
	  16 * 1024, 43 },
	{ "yescrypt, 11", "CRYPT", "$y$jFT$$" D43, HASH_CRYPT, "$y$", 1,
	  1024 * 1024, 43 },
	{ "gost-yescrypt, 5", "CRYPT", "$gy$j9T$abcd$" D43, HASH_CRYPT, "$gy$",
	  1, 16 * 1024, 43 },
	{ "scrypt, 6", "CRYPT", "$7$BU..../....abcd$" D43, HASH_CRYPT, "$7$", 1,
	  32 * 1024, 43 },
	{ "scrypt, 11", "CRYPT", "$7$GU..../....a$cd$" D43, HASH_CRYPT, "$7$",
	  1, 1024 * 1024, 43 },
	{ "scrypt, as much salt as can be", "CRYPT", "$7$BU..../...." D86 D86
	  D86 "0123456789abcdef0123456$" D43, HASH_CRYPT, "$7$", 1, 32 * 1024,
	  43 },
	{ "yescrypt, a byte of salt", "CRYPT", "$y$j9T$a1$" D43, HASH_CRYPT,
	  "$y$", 1, 16 * 1024, 43 },
	{ "yescrypt, two bytes of salt", "CRYPT", "$y$j9T$abD$" D43, HASH_CRYPT,
	  "$y$", 1, 16 * 1024, 43 },
	{ "scrypt, 3 lanes", "CRYPT", "$7$BU....1....abcd$" D43, HASH_CRYPT,
	  "$7$", 3, 32 * 1024 + 2 * (4 + 13), 43 },
	{ "scrypt, large blocks in lanes", "CRYPT", "$7$0..6..zz5..abcd$" D43,
	  HASH_CRYPT, "$7$", 32767, 16 * 1024 + 32766 * (4096 + 13), 43 },
	{ "scrypt, least", "CRYPT", "$7$0/..../....$" D43, HASH_CRYPT, "$7$", 1,
	  1, 43 },
	/* yescrypt's options: which there are, lanes from 2, passes from 1 */
	{ "yescrypt, 2 lanes share", "CRYPT", "$y$j9T..$abcd$" D43, HASH_CRYPT,
	  "$y$", 1, 16 * 1024 + (4 + 13), 43 },
	{ "yescrypt, 3 passes", "CRYPT", "$y$j9T/0$abcd$" D43, HASH_CRYPT,
	  "$y$", 3, 16 * 1024, 43 },
	{ "yescrypt, 2 lanes, 3 passes", "CRYPT", "$y$j9T0.0$abcd$" D43,
	  HASH_CRYPT, "$y$", 3, 16 * 1024 + (4 + 13), 43 },
	{ "yescrypt as scrypt, 2 lanes", "CRYPT", "$y$.9T..$abcd$" D43,
	  HASH_CRYPT, "$y$", 2, 16 * 1024 + (4 + 13), 43 },
	{ "yescrypt, four blocks", "CRYPT", "$y$j/T$abcd$" D43, HASH_CRYPT,
	  "$y$", 1, 16, 43 },
	{ "yescrypt, lanes of four blocks", "CRYPT", "$y$j0T..$abcd$" D43,
	  HASH_CRYPT, "$y$", 1, 32 + (4 + 13), 43 },
	{ "yescrypt, both multiply", "CRYPT", "$y$/9T0.0$abcd$" D43, HASH_CRYPT,
	  "$y$", 6, 16 * 1024 + (4 + 13), 43 },
	{ "yescrypt, more memory than fits", "CRYPT", "$y$jSzyxvrC$abcd$" D43,
	  HASH_CRYPT, "$y$", 1, UINT_MAX, 43 },
	{ "yescrypt, more passes than fit", "CRYPT",
	  "$y$/9.0y/vrCy/vrD$abcd$" D43, HASH_CRYPT, "$y$", UINT_MAX,
	  512 + 1048575 * 13, 43 },
	/* its numbers, where they get a digit more: 4 blocks of such a size */
	{ "yescrypt, 48", "CRYPT", "$y$j/j$$" D43, HASH_CRYPT, "$y$", 1, 24,
	  43 },
	{ "yescrypt, 49", "CRYPT", "$y$j/k.$$" D43, HASH_CRYPT, "$y$", 1, 25,
	  43 },
	{ "yescrypt, 561", "CRYPT", "$y$j/s..$$" D43, HASH_CRYPT, "$y$", 1,
	  281, 43 },
	{ "yescrypt, 16945", "CRYPT", "$y$j/w...$$" D43, HASH_CRYPT, "$y$", 1,
	  8473, 43 },
	{ "yescrypt, 541232", "CRYPT", "$y$j/xzzz$$" D43, HASH_CRYPT, "$y$", 1,
	  270616, 43 },
	{ "yescrypt, 541233", "CRYPT", "$y$j/y....$$" D43, HASH_CRYPT, "$y$", 1,
	  270617, 43 },
	{ "yescrypt, 17318449", "CRYPT", "$y$j/z.....$$" D43, HASH_CRYPT,
	  "$y$", 1, 8659225, 43 },
	{ "argon2id", "ARGON2ID", ARGON2ID, HASH_ARGON2, "$argon2id$", 3, 65536,
	  43 },
	{ "argon2id, other name", "ARGON2I", ARGON2ID, HASH_ARGON2,
	  "$argon2id$", 3, 65536, 43 },
	{ "argon2i, other name, encoded", "ARGON2ID.B64",
	  "$argon2i$v=19$m=32,t=4,p=4$" B22 "$" B43, HASH_ARGON2, "$argon2i$",
	  4, 32, 43 },
	{ "argon2, short", "ARGON2ID",
	  "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$" B22, HASH_ARGON2,
	  "$argon2id$", 1, 8, 22 },
	{ "argon2, long", "ARGON2ID", "$argon2id$v=19$m=8,t=1,p=1$" B22 "$"
	  "AAAA" "AAAA" "AAAA" B43 "A", HASH_ARGON2, "$argon2id$", 1, 8, 56 },
	{ "PBKDF2", "PBKDF2", "$1$SkzPf.AwgFum9xAt$5000$" D40, HASH_PBKDF2, "",
	  5000, 0, 40 },
	{ "PBKDF2, odd salt and count", "pbkdf2", "$1$a: b$00017$" D40,
	  HASH_PBKDF2, "", 17, 0, 40 },
	{ "PBKDF2, no salt, capitals", "PBKDF2", "$1$$1$"
	  "765AC7010F88022580BD9D61B617D9FA1E90DBD0", HASH_PBKDF2, "", 1, 0,
	  40 },
	{ "SCRAM-SHA-1", "SCRAM-SHA-1", "4096,khGa6yXAd8q9DXsW+86FIw==," KEY20
	  "," KEY20, HASH_SCRAM_SHA1, "", 4096, 0, 57 },
	{ "SCRAM-SHA-1, odd salt and count", "SCRAM-SHA-1", "05000,#$," KEY20
	  "," KEY20, HASH_SCRAM_SHA1, "", 5000, 0, 57 },
	{ "SCRAM-SHA-1, white space", "SCRAM-SHA-1",
	  "4096,, pym9QiP0Lgiin0\tfxdlGFEf7ymE8 = ," KEY20 "\r\n",
	  HASH_SCRAM_SHA1, "", 4096, 0, 63 },
	{ "SCRAM-SHA-256", "scram-sha-256", "2147483647,pRzNjw==," KEY32 ","
	  KEY32, HASH_SCRAM_SHA256, "", INT_MAX, 0, 89 },
	{ "OTP", "OTP", "sha1 1024 c89d3bb9c540923f " D16, HASH_OTP, "sha1",
	  1024, 0, 16 },
	{ "OTP, none, no seed", "OTP", "md4 0  " D16, HASH_OTP, "md4", 0, 0,
	  16 },
	{ "OTP, most", "OTP", "md5 2147483647 AB12 C0A055581F665ACC", HASH_OTP,
	  "md5", INT_MAX, 0, 16 },
	{ "a digest", "MD5", "5d7845ac6ee7cfffafc5fe5f35cf666d", HASH_INLINE,
	  "", 0, 0, 32 },
	{ "a digest of $1", "MD5.HEX", "$1", HASH_INLINE, "", 0, 0, 2 },
	{ "cheap", "SSHA", "JouiCeLvgTMt4nk67Cf/F6P2FOgWv6Jn", HASH_INLINE, "",
	  0, 0, 32 },
	{ "clear text like a hash", "PLAIN", BCRYPT, HASH_INLINE, "", 0, 0,
	  60 },
	{ "Dovecot words it", "FOO", SHA512, HASH_INLINE, "", 0, 0, 106 },
	{ "and that", "SHA512-CRYPT.FOO", SHA512, HASH_INLINE, "", 0, 0, 106 },
};

static bool parsed_as(const struct hash *hash, const struct parse_row *row)
{
	return hash->method == row->method && strcmp(hash->id, row->id) == 0 &&
		hash->rounds == row->rounds && hash->memory == row->memory &&
		hash->digest + row->tail == strlen(row->text);
}

static void test_hash_parse(void)
{
	const struct parse_row *row;
	struct errbuf error;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(parse_rows); i++) {
		row = &parse_rows[i];
		UNIT_ASSERT_ROW(row->name,
				hash_parse(row->scheme, row->text, &no_limits,
					   &hash, &error) == 0);
		UNIT_ASSERT_ROW(row->name, parsed_as(&hash, row));
	}
}

/* What was said of hash_parse()'s digest. */
static void test_hash_blanked(void)
{
	const struct parse_row *row;
	struct errbuf error;
	struct hash hash;
	char text[512], *p;

	for (size_t i = 0; i < N_ROWS(parse_rows); i++) {
		row = &parse_rows[i];
		if (row->method == HASH_INLINE)
			continue;
		snprintf(text, sizeof(text), "%s", row->text);
		for (p = text + strlen(text) - row->tail; *p != '\0'; p++) {
			if (strchr(",= \t\r\n", *p) == NULL)
				*p = 'A';
		}
		UNIT_ASSERT_ROW(row->name, strcmp(text, row->text) != 0);
		UNIT_ASSERT_ROW(row->name,
				hash_parse(row->scheme, text, &no_limits, &hash,
					   &error) == 0);
		UNIT_ASSERT_ROW(row->name, parsed_as(&hash, row));
	}
}

#define CUT "its hash is cut off, perhaps by a column that is too narrow"
#define FORM "its hash is not of its scheme's form"
#define LONG "its hash is longer than its scheme makes them"
#define UNKNOWN "its hash is of a method that crypt() does not have"
#define CURE ": have the user set a new password"

/* A number with a digit more than fits must not be taken for a small one. */
#define TOO_BIG "4294967296"

static const struct refuse_row {
	const char *name;
	const char *scheme;
	const char *text;
	const char *reason;
} refuse_rows[] = {
	{ "empty", "CRYPT", "", CUT },
	{ "empty, argon2", "ARGON2ID", "", CUT },
	{ "empty, SCRAM", "SCRAM-SHA-1", "", CUT },
	{ "empty, OTP", "OTP", "", CUT },
	{ "no hash", "CRYPT", "*", FORM },
	{ "a hash that was locked", "SHA512-CRYPT", "!" SHA512, FORM },
	{ "clear text", "CRYPT", "secret", CUT },
	{ "clear text with a blank", "CRYPT", "my secret word", FORM },
	{ "unknown", "CRYPT", "$8$abcd$" D43, UNKNOWN },
	{ "unknown, no end of the id", "SHA512-CRYPT", "$", UNKNOWN },
	{ "no crypt()'s", "SHA256-CRYPT", ARGON2ID, UNKNOWN },
	{ "unknown bcrypt", "BLF-CRYPT", "$2c$10$" S22 D31, UNKNOWN },
	{ "the first bcrypt", "CRYPT", "$2$10$" S22 D31, UNKNOWN },
	{ "no bcrypt", "BLF-CRYPT", SHA512, FORM },
	{ "no MD5-CRYPT", "MD5-CRYPT", SHA512, FORM },
	{ "no MD5-CRYPT, DES", "MD5-CRYPT", "ab" D11, FORM },
	{ "no argon2", "ARGON2ID", BCRYPT, FORM },
	{ "DES, one less", "CRYPT", "abqv914M7v2r", CUT },
	{ "DES, one more", "CRYPT", "ab" D11 "x", LONG },
	{ "DES, a salt outside the alphabet", "CRYPT", "a=" D11, FORM },
	{ "bigcrypt, one too many", "CRYPT", "ab" D11 D11 D11 D11 D11 D11 D11
	  D11 D11 D11 D11 D11 D11 D11 D11 D11 D11, LONG },
	{ "BSDi, a count outside the alphabet", "CRYPT", "_/=..abcd" D11,
	  FORM },
	{ "MD5, one less", "CRYPT", "$1$ab$tM0qiIflCvIfkMyvPWAb1", CUT },
	{ "MD5, one more", "MD5", "$1$ab$" D22 "1", LONG },
	{ "MD5, a line's end", "MD5-CRYPT", "$1$ab$" D22 "\n", LONG },
	{ "MD5, something ignored", "MD5-CRYPT", "$1$ab$" D22 "$x", LONG },
	{ "MD5, long salt", "MD5-CRYPT", "$1$abcdefghi$" D22, FORM },
	{ "bcrypt, one less", "CRYPT", "$2y$10$" S22
	  "yDAUJclFriw8e9Y2WJF1Zq0Dig3ygO", CUT },
	{ "bcrypt, one more", "CRYPT", BCRYPT "O", LONG },
	{ "bcrypt, cost 3", "CRYPT", "$2y$03$" S22 D31, FORM },
	{ "bcrypt, cost 32", "CRYPT", "$2y$32$" S22 D31, FORM },
	{ "bcrypt, one digit", "CRYPT", "$2y$9$" S22 D31, FORM },
	{ "bcrypt, a salt outside the alphabet", "CRYPT",
	  "$2y$10$e04c3f44c6=958042bf47O" D31, FORM },
	{ "SHA-256, one less", "CRYPT",
	  "$5$ab$0BC/1zAm1egDOA28ap7Pv/qqIp2.2/hfz8I9ccfx08", CUT },
	{ "SHA-256, one more", "CRYPT", "$5$ab$" D43 "8", LONG },
	{ "SHA-256, a character of no hash", "CRYPT",
	  "$5$ab$=0BC/1zAm1egDOA28ap7Pv/qqIp2.2/hfz8I9ccfx08", FORM },
	{ "SHA-512 with the digest of SHA-256", "CRYPT", "$6$ab$" D43, CUT },
	{ "SHA-256, long salt", "CRYPT", "$5$0123456789abcdefg$" D43, FORM },
	{ "SHA-512, long salt", "CRYPT", "$6$0123456789abcdefg$" D86, FORM },
	{ "SHA-512, a dollar in the salt", "CRYPT", "$6$a$b$" D86, FORM },
	{ "SHA-512, few rounds", "CRYPT", "$6$rounds=999$ab$" D86, FORM },
	{ "SHA-512, many rounds", "CRYPT", "$6$rounds=1000000000$ab$" D86,
	  FORM },
	{ "SHA-512, too many", "CRYPT", "$6$rounds=" TOO_BIG "000$ab$" D86,
	  FORM },
	{ "SHA-512, no rounds", "CRYPT", "$6$rounds=$ab$" D86, FORM },
	{ "SHA-512, negative rounds", "CRYPT", "$6$rounds=-5000$ab$" D86,
	  FORM },
	{ "SHA-512, leading zero", "CRYPT", "$6$rounds=05000$ab$" D86, FORM },
	{ "SHA-512, no end of rounds", "CRYPT", "$6$rounds=5000", CUT },
	{ "Sun, not its id", "CRYPT", "$md5x$abc$" D22, FORM },
	{ "Sun, too many", "CRYPT", "$md5,rounds=4294963200$abc$" D22, FORM },
	{ "Sun, leading zero", "CRYPT", "$md5,rounds=01$abc$" D22, FORM },
	{ "SHA-1, leading zero", "CRYPT", "$sha1$01$abc$" D28, FORM },
	{ "SHA-1, no count", "CRYPT", "$sha1$$abc$" D28, FORM },
	{ "SHA-1, too many", "CRYPT", "$sha1$" TOO_BIG "$abc$" D28, FORM },
	{ "NT with a salt", "CRYPT", "$3$a$" D32, FORM },
	{ "yescrypt, long salt", "CRYPT", "$y$j9T$" D86 "a$" D43, FORM },
	{ "gost-yescrypt, long salt", "CRYPT", "$gy$j9T$" D86 "a$" D43, FORM },
	{ "yescrypt, one more", "CRYPT", "$y$j9T$abcd$" D43 "/", LONG },
	{ "yescrypt, two blocks", "CRYPT", "$y$j.T$abcd$" D43, FORM },
	{ "yescrypt, 2^32 blocks", "CRYPT", "$y$jTT$abcd$" D43, FORM },
	{ "scrypt, too large blocks in lanes", "CRYPT",
	  "$7$0..6....6..abcd$" D43, FORM },
	{ "yescrypt, lanes of two blocks", "CRYPT", "$y$j/T..$abcd$" D43,
	  FORM },
	{ "yescrypt as scrypt, with a time", "CRYPT", "$y$.9T/.$abcd$" D43,
	  FORM },
	{ "yescrypt, a flavour less", "CRYPT", "$y$i9T$abcd$" D43, FORM },
	{ "yescrypt, a flavour more", "CRYPT", "$y$k.9T$abcd$" D43, FORM },
	{ "yescrypt, no flavour of its own", "CRYPT", "$y$09T$abcd$" D43,
	  FORM },
	{ "yescrypt, bits left over from a byte", "CRYPT", "$y$j9T$a2$" D43,
	  FORM },
	{ "yescrypt, bits left over from two", "CRYPT", "$y$j9T$abE$" D43,
	  FORM },
	{ "yescrypt, nothing but left over", "CRYPT", "$y$j9T$.$" D43, FORM },
	{ "yescrypt, six bits left over", "CRYPT", "$y$j9T$abcda$" D43, FORM },
	{ "yescrypt, a salt outside the alphabet", "CRYPT", "$y$j9T$ab=d$" D43,
	  FORM },
	{ "yescrypt, an upgrade", "CRYPT", "$y$j9T1.$abcd$" D43, FORM },
	{ "yescrypt, a ROM", "CRYPT", "$y$j9T59$abcd$" D43, FORM },
	{ "yescrypt, something else", "CRYPT", "$y$j9T/00$abcd$" D43, FORM },
	{ "scrypt, no block size", "CRYPT", "$7$B...../....abcd$" D43, FORM },
	{ "scrypt, no lane", "CRYPT", "$7$BU.........abcd$" D43, FORM },
	{ "scrypt, a salt outside the alphabet", "CRYPT",
	  "$7$BU..../....ab=d$" D43, FORM },
	{ "scrypt, long salt", "CRYPT", "$7$BU..../...." D86 D86 D86
	  "0123456789abcdef01234567$" D43, FORM },
	{ "scrypt, no salt's end", "CRYPT", "$7$BU..../....abcd", CUT },
	{ "longer than crypt() makes", "CRYPT", "$sha1$1000$" D86 D86 D86 D86
	  "$" D28, LONG },
	{ "argon2, other version", "ARGON2ID",
	  "$argon2id$v=16$m=65536,t=3,p=1$" B22 "$" B43, FORM },
	{ "argon2, no version", "ARGON2ID", "$argon2id$m=65536,t=3,p=1$" B22
	  "$" B43, FORM },
	{ "argon2d", "ARGON2ID", "$argon2d$v=19$m=65536,t=3,p=1$" B22 "$" B43,
	  FORM },
	{ "argon2, leading zero", "ARGON2ID",
	  "$argon2id$v=19$m=065536,t=3,p=1$" B22 "$" B43, FORM },
	{ "argon2, too much memory", "ARGON2ID", "$argon2id$v=19$m=" TOO_BIG
	  ",t=3,p=1$" B22 "$" B43, FORM },
	{ "argon2, no pass", "ARGON2ID", "$argon2id$v=19$m=65536,t=0,p=1$" B22
	  "$" B43, FORM },
	{ "argon2, no lane", "ARGON2ID", "$argon2id$v=19$m=65536,t=3,p=0$" B22
	  "$" B43, FORM },
	{ "argon2, too many lanes", "ARGON2ID", "$argon2id$v=19$m=31,t=3,p=4$"
	  B22 "$" B43, FORM },
	{ "argon2, lanes that overflow", "ARGON2ID",
	  "$argon2id$v=19$m=64,t=3,p=536870912$" B22 "$" B43, FORM },
	{ "argon2, short salt", "ARGON2ID",
	  "$argon2id$v=19$m=65536,t=3,p=1$AAAAAAAAAA$" B43, FORM },
	{ "argon2, one less", "ARGON2ID", "$argon2id$v=19$m=65536,t=3,p=1$" B22
	  "$Nc6HElTRHDliLJVHULv8imxJxVodREielrXD2sWQvE", CUT },
	{ "argon2, 15 bytes", "ARGON2ID", "$argon2id$v=19$m=65536,t=3,p=1$" B22
	  "$AAAAAAAAAAAAAAAAAAAA", CUT },
	{ "argon2, padded", "ARGON2ID", ARGON2ID "=", LONG },
	{ "argon2, six bits more", "ARGON2ID", ARGON2ID "AA", CUT },
	{ "PBKDF2, not its id", "PBKDF2", "$5$ab$5000$" D40, FORM },
	{ "PBKDF2, one less", "PBKDF2",
	  "$1$ab$5000$65ac7010f88022580bd9d61b617d9fa1e90dbd0", CUT },
	{ "PBKDF2, one more", "PBKDF2", "$1$ab$5000$" D40 "0", LONG },
	{ "PBKDF2, no hex", "PBKDF2",
	  "$1$ab$5000$g65ac7010f88022580bd9d61b617d9fa1e90dbd0", FORM },
	{ "PBKDF2, no rounds", "PBKDF2", "$1$ab$$" D40, FORM },
	{ "PBKDF2, negative rounds", "PBKDF2", "$1$ab$-1$" D40, FORM },
	{ "PBKDF2, too many", "PBKDF2", "$1$ab$" TOO_BIG "$" D40, FORM },
	/* all passwords match this one */
	{ "PBKDF2, 0 rounds", "PBKDF2",
	  "$1$ab$0$0000000000000000000000000000000000000000", FORM },
	{ "SCRAM, few iterations", "SCRAM-SHA-1", "4095,ab==," KEY20 "," KEY20,
	  FORM },
	{ "SCRAM, too many", "SCRAM-SHA-1", "2147483648,ab==," KEY20 "," KEY20,
	  FORM },
	{ "SCRAM, no server key", "SCRAM-SHA-1", "4096,ab==," KEY20, CUT },
	{ "SCRAM, no padding", "SCRAM-SHA-1", "4096,ab==," KEY20
	  ",pym9QiP0Lgiin0fxdlGFEf7ymE8", CUT },
	{ "SCRAM, no padding before", "SCRAM-SHA-1",
	  "4096,ab==,pym9QiP0Lgiin0fxdlGFEf7ymE8," KEY20, FORM },
	{ "SCRAM, a field more", "SCRAM-SHA-1", "4096,ab==," KEY20 "," KEY20
	  ",", LONG },
	{ "SCRAM, keys of the other", "SCRAM-SHA-256", "4096,ab==," KEY20 ","
	  KEY20, FORM },
	{ "SCRAM, no base64", "SCRAM-SHA-1", "4096,ab==,-" KEY20 "," KEY20,
	  FORM },
	{ "OTP, unknown algorithm", "OTP", "sha2 5 ab " D16, FORM },
	{ "OTP, no algorithm", "OTP", " 5 ab " D16, FORM },
	{ "OTP, in capitals", "OTP", "MD5 5 ab " D16, FORM },
	{ "OTP, tabs", "OTP", "md5\t5\tab\t" D16, FORM },
	{ "OTP, leading zero", "OTP", "md5 05 ab " D16, FORM },
	{ "OTP, negative", "OTP", "md5 -5 ab " D16, FORM },
	{ "OTP, too many", "OTP", "md5 2147483648 ab " D16, FORM },
	{ "OTP, long seed", "OTP", "md5 5 abcdefghijklmnopq " D16, FORM },
	{ "OTP, odd seed", "OTP", "md5 5 a-b " D16, FORM },
	{ "OTP, one less", "OTP", "md5 5 ab 0a055581f665acc", CUT },
	{ "OTP, one more", "OTP", "md5 5 ab " D16 "0", LONG },
};

static void test_hash_refuse(void)
{
	const struct refuse_row *row;
	struct errbuf error;
	struct hash hash;
	char wanted[512];

	for (size_t i = 0; i < N_ROWS(refuse_rows); i++) {
		row = &refuse_rows[i];
		UNIT_ASSERT_ROW(row->name,
				hash_parse(row->scheme, row->text, &no_limits,
					   &hash, &error) == -1);
		snprintf(wanted, sizeof(wanted), "%s" CURE, row->reason);
		UNIT_ASSERT_ROW(row->name, strcmp(error.text, wanted) == 0);
	}
}

/* argon2 and bigcrypt have digests of several lengths */
static bool has_one_length(const struct parse_row *row)
{
	return row->method != HASH_INLINE && row->method != HASH_ARGON2 &&
		(*row->id != '\0' || row->method != HASH_CRYPT ||
		 row->rounds == 25);
}

/* Wherever a text is cut off, it is refused. */
static void test_hash_cut(void)
{
	const struct parse_row *row;
	struct errbuf error;
	struct hash hash;
	char text[512];

	for (size_t i = 0; i < N_ROWS(parse_rows); i++) {
		row = &parse_rows[i];
		if (!has_one_length(row))
			continue;
		snprintf(text, sizeof(text), "%s", row->text);
		for (size_t len = strlen(text); --len >= strlen("$1$"); ) {
			/* the last of which does not matter */
			if (strchr("\r\n", text[len]) != NULL)
				continue;
			text[len] = '\0';
			UNIT_ASSERT_ROW(row->name,
					hash_parse(row->scheme, text,
						   &no_limits, &hash,
						   &error) == -1);
		}
	}
}

/* How much a text asks for, and whose limit that is. */
static const struct limit_row {
	const char *scheme;
	const char *text;
	size_t limit;
	unsigned int asked;
	const char *reason;	/* with a limit that is one less */
} limit_rows[] = {
	{ "CRYPT", BCRYPT, offsetof(struct hash_limits, bcrypt_cost), 10,
	  "a cost of 10, verify_max_bcrypt_cost allows 9" },
	{ "BLF-CRYPT", "$2y$31$" S22 D31,
	  offsetof(struct hash_limits, bcrypt_cost), 31,
	  "a cost of 31, verify_max_bcrypt_cost allows 30" },
	{ "CRYPT", "$6$rounds=999999999$ab$" D86,
	  offsetof(struct hash_limits, rounds), 999999999,
	  "999999999 rounds, verify_max_rounds allows 999999998" },
	{ "CRYPT", SHA512, offsetof(struct hash_limits, rounds), 5000,
	  "5000 rounds, verify_max_rounds allows 4999" },
	{ "MD5-CRYPT", "$1$$" D22, offsetof(struct hash_limits, rounds), 1000,
	  "1000 rounds, verify_max_rounds allows 999" },
	{ "CRYPT", "_zzzzabcd" D11, offsetof(struct hash_limits, rounds),
	  16777215, "16777215 rounds, verify_max_rounds allows 16777214" },
	{ "PBKDF2", "$1$ab$4294967295$" D40,
	  offsetof(struct hash_limits, rounds), UINT_MAX,
	  "4294967295 rounds, verify_max_rounds allows 4294967294" },
	{ "SCRAM-SHA-256", "4096,ab==," KEY32 "," KEY32,
	  offsetof(struct hash_limits, rounds), 4096,
	  "4096 rounds, verify_max_rounds allows 4095" },
	{ "OTP", "md5 1024 ab " D16, offsetof(struct hash_limits, rounds), 1024,
	  "1024 rounds, verify_max_rounds allows 1023" },
	{ "ARGON2ID", ARGON2ID, offsetof(struct hash_limits, passes), 3,
	  "3 passes, verify_max_passes allows 2" },
	{ "ARGON2ID", ARGON2ID, offsetof(struct hash_limits, memory), 65536,
	  "64 MiB, verify_memory allows 63" },
	{ "ARGON2I", "$argon2i$v=19$m=67108864,t=1,p=1$" B22 "$" B43,
	  offsetof(struct hash_limits, memory), 67108864,
	  "65536 MiB, verify_memory allows 65535" },
	{ "ARGON2I", "$argon2i$v=19$m=1025,t=1,p=1$" B22 "$" B43,
	  offsetof(struct hash_limits, memory), 1025,
	  "2 MiB, verify_memory allows 1" },
	{ "CRYPT", "$y$j9T/0$abcd$" D43, offsetof(struct hash_limits, passes),
	  3, "3 passes, verify_max_passes allows 2" },
	{ "CRYPT", "$7$0/..../....$" D43, offsetof(struct hash_limits, passes),
	  1, "1 passes, verify_max_passes allows 0" },
	{ "CRYPT", "$7$GU..../....abcd$" D43,
	  offsetof(struct hash_limits, memory), 1048576,
	  "1024 MiB, verify_memory allows 1023" },
};

/* All other limits at their least. */
static struct hash_limits only_limit(const struct limit_row *row,
				     unsigned int value)
{
	struct hash_limits limits = { 0, 0, 0, 0 };

	/* these two stand together */
	if (row->limit == offsetof(struct hash_limits, passes))
		limits.memory = UINT_MAX;
	if (row->limit == offsetof(struct hash_limits, memory))
		limits.passes = UINT_MAX;
	memcpy((char *)&limits + row->limit, &value, sizeof(value));
	return limits;
}

static void test_hash_limits(void)
{
	const struct limit_row *row;
	struct hash_limits limits;
	struct errbuf error;
	struct hash hash;
	char wanted[512];

	for (size_t i = 0; i < N_ROWS(limit_rows); i++) {
		row = &limit_rows[i];
		limits = only_limit(row, row->asked);
		UNIT_ASSERT_ROW(row->reason,
				hash_parse(row->scheme, row->text, &limits,
					   &hash, &error) == 0);
		UNIT_ASSERT_ROW(row->reason, hash_affordable(&hash, &limits));
		limits = only_limit(row, row->asked - 1);
		UNIT_ASSERT_ROW(row->reason, !hash_affordable(&hash, &limits));
		UNIT_ASSERT_ROW(row->reason,
				hash_parse(row->scheme, row->text, &limits,
					   &hash, &error) == -1);
		snprintf(wanted, sizeof(wanted), "its hash asks for %s: raise "
			 "it, or have the user set a new password",
			 row->reason);
		UNIT_ASSERT_ROW(row->reason, strcmp(error.text, wanted) == 0);
	}
}

/* What can be refused costs something: nothing else has a limit. */
static void test_hash_without_limit(void)
{
	static const struct hash_limits nothing = { 0, 0, 0, 0 };
	const struct parse_row *row;
	struct errbuf error;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(parse_rows); i++) {
		row = &parse_rows[i];
		UNIT_ASSERT_ROW(row->name,
				hash_parse(row->scheme, row->text, &nothing,
					   &hash, &error) ==
				(row->rounds == 0 ? 0 : -1));
	}
}

static const char *const kinds_of_text[] = {
	SHA512, BCRYPT, "$1$ab$" D22, "ab" D11, ARGON2ID, "4096,ab==," KEY20 ","
	KEY20, "md5 5 ab " D16, "5d7845ac6ee7cfffafc5fe5f35cf666d",
};

/* For each kind of text, in the same order: c crypt(), a argon2, s SCRAM,
   o OTP, i inline, - refused. */
static const struct family_row {
	const char *scheme;
	const char *methods;
} family_rows[] = {
	{ "CRYPT", "cccc----" },
	{ "DES-CRYPT", "cccc----" },
	{ "SHA256-CRYPT", "cccc----" },
	{ "sha512-crypt.hex", "cccc----" },
	{ "BLF-CRYPT", "-c------" },
	{ "MD5-CRYPT", "--c-----" },
	{ "MD5", "iiciiiii" },
	{ "ARGON2I", "----a---" },
	{ "ARGON2ID", "----a---" },
	{ "SCRAM-SHA-1", "-----s--" },
	{ "SCRAM-SHA-256", "--------" },
	{ "PBKDF2", "--------" },
	{ "OTP", "------o-" },
	{ "PLAIN", "iiiiiiii" },
	{ "PLAIN-TRUNC", "iiiiiiii" },
	{ "PLAIN-MD5", "iiiiiiii" },
	{ "SSHA512.B64", "iiiiiiii" },
	{ "CRAM-MD5", "iiiiiiii" },
	{ "DIGEST-MD5", "iiiiiiii" },
	{ "FOO", "iiiiiiii" },
	{ "", "iiiiiiii" },
};

static void test_hash_families(void)
{
	static const char letters[] = {
		[HASH_INLINE] = 'i', [HASH_CRYPT] = 'c', [HASH_ARGON2] = 'a',
		[HASH_PBKDF2] = 'p', [HASH_SCRAM_SHA1] = 's',
		[HASH_SCRAM_SHA256] = 'S', [HASH_OTP] = 'o',
	};
	const struct family_row *row;
	struct errbuf error;
	struct hash hash;
	int ret;

	for (size_t i = 0; i < N_ROWS(family_rows); i++) {
		row = &family_rows[i];
		for (size_t k = 0; k < N_ROWS(kinds_of_text); k++) {
			ret = hash_parse(row->scheme, kinds_of_text[k],
					 &no_limits, &hash, &error);
			UNIT_ASSERT_ROW(row->scheme, row->methods[k] ==
				(ret < 0 ? '-' : letters[hash.method]));
		}
	}
}

static const struct weak_row {
	const char *scheme;
	const char *text;
	bool weak;
} weak_rows[] = {
	{ "CRYPT", SHA512, false },
	{ "CRYPT", BCRYPT, false },
	{ "CRYPT", "$1$ab$" D22, true },
	{ "CRYPT", "ab" D11, true },
	{ "SHA512-CRYPT", "_/...abcd" D11, true },
	{ "SHA256-CRYPT", "$1$ab$" D22, true },
	{ "CRYPT", "$md5$abc$" D22, false },
	{ "DES-CRYPT", SHA512, true },
	{ "BLF-CRYPT", BCRYPT, false },
	{ "MD5-CRYPT", "$1$ab$" D22, true },
	{ "MD5", "$1$ab$" D22, true },
	{ "MD5", "5d7845ac6ee7cfffafc5fe5f35cf666d", true },
	{ "PLAIN-MD5", "5d7845ac6ee7cfffafc5fe5f35cf666d", true },
	{ "PBKDF2", "$1$ab$5000$" D40, false },
	{ "ARGON2ID", ARGON2ID, false },
	{ "OTP", "md5 5 ab " D16, false },
	{ "PLAIN", "secret", false },
	{ "FOO", "secret", false },
};

static void test_hash_weak(void)
{
	const struct weak_row *row;
	struct errbuf error;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(weak_rows); i++) {
		row = &weak_rows[i];
		UNIT_ASSERT_ROW(row->scheme,
				hash_parse(row->scheme, row->text, &no_limits,
					   &hash, &error) == 0 &&
				hash.weak == row->weak);
	}
}

static const struct brief_row {
	const char *scheme, *text;
	bool brief;
} brief_rows[] = {
	{ "MD5-CRYPT", "$1$ab$" D22, true },
	{ "DES-CRYPT", "ab" D11, true },
	{ "CRYPT", SHA512, false },
	{ "SHA256-CRYPT", "$5$rounds=1000$ab$" D43, true },
	{ "SHA256-CRYPT", "$5$rounds=1001$ab$" D43, false },
	{ "CRYPT", BCRYPT, false },
	{ "PBKDF2", "$1$ab$5000$" D40, false },
	{ "ARGON2ID", ARGON2ID, false },
};

static void test_hash_brief(void)
{
	const struct brief_row *row;
	struct errbuf error;
	struct hash hash;

	for (size_t i = 0; i < N_ROWS(brief_rows); i++) {
		row = &brief_rows[i];
		UNIT_ASSERT_ROW(row->text,
				hash_parse(row->scheme, row->text, &no_limits,
					   &hash, &error) == 0 &&
				hash_is_brief(&hash) == row->brief);
	}
}

static void test_hash_same_cost(void)
{
	const struct hash hash = {
		.method = HASH_ARGON2, .id = "$argon2id$", .rounds = 3,
		.memory = 65536, .digest = 53,
	};
	struct hash other = hash;

	other.weak = true;
	other.digest = 54;
	CU_ASSERT(hash_same_cost(&hash, &other));
	other.method = HASH_CRYPT;
	CU_ASSERT(!hash_same_cost(&hash, &other));
	other = hash;
	strcpy(other.id, "$argon2i$");
	CU_ASSERT(!hash_same_cost(&hash, &other));
	other = hash;
	other.rounds++;
	CU_ASSERT(!hash_same_cost(&hash, &other));
	other = hash;
	other.memory--;
	CU_ASSERT(!hash_same_cost(&hash, &other));
}

/* -- what PostfixAdmin wrote */

static int digit_value(const char *digits, char c)
{
	const char *p = strchr(digits, c);

	return c == '\0' || p == NULL ? -1 : (int)(p - digits);
}

/* Digits of so many bits each, the highest first; ends at the padding. */
static void decode(const char *digits, unsigned int bits, const char *text,
		   char *out)
{
	unsigned int value = 0, have = 0;

	for (; digit_value(digits, *text) >= 0; text++) {
		value = (value << bits | digit_value(digits, *text)) & 0xffff;
		have += bits;
		if (have >= 8) {
			have -= 8;
			*out++ = (char)(value >> have);
		}
	}
	*out = '\0';
}

static void decode_stored(const char *scheme, const char *text, char *out)
{
	const char *dot = strchr(scheme, '.');

	if (dot != NULL && strcasecmp(dot, ".B64") == 0)
		decode("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		       "0123456789+/", 6, text, out);
	else if (dot != NULL && strcasecmp(dot, ".HEX") == 0)
		decode("0123456789abcdef", 4, text, out);
	else
		strcpy(out, text);
}

/* encrypt NULL: any. The first that fits counts; what is not here is cheap. */
static const struct real_cost {
	const char *encrypt;
	const char *scheme;
	enum hash_kind method;
	const char *id;
	unsigned int rounds, memory;
} real_costs[] = {
	{ "php_crypt:BLOWFISH:11", "BLF-CRYPT", HASH_CRYPT, "$2y$", 11, 0 },
	{ "dovecot:BLF-CRYPT", "BLF-CRYPT", HASH_CRYPT, "$2y$", 5, 0 },
	{ "dovecot:BLF-CRYPT.B64", "BLF-CRYPT", HASH_CRYPT, "$2y$", 5, 0 },
	{ "dovecot:CRYPT", "CRYPT", HASH_CRYPT, "$2y$", 5, 0 },
	{ NULL, "BLF-CRYPT", HASH_CRYPT, "$2y$", 10, 0 },
	{ NULL, "CRYPT", HASH_CRYPT, "", 25, 0 },
	{ NULL, "DES-CRYPT", HASH_CRYPT, "", 25, 0 },
	{ NULL, "MD5-CRYPT", HASH_CRYPT, "$1$", 1000, 0 },
	{ "dovecot:MD5", "MD5", HASH_CRYPT, "$1$", 1000, 0 },
	{ "php_crypt:SHA256:10000", "SHA256-CRYPT", HASH_CRYPT, "$5$", 10000,
	  0 },
	{ NULL, "SHA256-CRYPT", HASH_CRYPT, "$5$", 5000, 0 },
	{ "php_crypt:SHA512:10000", "SHA512-CRYPT", HASH_CRYPT, "$6$", 10000,
	  0 },
	{ NULL, "SHA512-CRYPT", HASH_CRYPT, "$6$", 5000, 0 },
	{ "dovecot:ARGON2I", "ARGON2I", HASH_ARGON2, "$argon2i$", 4, 32768 },
	{ NULL, "ARGON2I", HASH_ARGON2, "$argon2i$", 4, 65536 },
	{ "dovecot:ARGON2ID", "ARGON2ID", HASH_ARGON2, "$argon2id$", 3, 65536 },
	{ "dovecot:ARGON2ID.B64", "ARGON2ID", HASH_ARGON2, "$argon2id$", 3,
	  65536 },
	{ NULL, "ARGON2ID", HASH_ARGON2, "$argon2id$", 4, 65536 },
	{ NULL, "PBKDF2", HASH_PBKDF2, "", 5000, 0 },
	{ NULL, "SCRAM-SHA-1", HASH_SCRAM_SHA1, "", 4096, 0 },
	{ NULL, "SCRAM-SHA-256", HASH_SCRAM_SHA256, "", 4096, 0 },
	{ NULL, "OTP", HASH_OTP, "sha1", 1024, 0 },
	{ NULL, "", HASH_INLINE, "", 0, 0 },
};

/* scheme may end in an encoding */
static const struct real_cost *real_cost_find(const char *encrypt,
					      const char *scheme)
{
	const size_t len = strcspn(scheme, ".");
	const struct real_cost *cost;

	for (cost = real_costs; *cost->scheme != '\0'; cost++) {
		if ((cost->encrypt == NULL ||
		     strcmp(cost->encrypt, encrypt) == 0) &&
		    strlen(cost->scheme) == len &&
		    strncasecmp(cost->scheme, scheme, len) == 0)
			break;
	}
	return cost;
}

/* Rows of each method, to know that there were any. */
static unsigned int real_rows[HASH_OTP + 1];

static void check_row(const struct password_row *row)
{
	const struct real_cost *cost;
	struct strbuf out = STRBUF_INIT;
	struct scheme_hint hint;
	struct errbuf error;
	struct hash hash;
	char scheme[32], text[256];
	const char *end;
	int ret;

	UNIT_ASSERT_ROW(row->name,
			scheme_hint_parse(row->encrypt, &hint, &error) == 0 &&
			scheme_normalize(row->stored, &hint, &out) == NULL);
	end = strchr(strbuf_str(&out), '}');
	snprintf(scheme, sizeof(scheme), "%.*s",
		 (int)(end - strbuf_str(&out) - 1), strbuf_str(&out) + 1);
	decode_stored(scheme, end + 1, text);
	ret = hash_parse(scheme, text, &usual_limits, &hash, &error);
	if (strcmp(row->encrypt, "dovecot:SHA512-CRYPT.HEX") == 0) {
		/* PostfixAdmin reads no more than 200 bytes */
		UNIT_ASSERT_ROW(row->name, ret == -1 &&
				strcmp(error.text, CUT CURE) == 0);
	} else {
		cost = real_cost_find(row->encrypt, scheme);
		UNIT_ASSERT_ROW(row->name, ret == 0 &&
				hash.method == cost->method &&
				strcmp(hash.id, cost->id) == 0 &&
				hash.rounds == cost->rounds &&
				hash.memory == cost->memory);
		real_rows[hash.method]++;
	}
	strbuf_free(&out);
}

static void test_hash_of_real_rows(void)
{
	CU_ASSERT_EQUAL(password_rows("passwords-3.3.13.tsv", check_row), 305);
	CU_ASSERT_EQUAL(password_rows("passwords-4.x.tsv", check_row), 271);
	CU_ASSERT_EQUAL(real_rows[HASH_INLINE], 236);
	CU_ASSERT_EQUAL(real_rows[HASH_CRYPT], 275);
	CU_ASSERT_EQUAL(real_rows[HASH_ARGON2], 40);
	CU_ASSERT_EQUAL(real_rows[HASH_PBKDF2], 5);
	CU_ASSERT_EQUAL(real_rows[HASH_SCRAM_SHA1], 5);
	CU_ASSERT_EQUAL(real_rows[HASH_SCRAM_SHA256], 5);
	CU_ASSERT_EQUAL(real_rows[HASH_OTP], 5);
}

static CU_TestInfo tests[] = {
	TEST(test_hash_parse),
	TEST(test_hash_blanked),
	TEST(test_hash_refuse),
	TEST(test_hash_cut),
	TEST(test_hash_limits),
	TEST(test_hash_without_limit),
	TEST(test_hash_families),
	TEST(test_hash_weak),
	TEST(test_hash_brief),
	TEST(test_hash_same_cost),
	TEST(test_hash_of_real_rows),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("hash", tests);
}
