/* SPDX-License-Identifier: MIT */
#ifndef PFA_TEMPLATE_VAR_H
#define PFA_TEMPLATE_VAR_H

#include <stdbool.h>
#include <stddef.h>

/*
 * One %variable of a text: where it ends and whether Dovecot 2.3 knows it.
 * Only for template.c; others use template.h.
 */
struct template_var {
	size_t span;		/* the whole of it, from its '%' */
	const char *modifiers;
	size_t modifier_count;
	const char *key;	/* a single byte, or the name between braces */
	size_t key_len;
	bool is_long;
	bool sized;		/* offset or width given */
	bool cut_off;		/* the text ends before any key */
	bool unclosed;		/* the text ends before the closing brace */
};

enum template_var_kind {
	TEMPLATE_VAR_UNKNOWN,
	/* without modifier, or with L only */
	TEMPLATE_VAR_USER,
	TEMPLATE_VAR_USERNAME,
	TEMPLATE_VAR_DOMAIN,
	/* left to Dovecot */
	TEMPLATE_VAR_OTHER,
};

/* p points at '%'. */
void template_var_parse(const char *p, struct template_var *var_r);
bool template_var_is_percent_sign(const struct template_var *var);
enum template_var_kind template_var_kind(const struct template_var *var);

/* Whether a variable between text and end uses the key or the name, also as
   an argument of a function. */
bool template_text_uses(const char *text, const char *end, char key,
			const char *long_key);

#endif
