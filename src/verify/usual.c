/* SPDX-License-Identifier: MIT */
/*
 * Counts how costly hashes are and picks by these counts. Used by verify.c, on
 * the loop only; computes no hash.
 */
#include "verify/usual.h"

#include <sodium.h>

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* More costs than that at one site: the rarest gives way. */
#define USUAL_MAX 8
/* Then all counts are halved, so that what was changed months ago fades. */
#define USUAL_COUNT_MAX 10000

struct usual_cost {
	struct usual_sample sample;
	unsigned int count;
};

struct usual {
	struct usual_cost costs[USUAL_MAX];
	unsigned int cost_count, total;
	unsigned char key[crypto_shorthash_KEYBYTES];
};

struct usual *usual_new(void)
{
	struct usual *usual = calloc(1, sizeof(*usual));

	if (usual != NULL)
		crypto_shorthash_keygen(usual->key);
	return usual;
}

void usual_free(struct usual **_usual)
{
	struct usual *usual = *_usual;
	unsigned int i;

	if (usual == NULL)
		return;
	*_usual = NULL;
	for (i = 0; i < usual->cost_count; i++)
		free(usual->costs[i].sample.text);
	free(usual);
}

/* The text without what depends on the password, in the same alphabet. */
static char *usual_sample_text(const struct hash *hash, const char *text)
{
	char *copy = strdup(text), *p;

	if (copy == NULL)
		return NULL;
	for (p = copy + hash->digest; *p != '\0'; p++) {
		/* digits of hex and of every base64, and A is one, too */
		if (isalnum((unsigned char)*p) || strchr("./+", *p) != NULL)
			*p = 'A';
	}
	return copy;
}

static struct usual_cost *usual_find(struct usual *usual,
				     const struct hash *hash)
{
	unsigned int i;

	for (i = 0; i < usual->cost_count; i++) {
		if (hash_same_cost(&usual->costs[i].sample.hash, hash))
			return &usual->costs[i];
	}
	return NULL;
}

static struct usual_cost *usual_make_room(struct usual *usual)
{
	struct usual_cost *rarest = usual->costs;
	unsigned int i;

	if (usual->cost_count < USUAL_MAX)
		return &usual->costs[usual->cost_count++];
	for (i = 1; i < USUAL_MAX; i++) {
		if (usual->costs[i].count < rarest->count)
			rarest = &usual->costs[i];
	}
	usual->total -= rarest->count;
	free(rarest->sample.text);
	return rarest;
}

static struct usual_cost *usual_add(struct usual *usual,
				    const struct hash *hash, char *text)
{
	struct usual_cost *cost = usual_make_room(usual);

	cost->sample.hash = *hash;
	cost->sample.text = text;
	cost->count = 0;
	return cost;
}

static struct usual_cost *usual_add_seen(struct usual *usual,
					 const struct hash *hash,
					 const char *text)
{
	/* nothing is computed for these, so nothing of them is kept */
	char *copy = hash->method == HASH_INLINE ? strdup("") :
		usual_sample_text(hash, text);

	return copy == NULL ? NULL : usual_add(usual, hash, copy);
}

void usual_expect(struct usual *usual, const struct hash *like)
{
	usual_add(usual, like, NULL)->count = 1;
	usual->total++;
}

static void usual_fade(struct usual *usual)
{
	unsigned int i;

	usual->total = 0;
	for (i = 0; i < usual->cost_count; i++) {
		usual->costs[i].count /= 2;
		usual->total += usual->costs[i].count;
	}
}

void usual_note(struct usual *usual, const struct hash *hash, const char *text)
{
	struct usual_cost *cost = usual_find(usual, hash);

	if (cost == NULL)
		cost = usual_add_seen(usual, hash, text);
	if (cost == NULL)
		return;
	cost->count++;
	if (++usual->total >= USUAL_COUNT_MAX)
		usual_fade(usual);
}

const struct usual_sample *usual_pick(const struct usual *usual,
				      const char *user)
{
	const struct usual_cost *cost = usual->costs;
	uint64_t number;

	if (usual->total == 0)
		return NULL;
	/* keyed, so that nobody can tell which cost a name should get */
	crypto_shorthash((unsigned char *)&number, (const unsigned char *)user,
			 strlen(user), usual->key);
	number %= usual->total;
	for (; number >= cost->count; cost++)
		number -= cost->count;
	return &cost->sample;
}
