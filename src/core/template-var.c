/* SPDX-License-Identifier: MIT */
/*
 * The syntax of Dovecot 2.3's variables, as its src/lib/var-expand.c reads it,
 * and their names, from its src/auth/auth-request-var-expand.c. Knows no
 * values. Called by template.c.
 */
#include "core/template-var.h"

#include "core/template.h"

#include <string.h>

#define MAX_MODIFIERS 10

static const char modifier_keys[] = "LUEXRHNMDT";

static const char known_keys[] = "undshlrpw!mcabk%";

static const char *const known_names[] = {
	"user", "username", "domain", "service", "home", "lip", "rip", "pid",
	"password", "mech", "secured", "lport", "rport", "cert", "login_user",
	"login_username", "login_domain", "session", "real_lip", "real_rip",
	"real_lport", "real_rport", "domain_first", "domain_last",
	"master_user", "session_pid", "orig_user", "orig_username",
	"orig_domain", "auth_user", "auth_username", "auth_domain",
	"local_name", "client_id", "local_ip", "remote_ip", "local_port",
	"remote_port", "real_local_ip", "real_remote_ip", "real_local_port",
	"real_remote_port", "mechanism", "original_user", "original_username",
	"original_domain",
	/* of every Dovecot process, not only auth */
	"uid", "gid", "hostname",
};

static const struct {
	char key;
	const char *name;
	enum template_var_kind kind;
} common_vars[] = {
	{ 'u', "user", TEMPLATE_VAR_USER },
	{ 'n', "username", TEMPLATE_VAR_USERNAME },
	{ 'd', "domain", TEMPLATE_VAR_DOMAIN },
};

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------- syntax */

static bool chars_hold(const char *chars, char c)
{
	return c != '\0' && strchr(chars, c) != NULL;
}

/* "[-]digits[.[0][-]digits]" */
static const char *skip_sizes(const char *p)
{
	if (*p == '-')
		p++;
	p += strspn(p, "0123456789");
	if (*p != '.')
		return p;
	p++;
	if (*p == '0')
		p++;
	if (*p == '-')
		p++;
	return p + strspn(p, "0123456789");
}

/* p points at '{'. Nested braces count, the byte behind a backslash does not.
   Returns the closing brace, or the end of the text without one. */
static const char *find_closing_brace(const char *p)
{
	unsigned int depth = 1;

	for (p++; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			break;
	}
	return p;
}

/* p points at the key, var->key. Returns what follows it. */
static const char *parse_key(const char *p, struct template_var *var)
{
	const char *end;

	if (*p != '{') {
		var->cut_off = *p == '\0';
		var->key_len = var->cut_off ? 0 : 1;
		return p + var->key_len;
	}
	if (strchr(p, '}') == NULL) {
		/* a short key, which nobody knows */
		var->unclosed = true;
		var->key_len = 1;
		return p + 1;
	}
	end = find_closing_brace(p);
	var->is_long = true;
	var->key = p + 1;
	var->key_len = (size_t)(end - var->key);
	/* Dovecot reads beyond the end of the text here */
	var->unclosed = *end == '\0';
	return var->unclosed ? end : end + 1;
}

void template_var_parse(const char *p, struct template_var *var_r)
{
	const char *start = p;

	memset(var_r, 0, sizeof(*var_r));
	p = skip_sizes(p + 1);
	var_r->sized = p > start + 1;
	var_r->modifiers = p;
	while (var_r->modifier_count < MAX_MODIFIERS &&
	       chars_hold(modifier_keys, *p)) {
		var_r->modifier_count++;
		p++;
	}
	var_r->key = p;
	p = parse_key(p, var_r);
	var_r->span = (size_t)(p - start);
}

size_t template_var_span(const char *p)
{
	struct template_var var;

	template_var_parse(p, &var);
	return var.span;
}

bool template_var_is_percent_sign(const struct template_var *var)
{
	return var->span == 2 && *var->key == '%';
}

/* -------------------------------------------------------------- names */

static bool name_is(const char *name, const char *str, size_t len)
{
	return name != NULL && strncmp(name, str, len) == 0 &&
		name[len] == '\0';
}

static bool var_is_known(const struct template_var *var)
{
	size_t i;

	if (!var->is_long)
		return chars_hold(known_keys, *var->key);
	for (i = 0; i < N_ELEMENTS(known_names); i++) {
		if (name_is(known_names[i], var->key, var->key_len))
			return true;
	}
	/* functions of Dovecot and its plugins, %{sha256:user}, %{passdb:x}:
	   only it knows which there are */
	return memchr(var->key, ':', var->key_len) != NULL ||
		memchr(var->key, ';', var->key_len) != NULL;
}

static bool var_is_common_form(const struct template_var *var)
{
	return !var->sized &&
		(var->modifier_count == 0 ||
		 (var->modifier_count == 1 && *var->modifiers == 'L'));
}

enum template_var_kind template_var_kind(const struct template_var *var)
{
	size_t i;

	if (var->unclosed || !var_is_known(var))
		return TEMPLATE_VAR_UNKNOWN;
	if (!var_is_common_form(var))
		return TEMPLATE_VAR_OTHER;
	for (i = 0; i < N_ELEMENTS(common_vars); i++) {
		if (var->is_long ?
		    name_is(common_vars[i].name, var->key, var->key_len) :
		    common_vars[i].key == *var->key)
			return common_vars[i].kind;
	}
	return TEMPLATE_VAR_OTHER;
}

/* ---------------------------------------------------------------- use */

/* Functions whose argument is a name of their own. */
static bool takes_own_names(const char *function, size_t len)
{
	return name_is("passdb", function, len) ||
		name_is("userdb", function, len) ||
		name_is("env", function, len);
}

/* "name", "function:name", "function;arguments:name" */
static bool name_uses(const char *name, const char *end, const char *long_key)
{
	const char *data;

	while (!name_is(long_key, name, (size_t)(end - name))) {
		data = memchr(name, ':', (size_t)(end - name));
		if (data == NULL || takes_own_names(name,
						    (size_t)(data - name)))
			return false;
		name = data + 1;
	}
	return true;
}

static bool var_uses(const struct template_var *var, const char *end, char key,
		     const char *long_key)
{
	const char *name_end = var->key + var->key_len;

	if (!var->is_long)
		return key != '\0' && *var->key == key;
	/* a broken one within another may seem to go on behind that */
	if (name_end > end)
		name_end = end;
	/* variables are among the arguments, too: %{if;%w;eq;x;y;z} */
	return name_uses(var->key, name_end, long_key) ||
		template_text_uses(var->key, name_end, key, long_key);
}

bool template_text_uses(const char *text, const char *end, char key,
			const char *long_key)
{
	struct template_var var;
	const char *p;

	for (p = text; p < end; p += var.span) {
		p = memchr(p, '%', (size_t)(end - p));
		if (p == NULL)
			break;
		template_var_parse(p, &var);
		if (var_uses(&var, end, key, long_key))
			return true;
	}
	return false;
}
