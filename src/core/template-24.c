/* SPDX-License-Identifier: MIT */
/*
 * The variables of Dovecot 2.4 as those of 2.3. Syntax:
 * src/lib-var-expand/var-expand-lexer.l and var-expand-parser.y; names:
 * src/auth/auth-request-var-expand.c. Filters are left to Dovecot, but for the
 * few of nearly every configuration. Called by the settings of 2.4, knows no
 * values.
 */
#include "core/template-24.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Names between %{ and the first filter. */
static const char *const known_names[] = {
	"user", "protocol", "home", "local_ip", "remote_ip", "client_pid",
	"password", "id", "mechanism", "secured", "local_port", "remote_port",
	"cert", "ssl_client_cert_fp", "ssl_client_cert_pubkey_fp",
	"login_user", "session", "real_local_ip", "real_remote_ip",
	"real_local_port", "real_remote_port", "domain_first", "domain_last",
	"master_user", "session_pid", "original_user", "auth_user",
	"local_name", "client_id", "ssl_ja3_hash", "owner_user",
	/* of every Dovecot process, not only auth */
	"uid", "gid", "pid", "hostname",
};

/* Of the variables that core expands itself: the key in 2.3's form. */
static const struct {
	const char *filter;
	char key;
	bool lower;
} common_filters[] = {
	{ "username", 'n', false },
	{ "domain", 'd', false },
	{ "lower", '\0', true },
};

/* A part of the text. */
struct span {
	const char *p;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct span span_trim(const char *p, size_t len)
{
	while (len > 0 && is_blank(*p)) {
		p++;
		len--;
	}
	while (len > 0 && is_blank(p[len - 1]))
		len--;
	return (struct span) { p, len };
}

static bool span_is(const struct span *span, const char *str)
{
	return strncmp(span->p, str, span->len) == 0 &&
		str[span->len] == '\0';
}

static int var_error(const char *p, size_t len, const char *reason,
		     struct errbuf *error)
{
	if (len > 40)
		len = 40;
	/* no half UTF-8 sequence */
	while (len > 1 && (p[len - 1] & 0x80) != 0)
		len--;
	return errbuf_set(error, "%.*s %s", (int)len, p, reason);
}

/* Behind the name, up to the closing brace. Braces within quotes would end the
   variable for template.h; nobody needs one. */
static const char *find_end(const char *p)
{
	char quote = '\0';

	for (; *p != '\0'; p++) {
		if (*p == '{' || *p == '}')
			return quote == '\0' && *p == '}' ? p : NULL;
		if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		else if (quote != '\0' && *p == '\\' && p[1] != '\0')
			p++;
		else if (*p == quote)
			quote = '\0';
	}
	return NULL;
}

static bool name_is_known(const struct span *name)
{
	for (size_t i = 0; i < COUNT(known_names); i++) {
		if (span_is(name, known_names[i]))
			return true;
	}
	/* values of providers, %{passdb:x} and %{env:X}: only Dovecot knows
	   which there are */
	return memchr(name->p, ':', name->len) != NULL;
}

/* "%n" for "user | username": false if it is none of the few forms. */
static bool append_common(struct span expression, struct strbuf *out)
{
	const char *end = expression.p + expression.len, *p = expression.p;
	struct span part;
	bool first = true, lower = false;
	char key = 'u';
	size_t i;

	for (; p <= end; p += strcspn(p, "|") + 1) {
		part = span_trim(p, strcspn(p, "|}"));
		if (first) {
			if (!span_is(&part, "user"))
				return false;
			first = false;
			continue;
		}
		for (i = 0; i < COUNT(common_filters); i++) {
			if (span_is(&part, common_filters[i].filter))
				break;
		}
		if (i == COUNT(common_filters) ||
		    (common_filters[i].key != '\0' && key != 'u'))
			return false;
		if (common_filters[i].key != '\0')
			key = common_filters[i].key;
		lower = lower || common_filters[i].lower;
	}
	strbuf_append_str(out, lower ? "%L" : "%");
	strbuf_append_c(out, key);
	return true;
}

/* p points at "%{". Returns what follows the variable, NULL on error. */
static const char *translate_var(const char *p, struct strbuf *out,
				 struct errbuf *error)
{
	const char *end = find_end(p + 2);
	struct span expression, name;

