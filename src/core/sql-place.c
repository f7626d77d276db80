/* SPDX-License-Identifier: MIT */
/*
 * Where in a query a value may stand, as far as keywords tell. Knows neither
 * variables nor where tokens begin and end: sql-template.c calls it with each
 * of them.
 */
#include "core/sql-place.h"

#include <string.h>
#include <strings.h>

/* Behind which words something else than a value is expected. */
static const struct keyword {
	const char *name;
	enum sql_place next;
	bool inside;		/* it goes on behind a "(" */
	bool clause;		/* decides about commas, too */
} keywords[] = {
	{ "AS", SQL_PLACE_ALIAS, false, false },
	{ "BY", SQL_PLACE_COLUMN, true, true },
	{ "CALL", SQL_PLACE_TABLE, false, false },
	{ "COLLATE", SQL_PLACE_NAME, false, false },
	{ "DATABASE", SQL_PLACE_TABLE, false, false },
	{ "DATE", SQL_PLACE_CONSTANT, false, false },
	{ "DESCRIBE", SQL_PLACE_TABLE, false, false },
	{ "FROM", SQL_PLACE_TABLE, true, true },
	{ "HAVING", SQL_PLACE_VALUE, false, true },
	{ "INTO", SQL_PLACE_TABLE, false, true },
	{ "JOIN", SQL_PLACE_TABLE, true, true },
	{ "LIMIT", SQL_PLACE_NUMBER, false, true },
	{ "OFFSET", SQL_PLACE_NUMBER, false, false },
	{ "ON", SQL_PLACE_VALUE, false, true },
	{ "SELECT", SQL_PLACE_VALUE, false, true },
	{ "SEPARATOR", SQL_PLACE_CONSTANT, false, false },
	{ "SET", SQL_PLACE_VALUE, false, true },
	{ "STRAIGHT_JOIN", SQL_PLACE_TABLE, true, false },
	{ "TABLE", SQL_PLACE_TABLE, false, false },
	{ "TIME", SQL_PLACE_CONSTANT, false, false },
	{ "TIMESTAMP", SQL_PLACE_CONSTANT, false, false },
	{ "UPDATE", SQL_PLACE_TABLE, false, true },
	{ "USE", SQL_PLACE_TABLE, false, false },
	{ "USING", SQL_PLACE_NAME, true, false },
	{ "VALUES", SQL_PLACE_VALUE, false, true },
	{ "WHERE", SQL_PLACE_VALUE, false, true },
};

static const char *const objections[] = {
	[SQL_PLACE_TABLE] = "a variable cannot be the name of a table, "
		"database or procedure: write the name out",
	[SQL_PLACE_NAME] = "a variable cannot be the name of a column, "
		"collation or character set: write the name out",
	[SQL_PLACE_COLUMN] = "a variable cannot be a column to sort or group "
		"by: write the name out",
	[SQL_PLACE_NUMBER] = "a variable cannot be a limit: write the number "
		"out",
	[SQL_PLACE_CONSTANT] = "only a literal without a variable may stand "
		"behind this keyword: use a function, such as CAST()",
	[SQL_PLACE_ALIAS] = "a variable cannot be an alias: write the name "
		"out, or an operator or comma before the variable",
};

void sql_places_init(struct sql_places *places)
{
	memset(places, 0, sizeof(*places));
	places->levels[0].query = true;
}

static unsigned int places_level(const struct sql_places *places)
{
	return places->depth < SQL_PLACE_MAX_DEPTH ?
		places->depth : SQL_PLACE_MAX_DEPTH - 1;
}

static bool word_is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(text, name, len) == 0;
}

static const struct keyword *keyword_find(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (word_is(text, len, keywords[i].name))
			return &keywords[i];
	}
	return NULL;
}

/* "t.limit" and "@from" are names. */
static bool follows_name_sign(const struct sql_places *places)
{
	return places->last == SQL_TOKEN_OTHER && places->len == 1 &&
		(*places->text == '.' || *places->text == '@');
}

static void places_word(struct sql_places *places, const char *text, size_t len)
{
	const struct keyword *keyword = follows_name_sign(places) ?
		NULL : keyword_find(text, len);
	unsigned int level = places_level(places);

	places->next = SQL_PLACE_VALUE;
	places->next_inside = false;
	if (keyword == NULL)
		return;
	if (word_is(text, len, "SELECT"))
		places->levels[level].query = true;
	/* TRIM('.' FROM x), SUBSTRING(x FROM 2) */
	if (word_is(text, len, "FROM") && !places->levels[level].query)
		return;
	places->next = keyword->next;
	places->next_inside = keyword->inside;
	if (keyword->clause)
		places->levels[level].list = keyword->next;
}

static void places_open(struct sql_places *places)
{
	unsigned int level;

	if (!places->next_inside)
		places->next = SQL_PLACE_VALUE;
	places->depth++;
	level = places_level(places);
	places->levels[level].query = false;
	places->levels[level].list = places->next;
}

static void places_other(struct sql_places *places, const char *text)
{
	switch (*text) {
	case '(':
		places_open(places);
		return;
	case ')':
		if (places->depth > 0)
			places->depth--;
		places->next = SQL_PLACE_VALUE;
		break;
	case ',':
		places->next = places->levels[places_level(places)].list;
		break;
	default:
		places->next = SQL_PLACE_VALUE;
		break;
	}
	places->next_inside = false;
}

void sql_places_token(struct sql_places *places, enum sql_token token,
		      const char *text, size_t len)
{
	if (token == SQL_TOKEN_WORD) {
		places_word(places, text, len);
	} else if (token == SQL_TOKEN_OTHER) {
		places_other(places, text);
	} else {
		places->next = SQL_PLACE_VALUE;
		places->next_inside = false;
	}
	places->last = token;
	places->text = text;
	places->len = len;
}

/* A value behind a value, without operator: MySQL takes it for an alias. */
static bool places_behind_value(const struct sql_places *places)
{
	switch (places->last) {
	case SQL_TOKEN_OTHER:
		return places->len == 1 && *places->text == ')';
	case SQL_TOKEN_WORD:
		return *places->text >= '0' && *places->text <= '9';
	case SQL_TOKEN_QUOTED_NAME:
	case SQL_TOKEN_LITERAL:
	case SQL_TOKEN_BOUND_LITERAL:
	case SQL_TOKEN_BOUND_VARIABLE:
		break;
	}
	return true;
}

const char *sql_places_objection(const struct sql_places *places, bool bare)
{
	if (places_behind_value(places))
		return objections[SQL_PLACE_ALIAS];
	/* ORDER BY 'x' sorts by nothing, in every form */
	if (places->next == SQL_PLACE_COLUMN && !bare)
		return NULL;
	return objections[places->next];
}

bool sql_places_literal_has_prefix(const struct sql_places *places,
				   bool touching)
{
	if (places->last != SQL_TOKEN_WORD)
		return false;
	return *places->text == '_' ||
		(touching && places->len == 1 &&
		 strchr("nNxXbB", *places->text) != NULL);
}
