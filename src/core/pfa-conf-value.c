/* SPDX-License-Identifier: MIT */
/*
 * One value of a named setting: from the text an administrator wrote to the
 * member of struct pfa_conf, by type. Knows nothing of files and lines, and
 * never quotes a value that may be secret. Called by pfa-conf.c.
 */
#include "core/pfa-conf-private.h"
#include "core/strbuf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* struct sockaddr_un, without its NUL */
#define SOCKET_PATH_MAX 107
#define PORT_MAX 65535

typedef int setting_store_t(const struct pfa_setting *setting, void *member,
			    const char *value, struct errbuf *error);

struct setting_word {
	const char *word;
	int value;
};

/* The milliseconds a time's unit stands for; the first one is meant where
   none is written. */
static const struct time_unit {
	const char *name;
	unsigned long msecs;
} time_units[] = {
	{ "s", 1000 },
	{ "ms", 1 },
	{ "min", 60 * 1000 },
};

static const struct setting_word bool_words[] = {
	{ "yes", true },
	{ "no", false },
	{ NULL, 0 }
};

static const struct setting_word schema_words[] = {
	{ "postfixadmin", PFA_SCHEMA_POSTFIXADMIN },
	{ "users", PFA_SCHEMA_USERS },
	{ NULL, 0 }
};

static const struct setting_word tls_words[] = {
	{ "auto", PFA_TLS_AUTO },
	{ "off", PFA_TLS_OFF },
	{ "required", PFA_TLS_REQUIRED },
	{ "verify", PFA_TLS_VERIFY },
	{ NULL, 0 }
};

static const struct setting_word smtp_words[] = {
	{ "ignore", PFA_SMTP_IGNORE },
	{ "and", PFA_SMTP_AND },
	{ "independent", PFA_SMTP_INDEPENDENT },
	{ NULL, 0 }
};

static const struct setting_word totp_words[] = {
	{ "ignore", PFA_TOTP_IGNORE },
	{ "enforce", PFA_TOTP_ENFORCE },
	{ NULL, 0 }
};

int pfa_conf_parse_uint(const char *str, size_t len, unsigned long max,
			unsigned long *value_r)
{
	unsigned long value = 0;

	if (len == 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (str[i] < '0' || str[i] > '9')
			return -1;
		unsigned long digit = str[i] - '0';

		if (value > (max - digit) / 10 || digit > max)
			return -1;
		value = value * 10 + digit;
	}
	*value_r = value;
	return 0;
}

int pfa_conf_replace_str(char **str, const char *value, struct errbuf *error)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return errbuf_set(error, "out of memory");
	wipe_free_str(*str);
	*str = copy;
	return 0;
}

static int store_str(const struct pfa_setting *setting, void *member,
		     const char *value, struct errbuf *error)
{
	size_t len = strlen(value);

	if (len > setting->max) {
		return errbuf_set(error, "the value of %s is longer than %u "
				  "bytes: shorten it", setting->name,
				  setting->max);
	}
	return pfa_conf_replace_str(member, value, error);
}

static const struct setting_word *
word_find(const struct setting_word *words, const char *value)
{
	for (; words->word != NULL; words++) {
		if (strcasecmp(words->word, value) == 0)
			return words;
	}
	return NULL;
}

static int word_error(const struct pfa_setting *setting,
		      const struct setting_word *words, const char *value,
		      struct errbuf *error)
{
	struct strbuf list = STRBUF_INIT;
	const char *text;

	for (; words->word != NULL; words++) {
		if (list.len > 0)
			strbuf_append_str(&list, words[1].word == NULL ?
					  " or " : ", ");
		strbuf_append_str(&list, words->word);
	}
	text = strbuf_str(&list);
	(void)errbuf_set(error, "%s = %.40s is not known: write %s",
			 setting->name, value, text == NULL ? "" : text);
	strbuf_free(&list);
	return -1;
}

static int store_bool(const struct pfa_setting *setting, void *member,
		      const char *value, struct errbuf *error)
{
	const struct setting_word *word = word_find(bool_words, value);

	if (word == NULL)
		return word_error(setting, bool_words, value, error);
	*(bool *)member = word->value != 0;
	return 0;
}

static int store_schema(const struct pfa_setting *setting, void *member,
			const char *value, struct errbuf *error)
{
	const struct setting_word *word = word_find(schema_words, value);

	if (word == NULL)
		return word_error(setting, schema_words, value, error);
	*(enum pfa_schema *)member = word->value;
	return 0;
}

