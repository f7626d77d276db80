/* SPDX-License-Identifier: MIT */
/*
 * The strings of crypt(), by a table: for each method its id, where its cost
 * is, and how long salt and digest are. To add a method is to add a row. What
 * libxcrypt 4.4 takes, and older ones a part of; those are asked when the hash
 * is computed. Called by hash.c.
 */
#include "core/crypt-string.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

/* -- the parameters of each method */

static bool read_bcrypt(struct reader *reader, struct hash *hash)
{
	const char *cost = reader->pos;

	if (!reader_chars(reader, READER_DIGITS, 2) || !reader_str(reader, "$"))
		return false;
	hash->rounds = (cost[0] - '0') * 10 + cost[1] - '0';
	return hash->rounds >= 4 && hash->rounds <= 31;
}

static bool read_sha2(struct reader *reader, struct hash *hash)
{
	static const char rounds[] = "rounds=";

	if (!reader_sees(reader, rounds))
		return true;
	return reader_str(reader, rounds) &&
		reader_canonical(reader, &hash->rounds) &&
		reader_str(reader, "$") &&
		hash->rounds >= 1000 && hash->rounds <= 999999999;
}

/* Those it names come on top of the usual ones. */
static bool read_sun_md5(struct reader *reader, struct hash *hash)
{
	static const char rounds[] = "rounds=";
	unsigned int more;

	if (!reader_str(reader, reader_sees(reader, ",") ? "," : "$"))
		return false;
	if (!reader_sees(reader, rounds))
		return true;
	if (!reader_str(reader, rounds) || !reader_canonical(reader, &more) ||
	    !reader_str(reader, "$") || more > UINT_MAX - hash->rounds)
		return false;
	hash->rounds += more;
	return true;
}

static bool read_sha1(struct reader *reader, struct hash *hash)
{
	return reader_canonical(reader, &hash->rounds) &&
		reader_str(reader, "$");
}

static bool read_bsdi(struct reader *reader, struct hash *hash)
{
	return reader_crypt64(reader, 4, &hash->rounds);
}

/*
 * What scrypt and yescrypt ask for: 2^log_n blocks of r * 128 bytes, and for
 * each lane but the first another one, in yescrypt with 12 KiB beside it.
 */
static bool set_scrypt_cost(struct hash *hash, unsigned int log_n,
			    unsigned int r, unsigned int lanes,
			    uint64_t passes)
{
	uint64_t memory;

	if (log_n < 2 || log_n > 31 || r == 0 || lanes == 0 ||
	    (uint64_t)r * lanes >= 1 << 30)
		return false;
	memory = (((uint64_t)r << log_n) + 7) / 8 +
		(uint64_t)(lanes - 1) * (r / 8 + 13);
	hash->memory = memory < UINT_MAX ? memory : UINT_MAX;
	hash->rounds = passes < UINT_MAX ? passes : UINT_MAX;
	return true;
}

static bool read_scrypt(struct reader *reader, struct hash *hash)
{
	unsigned int log_n, r, lanes;

	return reader_crypt64(reader, 1, &log_n) &&
		reader_crypt64(reader, 5, &r) &&
		reader_crypt64(reader, 5, &lanes) &&
		set_scrypt_cost(hash, log_n, r, lanes, lanes);
}

/* yescrypt's numbers count from min and have one to six digits, the highest
   first. The range that holds the first digit tells how many follow it. */
static bool read_yescrypt_number(struct reader *reader, unsigned int min,
				 unsigned int *value_r)
{
	static const unsigned char range[] = { 0, 48, 56, 60, 62, 63, 64 };
	unsigned int digit, more;

	if (!reader_crypt64(reader, 1, &digit))
		return false;
	*value_r = min;
	/* all the numbers that have fewer digits */
	for (more = 0; digit >= range[more + 1]; more++)
		*value_r += (range[more + 1] - range[more]) << (6 * more);
	*value_r += (digit - range[more]) << (6 * more);
	while (more-- > 0) {
		if (!reader_crypt64(reader, 1, &digit))
			return false;
		*value_r += digit << (6 * more);
	}
	return true;
}

