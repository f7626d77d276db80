/* SPDX-License-Identifier: MIT */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>

#define SHA256_HEX_SIZE (32 * 2 + 1)

/* SHA-256 in hex. False if libcrypto failed, for want of memory. */
bool sha256_hex(const char *text, char hex_r[SHA256_HEX_SIZE]);

#endif
