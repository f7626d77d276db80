/* SPDX-License-Identifier: MIT */
/*
 * Dovecot 2.3 (Dovecot < 2.4; remove with 2.3 support): preinit takes the
 * path of a configuration file, settings come from there.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"
#include "dovecot/passdb-postfixadmin.h"
#include "dovecot/settings-args.h"
#include "dovecot/userdb-postfixadmin.h"

#include "str.h"
#include "auth-cache.h"
#include "auth-client-connection.h"
#include "auth-fields.h"
#include "auth-settings.h"

static struct authdb_engine *compat_engine(const char *path)
{
	struct authdb_engine *engine = authdb_engine_find(path);
	struct authdb_source source = { .key = path, .name = path };
	struct errbuf error;

	if (engine != NULL)
		return engine;
	settings_args_read(path, &source.conf, &source.lines);
	engine = authdb_engine_new(&source, &error);
	if (engine == NULL)
		settings_args_fatal(path, &error);
	return engine;
}

static const struct pfa_conf *compat_conf(struct authdb_engine *engine)
{
	return lookup_engine_conf(authdb_engine_lookup(engine));
}

/* Text with every variable that an answer depends on. */
static const char *compat_cache_vars(struct authdb_engine *engine,
				     enum account_kind kind)
{
	const struct pfa_conf *conf = compat_conf(engine);
	const char *query =
		lookup_engine_query(authdb_engine_lookup(engine), kind);

	const unsigned int depends = account_depends(conf);

	if (conf->form == PFA_CONF_DROPIN)
		return query;
	return t_strdup_printf("%s %s %s %s %s %s %s", query,
		(depends & ACCOUNT_DEPENDS_SERVICE) != 0 ? "%s" : "",
		(depends & ACCOUNT_DEPENDS_ADDRESS) != 0 ? "%r" : "",
		conf->home == NULL ? "" : conf->home,
		conf->mail == NULL ? "" : conf->mail,
		conf->uid == NULL ? "" : conf->uid,
		conf->gid == NULL ? "" : conf->gid);
}

static const char *compat_default_scheme(struct authdb_engine *engine)
{
	const struct pfa_conf *conf = compat_conf(engine);

	/* named: every password gets its scheme from its own row */
	return conf->form == PFA_CONF_DROPIN ? conf->default_pass_scheme :
		"CRYPT";
}

static struct passdb_module *compat_passdb_preinit(pool_t pool,
						   const char *args)
{
	struct passdb_pfa_module *module =
		p_new(pool, struct passdb_pfa_module, 1);

	module->engine = compat_engine(args);
	if ((account_depends(compat_conf(module->engine)) &
	     ACCOUNT_DEPENDS_PASSWORD) == 0) {
		module->module.default_cache_key = auth_cache_parse_key(pool,
			compat_cache_vars(module->engine, ACCOUNT_PASSDB));
	}
	module->module.default_pass_scheme =
		compat_default_scheme(module->engine);
	return &module->module;
}

static struct userdb_module *compat_userdb_preinit(pool_t pool,
						   const char *args)
{
	struct userdb_pfa_module *module =
		p_new(pool, struct userdb_pfa_module, 1);

	module->engine = compat_engine(args);
	authdb_engine_use_userdb(module->engine);
	module->module.default_cache_key = auth_cache_parse_key(pool,
		compat_cache_vars(module->engine, ACCOUNT_USERDB));
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

int compat_set_passdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form ATTR_UNUSED)
{
	const char *default_scheme =
		request->passdb->passdb->default_pass_scheme;
	const struct account_field *field = account->fields;
	unsigned int i;

	for (i = 0; i < account->field_count; i++, field++) {
		if (field->value == NULL)
			auth_request_set_null_field(request, field->name);
		else {
			auth_request_set_field(request, field->name,
					       field->value, default_scheme);
		}
	}
	return 0;
}

int compat_set_userdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form ATTR_UNUSED)
{
	unsigned int i;

	for (i = 0; i < account->field_count; i++) {
		auth_request_set_userdb_field(request, account->fields[i].name,
					      account->fields[i].value);
	}
	return 0;
}

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

const char *compat_service(const struct auth_request *request)
{
	return request->fields.service;
}

struct ostream *compat_client_output(const struct auth_client_connection *conn)
{
	return conn->output;
}

bool compat_debug_enabled(void)
{
	return global_auth_settings->debug;
}
