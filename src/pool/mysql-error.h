/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_ERROR_H
#define MYSQL_ERROR_H

#include "pool/db.h"

/*
 * For mysql-conn.c only: what the numbers of errors mean, the server's and the
 * client library's.
 */

/* A number and its text, as the pool and the administrator see them. */
void mysql_error_set(struct db_error *error, unsigned int code,
		     const char *text);

/* After an error of a statement: the connection is of no more use. */
bool mysql_error_is_fatal(unsigned int code);

/* After an error of a statement: the server has forgotten it, or its columns
   changed under it, so that it is worth preparing again. */
bool mysql_error_wants_prepare(unsigned int code);

#endif
