/* SPDX-License-Identifier: MIT */
/*
 * Any text as a template. Input: text, NUL, user. What must hold: variables
 * cover the text without a gap or overlap, each is handed on in one piece and
 * in order, and nothing but the text and the user's name gets into the value.
 */
#include "core/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A variable that is handed on expands to itself: the value of a template
   without %u, %n and %d is then its text, but for percent signs. */
static int expand_verbatim(const char *text, struct strbuf *out,
			   void *context, struct errbuf *error)
{
	(void)context;
	(void)error;
	if (*text != '%' || template_var_span(text) != strlen(text))
		abort();
	strbuf_append_str(out, text);
	return 0;
}

/* The same value, put together in the simplest way. */
static void expand_by_span(const char *text, const char *user,
			   struct strbuf *out)
{
	struct template_vars vars = { .user = user, .expand = expand_verbatim };
	struct template *tmpl;
	struct errbuf error;
	size_t span;
	char *piece;

	for (; *text != '\0'; text += span) {
		span = *text == '%' ? template_var_span(text) : 1;
		if (span == 0 || span > strlen(text))
			abort();
		piece = strndup(text, span);
		if (template_compile(piece, &tmpl, &error) < 0 ||
		    template_expand(tmpl, &vars, out, &error) < 0)
			abort();
		template_free(&tmpl);
		free(piece);
	}
}

static void check_expansion(const struct template *tmpl, const char *user)
{
	struct template_vars vars = { .user = user, .expand = expand_verbatim };
	struct strbuf out = STRBUF_INIT, expected = STRBUF_INIT;
	struct errbuf error;

	if (template_expand(tmpl, &vars, &out, &error) < 0)
		abort();
	expand_by_span(template_text(tmpl), user, &expected);
	if (strcmp(strbuf_str(&out), strbuf_str(&expected)) != 0)
		abort();
	if (template_is_empty(tmpl) && out.len > 0)
		abort();
	strbuf_free(&out);
	strbuf_free(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct errbuf error = { .text = "" };
	struct template *tmpl;
	char *text = malloc(size + 1);
	const char *user;

	memcpy(text, data, size);
	text[size] = '\0';
	user = strlen(text) < size ? text + strlen(text) + 1 : "joe@a.org";
	if (template_compile(text, &tmpl, &error) == 0) {
		if (strcmp(template_text(tmpl), text) != 0)
			abort();
		check_expansion(tmpl, user);
		(void)template_uses(tmpl, 'w', "password");
		template_free(&tmpl);
	} else if (error.text[0] == '\0' || tmpl != NULL) {
		abort();
	}
	free(text);
	return 0;
}
