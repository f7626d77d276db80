/* SPDX-License-Identifier: MIT */
#ifndef PFA_TEMPLATE_24_H
#define PFA_TEMPLATE_24_H

#include "core/errbuf.h"
#include "core/strbuf.h"

#include <stdbool.h>

/*
 * Dovecot 2.4 writes %{user | username | lower} where 2.3 has %Ln. Templates
 * know the forms of 2.3 only; this turns a text with those of 2.4 into one that
 * means the same to template.h. What core does not expand itself becomes
 * %{EXPRESSION:NAME}, NAME being the variable in the expression: template.h
 * takes that for a function of Dovecot's, and whoever expands it finds the
 * expression by template_24_expression().
 */

/* Appends the text to out. A percent sign stands for itself there, but for
   "%{", and "%%{" is that without meaning. Variables that Dovecot 2.4 does not
   know are errors, as they could never be expanded, and so is what was most
   likely meant as one of 2.3: %u and the like where text is no SQL, '%u' in
   SQL. Returns 0, or -1 with error filled in. */
int template_24_translate(const char *text, bool is_sql, struct strbuf *out,
			  struct errbuf *error);

/* The place in a query that its translation has at an offset. */
const char *template_24_origin(const char *query, size_t offset);

/* Appends "%{EXPRESSION}", source being the whole of a variable that
   template.h handed out. */
void template_24_expression(const char *source, struct strbuf *out);

#endif
