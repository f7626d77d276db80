/* SPDX-License-Identifier: MIT */
/*
 * The keys of an existing dovecot-sql.conf.ext, with the meaning and the
 * defaults they have in Dovecot 2.3: src/auth/db-sql.c for the file, and
 * src/lib-sql/driver-sqlpool.c and driver-mysql.c for the words of `connect`.
 * The file itself is read by Dovecot's own parser. Must never quote a word of
 * `connect`: a password with a blank in it falls apart into words.
 */
#include "core/pfa-conf-private.h"
#include "core/strbuf.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PORT_MAX 65535

typedef int dropin_set_t(struct pfa_conf *conf, size_t offset,
			 const char *value, struct errbuf *error);

struct dropin_key {
	const char *name;
	dropin_set_t *set;
	size_t offset;
};

/* What `connect` says of all its hosts, in whichever order. */
struct connect_words {
	struct pfa_conf *conf;
	unsigned int position;
	const char *hostaddr;
	unsigned int port;
};

typedef int connect_set_t(struct connect_words *words, size_t offset,
			  const char *value, struct errbuf *error);

struct connect_key {
	const char *name;
	connect_set_t *set;
	size_t offset;
};

static int connect_error(const struct connect_words *words, const char *key,
			 const char *cure, struct errbuf *error)
{
	return errbuf_set(error, "connect, word %u: the value of %s is not "
			  "valid: %s", words->position, key, cure);
}

static int connect_str(struct connect_words *words, size_t offset,
		       const char *value, struct errbuf *error)
{
	return pfa_conf_replace_str((char **)((char *)words->conf + offset),
				    value, error);
}

/* Each host= is one more server. An empty one stands for what the client
   library takes by itself. */
static int connect_host(struct connect_words *words,
			size_t offset __attribute__((unused)),
			const char *value, struct errbuf *error)
{
	struct pfa_conf_host *host = pfa_conf_add_host(words->conf);

	if (host == NULL)
		return errbuf_set(error, "out of memory");
	if (*value == '\0')
		return 0;
	return pfa_conf_replace_str(*value == '/' ? &host->socket : &host->name,
				    value, error);
}

static int connect_hostaddr(struct connect_words *words,
			    size_t offset __attribute__((unused)),
			    const char *value,
			    struct errbuf *error __attribute__((unused)))
{
	words->hostaddr = value;
	return 0;
}

static int connect_port(struct connect_words *words,
			size_t offset __attribute__((unused)),
			const char *value, struct errbuf *error)
{
	unsigned long port;

	if (pfa_conf_parse_uint(value, strlen(value), PORT_MAX, &port) < 0 ||
	    port == 0)
		return connect_error(words, "port", "write a number from 1 to "
				     "65535", error);
	words->port = port;
	return 0;
}

static int connect_client_flags(struct connect_words *words,
				size_t offset __attribute__((unused)),
				const char *value, struct errbuf *error)
{
	if (pfa_conf_parse_uint(value, strlen(value), UINT_MAX,
				&words->conf->client_flags) < 0)
		return connect_error(words, "client_flags", "write the sum of "
				     "the flags as a decimal number", error);
	return 0;
}

/*
 * Seconds. 0 has no end for the client library, which no login can wait for,
 * so the default stays; what is longer than the named setting may be is cut.
 */
static int connect_timeout_of(struct connect_words *words, const char *key,
			      const char *value, const char *setting_name,
			      struct errbuf *error)
{
	const struct pfa_setting *setting = pfa_setting_find(setting_name);
	unsigned int *member = (unsigned int *)
		((char *)words->conf + setting->offset);
	unsigned long secs;

	if (pfa_conf_parse_uint(value, strlen(value), UINT_MAX, &secs) < 0)
		return connect_error(words, key, "write whole seconds", error);
	if (secs > setting->max / 1000)
		*member = setting->max;
	else if (secs > 0)
		*member = secs * 1000;
	return 0;
}

static int connect_connect_timeout(struct connect_words *words,
				   size_t offset __attribute__((unused)),
				   const char *value, struct errbuf *error)
{
	return connect_timeout_of(words, "connect_timeout", value,
				  "connect_timeout", error);
}