#define YESCRYPT_HAS_LANES 0x1
#define YESCRYPT_HAS_TIME 0x2
/* Another hash upon the hash, a table in memory: crypt() takes neither. */
#define YESCRYPT_HAS_UPGRADE 0x4
#define YESCRYPT_HAS_ROM 0x8

static bool read_yescrypt_options(struct reader *reader, unsigned int *lanes_r,
				  unsigned int *time_r)
{
	unsigned int has;

	*lanes_r = 1;
	*time_r = 0;
	if (reader_sees(reader, "$"))
		return true;
	return read_yescrypt_number(reader, 1, &has) &&
		(has & (YESCRYPT_HAS_UPGRADE | YESCRYPT_HAS_ROM)) == 0 &&
		((has & YESCRYPT_HAS_LANES) == 0 ||
		 read_yescrypt_number(reader, 2, lanes_r)) &&
		((has & YESCRYPT_HAS_TIME) == 0 ||
		 read_yescrypt_number(reader, 1, time_r));
}

/* The flavours that crypt() takes. */
#define YESCRYPT_SCRYPT 0	/* as $7$ has it, with nothing more */
#define YESCRYPT_WORM 1		/* that, and a time */
#define YESCRYPT_RW 47		/* lanes share the memory */

static bool read_yescrypt(struct reader *reader, struct hash *hash)
{
	unsigned int flavour, log_n, r, lanes, time;
	uint64_t passes;

	if (!read_yescrypt_number(reader, 0, &flavour) ||
	    !read_yescrypt_number(reader, 1, &log_n) ||
	    !read_yescrypt_number(reader, 1, &r) ||
	    !read_yescrypt_options(reader, &lanes, &time) ||
	    !reader_str(reader, "$"))
		return false;
	passes = time == 0 ? 1 : time;
	switch (flavour) {
	case YESCRYPT_SCRYPT:
		if (time != 0)
			return false;
		/* fall through */
	case YESCRYPT_WORM:
		passes *= lanes;
		break;
	case YESCRYPT_RW:
		if (log_n < 32 && (1U << log_n) / lanes < 4)
			return false;
		break;
	default:
		return false;
	}
	return set_scrypt_cost(hash, log_n, r, lanes, passes);
}

/* -- the methods */

enum salt {
	SALT_FIXED,		/* salt_len characters */
	SALT_ANY,		/* up to salt_len of anything but "$" */
	SALT_BYTES,		/* up to salt_len that make bytes */
	SALT_WITH_DOLLARS,	/* up to salt_len before the last "$" */
};

#define ANY_LEN ((size_t)-1)

static const struct crypt_method {
	const char *id;
	/* Reads what is between id and salt, NULL if that is nothing. */
	bool (*read)(struct reader *reader, struct hash *hash);
	/* if that does not tell */
	unsigned int rounds;
	enum salt salt;
	size_t salt_len;
	size_t digest_len;
} crypt_methods[] = {
	{ "$1$", NULL, 1000, SALT_ANY, 8, 22 },
	{ "$2a$", read_bcrypt, 0, SALT_FIXED, 22, 31 },
	{ "$2b$", read_bcrypt, 0, SALT_FIXED, 22, 31 },
	{ "$2x$", read_bcrypt, 0, SALT_FIXED, 22, 31 },
	{ "$2y$", read_bcrypt, 0, SALT_FIXED, 22, 31 },
	{ "$5$", read_sha2, 5000, SALT_ANY, 16, 43 },
	{ "$6$", read_sha2, 5000, SALT_ANY, 16, 86 },
	{ "$y$", read_yescrypt, 0, SALT_BYTES, 86, 43 },
	{ "$gy$", read_yescrypt, 0, SALT_BYTES, 86, 43 },
	/* of 339 characters at most */
	{ "$7$", read_scrypt, 0, SALT_WITH_DOLLARS, 281, 43 },
	{ "$sha1$", read_sha1, 0, SALT_ANY, ANY_LEN, 28 },
	{ "$md5", read_sun_md5, 4096, SALT_WITH_DOLLARS, ANY_LEN, 22 },
	/* MD4, as Windows has it */
	{ "$3$", NULL, 1, SALT_ANY, 0, 32 },
	{ "_", read_bsdi, 0, SALT_FIXED, 4, 11 },
	/* DES. The last row, as whatever is left begins like this. */
	{ "", NULL, 25, SALT_FIXED, 2, 11 },
};