static int store_tls(const struct pfa_setting *setting, void *member,
		     const char *value, struct errbuf *error)
{
	const struct setting_word *word = word_find(tls_words, value);

	if (word == NULL)
		return word_error(setting, tls_words, value, error);
	*(enum pfa_tls *)member = word->value;
	return 0;
}

static int store_smtp(const struct pfa_setting *setting, void *member,
			     const char *value, struct errbuf *error)
{
	const struct setting_word *word = word_find(smtp_words, value);

	if (word == NULL)
		return word_error(setting, smtp_words, value, error);
	*(enum pfa_smtp_active *)member = word->value;
	return 0;
}

static int store_totp(const struct pfa_setting *setting, void *member,
		      const char *value, struct errbuf *error)
{
	const struct setting_word *word = word_find(totp_words, value);

	if (word == NULL)
		return word_error(setting, totp_words, value, error);
	*(enum pfa_totp *)member = word->value;
	return 0;
}

static int store_uint(const struct pfa_setting *setting, void *member,
		      const char *value, struct errbuf *error)
{
	unsigned long number;

	if (pfa_conf_parse_uint(value, strlen(value), setting->max,
				&number) < 0 || number < setting->min) {
		return errbuf_set(error, "%s = %.40s is no number this setting "
				  "takes: write a whole number from %u to %u",
				  setting->name, value, setting->min,
				  setting->max);
	}
	*(unsigned int *)member = number;
	return 0;
}

static const struct time_unit *time_unit_find(const char *name)
{
	if (*name == '\0')
		return &time_units[0];
	for (size_t i = 0; i < sizeof(time_units) / sizeof(*time_units); i++) {
		if (strcmp(time_units[i].name, name) == 0)
			return &time_units[i];
	}
	return NULL;
}

static int parse_time(const char *value, unsigned long max,
		      unsigned long *msecs_r)
{
	const size_t digits = strspn(value, "0123456789");
	const char *name = value + digits + strspn(value + digits, " \t");
	const struct time_unit *unit = time_unit_find(name);
	unsigned long number;

	if (unit == NULL || pfa_conf_parse_uint(value, digits,
						max / unit->msecs, &number) < 0)
		return -1;
	*msecs_r = number * unit->msecs;
	return 0;
}

static int store_time(const struct pfa_setting *setting, void *member,
		      const char *value, struct errbuf *error)
{
	unsigned long msecs;

	if (parse_time(value, setting->max, &msecs) < 0 ||
	    msecs < setting->min) {
		return errbuf_set(error, "%s = %.40s is no time this setting "
				  "takes: write a whole number and ms, s or "
				  "min (without: s), from %u ms to %u s",
				  setting->name, value, setting->min,
				  setting->max / 1000);
	}
	*(unsigned int *)member = msecs;
	return 0;
}

void pfa_conf_clear_hosts(struct pfa_conf *conf)
{
	for (unsigned int i = 0; i < conf->host_count; i++) {
		free(conf->hosts[i].socket);
		free(conf->hosts[i].name);
	}
	free(conf->hosts);
	conf->hosts = NULL;
	conf->host_count = 0;
}

struct pfa_conf_host *pfa_conf_add_host(struct pfa_conf *conf)
{
	struct pfa_conf_host *hosts;

	hosts = realloc(conf->hosts,
			(conf->host_count + 1) * sizeof(*hosts));
	if (hosts == NULL)
		return NULL;
	conf->hosts = hosts;
	hosts += conf->host_count++;
	memset(hosts, 0, sizeof(*hosts));
	return hosts;
}

/* The parts of one host as it is written, not copied yet. */
struct host_text {
	const char *name;
	size_t name_len;
	const char *port;	/* NULL: none */
	const char *allowed;	/* bytes of the name besides letters, digits */
};

static int split_host(const char *token, struct host_text *text_r)
{
	const char *colon = strchr(token, ':');
	const char *end;

	*text_r = (struct host_text) {
		.name = token,
		.name_len = strlen(token),
		.allowed = "-._",
	};
	if (*token == '[') {
		end = strchr(token, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return -1;
		text_r->name++;
		text_r->name_len = end - text_r->name;
		text_r->allowed = ":.%";
		text_r->port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') != NULL) {
		/* an IPv6 address has two colons at least, so a port behind
		   one needs the brackets */
		text_r->allowed = ":.%";
	} else if (colon != NULL) {
		text_r->name_len = colon - token;
		text_r->port = colon + 1;
	}
	return 0;
}

static bool host_name_valid(const struct host_text *text)
{
	for (size_t i = 0; i < text->name_len; i++) {
		const char c = text->name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') ||
		      strchr(text->allowed, c) != NULL))
			return false;
	}
	return text->name_len > 0;
}

