/* SPDX-License-Identifier: MIT */
/*
 * The life of a configuration and the file of the named form: the table made
 * of settings.def, lines, and what must hold between settings. Values are
 * pfa-conf-value.c's, the drop-in form is pfa-conf-dropin.c's. Must not read
 * files or log: the text comes from the caller, and errors go back as text.
 * Called by whoever loads the configuration, in src/dovecot.
 */
#include "core/pfa-conf-private.h"
#include "core/strbuf.h"

#include <stdlib.h>
#include <string.h>

/* Longer than any sensible value; a binary file ends here. */
#define LINE_MAX_LEN 4096
/* Names longer than any of ours need no suggestion. */
#define NAME_MAX_LEN 40

#define UTF8_BOM "\xef\xbb\xbf"

#define SETTING(_type, _name, _def, _min, _max, _unit, _help) { \
	.name = #_name, \
	.type = PFA_SETTING_##_type, \
	.offset = offsetof(struct pfa_conf, _name), \
	.def = _def, \
	.min = _min, \
	.max = _max, \
},
static const struct pfa_setting settings[] = {
#include "core/settings.def"
};
#undef SETTING

#define SETTING_COUNT (sizeof(settings) / sizeof(*settings))

/* Settings that mean something with one schema only. */
static const struct {
	const char *name;
	enum pfa_schema schema;
} schema_settings[] = {
	{ "table_prefix", PFA_SCHEMA_POSTFIXADMIN },
	{ "mailbox_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "domain_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "alias_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "alias_domain_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "domain_active", PFA_SCHEMA_POSTFIXADMIN },
	{ "backupmx_login", PFA_SCHEMA_POSTFIXADMIN },
	{ "alias_domains", PFA_SCHEMA_POSTFIXADMIN },
	{ "alias_login", PFA_SCHEMA_POSTFIXADMIN },
	{ "password_expiry", PFA_SCHEMA_POSTFIXADMIN },
	{ "smtp_active", PFA_SCHEMA_POSTFIXADMIN },
	{ "smtp_services", PFA_SCHEMA_POSTFIXADMIN },
	{ "app_password_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "totp_exception_table", PFA_SCHEMA_POSTFIXADMIN },
	{ "app_passwords", PFA_SCHEMA_POSTFIXADMIN },
	{ "app_passwords_max", PFA_SCHEMA_POSTFIXADMIN },
	{ "totp", PFA_SCHEMA_POSTFIXADMIN },
	{ "users_table", PFA_SCHEMA_USERS },
	{ "email_column", PFA_SCHEMA_USERS },
	{ "password_column", PFA_SCHEMA_USERS },
	{ "quota_column", PFA_SCHEMA_USERS },
};

/* A part of the file's text. */
struct span {
	const char *p;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void span_skip(struct span *span, size_t len)
{
	span->p += len;
	span->len -= len;
}

static void span_skip_blanks(struct span *span)
{
	while (span->len > 0 && is_blank(*span->p))
		span_skip(span, 1);
}

static void span_trim_blanks(struct span *span)
{
	while (span->len > 0 && is_blank(span->p[span->len - 1]))
		span->len--;
}

/* Takes the next line off the text, without its line feed and the carriage
   return that editors of another system put in front of that. */
static struct span span_next_line(struct span *text)
{
	const char *end = memchr(text->p, '\n', text->len);
	struct span line = *text;

	if (end == NULL) {
		span_skip(text, text->len);
		return line;
	}
	line.len = end - text->p;
	span_skip(text, line.len + 1);
	if (line.len > 0 && line.p[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Takes the name of the setting off the line, and the blanks around it. */
static struct span span_next_name(struct span *line)
{
	struct span name;

	span_skip_blanks(line);
	name = *line;
	while (line->len > 0 && !is_blank(*line->p) && *line->p != '=')
		span_skip(line, 1);
	name.len -= line->len;
	span_skip_blanks(line);
	return name;
}

static void span_skip_bom(struct span *text)
{
	const size_t len = strlen(UTF8_BOM);

	if (text->len >= len && memcmp(text->p, UTF8_BOM, len) == 0)
		span_skip(text, len);
}

enum pfa_conf_form pfa_conf_detect(const char *text, size_t len)
{
	struct span rest = { text, len }, line, name;
	char key[NAME_MAX_LEN + 1];

	span_skip_bom(&rest);
	while (rest.len > 0) {
		line = span_next_line(&rest);
		name = span_next_name(&line);
		if ((name.len == 0 && line.len == 0) ||
		    (name.len > 0 && *name.p == '#'))
			continue;
		if (name.len > NAME_MAX_LEN)
			break;
		memcpy(key, name.p, name.len);
		key[name.len] = '\0';
		if (pfa_setting_is_shared(key))
			continue;
		return pfa_conf_key_is_dropin(key) ?
			PFA_CONF_DROPIN : PFA_CONF_NAMED;
	}
	return PFA_CONF_NAMED;
}

const struct pfa_setting *pfa_setting_find(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

bool pfa_setting_is_shared(const char *name)
{
	static const char prefix[] = "verify_";

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 ||
		strcmp(name, "coalesce") == 0 ||
		strcmp(name, "hedge_after") == 0;
}

static int defaults(struct pfa_conf *conf, struct errbuf *error)
{
	const bool dropin = conf->form == PFA_CONF_DROPIN;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (settings[i].def != NULL &&
		    (!dropin || pfa_setting_is_shared(settings[i].name)) &&
		    pfa_setting_store(&settings[i], conf, settings[i].def,
				      error) < 0)
			return -1;
	}
	if (conf->form == PFA_CONF_QUERIES)
		return pfa_conf_queries_defaults(conf, error);
	return dropin ? pfa_conf_dropin_defaults(conf, error) : 0;
}

struct pfa_conf *pfa_conf_new(enum pfa_conf_form form)
{
	struct pfa_conf *conf = calloc(1, sizeof(*conf));
	struct errbuf error;

	if (conf == NULL)
		return NULL;
	conf->form = form;
	if (defaults(conf, &error) < 0)
		pfa_conf_free(&conf);
	return conf;
}

void pfa_conf_free(struct pfa_conf **_conf)
{
	struct pfa_conf *conf = *_conf;

	if (conf == NULL)
		return;
	*_conf = NULL;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (settings[i].type == PFA_SETTING_STR ||
		    settings[i].type == PFA_SETTING_SECRET)
			wipe_free_str(*(char **)((char *)conf +
						 settings[i].offset));
	}
	pfa_conf_clear_hosts(conf);
	free(conf->tls_ca_path);
	free(conf->tls_cipher);
	free(conf->default_pass_scheme);
	free(conf->password_query);
	free(conf->user_query);
	free(conf->iterate_query);
	free(conf);
}

bool pfa_conf_name_is_plain(const char *name)
{
	return *name != '\0' &&
		strlen(name) <= NAME_MAX_LEN &&
		name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_")] == '\0';
}

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	const unsigned int ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many letters must be put in, taken out or exchanged (Levenshtein). Both
   names are at most NAME_MAX_LEN long. */
static unsigned int name_distance(const char *a, const char *b)
{
	unsigned int row[NAME_MAX_LEN + 1], diagonal, above;
	const size_t b_len = strlen(b);

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			above = row[j];
			row[j] = min3(above + 1, row[j - 1] + 1, diagonal +
				      (a[i - 1] == b[j - 1] ? 0 : 1));
			diagonal = above;
		}
	}
	return row[b_len];
}

/* NULL if no name is near enough to be meant. */
static const char *nearest_name(const char *name)
{
	const char *nearest = NULL;
	unsigned int best = 2 + strlen(name) / 6, distance;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		distance = name_distance(name, settings[i].name);
		if (distance < best) {
			best = distance;
			nearest = settings[i].name;
		}
	}
	return nearest;
}

static int unknown_name_error(const char *name, struct errbuf *error)
{
	const char *nearest;

	if (pfa_conf_key_is_dropin(name)) {
		return errbuf_set(error, "%s belongs into a "
				  "dovecot-sql.conf.ext and cannot be mixed "
				  "with the settings of this form: use one "
				  "form in the whole file", name);
	}
	/* what is no name may be the tail of a password */
	if (!pfa_conf_name_is_plain(name)) {
		return errbuf_set(error, "what stands before the = is no name "
				  "of a setting: write \"name = value\"");
	}
	nearest = nearest_name(name);
	if (nearest == NULL) {
		return errbuf_set(error, "there is no setting %s: see the "
				  "example file for all of them", name);
	}
	return errbuf_set(error, "there is no setting %s: did you mean %s?",
			  name, nearest);
}

int pfa_conf_set(struct pfa_conf *conf, const char *name, const char *value,
		 struct errbuf *error)
{
	const struct pfa_setting *setting = pfa_setting_find(name);

	if (setting == NULL)
		return unknown_name_error(name, error);
	return pfa_setting_store(setting, conf, value, error);
}

/* Cuts " # comment" and trailing blanks off. The blank in front of the # may
   be one that was skipped behind the =. */
static void span_trim_comment(struct span *value)
{
	const char *p, *const end = value->p + value->len;

	for (p = value->p; p < end; p++) {
		if (*p == '#' && is_blank(p[-1])) {
			value->len = p - value->p;
			break;
		}
	}
	span_trim_blanks(value);
}

static int set_span(struct pfa_conf *conf, const char *name,
		    const struct span *value, struct errbuf *error)
{
	char *copy = strndup(value->p, value->len);
	int ret;

	if (copy == NULL)
		return errbuf_set(error, "out of memory");
	ret = pfa_conf_set(conf, name, copy, error);
	wipe_free_str(copy);
	return ret;
}

static int parse_setting(struct pfa_conf *conf, const char *name,
			 struct span *value, bool *seen, struct errbuf *error)
{
	const struct pfa_setting *setting = pfa_setting_find(name);

	if (setting == NULL)
		return unknown_name_error(name, error);
	if (seen[setting - settings]) {
		return errbuf_set(error, "%s was set before: leave one of the "
				  "two out", name);
	}
	seen[setting - settings] = true;
	span_skip_blanks(value);
	if (setting->type != PFA_SETTING_SECRET)
		span_trim_comment(value);
	return set_span(conf, name, value, error);
}

static int parse_line(struct pfa_conf *conf, struct span line, bool *seen,
		      struct errbuf *error)
{
	struct span name = span_next_name(&line);
	char key[NAME_MAX_LEN + 1] = "";

	if ((name.len == 0 && line.len == 0) ||
	    (name.len > 0 && *name.p == '#'))
		return 0;
	if (name.len <= NAME_MAX_LEN)
		memcpy(key, name.p, name.len);
	if (pfa_conf_key_is_dropin(key))
		return unknown_name_error(key, error);
	if (line.len == 0 || *line.p != '=') {
		return errbuf_set(error, "there is no = behind the first word: "
				  "write \"name = value\", or # in front of a "
				  "comment");
	}
	span_skip(&line, 1);
	return parse_setting(conf, key, &line, seen, error);
}

static int check_line(const struct span *line, struct errbuf *error)
{
	if (memchr(line->p, '\0', line->len) != NULL) {
		return errbuf_set(error, "there is a NUL byte: save the file "
				  "as plain text, in UTF-8");
	}
	if (line->len > LINE_MAX_LEN) {
		return errbuf_set(error, "the line is longer than %d bytes: "
				  "shorten it", LINE_MAX_LEN);
	}
	if (line->len >= strlen(UTF8_BOM) &&
	    memcmp(line->p, UTF8_BOM, strlen(UTF8_BOM)) == 0) {
		return errbuf_set(error, "there is a byte order mark: save the "
				  "file as UTF-8 without it");
	}
	return 0;
}

int pfa_conf_parse(struct pfa_conf *conf, const char *path, const char *text,
		   size_t len, struct errbuf *error)
{
	struct span rest = { text, len }, line;
	bool seen[SETTING_COUNT] = { false };
	struct errbuf what;

	for (unsigned int number = 1; rest.len > 0; number++) {
		line = span_next_line(&rest);
		if (check_line(&line, &what) < 0 ||
		    parse_line(conf, line, seen, &what) < 0) {
			return errbuf_set(error, "%s line %u: %s", path,
					  number, what.text);
		}
	}
	if (pfa_conf_check(conf, &what) < 0)
		return errbuf_set(error, "%s: %s", path, what.text);
	return 0;
}

static int check_server(struct pfa_conf *conf, struct errbuf *error)
{
	if (conf->option_group != NULL && conf->option_file == NULL) {
		return errbuf_set(error, "option_group names a group of the "
				  "option_file, which is missing: set it too");
	}
	if (conf->dbname == NULL && conf->option_file == NULL) {
		return errbuf_set(error, "dbname is missing: name the "
				  "database, for example dbname = "
				  "postfixadmin");
	}
	if (conf->host_count > 0)
		return 0;
	if (conf->option_file == NULL) {
		return errbuf_set(error, "hosts is missing: name the database "
				  "server, for example hosts = "
				  "/run/mysqld/mysqld.sock or hosts = "
				  "127.0.0.1");
	}
	return pfa_conf_add_host(conf) != NULL ? 0 :
		errbuf_set(error, "out of memory");
}

static int check_tls(const struct pfa_conf *conf, struct errbuf *error)
{
	const bool has_cert = conf->tls_cert != NULL;

	if (has_cert != (conf->tls_key != NULL)) {
		return errbuf_set(error, "%s is set without %s: the "
				  "certificate and its key go together",
				  has_cert ? "tls_cert" : "tls_key",
				  has_cert ? "tls_key" : "tls_cert");
	}
	if (conf->tls == PFA_TLS_OFF &&
	    (conf->tls_ca != NULL || has_cert)) {
		return errbuf_set(error, "tls = off makes no use of %s: leave "
				  "one of the two out", conf->tls_ca != NULL ?
				  "tls_ca" : "tls_cert");
	}
	if (conf->tls == PFA_TLS_REQUIRED && conf->tls_ca != NULL) {
		return errbuf_set(error, "tls = required does not look at the "
				  "server's certificate: write tls = verify, "
				  "or leave tls_ca out");
	}
	return 0;
}

/* How many bytes the value has in struct pfa_conf; 0: it is a text. */
static size_t setting_size(const struct pfa_setting *setting)
{
	switch (setting->type) {
	case PFA_SETTING_STR:
	case PFA_SETTING_SECRET:
	case PFA_SETTING_HOSTS:
		return 0;
	case PFA_SETTING_BOOL:
		return sizeof(bool);
	case PFA_SETTING_UINT:
	case PFA_SETTING_TIME:
	case PFA_SETTING_SCHEMA:
	case PFA_SETTING_TLS:
	case PFA_SETTING_SMTP:
	case PFA_SETTING_TOTP:
		break;
	}
	return sizeof(unsigned int);
}

static bool setting_is_default(const struct pfa_conf *conf,
			       const struct pfa_setting *setting)
{
	const char *member = (const char *)conf + setting->offset;
	const size_t size = setting_size(setting);
	struct pfa_conf fresh;
	struct errbuf error;

	if (size == 0)
		return strcmp(*(char *const *)member, setting->def) == 0;
	memset(&fresh, 0, sizeof(fresh));
	return pfa_setting_store(setting, &fresh, setting->def, &error) == 0 &&
		memcmp(member, (char *)&fresh + setting->offset, size) == 0;
}

/* A setting of the other schema is a misunderstanding, or it was meant to
   do something. One that holds its default does not count. */
static int check_schema(const struct pfa_conf *conf, struct errbuf *error)
{
	const struct pfa_setting *setting;

	for (size_t i = 0; i < sizeof(schema_settings) /
			       sizeof(*schema_settings); i++) {
		setting = pfa_setting_find(schema_settings[i].name);
		if (schema_settings[i].schema != conf->schema &&
		    !setting_is_default(conf, setting)) {
			return errbuf_set(error, "%s means nothing with schema "
					  "= %s: leave it out, or set the "
					  "other schema", setting->name,
					  conf->schema == PFA_SCHEMA_USERS ?
					  "users" : "postfixadmin");
		}
	}
	return 0;
}

/* Nor does a setting that says what the queries would be. */
static int check_queries(const struct pfa_conf *conf, struct errbuf *error)
{
	static const char *const names[] = {
		"home", "mail", "uid", "gid", "encrypt", "rehash",
	};
	const struct pfa_setting *setting;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		setting = pfa_setting_find(names[i]);
		if (*(char *const *)((const char *)conf +
				     setting->offset) != NULL) {
			return errbuf_set(error, "%s means nothing with a "
					  "query: have the query return it, or "
					  "leave the query out", names[i]);
		}
	}
	return 0;
}

int pfa_conf_check(struct pfa_conf *conf, struct errbuf *error)
{
	if (conf->form == PFA_CONF_DROPIN)
		return pfa_conf_dropin_check(conf, error);
	if (check_server(conf, error) < 0 || check_tls(conf, error) < 0)
		return -1;
	return conf->form == PFA_CONF_QUERIES ? check_queries(conf, error) :
		check_schema(conf, error);
}
