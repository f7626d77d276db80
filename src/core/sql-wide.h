/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_WIDE_H
#define PFA_SQL_WIDE_H

#include "core/sql-shape.h"

#include <stdbool.h>

/*
 * A prepared statement that answers several lookups at once. Its first column
 * is the number of the lookup; its placeholders are what is bound for each
 * lookup in turn: all values of the statement, or those of its shape.
 */

/* Whether that means the same as executing the statement as often: true for
   a SELECT without user variables and comments that count, whose ORDER BY has
   a LIMIT. What else is not possible, the server tells when it prepares the
   text. */
bool sql_wide_is_safe(const char *text);

/* The statement once for each lookup, under UNION ALL; each lookup gets at most
   max_rows rows. malloc()ed, NULL if memory ran out. */
char *sql_wide_union(const char *text, unsigned int lookups,
		     unsigned int max_rows);

/*
 * A statement of the shape in sql-shape.h, joined with a table of what would be
 * bound to it: half the work for the server. A lookup may get any number of
 * rows. Behind the shape's columns come its keys. Values must be ASCII, which
 * any column's character set contains, so that it is they that are converted,
 * and an index still serves; and no longer than SQL_WIDE_VALUE_MAX, as the rest
 * of them would be dropped. malloc()ed, NULL if memory ran out.
 */
#define SQL_WIDE_VALUE_MAX 255
char *sql_wide_join(const struct sql_shape *shape, unsigned int lookups);

#endif
