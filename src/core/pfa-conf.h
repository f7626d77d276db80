/* SPDX-License-Identifier: MIT */
#ifndef PFA_CONF_H
#define PFA_CONF_H

#include "core/errbuf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The configuration as one checked struct, whichever way it was written:
 *
 *  - named: our own settings, all of them listed in settings.def;
 *  - queries: those of them that are about the server and the verifier, with
 *    the administrator's own queries (Dovecot 2.4);
 *  - drop-in: an existing dovecot-sql.conf.ext of Dovecot 2.3 (driver = mysql),
 *    with nothing of ours in it but perhaps coalesce, hedge_after and
 *    the verify_ settings.
 *
 * Strings are malloc()ed and owned by the struct, NULL where unset. Times are
 * in milliseconds.
 */
enum pfa_conf_form {
	PFA_CONF_NAMED,
	PFA_CONF_QUERIES,
	PFA_CONF_DROPIN,
};

enum pfa_schema {
	PFA_SCHEMA_POSTFIXADMIN,
	PFA_SCHEMA_USERS,
};

enum pfa_tls {
	PFA_TLS_AUTO,		/* verify, but off for sockets and loopback */
	PFA_TLS_OFF,
	PFA_TLS_REQUIRED,	/* encrypted, certificate unchecked */
	PFA_TLS_VERIFY,
	PFA_TLS_STOCK,		/* drop-in: as Dovecot 2.3's ssl_* keys say */
};

/* What the column of that name decides. */
enum pfa_smtp_active {
	PFA_SMTP_IGNORE,
	PFA_SMTP_AND,		/* sending needs both flags */
	PFA_SMTP_INDEPENDENT,	/* sending needs this flag, all else active */
};

enum pfa_totp {
	PFA_TOTP_IGNORE,
	PFA_TOTP_ENFORCE,
};

struct pfa_conf_host {
	char *socket;		/* path, or NULL: then name and port */
	char *name;		/* both NULL: what the option file says */
	unsigned int port;	/* 0: the client library's default */
};

struct pfa_conf {
	enum pfa_conf_form form;

	/* server */
	struct pfa_conf_host *hosts;
	unsigned int host_count;
	char *user, *password, *dbname;
	char *option_file, *option_group;
	unsigned int connections;	/* per host */
	bool load_balance;
	unsigned int coalesce;		/* lookups in one query */
	unsigned int hedge_after;	/* ms; 0: never */
	unsigned int connect_timeout, lookup_timeout;
	enum pfa_tls tls;
	char *tls_ca, *tls_cert, *tls_key;
	/* drop-in only: ssl_ca_path, ssl_cipher, ssl_verify_server_cert,
	   client_flags of the connect string */
	char *tls_ca_path, *tls_cipher;
	bool tls_verify_server_cert;
	unsigned long client_flags;

	/* named: tables */
	enum pfa_schema schema;
	char *table_prefix, *mailbox_table, *domain_table;
	char *alias_table, *alias_domain_table;
	char *app_password_table, *totp_exception_table;
	char *users_table, *email_column, *password_column, *quota_column;
	/* named: answer; home, mail, uid and gid are templates */
	char *home, *mail, *uid, *gid, *fields;
	bool quota;
	/* named: passwords and rules */
	char *encrypt, *rehash;
	bool domain_active, backupmx_login;
	bool alias_domains, alias_login, password_expiry;
	enum pfa_smtp_active smtp_active;
	char *smtp_services;
	bool app_passwords;
	unsigned int app_passwords_max;
	enum pfa_totp totp;
	bool last_login;
	char *last_login_table;
	unsigned int last_login_interval;

	/* both: passwords; memory in MiB */
	unsigned int verify_threads, verify_queue, verify_memo;
	unsigned int verify_max_bcrypt_cost, verify_max_rounds;
	unsigned int verify_max_passes, verify_memory;

	/* drop-in: the queries as written, with stock's defaults; queries: ""
	   where there is none */
	bool driver_set, connect_set;
	char *default_pass_scheme;
	char *password_query, *user_query, *iterate_query;
	bool password_query_set, user_query_set, iterate_query_set;
	bool userdb_warning_disable;
};

/* Tells which form a file has, by the first setting in it: driver, connect
   and the other names of dovecot-sql.conf.ext (or an !include) mean drop-in. */
enum pfa_conf_form pfa_conf_detect(const char *text, size_t len);

/* An empty configuration of the form, holding the defaults. NULL if memory
   ran out. */
struct pfa_conf *pfa_conf_new(enum pfa_conf_form form);
/* Wipes the password. NULL and half-filled ones are fine. */
void pfa_conf_free(struct pfa_conf **conf);

/*
 * Named form: parses a whole file, already in memory, and checks it. One
 * "name = value" a line; a line that starts with # is a comment, and so is
 * " #" behind a value. Only the value of password is the rest of its line as it
 * stands. A setting given twice is an error. path is for messages. Returns 0,
 * or -1 with error filled in: "PATH line N: what is wrong: what to do". Never
 * quotes the value of password.
 */
int pfa_conf_parse(struct pfa_conf *conf, const char *path, const char *text,
		   size_t len, struct errbuf *error);

/*
 * Named form, one setting at a time (Dovecot 2.4 hands them over like that):
 * 0, or -1 with error filled in without file and line. pfa_conf_check() is due
 * after the last one, and tells what is missing or does not fit together.
 */
int pfa_conf_set(struct pfa_conf *conf, const char *name, const char *value,
		 struct errbuf *error);
int pfa_conf_check(struct pfa_conf *conf, struct errbuf *error);

/*
 * Queries form: the text of password_query, user_query, iterate_query or
 * default_pass_scheme. 0, or -1 with error filled in.
 */
int pfa_conf_set_query(struct pfa_conf *conf, const char *name,
		       const char *value, struct errbuf *error);

/*
 * Drop-in form: one key of dovecot-sql.conf.ext, its value as Dovecot's own
 * parser gives it; `connect` is taken apart here as
 * src/lib-sql/driver-mysql.c and driver-sqlpool.c (2.3.19) do, several host=
 * among it. 0, or -1 with error filled in. pfa_conf_check() is due at the end.
 * Never quotes a value of `connect`: it may be a piece of the password.
 */
int pfa_conf_set_dropin(struct pfa_conf *conf, const char *key,
			const char *value, struct errbuf *error);

#endif
