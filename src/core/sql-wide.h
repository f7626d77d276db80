/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_WIDE_H
#define PFA_SQL_WIDE_H

#include <stdbool.h>

/*
 * A prepared statement that answers several lookups at once: the statement
 * once for each of them, under UNION ALL, each with the lookup's number as
 * its first column. Its placeholders are those of the statement in turn.
 */

/* Whether that means the same as executing the statement as often: true for
   a SELECT without user variables and comments that count. What else is not
   possible, the server tells when it prepares the text. */
bool sql_wide_is_safe(const char *text);

/* The text for so many lookups, of which each gets at most max_rows rows.
   malloc()ed, NULL if memory ran out. */
char *sql_wide_text(const char *text, unsigned int lookups,
		    unsigned int max_rows);

#endif
