/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: the name of a scheme, a newline, and a hash. What is accepted is
 * within the limits, and asks for the same with another digest, as hash.h
 * says. What is refused gets one of a few texts, in which nothing but numbers
 * differs: no piece of a hash is in it.
 */
#include "core/hash.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hash_limits limits = { 14, 1000000, 16, 131072 };
static const struct hash_limits no_limits = {
	UINT_MAX, UINT_MAX, UINT_MAX, UINT_MAX,
};

#define D43 "q0BC/1zAm1egDOA28ap7Pv/qqIp2.2/hfz8I9ccfx08"

/* One that is refused for each of the reasons. */
static const char *const refused[][2] = {
	{ "OTP", "" },
	{ "OTP", "!" },
	{ "OTP", "md5 0  c0a055581f665acc-" },
	{ "CRYPT", "$" },
	{ "CRYPT", "$2y$31$e04c3f44c66958042bf47O"
	  "yDAUJclFriw8e9Y2WJF1Zq0Dig3ygOO" },
	{ "CRYPT", "$5$rounds=999999999$$" D43 },
	{ "CRYPT", "$7$GU..../....$" D43 },
	{ "CRYPT", "$y$j9T/j$$" D43 },
};

static bool same(const struct hash *a, const struct hash *b)
{
	return hash_same_cost(a, b) && a->weak == b->weak &&
		a->digest == b->digest;
}

static void replace_numbers(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			*to++ = *text;
		else if (text[1] < '0' || text[1] > '9')
			*to++ = '#';
	}
	*to = '\0';
}

static void check_error(struct errbuf *error)
{
	struct errbuf known;
	struct hash hash;

	replace_numbers(error->text);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		if (hash_parse(refused[i][0], refused[i][1], &limits, &hash,
			       &known) == 0)
			abort();
		replace_numbers(known.text);
		if (strcmp(known.text, error->text) == 0)
			return;
	}
	abort();
}

static bool within_limits(const struct hash *hash)
{
	if (hash->method == HASH_INLINE)
		return true;
	if (strncmp(hash->id, "$2", 2) == 0)
		return hash->rounds <= limits.bcrypt_cost;
	if (hash->memory == 0)
		return hash->rounds <= limits.rounds;
	return hash->rounds <= limits.passes && hash->memory <= limits.memory;
}

static void check_blanked(const char *scheme, char *text,
			  const struct hash *hash)
{
	struct errbuf error;
	struct hash blanked;

	for (char *p = text + hash->digest; *p != '\0'; p++) {
		if ((*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= 'a' && *p <= 'z') || strchr("./+", *p) != NULL)
			*p = 'A';
	}
	if (hash_parse(scheme, text, &limits, &blanked, &error) < 0 ||
	    !same(hash, &blanked))
		abort();
}

static void check(const char *scheme, char *text)
{
	struct hash hash, again;
	struct errbuf error;

	if (hash_parse(scheme, text, &limits, &hash, &error) < 0) {
		check_error(&error);
		return;
	}
	if (hash.digest > strlen(text) || !within_limits(&hash) ||
	    memchr(hash.id, '\0', sizeof(hash.id)) == NULL)
		abort();
	if (hash_parse(scheme, text, &no_limits, &again, &error) < 0 ||
	    !same(&hash, &again))
		abort();
	if (hash.method != HASH_INLINE)
		check_blanked(scheme, text, &hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *scheme = strndup((const char *)data, size);
	char *line, *text;

	if (scheme == NULL)
		return 0;
	line = strchr(scheme, '\n');
	if (line != NULL) {
		*line = '\0';
		/* of its own, so that reading past its end is seen */
		text = strdup(line + 1);
		if (text != NULL)
			check(scheme, text);
		free(text);
	}
	free(scheme);
	return 0;
}
