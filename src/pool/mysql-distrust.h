/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_DISTRUST_H
#define MYSQL_DISTRUST_H

#include <mysql.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * For mysql-conn.c only: what Connector/C takes from a server without a look,
 * so that packets which got lost, cut or mixed up never become an answer. With
 * Oracle's library everything is taken for sound.
 */

/* How much of what the server said has been read so far. */
size_t mysql_distrust_mark(MYSQL *mysql);

/* Behind a mysql_stmt_fetch() that gave a row: whether what was read since the
   mark is a row, and just as long as its columns make it. */
bool mysql_distrust_row(const MYSQL_STMT *stmt, size_t mark);

/* Behind a mysql_stmt_fetch() that found the end of the rows: whether that is
   what the server said. */
bool mysql_distrust_end(const MYSQL_STMT *stmt, size_t mark);

/* Before a command: whether the server has said nothing since the last answer.
   What it has said would be taken for the next one. */
bool mysql_distrust_silence(MYSQL *mysql);

#endif
