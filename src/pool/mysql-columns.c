/* SPDX-License-Identifier: MIT */
/*
 * The columns of a statement and of its wide form, by what the server says of
 * them when it prepares the two.
 */
#include "pool/mysql-columns.h"

#include <string.h>

static bool field_is_text(const MYSQL_FIELD *field)
{
	switch (field->type) {
	case MYSQL_TYPE_VARCHAR:
	case MYSQL_TYPE_VAR_STRING:
	case MYSQL_TYPE_STRING:
	case MYSQL_TYPE_TINY_BLOB:
	case MYSQL_TYPE_BLOB:
	case MYSQL_TYPE_MEDIUM_BLOB:
	case MYSQL_TYPE_LONG_BLOB:
		return true;
	default:
		return false;
	}
}

/* Whether a value of one column reads the same in the other. UNION forgets
   ZEROFILL, and knows a common type for whatever it is given. */
static bool fields_read_same(const MYSQL_FIELD *plain, const MYSQL_FIELD *wide)
{
	if (strcmp(plain->name, wide->name) != 0 ||
	    (plain->flags & ZEROFILL_FLAG) != 0)
		return false;
	if (plain->type == MYSQL_TYPE_NULL)
		return true;
	if (field_is_text(plain))
		return field_is_text(wide) &&
			plain->charsetnr == wide->charsetnr;
	return plain->type == wide->type && plain->decimals == wide->decimals;
}

/* A list of words is compared by its words or by their numbers. */
static bool field_is_key(const MYSQL_FIELD *field)
{
	return field_is_text(field) &&
		(field->flags & (ENUM_FLAG | SET_FLAG)) == 0;
}

/* Those of the form: number, columns, keys. */
static bool fields_fit(const struct db_statement *form,
		       const MYSQL_FIELD *plain, unsigned int count,
		       const MYSQL_FIELD *wide)
{
	unsigned int i;

	wide++;
	for (i = 0; i < count; i++) {
		if (db_statement_echo(form, i) == NULL &&
		    !fields_read_same(&plain[i], wide++))
			return false;
	}
	for (i = 0; i < form->keys; i++) {
		if (!field_is_key(wide++))
			return false;
	}
	return true;
}

bool mysql_columns_read_same(const struct db_statement *form,
			     MYSQL_STMT *plain, MYSQL_STMT *wide)
{
	MYSQL_RES *plain_meta = mysql_stmt_result_metadata(plain);
	MYSQL_RES *wide_meta = mysql_stmt_result_metadata(wide);
	const unsigned int count = mysql_stmt_field_count(plain);
	bool same = plain_meta != NULL && wide_meta != NULL &&
		mysql_stmt_field_count(wide) + form->echo_count ==
		1 + count + form->keys &&
		fields_fit(form, mysql_fetch_fields(plain_meta), count,
			   mysql_fetch_fields(wide_meta));

	if (plain_meta != NULL)
		mysql_free_result(plain_meta);
	if (wide_meta != NULL)
		mysql_free_result(wide_meta);
	return same;
}
