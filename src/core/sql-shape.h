/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_SHAPE_H
#define PFA_SQL_SHAPE_H

#include "core/strbuf.h"

#include <stdbool.h>

/*
 * Statements that can be joined with a table of the values of several lookups:
 * those that mean the same when a column is put in the place of each bound
 * value.
 */

#define SQL_SHAPE_MAX 32

struct sql_shape {
	/* What follows in a SELECT whose first column is another one:
	   ", item ... FROM ...". */
	struct strbuf rest;
	/* The columns that placeholders are compared with, a comma in front of
	   each. Whether they are text, only the server knows. */
	struct strbuf keys;
	unsigned int key_count;
	/* The statement's values that are bound for a lookup, in this order,
	   from 0; and which of these each placeholder in there stands for. */
	unsigned int bind_count, place_count;
	unsigned char binds[SQL_SHAPE_MAX], places[SQL_SHAPE_MAX];
	/* Items that are left out, as they are nothing but a value with a
	   name, in the order of columns. */
	unsigned int echo_count;
	struct sql_shape_echo {
		unsigned int column, value;
		char *name;
	} echoes[SQL_SHAPE_MAX];
};

/*
 * The shape of statements that can be joined:
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
 * text is as sql-template.c makes it. Returns whether it has this shape. The
 * caller frees *shape_r in any case, and looks whether its texts have failed.
 */
bool sql_shape_read(const char *text, struct sql_shape *shape_r);

/* The same for a statement of our own, which can be joined whatever it looks
   like, all its values bound: one SELECT without GROUP BY, ORDER BY and LIMIT,
   whose values are compared with text columns. False if they are too many. */
bool sql_shape_trust(const char *text, unsigned int value_count,
		     struct sql_shape *shape_r);

/* Binds values that are the same in every lookup only once: first[] has for
   each value of the statement the first one that it is the same as. */
void sql_shape_share(struct sql_shape *shape, const unsigned char *first);

/* One that is all zero is fine. */
void sql_shape_free(struct sql_shape *shape);

#endif
