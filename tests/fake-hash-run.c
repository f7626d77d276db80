/* SPDX-License-Identifier: MIT */
/*
 * The maker of hashes for tests that want to know when and of what one is made.
 */
#include "fake-hash-run.h"

#include <stdio.h>

enum hash_verdict fake_make_verdict;
const char *fake_made;
char fake_made_of[128];
unsigned int fake_makes;

void fake_hash_run_init(void)
{
	fake_make_verdict = HASH_MATCH;
	fake_made = "$2y$10$made";
	fake_made_of[0] = '\0';
	fake_makes = 0;
}

enum hash_verdict hash_make(const struct hash *like, const char *plain,
			    char out[HASH_MADE_MAX])
{
	(void)like;
	fake_makes++;
	snprintf(fake_made_of, sizeof(fake_made_of), "%s", plain);
	if (fake_make_verdict == HASH_MATCH)
		snprintf(out, HASH_MADE_MAX, "%s", fake_made);
	return fake_make_verdict;
}
