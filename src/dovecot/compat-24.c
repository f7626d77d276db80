/* SPDX-License-Identifier: MIT */
/*
 * Dovecot 2.4: preinit finds its settings by an event, and is called for every
 * passdb and userdb of every protocol block, in auth and in each worker.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-postfixadmin.h"
#include "dovecot/settings-read-24.h"
#include "dovecot/userdb-postfixadmin.h"

#include "settings.h"
#include "auth-cache.h"
#include "auth-client-connection.h"
#include "auth-settings.h"

#include "core/template-24.h"

/* In messages, where 2.3 has the path of a file. */
#define SETTINGS_NAME "settings "AUTHDB_NAME"_*"

/* Dovecot >= 2.4.3 tells whether there is a cache, and has functions that
   look. */
#ifdef HAVE_PASSDB_PARAMETERS
#  define PASSDB_PARAMETERS const struct passdb_parameters *parameters,
#  define USERDB_PARAMETERS const struct userdb_parameters *parameters,
#else
#  define PASSDB_PARAMETERS
#  define USERDB_PARAMETERS
#  define passdb_set_cache_key(module, parameters, pool, vars, fields, driver, \
			       error_r) \
	compat_set_cache_key(&(module)->default_cache_key, pool, vars, fields, \
			     driver)
#  define userdb_set_cache_key passdb_set_cache_key

static int compat_set_cache_key(const char **key_r, pool_t pool,
				const char *vars,
				const ARRAY_TYPE(const_string) *fields,
				const char *driver)
{
	*key_r = auth_cache_parse_key_and_fields(pool, vars, fields, driver);
	return 0;
}
#endif

static int compat_engine(struct event *event, enum account_kind kind,
			 struct authdb_engine **engine_r,
			 const char **cache_vars_r, const char **error_r)
{
	struct settings_read_24 read;
	struct authdb_source source;
	struct errbuf error;

	if (settings_read_24(event, kind, &read, error_r) < 0)
		return -1;
	*cache_vars_r = read.cache_vars;
	*engine_r = authdb_engine_find(read.key);
	if (*engine_r != NULL) {
		pfa_conf_free(&read.conf);
		return 0;
	}
	source = (struct authdb_source) {
		.key = read.key,
		.name = SETTINGS_NAME,
		.conf = read.conf,
	};
	*engine_r = authdb_engine_new(&source, &error);
	if (*engine_r != NULL)
		return 0;
	*error_r = error.setting == NULL ? t_strdup(error.text) :
		t_strdup_printf("%s: %s", error.setting, error.text);
	return -1;
}

static int compat_passdb_preinit(pool_t pool, struct event *event,
				 PASSDB_PARAMETERS
				 struct passdb_module **module_r,
				 const char **error_r)
{
	struct passdb_pfa_module *module =
		p_new(pool, struct passdb_pfa_module, 1);
	const struct auth_passdb_post_settings *set;
	const char *cache_vars;
	int ret;

	if (compat_engine(event, ACCOUNT_PASSDB, &module->engine, &cache_vars,
			  error_r) < 0 ||
	    settings_get(event, &auth_passdb_post_setting_parser_info,
			 SETTINGS_GET_FLAG_NO_CHECK |
			 SETTINGS_GET_FLAG_NO_EXPAND, &set, error_r) < 0)
		return -1;
	if ((account_depends(lookup_engine_conf(authdb_engine_lookup(
			module->engine))) & ACCOUNT_DEPENDS_PASSWORD) == 0)
		ret = passdb_set_cache_key(&module->module, parameters, pool,
					   cache_vars, &set->fields,
					   AUTHDB_NAME, error_r);
	else
		ret = 0;
	settings_free(set);
	*module_r = &module->module;
	return ret;
}

static int compat_userdb_preinit(pool_t pool, struct event *event,
				 USERDB_PARAMETERS
				 struct userdb_module **module_r,
				 const char **error_r)
{
	struct userdb_pfa_module *module =
		p_new(pool, struct userdb_pfa_module, 1);
	const struct auth_userdb_post_settings *set;
	const char *cache_vars;
	int ret;

	if (compat_engine(event, ACCOUNT_USERDB, &module->engine, &cache_vars,
			  error_r) < 0 ||
	    settings_get(event, &auth_userdb_post_setting_parser_info,
			 SETTINGS_GET_FLAG_NO_CHECK |
			 SETTINGS_GET_FLAG_NO_EXPAND, &set, error_r) < 0)
		return -1;
	authdb_engine_use_userdb(module->engine);
	ret = userdb_set_cache_key(&module->module, parameters, pool,
				   cache_vars, &set->fields, AUTHDB_NAME,
				   error_r);
	settings_free(set);
	*module_r = &module->module;
	return ret;
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
	/* Any failure is a mismatch: a row that cannot be verified is no
	   outage. */
	return auth_request_db_password_verify(request, plain, crypted,
					       scheme) == PASSDB_RESULT_OK ?
		PASSDB_RESULT_OK : PASSDB_RESULT_PASSWORD_MISMATCH;
}

bool compat_allows_weak(struct auth_request *request ATTR_UNUSED)
{
	return global_auth_settings->allow_weak_schemes;
}

void compat_log_mismatch(struct auth_request *request)
{
	auth_request_db_log_password_mismatch(request);
}

void compat_log_unknown_user(struct auth_request *request)
{
	auth_request_db_log_unknown_user(request);
}

/* What template.h hands out here was made by template-24.c. */
int compat_expand(const char *text, struct strbuf *out, void *context,
		  struct errbuf *error)
{
	const struct auth_request *request = context;
	struct strbuf expression = STRBUF_INIT;
	const char *value, *expand_error;
	int ret = 0;

	template_24_expression(text, &expression);
	T_BEGIN {
		if (expression.failed)
			ret = errbuf_set(error, "out of memory");
		else if (t_auth_request_var_expand(strbuf_str(&expression),
						   request, NULL, &value,
						   &expand_error) < 0)
			ret = errbuf_set(error, "Expanding %s failed: %s",
					 strbuf_str(&expression),
					 expand_error);
		else
			strbuf_append_str(out, value);
	} T_END;
	strbuf_free(&expression);
	return ret;
}

/* Stock's passdb sql of 2.4 escapes what comes out of the filters, not what
   goes in. */
int compat_expand_dropin(const char *text, struct strbuf *out, void *context,
			 struct errbuf *error)
{
	return compat_expand(text, out, context, error);
}

const char *compat_service(const struct auth_request *request)
{
	return request->fields.protocol;
}

struct ostream *compat_client_output(const struct auth_client_connection *conn)
{
	return conn->conn.output;
}

bool compat_debug_enabled(void)
{
	return event_want_debug(auth_event);
}
