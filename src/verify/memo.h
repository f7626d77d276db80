/* SPDX-License-Identifier: MIT */
#ifndef MEMO_H
#define MEMO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Which passwords were right lately, so that the next login with the same
 * password needs no slow hash. Holds nothing but MACs under a random key of
 * this process: the password cannot be tried against it by whoever has not
 * read the key out of the same memory. A stored hash that changed has another
 * MAC, so there is nothing to invalidate.
 */
#define MEMO_MAC_SIZE 32

struct memo;

/* A table of fixed size; what does not fit takes the place of what would have
   expired first. NULL if memory or libcrypto's HMAC cannot be had. */
struct memo *memo_new(void);
/* Wipes key and table. NULL is fine. */
void memo_free(struct memo **memo);

/* The MAC of "plain verifies stored". False if it could not be computed: then
   there is nothing to look for or to put. */
bool memo_mac(struct memo *memo, const char *stored, const char *plain,
	      unsigned char mac_r[MEMO_MAC_SIZE]);
/* now and expires are milliseconds of one monotonic clock. */
bool memo_has(const struct memo *memo, const unsigned char mac[MEMO_MAC_SIZE],
	      uint64_t now);
void memo_put(struct memo *memo, const unsigned char mac[MEMO_MAC_SIZE],
	      uint64_t expires);

#endif
