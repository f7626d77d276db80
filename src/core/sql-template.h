/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_TEMPLATE_H
#define PFA_SQL_TEMPLATE_H

#include "core/errbuf.h"
#include "core/template.h"

#include <stdbool.h>

/*
 * A query with Dovecot's %variables, turned into the text of a prepared
 * statement and the values to bind to it. Nothing a client sends ever becomes
 * part of the text:
 *
 *  - a string literal that holds a variable becomes one "?", bound to the
 *    expanded content of the literal (adjacent literals, which MySQL joins,
 *    count as one);
 *  - a variable on its own where a value may stand becomes a "?" too;
 *  - "%%" is the percent sign it is for stock Dovecot, everywhere;
 *  - comments are left out (a variable in a comment could end it),
 *    except optimizer hints and version comments, whose content counts as SQL;
 *  - one trailing ";" is dropped.
 *
 * Refused, naming place and cure: a variable in an identifier, next to one,
 * or where a table or column name or a limit must stand; a variable behind a
 * backslash in a literal; a variable in a literal with a charset introducer or
 * an x, b or n prefix, with a \0, or in an alias; a variable in a hint or in a
 * comment for certain versions, where only some servers see it; a "?"
 * placeholder of the file's own; a literal or comment without end; a second
 * statement.
 *
 * Backslash escapes in literals are read as MySQL reads them without
 * NO_BACKSLASH_ESCAPES; the connection takes that mode out of its sql_mode.
 * Source: MariaDB and MySQL manuals, "String Literals".
 */
struct sql_template {
	char *text;
	struct template **binds;	/* in the order of the "?" */
	unsigned int bind_count;
};

/* Returns 0, or -1 with error filled in: at character 57, near "...": ... */
int sql_template_compile(const char *query, struct sql_template **tmpl_r,
			 struct errbuf *error);
void sql_template_free(struct sql_template **tmpl);

/* A query as it was written, where it is not what is compiled, and the place
   in there that an offset of that has. */
struct sql_written {
	const char *query;
	const char *(*origin)(const char *query, size_t offset);
};
/* Whether it can be compiled; the error shows what was written. */
int sql_template_check(const char *query, const struct sql_written *written,
		       struct errbuf *error);

/* Whether any bound value uses the variable, see template_uses(). */
bool sql_template_uses(const struct sql_template *tmpl, char key,
		       const char *long_key);

#endif
