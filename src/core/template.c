/* SPDX-License-Identifier: MIT */
/*
 * Values with %variables, parsed into plain texts and variables, and their
 * expansion for a request. Does not know what a request is: the caller hands
 * over the user's name and a function for the rarer forms. Called for the
 * fields of an account and by the SQL templates.
 */
#include "core/template.h"

#include "core/template-var.h"

#include <stdlib.h>
#include <string.h>

struct template_part {
	const char *text;	/* within template.text; NULL: a variable */
	size_t len;
	enum template_var_kind kind;
	bool lower_case;
	char *source;		/* TEMPLATE_VAR_OTHER, owned */
};

struct template {
	char *text;
	struct template_part *parts;
	unsigned int part_count;
};

/* ------------------------------------------------------------ compile */

static void template_add_text(struct template *tmpl, const char *text,
			      size_t len)
{
	struct template_part *part;

	if (len == 0)
		return;
	part = &tmpl->parts[tmpl->part_count++];
	part->text = text;
	part->len = len;
}

static int var_error(const struct template_var *var, const char *start,
		     struct errbuf *error)
{
	/* what is shown; a name can be as long as its file */
	int len = var->span > 40 ? 40 : (int)var->span;

	/* no half UTF-8 sequence */
	while ((start[len - 1] & 0x80) != 0)
		len--;
	if (var->unclosed) {
		return errbuf_set(error, "%.*s has no closing brace: add the }",
				  len, start);
	}
	return errbuf_set(error, "unknown variable %.*s: write %%%% for a "
			  "percent sign, or a variable of Dovecot 2.3 such as "
			  "%%u, %%n, %%d", len, start);
}

static int template_add_var(struct template *tmpl,
			    const struct template_var *var, const char *start,
			    struct errbuf *error)
{
	enum template_var_kind kind = template_var_kind(var);
	struct template_part *part;

	if (kind == TEMPLATE_VAR_UNKNOWN)
		return var_error(var, start, error);
	part = &tmpl->parts[tmpl->part_count++];
	part->kind = kind;
	if (kind != TEMPLATE_VAR_OTHER) {
		part->lower_case = var->modifier_count > 0;
		return 0;
	}
	part->source = strndup(start, var->span);
	return part->source != NULL ? 0 : errbuf_set(error, "out of memory");
}

static int template_parse(struct template *tmpl, struct errbuf *error)
{
	const char *text = tmpl->text, *p;
	struct template_var var;

	while ((p = strchr(text, '%')) != NULL) {
		template_var_parse(p, &var);
		if (template_var_is_percent_sign(&var)) {
			/* its first % goes with the text before it */
			template_add_text(tmpl, text, (size_t)(p - text) + 1);
		} else {
			template_add_text(tmpl, text, (size_t)(p - text));
			/* Dovecot expands these to nothing */
			if (!var.cut_off &&
			    template_add_var(tmpl, &var, p, error) < 0)
				return -1;
		}
		text = p + var.span;
	}
	template_add_text(tmpl, text, strlen(text));
	return 0;
}

/* At most one text in front of each variable, and one behind the last. */
static unsigned int max_parts(const char *text)
{
	unsigned int count = 1;

	for (; *text != '\0'; text++) {
		if (*text == '%')
			count += 2;
	}
	return count;
}

int template_compile(const char *text, struct template **tmpl_r,
		     struct errbuf *error)
{
	struct template *tmpl;

	*tmpl_r = NULL;
	tmpl = calloc(1, sizeof(*tmpl));
	if (tmpl == NULL)
		return errbuf_set(error, "out of memory");
	tmpl->text = strdup(text);
	tmpl->parts = calloc(max_parts(text), sizeof(*tmpl->parts));
	if (tmpl->text == NULL || tmpl->parts == NULL) {
		template_free(&tmpl);
		return errbuf_set(error, "out of memory");
	}
	if (template_parse(tmpl, error) < 0) {
		template_free(&tmpl);
		return -1;
	}
	*tmpl_r = tmpl;
	return 0;
}

void template_free(struct template **_tmpl)
{
	struct template *tmpl = *_tmpl;
	unsigned int i;

	if (tmpl == NULL)
		return;
	*_tmpl = NULL;
	for (i = 0; i < tmpl->part_count; i++)
		free(tmpl->parts[i].source);
	free(tmpl->parts);
	free(tmpl->text);
	free(tmpl);
}

/* ------------------------------------------------------------- expand */

/* ASCII only, as in the C locale that auth runs in. */
static char lower_case(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void append_value(const struct template_part *part, const char *value,
			 size_t len, struct strbuf *out)
{
	size_t i;

	if (!part->lower_case) {
		strbuf_append(out, value, len);
		return;
	}
	for (i = 0; i < len; i++)
		strbuf_append_c(out, lower_case(value[i]));
}

static int expand_var(const struct template_part *part,
		      const struct template_vars *vars, struct strbuf *out,
		      struct errbuf *error)
{
	const char *user = vars->user != NULL ? vars->user : "";
	size_t name_len = strcspn(user, "@");
	const char *domain = user + name_len;

	switch (part->kind) {
	case TEMPLATE_VAR_USER:
		append_value(part, user, strlen(user), out);
		break;
	case TEMPLATE_VAR_USERNAME:
		append_value(part, user, name_len, out);
		break;
	case TEMPLATE_VAR_DOMAIN:
		if (*domain == '@')
			domain++;
		append_value(part, domain, strlen(domain), out);
		break;
	case TEMPLATE_VAR_OTHER:
	case TEMPLATE_VAR_UNKNOWN:
		return vars->expand(part->source, out, vars->context, error);
	}
	return 0;
}

int template_expand(const struct template *tmpl,
		    const struct template_vars *vars, struct strbuf *out,
		    struct errbuf *error)
{
	const struct template_part *part;
	unsigned int i;

	for (i = 0; i < tmpl->part_count; i++) {
		part = &tmpl->parts[i];
		if (part->text != NULL)
			strbuf_append(out, part->text, part->len);
		else if (expand_var(part, vars, out, error) < 0)
			return -1;
	}
	return out->failed ? errbuf_set(error, "out of memory") : 0;
}

/* -------------------------------------------------------------- facts */

bool template_is_empty(const struct template *tmpl)
{
	return tmpl->part_count == 0;
}

const char *template_text(const struct template *tmpl)
{
	return tmpl->text;
}

bool template_uses(const struct template *tmpl, char key, const char *long_key)
{
	return template_text_uses(tmpl->text, tmpl->text + strlen(tmpl->text),
				  key, long_key);
}
