/* SPDX-License-Identifier: MIT */
#ifndef MYSQL_COLUMNS_H
#define MYSQL_COLUMNS_H

#include "pool/db.h"

#include <mysql.h>

/* For mysql-conn.c only: whether a wide form, as this server has prepared it,
   answers what the statement itself would, column by column. */
bool mysql_columns_read_same(const struct db_statement *form,
			     MYSQL_STMT *plain, MYSQL_STMT *wide);

#endif