/* For passwords of more than 8 bytes libxcrypt makes one digest for each 8 of
   them, if it finds that many. */
#define DES_DIGESTS_MAX 16

/* NULL if crypt() does not know it */
static const struct crypt_method *crypt_method_find(const struct reader *reader)
{
	const struct crypt_method *method = crypt_methods;

	while (!reader_sees(reader, method->id))
		method++;
	return *method->id == '\0' && reader_sees(reader, "$") ? NULL : method;
}

/* No bits may be left over. The first digit is the lowest, so that they are the
   higher ones of the last. */
static bool read_salt_bytes(struct reader *reader, size_t max)
{
	static const int most[] = { 63, -1, 3, 15 };
	const char *start = reader->pos;
	size_t len;

	(void)reader_chars(reader, READER_CRYPT64, max);
	len = reader->pos - start;
	return (len == 0 || strchr(READER_CRYPT64, start[len - 1]) -
		READER_CRYPT64 <= most[len % 4]) && reader_str(reader, "$");
}

/* libxcrypt also takes other characters, if the first is behind a "$". */
static bool read_salt_with_dollars(struct reader *reader, size_t max)
{
	const char *last = strrchr(reader->pos, '$');
	const size_t len = last == NULL ? strlen(reader->pos) :
		(size_t)(last - reader->pos);

	return reader_chars(reader, "$" READER_CRYPT64,
			    len < max ? len : max) && reader_str(reader, "$");
}

static bool read_salt(struct reader *reader, const struct crypt_method *method)
{
	switch (method->salt) {
	case SALT_FIXED:
		return reader_chars(reader, READER_CRYPT64, method->salt_len);
	case SALT_ANY:
		return reader_until(reader, '$', method->salt_len);
	case SALT_BYTES:
		return read_salt_bytes(reader, method->salt_len);
	case SALT_WITH_DOLLARS:
		return read_salt_with_dollars(reader, method->salt_len);
	}
	return false;
}

static bool read_digest(struct reader *reader,
			const struct crypt_method *method, struct hash *hash)
{
	size_t more;

	hash->digest = reader->pos - reader->text;
	if (!reader_chars(reader, READER_CRYPT64, method->digest_len))
		return false;
	if (*method->id != '\0')
		return true;
	more = strspn(reader->pos, READER_CRYPT64) / method->digest_len;
	if (more > DES_DIGESTS_MAX - 1)
		more = DES_DIGESTS_MAX - 1;
	hash->rounds += hash->rounds * more;
	return reader_chars(reader, READER_CRYPT64, more * method->digest_len);
}

bool crypt_string_read(struct reader *reader, struct hash *hash)
{
	const struct crypt_method *method = crypt_method_find(reader);

	if (method == NULL) {
		reader->trouble = "is of a method that crypt() does not have";
		return false;
	}
	strncat(hash->id, method->id, sizeof(hash->id) - 1);
	hash->rounds = method->rounds;
	return reader_str(reader, method->id) &&
		(method->read == NULL || method->read(reader, hash)) &&
		read_salt(reader, method) && read_digest(reader, method, hash);
}

bool crypt_string_takes(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text >= 0x7f ||
		    strchr("!*:;\\", *text) != NULL)
			return false;
	}
	return true;
}
