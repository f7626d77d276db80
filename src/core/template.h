/* SPDX-License-Identifier: MIT */
#ifndef PFA_TEMPLATE_H
#define PFA_TEMPLATE_H

#include "core/errbuf.h"
#include "core/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A value with Dovecot's %variables ("/var/mail/%d/%n"), parsed once and
 * expanded for every request.
 *
 * The variables of nearly every configuration (%u %n %d, %{user} %{username}
 * %{domain}, each also with the modifier L) are expanded here, without
 * allocation beyond the output. Every other form goes to the caller as it was
 * written, to be expanded by Dovecot itself, so that no form is ever read in
 * two ways. Syntax: Dovecot 2.3 src/lib/var-expand.c,
 * "%[<offset>.]<width>[<modifiers>]<variable>".
 */
struct template;

/* Expands one variable, text being its whole source ("%{passdb:x}", "%5.2Hu"),
   appending to out. Returns 0, or -1 with error filled in. */
typedef int template_expand_t(const char *text, struct strbuf *out,
			      void *context, struct errbuf *error);

struct template_vars {
	/* %u as the request has it now; %n is the part before the first @,
	   %d what follows it (empty without @) */
	const char *user;
	template_expand_t *expand;
	void *context;
};

/* How many bytes the variable at p takes, p pointing at '%': at least 1 (a
   '%' that ends the text). "%%" counts as a variable of 2 bytes. */
size_t template_var_span(const char *p);

/* Parses text. A variable that no Dovecot 2.3 knows is an error, as it could
   never be expanded. Returns 0, or -1 with error filled in. */
int template_compile(const char *text, struct template **tmpl_r,
		     struct errbuf *error);
void template_free(struct template **tmpl);

/* Appends the value for one request to out. Returns 0, or -1 with error
   filled in (also when memory ran out). */
int template_expand(const struct template *tmpl,
		    const struct template_vars *vars, struct strbuf *out,
		    struct errbuf *error);

/* Whether the value is empty for every request. */
bool template_is_empty(const struct template *tmpl);
/* The text that was compiled. */
const char *template_text(const struct template *tmpl);
/* Whether the variable with this short or long name ('w', "password"; 0 or
   NULL for none) occurs. */
bool template_uses(const struct template *tmpl, char key,
		   const char *long_key);

#endif
