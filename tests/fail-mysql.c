/* SPDX-License-Identifier: MIT */
/*
 * Functions of the MySQL client library that fail on request. Knows nothing of
 * what is tested.
 */
#include "fail-mysql.h"

#include <mysql.h>

#include <stdarg.h>
#include <stddef.h>

static unsigned int countdown;
static const char *failed;

void fail_mysql_arm(unsigned int nth)
{
	countdown = nth;
	failed = NULL;
}

const char *fail_mysql_disarm(void)
{
	countdown = 0;
	return failed;
}

static bool fails_now(const char *name)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = name;
	return true;
}

/* names and prototypes are those of ld --wrap */
#define FAILING(type, failure, name, parameters, arguments) \
	type __real_##name parameters; \
	type __wrap_##name parameters; \
	type __wrap_##name parameters \
	{ \
		return fails_now(#name) ? (failure) : __real_##name arguments; \
	}

FAILING(int, 1, mysql_server_init, (int argc, char **argv, char **groups),
	(argc, argv, groups))
FAILING(MYSQL *, NULL, mysql_init, (MYSQL *mysql), (mysql))
FAILING(int, 1, mysql_options,
	(MYSQL *mysql, enum mysql_option option, const void *value),
	(mysql, option, value))
FAILING(MYSQL *, NULL, mysql_real_connect,
	(MYSQL *mysql, const char *host, const char *user,
	 const char *password, const char *db, unsigned int port,
	 const char *socket, unsigned long flags),
	(mysql, host, user, password, db, port, socket, flags))
FAILING(int, 1, mysql_set_character_set, (MYSQL *mysql, const char *name),
	(mysql, name))
FAILING(int, 1, mysql_query, (MYSQL *mysql, const char *text), (mysql, text))
FAILING(my_socket, -1, mysql_get_socket, (MYSQL *mysql), (mysql))
FAILING(MYSQL_STMT *, NULL, mysql_stmt_init, (MYSQL *mysql), (mysql))
FAILING(int, 1, mysql_stmt_prepare,
	(MYSQL_STMT *stmt, const char *text, unsigned long length),
	(stmt, text, length))
FAILING(my_bool, 1, mysql_stmt_bind_param, (MYSQL_STMT *stmt, MYSQL_BIND *bind),
	(stmt, bind))
FAILING(int, 1, mysql_stmt_execute, (MYSQL_STMT *stmt), (stmt))
FAILING(MYSQL_RES *, NULL, mysql_stmt_result_metadata, (MYSQL_STMT *stmt),
	(stmt))
FAILING(my_bool, 1, mysql_stmt_bind_result,
	(MYSQL_STMT *stmt, MYSQL_BIND *bind), (stmt, bind))
FAILING(int, 1, mysql_stmt_fetch, (MYSQL_STMT *stmt), (stmt))
FAILING(int, 1, mysql_stmt_fetch_column,
	(MYSQL_STMT *stmt, MYSQL_BIND *bind, unsigned int column,
	 unsigned long offset),
	(stmt, bind, column, offset))
FAILING(my_bool, 1, mysql_stmt_free_result, (MYSQL_STMT *stmt), (stmt))
FAILING(int, 1, mysql_stmt_next_result, (MYSQL_STMT *stmt), (stmt))

/* of the options that are set like this, each has one argument, a function */
int __real_mysql_optionsv(MYSQL *mysql, enum mysql_option option, ...);
int __wrap_mysql_optionsv(MYSQL *mysql, enum mysql_option option, ...);

int __wrap_mysql_optionsv(MYSQL *mysql, enum mysql_option option, ...)
{
	va_list arguments;
	void *value;

	va_start(arguments, option);
	value = va_arg(arguments, void *);
	va_end(arguments);
	return fails_now("mysql_optionsv") ? 1 :
		__real_mysql_optionsv(mysql, option, value);
}