static int connect_read_timeout(struct connect_words *words,
				size_t offset __attribute__((unused)),
				const char *value, struct errbuf *error)
{
	return connect_timeout_of(words, "read_timeout", value,
				  "lookup_timeout", error);
}

/* A lookup sends a few hundred bytes: lookup_timeout covers that. */
static int connect_write_timeout(struct connect_words *words,
				 size_t offset __attribute__((unused)),
				 const char *value, struct errbuf *error)
{
	unsigned long secs;

	if (pfa_conf_parse_uint(value, strlen(value), UINT_MAX, &secs) < 0)
		return connect_error(words, "write_timeout",
				     "write whole seconds", error);
	return 0;
}

/* An upper limit for each server, so it can only lower ours; 0 is stock's
   default. */
static int connect_maxconns(struct connect_words *words,
			    size_t offset __attribute__((unused)),
			    const char *value, struct errbuf *error)
{
	unsigned long count;

	if (pfa_conf_parse_uint(value, strlen(value), UINT_MAX, &count) < 0)
		return connect_error(words, "maxconns", "write a whole number",
				     error);
	if (count > 0 && count < words->conf->connections)
		words->conf->connections = count;
	return 0;
}

static int connect_verify(struct connect_words *words,
			  size_t offset __attribute__((unused)),
			  const char *value, struct errbuf *error)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return connect_error(words, "ssl_verify_server_cert",
				     "write yes or no", error);
	words->conf->tls_verify_server_cert = strcmp(value, "yes") == 0;
	return 0;
}

#define CONNECT_STR(name, member) \
	{ name, connect_str, offsetof(struct pfa_conf, member) }
static const struct connect_key connect_keys[] = {
	{ "host", connect_host, 0 },
	{ "hostaddr", connect_hostaddr, 0 },
	{ "port", connect_port, 0 },
	CONNECT_STR("user", user),
	CONNECT_STR("password", password),
	CONNECT_STR("dbname", dbname),
	{ "client_flags", connect_client_flags, 0 },
	{ "connect_timeout", connect_connect_timeout, 0 },
	{ "read_timeout", connect_read_timeout, 0 },
	{ "write_timeout", connect_write_timeout, 0 },
	{ "maxconns", connect_maxconns, 0 },
	CONNECT_STR("ssl_cert", tls_cert),
	CONNECT_STR("ssl_key", tls_key),
	CONNECT_STR("ssl_ca", tls_ca),
	CONNECT_STR("ssl_ca_path", tls_ca_path),
	CONNECT_STR("ssl_cipher", tls_cipher),
	{ "ssl_verify_server_cert", connect_verify, 0 },
	CONNECT_STR("option_file", option_file),
	CONNECT_STR("option_group", option_group),
};

static const struct connect_key *connect_key_find(const char *name)
{
	for (size_t i = 0; i < sizeof(connect_keys) /
			       sizeof(*connect_keys); i++) {
		if (strcmp(connect_keys[i].name, name) == 0)
			return &connect_keys[i];
	}
	return NULL;
}

static int connect_word(struct connect_words *words, char *word,
			struct errbuf *error)
{
	const struct connect_key *key;
	char *value = strchr(word, '=');

	if (value == NULL) {
		return errbuf_set(error, "connect, word %u has no =: write "
				  "key=value; a value cannot hold blanks here, "
				  "so a password with blanks needs the other "
				  "form of configuration", words->position);
	}
	*value++ = '\0';
	key = connect_key_find(word);
	if (key != NULL)
		return key->set(words, key->offset, value, error);
	return errbuf_set(error, "connect, word %u: there is no key %s: write "
			  "it as in Dovecot 2.3, such as host=, dbname=, user= "
			  "and password=; a value cannot hold blanks",
			  words->position, pfa_conf_name_is_plain(word) ?
			  word : "of that name");
}

static int connect_split(struct connect_words *words, char *text,
			 struct errbuf *error)
{
	char *save, *word = strtok_r(text, " ", &save);

	for (; word != NULL; word = strtok_r(NULL, " ", &save)) {
		words->position++;
		if (connect_word(words, word, error) < 0)
			return -1;
	}
	return 0;
}

/*
 * hostaddr is not known to stock's pool, so it goes to every host's driver,
 * where it overrides the host. Without any host, the option file has it.
 */