static int parse_host(struct pfa_conf *conf, const char *token,
		      struct errbuf *error)
{
	struct pfa_conf_host *host;
	struct host_text text = { .name = NULL };
	unsigned long port = 0;

	if (*token == '/') {
		if (strlen(token) > SOCKET_PATH_MAX) {
			return errbuf_set(error, "hosts: a socket path is "
					  "longer than %d bytes, which no "
					  "system takes: use a shorter one",
					  SOCKET_PATH_MAX);
		}
	} else if (split_host(token, &text) < 0 || !host_name_valid(&text) ||
		   (text.port != NULL &&
		    (pfa_conf_parse_uint(text.port, strlen(text.port),
					 PORT_MAX, &port) < 0 || port == 0))) {
		/* not what follows a =, it may be the password of a connect
		   string */
		return errbuf_set(error, "hosts: \"%.*s\" is no host: write "
				  "/socket, name, name:port, 192.0.2.1:port or "
				  "[::1]:port, separated by blanks",
				  (int)strcspn(token, "="), token);
	}

	host = pfa_conf_add_host(conf);
	if (host == NULL)
		return errbuf_set(error, "out of memory");
	if (*token == '/')
		return pfa_conf_replace_str(&host->socket, token, error);
	host->port = port;
	host->name = strndup(text.name, text.name_len);
	return host->name != NULL ? 0 : errbuf_set(error, "out of memory");
}

static int parse_hosts(struct pfa_conf *conf, char *list,
		       struct errbuf *error)
{
	char *save, *token = strtok_r(list, " \t", &save);

	for (; token != NULL; token = strtok_r(NULL, " \t", &save)) {
		if (parse_host(conf, token, error) < 0)
			return -1;
	}
	return 0;
}

static int store_hosts(struct pfa_conf *conf, const char *value,
		       struct errbuf *error)
{
	struct pfa_conf parsed = { .hosts = NULL };
	char *list = strdup(value);
	int ret;

	if (list == NULL)
		return errbuf_set(error, "out of memory");
	ret = parse_hosts(&parsed, list, error);
	free(list);
	if (ret < 0) {
		pfa_conf_clear_hosts(&parsed);
		return -1;
	}
	pfa_conf_clear_hosts(conf);
	conf->hosts = parsed.hosts;
	conf->host_count = parsed.host_count;
	return 0;
}

static setting_store_t *const setting_stores[] = {
	[PFA_SETTING_STR] = store_str,
	[PFA_SETTING_SECRET] = store_str,
	[PFA_SETTING_BOOL] = store_bool,
	[PFA_SETTING_UINT] = store_uint,
	[PFA_SETTING_TIME] = store_time,
	[PFA_SETTING_SCHEMA] = store_schema,
	[PFA_SETTING_TLS] = store_tls,
	[PFA_SETTING_SMTP] = store_smtp,
	[PFA_SETTING_TOTP] = store_totp,
};

static bool holds_control_byte(const char *value)
{
	for (; *value != '\0'; value++) {
		const unsigned char c = *value;

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static bool is_quoted(const char *value)
{
	const size_t len = strlen(value);

	return len >= 2 && (*value == '"' || *value == '\'') &&
		value[len - 1] == *value;
}

/* What holds for every value but the password, which may be anything. */
static int check_text(const struct pfa_setting *setting, const char *value,
		      struct errbuf *error)
{
	const bool may_be_empty =
		setting->type == PFA_SETTING_STR && setting->min == 0;

	if (*value == '\0' && !may_be_empty) {
		return errbuf_set(error, "%s has no value: write one behind "
				  "the =, or leave the setting out",
				  setting->name);
	}
	if (holds_control_byte(value)) {
		return errbuf_set(error, "the value of %s holds a control "
				  "character: write it anew", setting->name);
	}
	if (is_quoted(value)) {
		return errbuf_set(error, "the value of %s stands in quotes, "
				  "which would be part of it: leave them out",
				  setting->name);
	}
	return 0;
}

int pfa_setting_store(const struct pfa_setting *setting, struct pfa_conf *conf,
		      const char *value, struct errbuf *error)
{
	if (setting->type != PFA_SETTING_SECRET &&
	    check_text(setting, value, error) < 0)
		return -1;
	if (setting->type == PFA_SETTING_HOSTS)
		return store_hosts(conf, value, error);
	return setting_stores[setting->type](setting,
		(char *)conf + setting->offset, value, error);
}
