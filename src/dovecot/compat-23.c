/* SPDX-License-Identifier: MIT */
/*
 * Dovecot 2.3 (Dovecot < 2.4; remove with 2.3 support): preinit takes the
 * path of a configuration file, settings come from there.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-postfixadmin.h"
#include "dovecot/userdb-postfixadmin.h"

#include "str.h"
#include "safe-memset.h"
#include "auth-cache.h"
#include "auth-fields.h"
#include "auth-settings.h"
#include "password-scheme.h"

static struct passdb_module *compat_passdb_preinit(pool_t pool,
						   const char *args)
{
	struct passdb_pfa_module *module =
		p_new(pool, struct passdb_pfa_module, 1);

	module->engine = authdb_engine_get(args);
	module->module.default_cache_key = auth_cache_parse_key(pool,
		authdb_engine_cache_vars(module->engine, ACCOUNT_PASSDB));
	module->module.default_pass_scheme =
		authdb_engine_default_scheme(module->engine);
	return &module->module;
}

static struct userdb_module *compat_userdb_preinit(pool_t pool,
						   const char *args)
{
	struct userdb_pfa_module *module =
		p_new(pool, struct userdb_pfa_module, 1);

	module->engine = authdb_engine_get(args);
	authdb_engine_use_userdb(module->engine);
	module->module.default_cache_key = auth_cache_parse_key(pool,
		authdb_engine_cache_vars(module->engine, ACCOUNT_USERDB));
	return &module->module;
}

struct passdb_module_interface compat_passdb_iface = {
	.name = AUTHDB_NAME,
	.preinit = compat_passdb_preinit,
	.init = passdb_pfa_init,
	.deinit = passdb_pfa_deinit,
	.verify_plain = passdb_pfa_verify_plain,
	.lookup_credentials = passdb_pfa_lookup_credentials,
};

struct userdb_module_interface compat_userdb_iface = {
	.name = AUTHDB_NAME,
	.preinit = compat_userdb_preinit,
	.init = userdb_pfa_init,
	.deinit = userdb_pfa_deinit,
	.lookup = userdb_pfa_lookup,
	.iterate_init = userdb_pfa_iterate_init,
	.iterate_next = userdb_pfa_iterate_next,
	.iterate_deinit = userdb_pfa_iterate_deinit,
};

enum passdb_result compat_verify(struct auth_request *request,
				 const char *plain, const char *crypted,
				 const char *scheme)
{
	/* An int up to 2.3.20, the enum since 2.3.21; the values agree. Any
	   failure is a mismatch for stock's passdb sql, as it is here: a row
	   that cannot be verified is no outage. */
	int ret = (int)auth_request_password_verify(request, plain, crypted,
						    scheme, AUTH_SUBSYS_DB);

	return ret > 0 ? PASSDB_RESULT_OK : PASSDB_RESULT_PASSWORD_MISMATCH;
}

bool compat_matches(struct auth_request *request, const char *plain,
		    const char *crypted, const char *scheme)
{
	const struct password_generate_params params = {
		.user = request->fields.original_username,
	};
	const unsigned char *raw;
	size_t size;
	const char *error;

	return password_decode(crypted, scheme, &raw, &size, &error) > 0 &&
		password_verify(plain, &params, scheme, raw, size, &error) > 0;
}

bool compat_hash_decides(struct auth_request *request)
{
	return !request->fields.skip_password_check &&
		!request->passdb->set->deny &&
		!auth_fields_exists(request->fields.extra_fields,
				    "nopassword");
}

char *compat_hash_decode(const char *crypted, const char *scheme)
{
	const unsigned char *raw;
	size_t size;
	const char *error;
	char *text;

	if (password_decode(crypted, scheme, &raw, &size, &error) <= 0)
		return NULL;
	/* up to the first NUL, as Dovecot's own verifiers read it */
	text = i_strndup(raw, size);
	/* a decoded copy on the data stack */
	if (raw != (const unsigned char *)crypted)
		safe_memset((unsigned char *)raw, 0, size);
	return text;
}

