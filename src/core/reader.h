/* SPDX-License-Identifier: MIT */
#ifndef PFA_READER_H
#define PFA_READER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes a text apart from left to right, piece by piece. Each function moves
 * pos behind what it read and returns true; or up to what it could not read,
 * which is the end of a text that is cut off, and returns false.
 */
struct reader {
	const char *text, *pos;
	/* what is wrong with the text, static, if one of those who read knew
	   more than where it is */
	const char *trouble;
};

#define READER_DIGITS "0123456789"
#define READER_CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define READER_SMALL_LETTERS "abcdefghijklmnopqrstuvwxyz"
#define READER_HEX READER_DIGITS "abcdefABCDEF"
#define READER_BASE64 \
	READER_CAPITALS READER_SMALL_LETTERS READER_DIGITS "+/"
/* crypt()'s base 64 */
#define READER_CRYPT64 \
	"./" READER_DIGITS READER_CAPITALS READER_SMALL_LETTERS

/* Whether str comes next; moves nothing. */
bool reader_sees(const struct reader *reader, const char *str);
bool reader_str(struct reader *reader, const char *str);
/* Exactly len characters out of these. */
bool reader_chars(struct reader *reader, const char *chars, size_t len);
/* Up to max characters, and the one that ends them. */
bool reader_until(struct reader *reader, char end, size_t max);
/* A decimal number that fits. */
bool reader_number(struct reader *reader, unsigned int *value_r);
/* The same without leading zeros. */
bool reader_canonical(struct reader *reader, unsigned int *value_r);
/* A number of so many digits of crypt()'s base 64, at most 5, the lowest
   first. */
bool reader_crypt64(struct reader *reader, unsigned int digits,
		    unsigned int *value_r);

#endif
