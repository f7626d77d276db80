/* SPDX-License-Identifier: MIT */
/*
 * Reads the pieces of which hashes are made. Knows no hash; used by hash.c and
 * crypt-string.c.
 */
#include "core/reader.h"

#include <limits.h>
#include <string.h>

bool reader_sees(const struct reader *reader, const char *str)
{
	return strncmp(reader->pos, str, strlen(str)) == 0;
}

bool reader_str(struct reader *reader, const char *str)
{
	for (; *str != '\0'; str++, reader->pos++) {
		if (*reader->pos != *str)
			return false;
	}
	return true;
}

bool reader_chars(struct reader *reader, const char *chars, size_t len)
{
	const size_t found = strspn(reader->pos, chars);

	reader->pos += found < len ? found : len;
	return found >= len;
}

bool reader_until(struct reader *reader, char end, size_t max)
{
	const char ends[] = { end, '\0' };
	const size_t len = strcspn(reader->pos, ends);

	reader->pos += len < max ? len : max;
	return reader_str(reader, ends);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool reader_number(struct reader *reader, unsigned int *value_r)
{
	unsigned int digit;

	*value_r = 0;
	if (!is_digit(*reader->pos))
		return false;
	for (; is_digit(*reader->pos); reader->pos++) {
		digit = *reader->pos - '0';
		if (*value_r > (UINT_MAX - digit) / 10)
			return false;
		*value_r = *value_r * 10 + digit;
	}
	return true;
}

bool reader_canonical(struct reader *reader, unsigned int *value_r)
{
	if (*reader->pos == '0' && is_digit(reader->pos[1]))
		return false;
	return reader_number(reader, value_r);
}

bool reader_crypt64(struct reader *reader, unsigned int digits,
		    unsigned int *value_r)
{
	const char *digit;

	*value_r = 0;
	for (unsigned int i = 0; i < digits; i++, reader->pos++) {
		digit = *reader->pos == '\0' ? NULL :
			strchr(READER_CRYPT64, *reader->pos);
		if (digit == NULL)
			return false;
		*value_r |= (unsigned int)(digit - READER_CRYPT64) << (6 * i);
	}
	return true;
}
