/* SPDX-License-Identifier: MIT */
/*
 * Options of the client library, TLS among them, and connecting. What the
 * library's versions and option files make of an option is settled here; the
 * connection's life is mysql-conn.c's, which is the only caller.
 */
#include "pool/mysql-connect.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The library looks for a timeout only where one is set; the real ones are
   kept by mysql-conn.c. */
#define LIBRARY_TIMEOUT_SECS 3600

/* By default a name server that is silent holds a thread for ten seconds, and
   with it the end of the process, as nothing interrupts it. Connector/C tries
   again by itself until the connect timeout is over. */
#define RESOLVE_TIMEOUT_SECS 1
#define RESOLVE_TRIES 1

/* connect() refuses it at once, on every machine. */
#define ADDRESS_OF_NOBODY "255.255.255.255"

#define TLS_VERSIONS "TLSv1.2,TLSv1.3"

static void set_bool(MYSQL *mysql, enum mysql_option option, bool value)
{
	my_bool library_value = value;

	mysql_options(mysql, option, &library_value);
}

static void set_uint(MYSQL *mysql, enum mysql_option option,
		     unsigned int value)
{
	mysql_options(mysql, option, &value);
}

static const char *get_str(MYSQL *mysql, enum mysql_option option)
{
	const char *value = NULL;

	mysql_get_option(mysql, option, &value);
	return value;
}

static bool host_is_loopback(const char *host)
{
	struct in6_addr ip6;
	struct in_addr ip4;

	if (inet_pton(AF_INET, host, &ip4) == 1)
		return ntohl(ip4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &ip6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&ip6);
	return strcmp(host, "localhost") == 0;
}

/* Decided here, as the host may stand in the option file. */
static enum db_tls wanted_tls(const MYSQL *mysql,
			      const struct db_server *server)
{
	const char *host = server->host != NULL ? server->host :
		mysql->options.host;

	if (server->tls != DB_TLS_AUTO)
		return server->tls;
	return server->socket != NULL || host == NULL ||
		host_is_loopback(host) ? DB_TLS_OFF : DB_TLS_VERIFY;
}

/* What "not at all", "encrypted" and "verified" mean to the two libraries. */
static void set_tls_mode(MYSQL *mysql, enum db_tls tls)
{
#ifdef MARIADB_BASE_VERSION
	set_bool(mysql, MYSQL_OPT_SSL_ENFORCE, tls != DB_TLS_OFF);
	/* Connector/C 3.4 asks for TLS, and verifies, unless told not to */
	set_bool(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
		 tls == DB_TLS_VERIFY);
#else
	set_uint(mysql, MYSQL_OPT_SSL_MODE,
		 tls == DB_TLS_OFF ? SSL_MODE_DISABLED :
		 tls == DB_TLS_VERIFY ? SSL_MODE_VERIFY_IDENTITY :
		 SSL_MODE_REQUIRED);
#endif
	if (tls != DB_TLS_OFF)
		mysql_options(mysql, MYSQL_OPT_TLS_VERSION, TLS_VERSIONS);
}

/* The system's are named, as Connector/C 3.4 without any also takes a
   certificate that signed itself: from loopback, and from a server that knows
   the password's hash. */
static void set_authorities(MYSQL *mysql, const struct db_server *server)
{
	const char *file = X509_get_default_cert_file();

	if (server->tls_ca != NULL) {
		mysql_options(mysql, MYSQL_OPT_SSL_CA, server->tls_ca);
		mysql_options(mysql, MYSQL_OPT_SSL_CAPATH, NULL);
	} else if (get_str(mysql, MYSQL_OPT_SSL_CA) == NULL &&
		   get_str(mysql, MYSQL_OPT_SSL_CAPATH) == NULL) {
		if (access(file, R_OK) == 0)
			mysql_options(mysql, MYSQL_OPT_SSL_CA, file);
		mysql_options(mysql, MYSQL_OPT_SSL_CAPATH,
			      X509_get_default_cert_dir());
	}
}

/* A file that is named turns TLS on, and an authority has the certificate
   verified (Connector/C 3.3): those of the option file are taken out where
   neither is wanted. */
static void set_tls_files(MYSQL *mysql, const struct db_server *server,
			  enum db_tls tls)
{
	const struct {
		enum mysql_option option;
		const char *value;
	} own[] = {
		{ MYSQL_OPT_SSL_CERT, server->tls_cert },
		{ MYSQL_OPT_SSL_KEY, server->tls_key },
		{ MYSQL_OPT_SSL_CIPHER, NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (own[i].value != NULL || tls == DB_TLS_OFF)
			mysql_options(mysql, own[i].option, own[i].value);
	}
	if (tls == DB_TLS_VERIFY) {
		set_authorities(mysql, server);
	} else {
		mysql_options(mysql, MYSQL_OPT_SSL_CA, NULL);
		mysql_options(mysql, MYSQL_OPT_SSL_CAPATH, NULL);
	}
}

static void set_tls(MYSQL *mysql, const struct db_server *server)
{
	enum db_tls tls = wanted_tls(mysql, server);

	set_tls_files(mysql, server, tls);
	set_tls_mode(mysql, tls);
}

/* As in Dovecot 2.3's driver-mysql.c: naming an authority asks for TLS, and
   all else is the library's default. */
static void set_stock_tls(MYSQL *mysql, const struct db_server *server)
{
	const struct {
		enum mysql_option option;
		const char *value;
	} files[] = {
		{ MYSQL_OPT_SSL_KEY, server->tls_key },
		{ MYSQL_OPT_SSL_CERT, server->tls_cert },
		{ MYSQL_OPT_SSL_CA, server->tls_ca },
		{ MYSQL_OPT_SSL_CAPATH, server->tls_ca_path },
		{ MYSQL_OPT_SSL_CIPHER, server->tls_cipher },
	};
	size_t i;

	if (server->tls_ca == NULL && server->tls_ca_path == NULL)
		return;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		mysql_options(mysql, files[i].option, files[i].value);
#ifdef MARIADB_BASE_VERSION
	set_bool(mysql, MYSQL_OPT_SSL_ENFORCE, true);
	set_bool(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT,
		 server->tls_stock_verify);
#else
	if (server->tls_stock_verify)
		set_uint(mysql, MYSQL_OPT_SSL_MODE, SSL_MODE_VERIFY_IDENTITY);
#endif
}

/* In the named form, what is set there outranks the option file. The library
   has it the other way round, as it reads the file when it connects: so it
   first has to connect to nobody. */
static void read_option_file(MYSQL *mysql, const struct db_server *server)
{
	if (server->option_file == NULL && server->option_group == NULL)
		return;
	if (server->option_file != NULL)
		mysql_options(mysql, MYSQL_READ_DEFAULT_FILE,
			      server->option_file);
	if (server->option_group != NULL)
		mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP,
			      server->option_group);
	if (server->tls != DB_TLS_STOCK)
		(void)mysql_real_connect(mysql, ADDRESS_OF_NOBODY, NULL, NULL,
					 NULL, 1, NULL,
					 CLIENT_REMEMBER_OPTIONS);
}