	if (end == NULL) {
		var_error(p, strlen(p), "has no closing brace: add the }; "
			  "between quotes, write \\x7b and \\x7d for braces",
			  error);
		return NULL;
	}
	expression = span_trim(p + 2, (size_t)(end - p) - 2);
	name = span_trim(p + 2, strcspn(p + 2, "|}"));
	/* what begins with a literal or a parenthesis has no name */
	if (name.len > 0 && strchr("\"'(", *name.p) == NULL &&
	    !name_is_known(&name)) {
		var_error(p, (size_t)(end - p) + 1, "is no variable of Dovecot "
			  "2.4: write one such as %{user}, "
			  "%{user | username} or %{user | domain}", error);
		return NULL;
	}
	/* a column of the row, which is ours: see extra.h */
	if (strncmp(expression.p, "column:", strlen("column:")) == 0) {
		strbuf_append_str(out, "%{");
		strbuf_append(out, expression.p, expression.len);
		strbuf_append_c(out, '}');
	} else if (!append_common(expression, out)) {
		strbuf_append_str(out, "%{");
		strbuf_append(out, expression.p, expression.len);
		strbuf_append_c(out, ':');
		/* up to the colon of a provider: ours is the last one */
		strbuf_append(out, name.p, strcspn(name.p, " \t:|}"));
		strbuf_append_c(out, '}');
	}
	return end + 1;
}

/* p points at a percent sign within text. */
static bool is_of_23(const char *text, const char *p, bool is_sql)
{
	if (!is_sql) {
		p += strspn(p + 1, "0123456789.-LUEXRHNMDT");
		return p[1] != '\0' && strchr("undsh", p[1]) != NULL;
	}
	/* DATE_FORMAT() has %d and %n, too */
	if (p == text || (p[-1] != '\'' && p[-1] != '"'))
		return false;
	return strncmp(p + 1, "u'", 2) == 0 || strncmp(p + 1, "Lu'", 3) == 0 ||
		strncmp(p + 1, "u\"", 2) == 0;
}

/* What is at p: text up to a percent sign, a variable, or a percent sign.
   Returns what follows it, NULL on error. */
static const char *translate_piece(const char *text, const char *p, bool is_sql,
				   struct strbuf *out, struct errbuf *error)
{
	size_t len = strcspn(p, "%");

	if (len > 0) {
		strbuf_append(out, p, len);
		return p + len;
	}
	if (p[1] == '{')
		return translate_var(p, out, error);
	if (is_of_23(text, p, is_sql)) {
		var_error(p, 2, "is how Dovecot 2.3 writes variables: write "
			  "%{user} for %u, %{user | username} for %n, and "
			  "%{user | domain} for %d", error);
		return NULL;
	}
	strbuf_append_str(out, "%%");
	return p + (strncmp(p, "%%{", 3) == 0 ? 2 : 1);
}

int template_24_translate(const char *text, bool is_sql, struct strbuf *out,
			  struct errbuf *error)
{
	const char *p = text;

	while (*p != '\0') {
		p = translate_piece(text, p, is_sql, out, error);
		if (p == NULL)
			return -1;
	}
	return out->failed ? errbuf_set(error, "out of memory") : 0;
}

const char *template_24_origin(const char *text, size_t offset)
{
	struct strbuf out = STRBUF_INIT;
	const char *p = text, *piece = text;
	struct errbuf error;
	size_t begin = 0;

	while (p != NULL && *p != '\0' && out.len <= offset) {
		piece = p;
		begin = out.len;
		/* it was translated before, so that nothing is refused now */
		p = translate_piece(text, p, true, &out, &error);
	}
	if (out.len <= offset && p != NULL)
		piece = p;
	else if (*piece != '%')
		piece += offset - begin;
	strbuf_free(&out);
	return piece;
}

void template_24_expression(const char *source, struct strbuf *out)
{
	const char *name = strrchr(source, ':');

	strbuf_append(out, source, (size_t)(name - source));
	strbuf_append_c(out, '}');
}
