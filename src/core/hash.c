/* SPDX-License-Identifier: MIT */
/*
 * Reads what Dovecot's schemes store, and holds it against the limits. Refuses
 * what can never match and what costs too much; all else is left to those who
 * compute it. Never sees a password and computes nothing. crypt()'s strings
 * are read by crypt-string.c.
 */
#include "core/hash.h"

#include "core/crypt-string.h"
#include "core/reader.h"
#include "core/scheme.h"

#include <limits.h>
#include <string.h>

/* crypt.h's CRYPT_OUTPUT_SIZE, without the NUL: it makes none longer. */
#define CRYPT_LEN_MAX 383
#define ANY_LEN ((size_t)-1)
#define OTP_SEED_MAX 16

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void begin_digest(const struct reader *reader, struct hash *hash)
{
	hash->digest = reader->pos - reader->text;
}

/* Once for each hash. */
static void set_id(struct hash *hash, const char *id)
{
	strncat(hash->id, id, sizeof(hash->id) - 1);
}

static bool read_bcrypt(struct reader *reader, struct hash *hash)
{
	return reader_sees(reader, "$2") && crypt_string_read(reader, hash);
}

static bool read_md5_crypt(struct reader *reader, struct hash *hash)
{
	/* Dovecot's own code for it takes any salt, crypt() does not. */
	if (!crypt_string_takes(reader->text))
		hash->method = HASH_INLINE;
	return reader_sees(reader, "$1$") && crypt_string_read(reader, hash);
}

/* At least min bytes in base64 without padding, as libsodium takes it: no bits
   are left over. */
static bool read_unpadded(struct reader *reader, size_t min)
{
	const char *start = reader->pos;
	const size_t len = strspn(start, READER_BASE64);
	const unsigned int left_over = len * 6 % 8;
	size_t last;

	reader->pos += len;
	if (len * 6 / 8 < min || left_over == 6)
		return false;
	last = strchr(READER_BASE64, start[len - 1]) - READER_BASE64;
	return last % (1U << left_over) == 0;
}

/* libsodium's crypto_pwhash/argon2/argon2-encoding.c */
static bool read_argon2(struct reader *reader, struct hash *hash)
{
	unsigned int lanes;

	set_id(hash, reader_sees(reader, "$argon2id") ?
	       "$argon2id$" : "$argon2i$");
	if (!reader_str(reader, hash->id) || !reader_str(reader, "v=19$m=") ||
	    !reader_canonical(reader, &hash->memory) ||
	    !reader_str(reader, ",t=") ||
	    !reader_canonical(reader, &hash->rounds) ||
	    !reader_str(reader, ",p=") || !reader_canonical(reader, &lanes) ||
	    !reader_str(reader, "$") ||
	    lanes == 0 || hash->memory / 8 < lanes || hash->rounds == 0 ||
	    !read_unpadded(reader, 8) || !reader_str(reader, "$"))
		return false;
	begin_digest(reader, hash);
	return read_unpadded(reader, 16);
}

/* Dovecot's password-scheme-pbkdf2.c. It takes 0 rounds too, which make the
   same key out of every password. */
static bool read_pbkdf2(struct reader *reader, struct hash *hash)
{
	if (!reader_str(reader, "$1$") ||
	    !reader_until(reader, '$', ANY_LEN) ||
	    !reader_number(reader, &hash->rounds) ||
	    !reader_str(reader, "$") || hash->rounds == 0)
		return false;
	begin_digest(reader, hash);
	return reader_chars(reader, READER_HEX, 40);
}

/* len characters out of these, with white space anywhere */
static bool read_spaced(struct reader *reader, const char *chars, size_t len)
{
	static const char space[] = " \t\r\n";

	reader->pos += strspn(reader->pos, space);
	for (; len > 0; len--) {
		if (!reader_chars(reader, chars, 1))
			return false;
		reader->pos += strspn(reader->pos, space);
	}
	return true;
}

/* 20 or 32 bytes in base64, as Dovecot takes it. */
static bool read_scram_key(struct reader *reader, const struct hash *hash)
{
	const size_t len = hash->method == HASH_SCRAM_SHA1 ? 27 : 43;

	return read_spaced(reader, READER_BASE64, len) &&
		read_spaced(reader, "=", 1);
}

/* Dovecot's password-scheme-scram.c: iterations, salt, two keys. Only the first
   key is compared, but both must be there. */
static bool read_scram(struct reader *reader, struct hash *hash)
{
	if (!reader_number(reader, &hash->rounds) || !reader_str(reader, ",") ||
	    hash->rounds < 4096 || hash->rounds > INT_MAX ||
	    !reader_until(reader, ',', ANY_LEN))
		return false;
	begin_digest(reader, hash);
	return read_scram_key(reader, hash) && reader_str(reader, ",") &&
		read_scram_key(reader, hash);
}

/* Dovecot's src/lib-otp/otp-parse.c: algorithm, sequence number, seed, hash.
   What it makes is compared as text. */
static bool read_otp(struct reader *reader, struct hash *hash)
{
	static const char *const algorithms[] = { "md4", "md5", "sha1" };

	for (size_t i = 0; i < COUNT(algorithms); i++) {
		if (reader_sees(reader, algorithms[i]))
			set_id(hash, algorithms[i]);
	}
	if (*hash->id == '\0' || !reader_str(reader, hash->id) ||
	    !reader_str(reader, " ") ||
	    !reader_canonical(reader, &hash->rounds) ||
	    !reader_str(reader, " ") || hash->rounds > INT_MAX)
		return false;
	/* as many as there are */
	(void)reader_chars(reader, READER_DIGITS READER_CAPITALS
			   READER_SMALL_LETTERS, OTP_SEED_MAX);
	if (!reader_str(reader, " "))
		return false;
	begin_digest(reader, hash);
	return reader_chars(reader, READER_HEX, 16);
}

