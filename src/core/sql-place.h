/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_PLACE_H
#define PFA_SQL_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Follows the tokens of a query and tells whether a bound value may stand
 * behind the last one. Only for sql-template.c. It knows a few keywords
 * and no grammar: what it lets through by mistake, the server refuses when
 * the statement is prepared.
 */
enum sql_token {
	SQL_TOKEN_OTHER,	/* operators and the like */
	SQL_TOKEN_WORD,		/* keyword, unquoted name or number */
	SQL_TOKEN_QUOTED_NAME,	/* in backticks */
	SQL_TOKEN_LITERAL,	/* kept as it was */
	SQL_TOKEN_BOUND_LITERAL,
	SQL_TOKEN_BOUND_VARIABLE,
};

/* What a value would be taken for; the texts are in sql-place.c. */
enum sql_place {
	SQL_PLACE_VALUE,
	SQL_PLACE_TABLE,
	SQL_PLACE_NAME,
	SQL_PLACE_COLUMN,
	SQL_PLACE_NUMBER,
	SQL_PLACE_CONSTANT,
	SQL_PLACE_ALIAS,
};

/* Deeper parentheses share the last level. */
#define SQL_PLACE_MAX_DEPTH 32

struct sql_places {
	struct {
		bool query;		/* its own SELECT, not a function's
					   arguments */
		enum sql_place list;	/* behind a comma */
	} levels[SQL_PLACE_MAX_DEPTH];
	unsigned int depth;

	enum sql_place next;
	bool next_inside;		/* also behind a "(" that follows */
	enum sql_token last;
	const char *text;		/* of the last token, borrowed */
	size_t len;
};

void sql_places_init(struct sql_places *places);
void sql_places_token(struct sql_places *places, enum sql_token token,
		      const char *text, size_t len);

/* Why no value may stand here, and the cure; NULL if one may. bare says that
   it is a variable without quotes. */
const char *sql_places_objection(const struct sql_places *places, bool bare);

/* Whether the last token is a prefix of the literal that follows: x'', n'',
   b'', _utf8mb4''. touching says that no blank is between them. */
bool sql_places_literal_has_prefix(const struct sql_places *places,
				   bool touching);

#endif
