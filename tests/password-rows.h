/* SPDX-License-Identifier: MIT */
#ifndef PASSWORD_ROWS_H
#define PASSWORD_ROWS_H

/* The rows of tests/data/passwords-*.tsv; see tests/data/README.md for what
   the columns mean. */
struct password_row {
	char name[64];	/* file and line, for reports */
	const char *encrypt;
	const char *plaintext;
	const char *stored;
	const char *scheme;
	const char *doveadm;
};

/* Calls check for each row of the file and returns how many there were. */
unsigned int password_rows(const char *file,
			   void (*check)(const struct password_row *row));

#endif
