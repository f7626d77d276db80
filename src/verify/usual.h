/* SPDX-License-Identifier: MIT */
#ifndef USUAL_H
#define USUAL_H

#include "core/hash.h"

/*
 * What a login usually costs here, so that one which has nothing to verify (no
 * such user) can take as long: the costs of the hashes seen lately, each with
 * a sample to compute. A sample has a real salt and no digest.
 */
struct usual;

struct usual_sample {
	struct hash hash;
	char *text;	/* NULL: none seen yet, make one like hash */
};

/* NULL if memory ran out. */
struct usual *usual_new(void);
void usual_free(struct usual **usual);

/* Before the first login: hashes like this one are to be expected. */
void usual_expect(struct usual *usual, const struct hash *like);
/* A login met this hash, of whatever method. */
void usual_note(struct usual *usual, const struct hash *hash, const char *text);

/*
 * The sample for a name without a hash: as often of each cost as hashes are,
 * but, as long as that does not change, always the same one for one name, as
 * it would be with a hash of its own. NULL if nothing was noted yet. Borrowed
 * until the next usual_note().
 */
const struct usual_sample *usual_pick(const struct usual *usual,
				      const char *user);

#endif
