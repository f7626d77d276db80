/* SPDX-License-Identifier: MIT */
/*
 * A digest to compare texts by without showing them, by libcrypto. Called by
 * rehash.c.
 */
#include "verify/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool sha256_hex(const char *text, char hex_r[SHA256_HEX_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(),
		       NULL) != 1)
		return false;
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex_r + 2 * i, 3, "%02x", digest[i]);
	return true;
}