static int connect_finish(struct connect_words *words, struct errbuf *error)
{
	struct pfa_conf *conf = words->conf;

	if (words->hostaddr != NULL) {
		pfa_conf_clear_hosts(conf);
		if (connect_host(words, 0, words->hostaddr, error) < 0)
			return -1;
	} else if (conf->host_count == 0 && conf->option_file != NULL &&
		   pfa_conf_add_host(conf) == NULL)
		return errbuf_set(error, "out of memory");
	for (unsigned int i = 0; i < conf->host_count; i++)
		conf->hosts[i].port = words->port;
	/* stock goes round them */
	conf->load_balance = true;
	return 0;
}

/* Back to the defaults: a second `connect` replaces the first. */
static int connect_reset(struct pfa_conf *conf, struct errbuf *error)
{
	static const char *const numbers[] = {
		"connections", "connect_timeout", "lookup_timeout",
	};
	const struct pfa_setting *setting;
	char **str;

	for (size_t i = 0; i < sizeof(connect_keys) /
			       sizeof(*connect_keys); i++) {
		if (connect_keys[i].set != connect_str)
			continue;
		str = (char **)((char *)conf + connect_keys[i].offset);
		wipe_free_str(*str);
		*str = NULL;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		setting = pfa_setting_find(numbers[i]);
		if (pfa_setting_store(setting, conf, setting->def, error) < 0)
			return -1;
	}
	pfa_conf_clear_hosts(conf);
	conf->client_flags = 0;
	conf->tls_verify_server_cert = true;
	return pfa_conf_replace_str(&conf->tls_cipher, "HIGH", error);
}

static int set_connect(struct pfa_conf *conf,
		       size_t offset __attribute__((unused)),
		       const char *value, struct errbuf *error)
{
	struct connect_words words = { .conf = conf };
	char *text = strdup(value);
	int ret;

	if (text == NULL)
		return errbuf_set(error, "out of memory");
	ret = connect_reset(conf, error);
	if (ret == 0)
		ret = connect_split(&words, text, error);
	if (ret == 0)
		ret = connect_finish(&words, error);
	/* the words of the text end in NULs, among them the password */
	wipe_memory(text, strlen(value));
	free(text);
	conf->connect_set = ret == 0;
	return ret;
}

static int set_driver(struct pfa_conf *conf,
		      size_t offset __attribute__((unused)),
		      const char *value, struct errbuf *error)
{
	if (strcmp(value, "mysql") != 0) {
		return errbuf_set(error, "this driver supports \"driver = "
				  "mysql\" only, which is for MariaDB too: use "
				  "Dovecot's own sql passdb and userdb for "
				  "others");
	}
	conf->driver_set = true;
	return 0;
}

static int set_str(struct pfa_conf *conf, size_t offset, const char *value,
		   struct errbuf *error)
{
	return pfa_conf_replace_str((char **)((char *)conf + offset), value,
				    error);
}

static int set_password_query(struct pfa_conf *conf, size_t offset,
			      const char *value, struct errbuf *error)
{
	conf->password_query_set = true;
	return set_str(conf, offset, value, error);
}

static int set_user_query(struct pfa_conf *conf, size_t offset,
			  const char *value, struct errbuf *error)
{
	conf->user_query_set = true;
	return set_str(conf, offset, value, error);
}

static int set_iterate_query(struct pfa_conf *conf, size_t offset,
			     const char *value, struct errbuf *error)
{
	conf->iterate_query_set = true;
	return set_str(conf, offset, value, error);
}

static int set_warning_disable(struct pfa_conf *conf,
			       size_t offset __attribute__((unused)),
			       const char *value, struct errbuf *error)
{
	if (strcasecmp(value, "yes") != 0 && strcasecmp(value, "no") != 0) {
		return errbuf_set(error, "the value of userdb_warning_disable "
				  "is not valid: write yes or no");
	}
	conf->userdb_warning_disable = strcasecmp(value, "yes") == 0;
	return 0;
}

/* Stock runs update_query for OTP logins only, which this driver does not
   write back. */
static int ignore_value(struct pfa_conf *conf __attribute__((unused)),
			size_t offset __attribute__((unused)),
			const char *value __attribute__((unused)),
			struct errbuf *error __attribute__((unused)))
{
	return 0;
}

