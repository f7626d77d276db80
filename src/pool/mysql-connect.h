/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_CONNECT_H
#define MYSQL_CONNECT_H

#include "pool/db.h"

#include <mysql.h>

#include <stdbool.h>

/*
 * For mysql-conn.c only: how a handle of the client library becomes a
 * connection that is as safe as its server's settings ask for.
 */

#if !defined(MARIADB_BASE_VERSION) && MYSQL_VERSION_ID >= 80000
typedef bool my_bool;	/* Oracle dropped the name in 8.0 */
#endif

/* What every session speaks, whatever an option file says. */
#define CONN_CHARSET "utf8mb4"

/* Before the library is called on a thread. OpenSSL keeps a thread's errors, and
   a read that only has to wait would fail with one of another connection. */
void mysql_connect_forget_errors(void);

/* Sets the options and connects. False: the handle has the error. */
bool mysql_connect_open(MYSQL *mysql, const struct db_server *server);

/* Behind mysql_connect_open(): whether the connection is what the settings ask
   for. False with error_r set: nothing may be sent on it. */
bool mysql_connect_check(MYSQL *mysql, const struct db_server *server,
			 struct db_error *error_r);

/* What was negotiated, for the log. */
void mysql_connect_describe(MYSQL *mysql, char *buf, size_t size);

#endif
