/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_SHAPE_H
#define PFA_SQL_SHAPE_H

#include "core/strbuf.h"

#include <stdbool.h>

/*
 * Which statements are of so plain a shape that they mean the same when a
 * column is put in the place of each bound value.
 */

/*
 * The shape:
 *
 *	SELECT item [[AS] name], ... FROM table [[AS] name]
 *	WHERE column = ? AND column < 'literal' ...
 *
 * An item is a column, a literal, a placeholder, CONCAT() of such, or plain
 * arithmetic without placeholders. Each row is judged by itself then: nothing
 * groups, sorts or counts them. A placeholder is only answered or compared with
 * a column, at least one; if that is a text column, its collation decides, be
 * the other side a bound value or a column of ASCII text.
 *
 * Returns whether the text, as sql-template.c makes it, has this shape. If so,
 * appends to keys the columns that placeholders are compared with, a comma in
 * front of each: whether they are text, only the server knows.
 */
bool sql_shape_is_plain(const char *text, struct strbuf *keys,
			unsigned int *key_count_r);

#endif