static const struct dropin_key dropin_keys[] = {
	{ "driver", set_driver, 0 },
	{ "connect", set_connect, 0 },
	{ "default_pass_scheme", set_str,
	  offsetof(struct pfa_conf, default_pass_scheme) },
	{ "password_query", set_password_query,
	  offsetof(struct pfa_conf, password_query) },
	{ "user_query", set_user_query, offsetof(struct pfa_conf, user_query) },
	{ "update_query", ignore_value, 0 },
	{ "iterate_query", set_iterate_query,
	  offsetof(struct pfa_conf, iterate_query) },
	{ "userdb_warning_disable", set_warning_disable, 0 },
};

static const struct dropin_key *dropin_key_find(const char *name)
{
	for (size_t i = 0; i < sizeof(dropin_keys) /
			       sizeof(*dropin_keys); i++) {
		if (strcmp(dropin_keys[i].name, name) == 0)
			return &dropin_keys[i];
	}
	return NULL;
}

bool pfa_conf_key_is_dropin(const char *key)
{
	return dropin_key_find(key) != NULL ||
		strcmp(key, "!include") == 0 ||
		strcmp(key, "!include_try") == 0;
}

int pfa_conf_set_dropin(struct pfa_conf *conf, const char *key,
			const char *value, struct errbuf *error)
{
	const struct dropin_key *known = dropin_key_find(key);

	if (known != NULL)
		return known->set(conf, known->offset, value, error);
	if (pfa_setting_is_shared(key))
		return pfa_conf_set(conf, key, value, error);
	if (pfa_setting_find(key) != NULL) {
		return errbuf_set(error, "%s is a named setting and cannot be "
				  "mixed with driver, connect and queries: use "
				  "one form in the whole file", key);
	}
	return errbuf_set(error, "there is no key %s in a "
			  "dovecot-sql.conf.ext: correct it, or take the line "
			  "out",
			  pfa_conf_name_is_plain(key) ? key : "of that name");
}

int pfa_conf_set_query(struct pfa_conf *conf, const char *name,
		       const char *value, struct errbuf *error)
{
	const struct dropin_key *key = dropin_key_find(name);

	return key->set(conf, key->offset, value, error);
}

int pfa_conf_queries_defaults(struct pfa_conf *conf, struct errbuf *error)
{
	static const size_t offsets[] = {
		offsetof(struct pfa_conf, default_pass_scheme),
		offsetof(struct pfa_conf, password_query),
		offsetof(struct pfa_conf, user_query),
		offsetof(struct pfa_conf, iterate_query),
	};

	for (size_t i = 0; i < sizeof(offsets) / sizeof(*offsets); i++) {
		if (set_str(conf, offsets[i], "", error) < 0)
			return -1;
	}
	return 0;
}

int pfa_conf_dropin_defaults(struct pfa_conf *conf, struct errbuf *error)
{
	static const struct {
		size_t offset;
		const char *value;
	} defaults[] = {
		{ offsetof(struct pfa_conf, default_pass_scheme), "MD5" },
		{ offsetof(struct pfa_conf, password_query),
		  "SELECT username, domain, password FROM users "
		  "WHERE username = '%n' AND domain = '%d'" },
		{ offsetof(struct pfa_conf, user_query),
		  "SELECT home, uid, gid FROM users "
		  "WHERE username = '%n' AND domain = '%d'" },
		{ offsetof(struct pfa_conf, iterate_query),
		  "SELECT username, domain FROM users" },
	};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
		if (set_str(conf, defaults[i].offset, defaults[i].value,
			    error) < 0)
			return -1;
	}
	conf->tls = PFA_TLS_STOCK;
	return connect_reset(conf, error);
}

int pfa_conf_dropin_check(struct pfa_conf *conf, struct errbuf *error)
{
	if (!conf->driver_set) {
		return errbuf_set(error, "driver is missing: write driver = "
				  "mysql");
	}
	if (!conf->connect_set) {
		return errbuf_set(error, "connect is missing: write connect = "
				  "host=... dbname=... user=... password=...");
	}
	if (conf->host_count == 0) {
		return errbuf_set(error, "connect names no server: write host= "
				  "with an address or a socket, or "
				  "option_file=");
	}
	return 0;
}
