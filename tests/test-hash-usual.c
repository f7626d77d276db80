/* SPDX-License-Identifier: MIT */
/*
 * What a site's hashes are like by its configuration alone.
 */
#include "core/hash-usual.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

/* encrypt, or with a "=" in front default_pass_scheme; expected: method, id,
   rounds, memory, "" if nothing is to be expected */
static const struct row {
	const char *setting;
	const char *expected;
} rows[] = {
	{ "php_crypt", "1 $2y$ 10 0" },
	{ "php_crypt:BLOWFISH", "1 $2y$ 10 0" },
	{ "php_crypt:BLOWFISH:12", "1 $2y$ 12 0" },
	{ "php_crypt:BLOWFISH:12:{BLF-CRYPT}", "1 $2y$ 12 0" },
	{ "php_crypt:BLOWFISH::{BLF-CRYPT}", "1 $2y$ 10 0" },
	{ "php_crypt:SHA512:20000", "1 $6$ 20000 0" },
	{ "php_crypt:SHA256", "1 $5$ 5000 0" },
	{ "php_crypt:MD5", "" },
	{ "php_crypt:DES", "" },
	{ "md5crypt", "1 $2y$ 10 0" },
	{ "md5", "" },
	{ "cleartext", "" },
	{ "dovecot:CRAM-MD5", "" },
	{ "dovecot:BLF-CRYPT", "1 $2y$ 5 0" },
	{ "BLF-CRYPT", "1 $2y$ 10 0" },
	{ "BLF-CRYPT.B64", "1 $2y$ 10 0" },
	{ "dovecot:ARGON2ID", "2 $argon2id$ 3 65536" },
	{ "dovecot:ARGON2I", "2 $argon2i$ 4 32768" },
	{ "ARGON2ID.B64", "2 $argon2id$ 4 65536" },
	{ "dovecot:sha512-crypt", "1 $6$ 5000 0" },
	{ "=MD5", "" },
	{ "=CRAM-MD5", "" },
	{ "=BLF-CRYPT", "1 $2y$ 5 0" },
	{ "=SCRAM-SHA-256", "5  4096 0" },
	{ "=PBKDF2", "3  5000 0" },
	{ "=a name that is longer than any scheme has", "" },
};

static void run_row(const struct row *row)
{
	const bool dropin = *row->setting == '=';
	struct pfa_conf *conf = pfa_conf_new(dropin ? PFA_CONF_DROPIN :
					     PFA_CONF_NAMED);
	struct errbuf error;
	struct hash like;
	char text[64] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(conf);
	UNIT_ASSERT_ROW(row->setting, (dropin ?
		pfa_conf_set_dropin(conf, "default_pass_scheme",
				    row->setting + 1, &error) :
		pfa_conf_set(conf, "encrypt", row->setting, &error)) == 0);
	if (hash_usual(conf, &like)) {
		snprintf(text, sizeof(text), "%d %s %u %u", (int)like.method,
			 like.id, like.rounds, like.memory);
	}
	UNIT_ASSERT_ROW(row->setting, strcmp(text, row->expected) == 0);
	pfa_conf_free(&conf);
}

static void test_hash_usual(void)
{
	for (size_t i = 0; i < N_ROWS(rows); i++)
		run_row(&rows[i]);
}

static void test_hash_usual_without_encrypt(void)
{
	struct pfa_conf *conf = pfa_conf_new(PFA_CONF_NAMED);
	struct hash like;

	CU_ASSERT_FALSE(hash_usual(conf, &like));
	pfa_conf_free(&conf);
}

static CU_TestInfo tests[] = {
	TEST(test_hash_usual),
	TEST(test_hash_usual_without_encrypt),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("hash-usual", tests);
}