static void set_options(MYSQL *mysql, const struct db_server *server)
{
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, CONN_CHARSET);
	if (server->tcp)
		set_uint(mysql, MYSQL_OPT_PROTOCOL, MYSQL_PROTOCOL_TCP);
	/* a server must not be able to ask for our files */
	set_uint(mysql, MYSQL_OPT_LOCAL_INFILE, 0);
#ifndef MARIADB_BASE_VERSION
	/* MySQL's default way of login has the password encrypted with a key of
	   the server if there is no TLS; Connector/C asks for it unasked */
	set_bool(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, true);
#endif
	set_uint(mysql, MYSQL_OPT_CONNECT_TIMEOUT,
		 (server->connect_timeout_ms + 999) / 1000);
	set_uint(mysql, MYSQL_OPT_READ_TIMEOUT, LIBRARY_TIMEOUT_SECS);
	set_uint(mysql, MYSQL_OPT_WRITE_TIMEOUT, LIBRARY_TIMEOUT_SECS);
	if (server->tls == DB_TLS_STOCK)
		set_stock_tls(mysql, server);
	else
		set_tls(mysql, server);
}

/* The state is this thread's own. */
static void hurry_resolver(void)
{
	if ((_res.options & RES_INIT) == 0 && res_init() != 0)
		return;
	_res.retrans = RESOLVE_TIMEOUT_SECS;
	_res.retry = RESOLVE_TRIES;
}

static bool connect_to(MYSQL *mysql, const struct db_server *server)
{
	return mysql_real_connect(mysql, server->host, server->user,
				  server->password, server->dbname,
				  server->port, server->socket,
				  server->client_flags |
				  CLIENT_MULTI_RESULTS) != NULL;
}

#ifdef MARIADB_BASE_VERSION
/* A report of progress in place of the greeting has Connector/C (up to 3.3.20)
   look into the server's version, which is not there yet, and crash: here it
   is. The library takes the port over from us, then the version from the
   greeting, and forgets the one it had; anywhere else it frees that. */
static bool connect_with_version(MYSQL *mysql, const struct db_server *server)
{
	const unsigned int unset = ~0U;
	char *version = strdup("");
	bool ok;

	mysql->server_version = version;
	mysql->port = unset;
	ok = connect_to(mysql, server);
	if (mysql->port != unset)
		free(version);
	return ok;
}
#else
#define connect_with_version connect_to
#endif

bool mysql_connect_open(MYSQL *mysql, const struct db_server *server)
{
	hurry_resolver();
	read_option_file(mysql, server);
	set_options(mysql, server);
	return connect_with_version(mysql, server);
}

void mysql_connect_forget_errors(void)
{
	ERR_clear_error();
}

/* Connector/C goes on without TLS if the server offers none and nothing was to
   be verified. */
bool mysql_connect_check(MYSQL *mysql, const struct db_server *server,
			 struct db_error *error_r)
{
	enum db_tls tls = wanted_tls(mysql, server);

	if ((tls != DB_TLS_REQUIRED && tls != DB_TLS_VERIFY) ||
	    mysql_get_ssl_cipher(mysql) != NULL)
		return true;
	db_error_set(error_r, "The server offers no TLS");
	error_r->kind = DB_ERROR_TLS;
	return false;
}

static const char *tls_version(MYSQL *mysql)
{
	const char *version = NULL;

#ifdef MARIADB_BASE_VERSION
	mariadb_get_infov(mysql, MARIADB_CONNECTION_TLS_VERSION, &version);
#else
	(void)mysql;
#endif
	return version != NULL ? version : "TLS";
}

static bool tls_is_verified(MYSQL *mysql)
{
#ifdef MARIADB_BASE_VERSION
	my_bool verified = 0;

	mysql_get_option(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified);
	return verified;
#else
	unsigned int mode = SSL_MODE_DISABLED;

	mysql_get_option(mysql, MYSQL_OPT_SSL_MODE, &mode);
	return mode == SSL_MODE_VERIFY_IDENTITY;
#endif
}

void mysql_connect_describe(MYSQL *mysql, char *buf, size_t size)
{
	const char *cipher = mysql_get_ssl_cipher(mysql);

	if (cipher == NULL) {
		snprintf(buf, size, "without TLS");
		return;
	}
	snprintf(buf, size, "%s, %s, certificate %sverified",
		 tls_version(mysql), cipher,
		 tls_is_verified(mysql) ? "" : "not ");
}
