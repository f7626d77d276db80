/* SPDX-License-Identifier: MIT */
#ifndef PFA_CRYPT_STRING_H
#define PFA_CRYPT_STRING_H

#include "core/hash.h"
#include "core/reader.h"

/* Reads one of crypt()'s strings from the start of the reader's text, and fills
   in what it asks for. What follows it is still to be read. */
bool crypt_string_read(struct reader *reader, struct hash *hash);

/* Whether crypt() takes these characters in a salt. */
bool crypt_string_takes(const char *text);

#endif
