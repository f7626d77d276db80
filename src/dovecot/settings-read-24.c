/* SPDX-License-Identifier: MIT */
/*
 * From Dovecot 2.4's settings to a configuration: picks each value from its
 * place, has it expanded now or made ready for requests, and tells equal
 * settings by a digest.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/settings-24.h"
#include "dovecot/settings-read-24.h"

#include "hex-binary.h"
#include "sha2.h"
#include "str.h"
#include "auth-settings.h"

#include "core/sql-template.h"
#include "core/template-24.h"

struct settings_reader {
	struct event *event;
	enum account_kind kind;
	const struct settings_24 *set;
	struct pfa_conf *conf;
	struct sha256_ctx digest;
	string_t *cache_vars;
	struct errbuf error;
};

/* "1 s" and "1" ... are not equal here, which costs a pool, no more. */
static void reader_note(struct settings_reader *reader, const char *value)
{
	sha256_loop(&reader->digest, value, strlen(value) + 1);
}

/* A value that stays the same for all requests. On the data stack. */
static const char *reader_expand(struct settings_reader *reader,
				 const char *value)
{
	const struct var_expand_params params = { .event = reader->event };
	const char *expanded, *error;

	if (strchr(value, '%') == NULL)
		return value;
	if (t_var_expand(value, &params, &expanded, &error) < 0) {
		/* not the value, it may be the password */
		errbuf_set(&reader->error, "expanding its value failed: %s",
			   error);
		return NULL;
	}
	return expanded;
}

/* One that each request expands. On the data stack. */
static const char *reader_template(struct settings_reader *reader,
				   const char *value, bool is_sql)
{
	struct strbuf text = STRBUF_INIT;
	const char *translated = NULL;

	str_append_c(reader->cache_vars, ' ');
	str_append(reader->cache_vars, value);
	if (template_24_translate(value, is_sql, &text, &reader->error) == 0)
		translated = t_strdup(strbuf_str(&text));
	strbuf_free(&text);
	return translated;
}

static int reader_setting(struct settings_reader *reader,
			  enum settings_24_setting setting)
{
	const char *name = settings_24_names[setting];
	const enum settings_24_place block = reader->kind == ACCOUNT_PASSDB ?
		SETTINGS_24_PASSDB : SETTINGS_24_USERDB;
	const char *value = reader->set->values[
		reader->set->given[block][setting] ? block :
		SETTINGS_24_GLOBAL][setting];
	const char *const *def =
		&((const struct settings_24 *)settings_24_info.defaults)->
		values[SETTINGS_24_GLOBAL][setting];

	reader_note(reader, value);
	if (strcmp(value, *def) == 0)
		return 0;
	value = settings_24_is_template(setting) ?
		reader_template(reader, value, FALSE) :
		reader_expand(reader, value);
	if (value == NULL) {
		reader->error.setting = name;
		return -1;
	}
	return pfa_conf_set(reader->conf, name, value, &reader->error);
}

static int reader_query(struct settings_reader *reader, const char *name,
			const char *key, const char *value)
{
	const struct sql_written written = {
		.query = value,
		.origin = template_24_origin,
	};

	reader_note(reader, key);
	reader_note(reader, value);
	value = reader_template(reader, value, TRUE);
	if (value == NULL ||
	    (*value != '\0' &&
	     sql_template_check(value, &written, &reader->error) < 0)) {
		reader->error.setting = name;
		return -1;
	}
	return pfa_conf_set_query(reader->conf, key, value, &reader->error);
}

static int reader_queries(struct settings_reader *reader)
{
	const struct auth_passdb_settings *passdb_set;
	const char *error;
	int ret;

	if (reader->kind == ACCOUNT_USERDB) {
		if (reader_query(reader, "query", "user_query",
				 reader->set->userdb_query) < 0)
			return -1;
		return reader_query(reader, "iterate_query", "iterate_query",
				    reader->set->iterate_query);
	}
	if (settings_get(reader->event, &auth_passdb_setting_parser_info,
			 SETTINGS_GET_FLAG_NO_CHECK |
			 SETTINGS_GET_FLAG_NO_EXPAND, &passdb_set, &error) < 0)
		return errbuf_set(&reader->error, "%s", error);
	ret = pfa_conf_set_query(reader->conf, "default_pass_scheme",
				 passdb_set->default_password_scheme,
				 &reader->error);
	settings_free(passdb_set);
	return ret < 0 ? -1 : reader_query(reader, "query", "password_query",
					   reader->set->passdb_query);
}

static int reader_fill(struct settings_reader *reader)
{
	unsigned int i, depends;

	if (reader->conf == NULL)
		return errbuf_set(&reader->error, "out of memory");
	if (reader->kind == ACCOUNT_USERDB &&
	    *reader->set->userdb_query == '\0' &&
	    *reader->set->iterate_query != '\0') {
		return errbuf_set(&reader->error, "iterate_query is set "
				  "without query: set both, or none");
	}
	for (i = 0; i < SETTINGS_24_COUNT; i++) {
		if (reader_setting(reader, i) < 0)
			return -1;
	}
	if (reader->conf->form == PFA_CONF_QUERIES) {
		if (reader_queries(reader) < 0)
			return -1;
	} else {
		/* whatever the query of the schema */
		str_append(reader->cache_vars, " %{user}");
		depends = account_depends(reader->conf);
		if ((depends & ACCOUNT_DEPENDS_SERVICE) != 0)
			str_append(reader->cache_vars, " %{protocol}");
		if ((depends & ACCOUNT_DEPENDS_ADDRESS) != 0)
			str_append(reader->cache_vars, " %{remote_ip}");
	}
	return pfa_conf_check(reader->conf, &reader->error);
}

static enum pfa_conf_form reader_form(const struct settings_24 *set,
				      enum account_kind kind)
{
	const char *query = kind == ACCOUNT_PASSDB ? set->passdb_query :
		set->userdb_query;

	return *query != '\0' ? PFA_CONF_QUERIES : PFA_CONF_NAMED;
}

static const char *reader_key(struct settings_reader *reader)
{
	unsigned char digest[SHA256_RESULTLEN];

	sha256_result(&reader->digest, digest);
	return binary_to_hex(digest, sizeof(digest));
}

int settings_read_24(struct event *event, enum account_kind kind,
		     struct settings_read_24 *read_r, const char **error_r)
{
	struct settings_reader reader = {
		.event = event,
		.kind = kind,
		.cache_vars = t_str_new(128),
	};
	const char *error;

	if (settings_get(event, &settings_24_info, SETTINGS_GET_FLAG_NO_CHECK |
			 SETTINGS_GET_FLAG_NO_EXPAND, &reader.set, &error) < 0) {
		/* nothing in the values can fail here */
		*error_r = t_strdup_printf("the module of the settings, "
			"libpostfixadmin_settings.so, is missing or of another "
			"build: install both modules together (%s)", error);
		return -1;
	}
	sha256_init(&reader.digest);
	reader.error.setting = NULL;
	reader.conf = pfa_conf_new(reader_form(reader.set, kind));
	if (reader_fill(&reader) < 0) {
		*error_r = reader.error.setting == NULL ?
			t_strdup(reader.error.text) :
			t_strdup_printf("%s: %s", reader.error.setting,
					reader.error.text);
		pfa_conf_free(&reader.conf);
		settings_free(reader.set);
		return -1;
	}
	settings_free(reader.set);
	read_r->conf = reader.conf;
	read_r->key = reader_key(&reader);
	read_r->cache_vars = str_c(reader.cache_vars);
	return 0;
}
