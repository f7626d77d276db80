/* SPDX-License-Identifier: MIT */
/*
 * Numbers of errors, as tables. Whoever meets a new one that matters adds it
 * here.
 */
#include "pool/mysql-error.h"

#include <mysql.h>
#include <errmsg.h>
#include <mysqld_error.h>

/* MySQL 8 tells why it closed an idle connection. */
#define ER_CLIENT_INTERACTION_TIMEOUT_ 4031

/* The numbers an administrator can act on. */
static enum db_error_kind error_kind(unsigned int code)
{
	static const struct {
		unsigned int code;
		enum db_error_kind kind;
	} kinds[] = {
		{ ER_ACCESS_DENIED_ERROR, DB_ERROR_LOGIN },
		{ 1698 /* MariaDB: ... without a password */, DB_ERROR_LOGIN },
		{ ER_DBACCESS_DENIED_ERROR, DB_ERROR_RIGHTS },
		{ ER_TABLEACCESS_DENIED_ERROR, DB_ERROR_RIGHTS },
		{ ER_COLUMNACCESS_DENIED_ERROR, DB_ERROR_RIGHTS },
		{ ER_BAD_DB_ERROR, DB_ERROR_DATABASE },
		{ ER_NO_DB_ERROR, DB_ERROR_DATABASE },
		{ ER_NO_SUCH_TABLE, DB_ERROR_TABLE },
		{ ER_BAD_FIELD_ERROR, DB_ERROR_COLUMN },
		{ ER_PARSE_ERROR, DB_ERROR_SYNTAX },
		{ CR_CONNECTION_ERROR, DB_ERROR_UNREACHABLE },
		{ CR_CONN_HOST_ERROR, DB_ERROR_UNREACHABLE },
		{ CR_UNKNOWN_HOST, DB_ERROR_UNREACHABLE },
		{ CR_SSL_CONNECTION_ERROR, DB_ERROR_TLS },
		{ ER_CANT_AGGREGATE_2COLLATIONS, DB_ERROR_COLLATION },
		{ ER_OPTION_PREVENTS_STATEMENT, DB_ERROR_READ_ONLY },
		{ 1792 /* in a read-only transaction */, DB_ERROR_READ_ONLY },
		{ 1836 /* InnoDB's own mode */, DB_ERROR_READ_ONLY },
		/* Galera ends what reads a table that is to be changed */
		{ ER_LOCK_DEADLOCK, DB_ERROR_AGAIN },
		{ ER_CON_COUNT_ERROR, DB_ERROR_BUSY },
		{ ER_TOO_MANY_USER_CONNECTIONS, DB_ERROR_BUSY },
		{ ER_USER_LIMIT_REACHED, DB_ERROR_BUSY },
		{ ER_HOST_IS_BLOCKED, DB_ERROR_BUSY },
		{ ER_SERVER_SHUTDOWN, DB_ERROR_BUSY },
		{ ER_UNKNOWN_COM_ERROR /* Galera: not ready */, DB_ERROR_BUSY },
	};
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].code == code)
			return kinds[i].kind;
	}
	return DB_ERROR_OTHER;
}

void mysql_error_set(struct db_error *error, unsigned int code,
		     const char *text)
{
	db_error_set(error, "%s", text);
	error->code = code;
	error->kind = error_kind(code);
}

bool mysql_error_is_fatal(unsigned int code)
{
	static const unsigned int fatal[] = {
		CR_SERVER_GONE_ERROR, CR_SERVER_LOST, CR_MALFORMED_PACKET,
		CR_COMMANDS_OUT_OF_SYNC, CR_UNKNOWN_ERROR, CR_OUT_OF_MEMORY,
		CR_SSL_CONNECTION_ERROR, CR_NET_PACKET_TOO_LARGE,
#ifdef CR_SERVER_LOST_EXTENDED
		CR_SERVER_LOST_EXTENDED,
#endif
		ER_SERVER_SHUTDOWN,
		ER_UNKNOWN_COM_ERROR /* Galera: not ready */,
		1927 /* ER_CONNECTION_KILLED, MariaDB */,
		ER_CLIENT_INTERACTION_TIMEOUT_,
		ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED,
		ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED,
		ER_NET_PACKETS_OUT_OF_ORDER,
		0 /* the library failed and does not say why */,
	};
	size_t i;

	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		if (fatal[i] == code)
			return true;
	}
	return false;
}

bool mysql_error_wants_prepare(unsigned int code)
{
	return code == ER_UNKNOWN_STMT_HANDLER ||
		code == 1615 /* ER_NEED_REPREPARE */ ||
		code == 2057 /* CR_NEW_STMT_METADATA */;
}
