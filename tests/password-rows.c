/* SPDX-License-Identifier: MIT */
/*
 * Reads the passwords that PostfixAdmin itself stored, below TOP_SRCDIR.
 */
#include "password-rows.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

#ifndef TOP_SRCDIR
#  define TOP_SRCDIR ".."
#endif

unsigned int password_rows(const char *file,
			   void (*check)(const struct password_row *row))
{
	char path[1024], line[2048], *rest;
	struct password_row row = { .name = "" };
	const char **const cols[] = {
		&row.encrypt, &row.plaintext, &row.stored, &row.scheme,
		&row.doveadm,
	};
	unsigned int number = 0, count;
	FILE *f;

	snprintf(path, sizeof(path), TOP_SRCDIR "/tests/data/%s", file);
	f = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		rest = line;
		for (count = 0; count < N_ROWS(cols) && rest != NULL; count++)
			*cols[count] = strsep(&rest, "\t");
		snprintf(row.name, sizeof(row.name), "%.40s line %u", file,
			 ++number);
		UNIT_ASSERT_ROW(row.name, count == N_ROWS(cols) &&
				rest == NULL);
		if (number > 1 && count == N_ROWS(cols))
			check(&row);
	}
	fclose(f);
	return number - 1;
}
