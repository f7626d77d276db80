/* SPDX-License-Identifier: MIT */
#ifndef FAKE_HASH_RUN_H
#define FAKE_HASH_RUN_H

#include "verify/hash-run.h"

/*
 * hash_make() without cryptography: what it makes is fake_made, of which
 * password is in fake_made_of. Linked in place of libpfa-verify.
 */
extern enum hash_verdict fake_make_verdict;
extern const char *fake_made;
extern char fake_made_of[128];
extern unsigned int fake_makes;		/* calls so far */

void fake_hash_run_init(void);

#endif