void compat_hash_free(char **_text)
{
	char *text = *_text;

	if (text == NULL)
		return;
	*_text = NULL;
	safe_memset(text, 0, strlen(text));
	i_free(text);
}

void compat_forget(struct auth_request *request)
{
	/* in the request's own pool: not the empty string, which is const */
	if (request->initial_response_len > 0) {
		safe_memset((unsigned char *)request->initial_response, 0,
			    request->initial_response_len);
	}
}

bool compat_allows_weak(struct auth_request *request ATTR_UNUSED)
{
	return TRUE;
}

void compat_log_mismatch(struct auth_request *request)
{
	auth_request_log_password_mismatch(request, AUTH_SUBSYS_DB);
}

void compat_log_unknown_user(struct auth_request *request)
{
	auth_request_log_unknown_user(request, AUTH_SUBSYS_DB);
}

/* Stock's passdb sql and userdb sql escape each variable before its modifiers
   see it: %Hu is the hash of the escaped name. A home directory made of it
   must stay where it is, so the drop-in form escapes as mysql_escape_string()
   does and undoes it at the end, as the server would. */
static const char sql_escapes[][2] = {
	{ '\n', 'n' }, { '\r', 'r' }, { '\x1a', 'Z' },
	{ '\\', '\\' }, { '\'', '\'' }, { '"', '"' },
};

static const char *
compat_sql_escape(const char *value,
		  const struct auth_request *request ATTR_UNUSED)
{
	string_t *str = t_str_new(strlen(value) + 16);
	unsigned int i;

	for (; *value != '\0'; value++) {
		for (i = 0; i < N_ELEMENTS(sql_escapes); i++) {
			if (*value == sql_escapes[i][0])
				break;
		}
		if (i < N_ELEMENTS(sql_escapes))
			str_append_c(str, '\\');
		str_append_c(str, i < N_ELEMENTS(sql_escapes) ?
			     sql_escapes[i][1] : *value);
	}
	return str_c(str);
}

/* A modifier may have cut an escape in two: a backslash that ends the value
   stands for itself. */
static void compat_sql_unescape(const char *value, struct strbuf *out)
{
	unsigned int i;

	for (; *value != '\0'; value++) {
		if (*value != '\\' || value[1] == '\0') {
			strbuf_append_c(out, *value);
			continue;
		}
		value++;
		for (i = 0; i < N_ELEMENTS(sql_escapes); i++) {
			if (*value == sql_escapes[i][1])
				break;
		}
		strbuf_append_c(out, i < N_ELEMENTS(sql_escapes) ?
				sql_escapes[i][0] : *value);
	}
}

static int
compat_expand_with(const char *text, const struct auth_request *request,
		   auth_request_escape_func_t *escape,
		   void (*append)(const char *value, struct strbuf *out),
		   struct strbuf *out, struct errbuf *error)
{
	const char *value, *expand_error;
	int ret = 0;

	T_BEGIN {
		if (t_auth_request_var_expand(text, request, escape, &value,
					      &expand_error) > 0)
			append(value, out);
		else
			ret = errbuf_set(error, "Expanding %s failed: %s",
					 text, expand_error);
	} T_END;
	return ret;
}

static void compat_append(const char *value, struct strbuf *out)
{
	strbuf_append_str(out, value);
}

int compat_expand(const char *text, struct strbuf *out, void *context,
		  struct errbuf *error)
{
	return compat_expand_with(text, context, NULL, compat_append, out,
				  error);
}

int compat_expand_dropin(const char *text, struct strbuf *out, void *context,
			 struct errbuf *error)
{
	return compat_expand_with(text, context, compat_sql_escape,
				  compat_sql_unescape, out, error);
}

bool compat_debug_enabled(void)
{
	return global_auth_settings->debug;
}