/* Classes that are not here cost next to nothing. */
static const struct hash_form {
	enum hash_kind method;
	bool (*read)(struct reader *reader, struct hash *hash);
} forms[] = {
	[SCHEME_CRYPT] = { HASH_CRYPT, crypt_string_read },
	[SCHEME_BCRYPT] = { HASH_CRYPT, read_bcrypt },
	[SCHEME_MD5_CRYPT] = { HASH_CRYPT, read_md5_crypt },
	[SCHEME_MD5] = { HASH_CRYPT, read_md5_crypt },
	[SCHEME_ARGON2] = { HASH_ARGON2, read_argon2 },
	[SCHEME_PBKDF2] = { HASH_PBKDF2, read_pbkdf2 },
	[SCHEME_SCRAM_SHA1] = { HASH_SCRAM_SHA1, read_scram },
	[SCHEME_SCRAM_SHA256] = { HASH_SCRAM_SHA256, read_scram },
	[SCHEME_OTP] = { HASH_OTP, read_otp },
};

static const struct hash_form *form_find(const struct scheme *scheme,
					 const char *text)
{
	if (scheme == NULL || scheme->class >= COUNT(forms) ||
	    forms[scheme->class].read == NULL ||
	    (scheme->class == SCHEME_MD5 && strncmp(text, "$1$", 3) != 0))
		return NULL;
	return &forms[scheme->class];
}

static bool is_weak(const struct scheme *scheme, const char *text)
{
	return scheme->weak || (scheme->class == SCHEME_CRYPT &&
				(*text != '$' || text[1] == '1'));
}

/* The whole text must be what the form says. */
static int read_all(const struct hash_form *form, const char *text,
		    struct hash *hash, struct errbuf *error)
{
	struct reader reader = { .text = text, .pos = text };

	if (form->read(&reader, hash)) {
		if (*reader.pos == '\0' && (form->method != HASH_CRYPT ||
					    strlen(text) <= CRYPT_LEN_MAX))
			return 0;
		reader.trouble = "is longer than its scheme makes them";
	} else if (reader.trouble == NULL) {
		reader.trouble = *reader.pos != '\0' ?
			"is not of its scheme's form" :
			"is cut off, perhaps by a column that is too narrow";
	}
	return errbuf_set(error, "its hash %s: have the user set a new "
			  "password", reader.trouble);
}

static int refuse_cost(struct errbuf *error, const char *before,
		       unsigned int asked, const char *after,
		       const char *setting, unsigned int allowed)
{
	return errbuf_set(error, "its hash asks for %s%u%s, %s allows %u: "
			  "raise it, or have the user set a new password",
			  before, asked, after, setting, allowed);
}

static bool is_bcrypt(const struct hash *hash)
{
	return strncmp(hash->id, "$2", 2) == 0;
}

static int check_cost(const struct hash *hash, const struct hash_limits *limits,
		      struct errbuf *error)
{
	const bool bcrypt = is_bcrypt(hash);

	if (bcrypt && hash->rounds > limits->bcrypt_cost)
		return refuse_cost(error, "a cost of ", hash->rounds, "",
				   "verify_max_bcrypt_cost",
				   limits->bcrypt_cost);
	if (!bcrypt && hash->memory == 0 && hash->rounds > limits->rounds)
		return refuse_cost(error, "", hash->rounds, " rounds",
				   "verify_max_rounds", limits->rounds);
	if (hash->memory > 0 && hash->rounds > limits->passes)
		return refuse_cost(error, "", hash->rounds, " passes",
				   "verify_max_passes", limits->passes);
	/* said in the setting's unit */
	if (hash->memory > limits->memory)
		return refuse_cost(error, "", (hash->memory - 1) / 1024 + 1,
				   " MiB", "verify_memory",
				   limits->memory / 1024);
	return 0;
}

int hash_parse(const char *scheme_name, const char *text,
	       const struct hash_limits *limits, struct hash *hash_r,
	       struct errbuf *error)
{
	const struct scheme *scheme = scheme_find(scheme_name);
	const struct hash_form *form = form_find(scheme, text);

	*hash_r = (struct hash) {
		.method = form == NULL ? HASH_INLINE : form->method,
		.weak = scheme != NULL && is_weak(scheme, text),
	};
	if (form == NULL)
		return 0;
	if (read_all(form, text, hash_r, error) < 0)
		return -1;
	return check_cost(hash_r, limits, error);
}

bool hash_affordable(const struct hash *hash, const struct hash_limits *limits)
{
	struct errbuf error;

	return check_cost(hash, limits, &error) == 0;
}

/* A round takes a microsecond or less; bcrypt's are a logarithm, and Sun's MD5
   has never so few. */
bool hash_is_brief(const struct hash *hash)
{
	return hash->memory == 0 && hash->rounds <= 1000 && !is_bcrypt(hash);
}

bool hash_same_cost(const struct hash *a, const struct hash *b)
{
	return a->method == b->method && strcmp(a->id, b->id) == 0 &&
		a->rounds == b->rounds && a->memory == b->memory;
}
