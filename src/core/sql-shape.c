/* SPDX-License-Identifier: MIT */
/*
 * Reads a statement by the small grammar in sql-shape.h. Whatever it does not
 * know is another shape: that costs time, never an answer. Knows nothing of
 * wide forms (sql-wide.c). Called by lookup-engine.c.
 */
#include "core/sql-shape.h"

#include "core/sql-source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,		/* a keyword, or a name without quotes */
	TOKEN_NAME,		/* `a name` */
	TOKEN_NUMBER,
	TOKEN_LITERAL,
	TOKEN_BIND,
	TOKEN_SYMBOL,		/* all else, one or two bytes */
};

struct sql_reader {
	enum token_kind kind;	/* of the token that comes next */
	const char *token;
	size_t len;
	const char *end;	/* of the token before it */
	unsigned int values;	/* placeholders so far */
	unsigned int columns;	/* items so far */
	struct sql_shape *shape;
};

/* ---------------------------------------------------------------- tokens */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t word_len(const char *p)
{
	size_t len = 0;

	while (sql_is_word_char(p[len]))
		len++;
	return len;
}

static const char *const comparisons[] = {
	"<=>", "<=", ">=", "<>", "!=", "=", "<", ">",
};
#define COMPARISON_COUNT (sizeof(comparisons) / sizeof(*comparisons))

static size_t symbol_len(const char *p)
{
	size_t i;

	for (i = 0; i < COMPARISON_COUNT; i++) {
		if (strncmp(p, comparisons[i], strlen(comparisons[i])) == 0)
			return strlen(comparisons[i]);
	}
	return 1;
}

static void read_token(struct sql_reader *reader)
{
	const char *p = sql_skip_gap(reader->token + reader->len, NULL);

	reader->end = reader->token + reader->len;
	reader->token = p;
	if (*p == '\0') {
		reader->kind = TOKEN_END;
		reader->len = 0;
	} else if (sql_is_quote(*p) || *p == '`') {
		reader->kind = *p == '`' ? TOKEN_NAME : TOKEN_LITERAL;
		reader->len = (size_t)(sql_skip_quoted(p) - p);
	} else if (sql_is_word_char(*p)) {
		/* no name of digits only, and no 1e5: they are read alike */
		reader->kind = is_digit(*p) ? TOKEN_NUMBER : TOKEN_WORD;
		reader->len = word_len(p);
	} else {
		reader->kind = *p == '?' ? TOKEN_BIND : TOKEN_SYMBOL;
		reader->len = symbol_len(p);
	}
}

static bool is_text(const struct sql_reader *reader, const char *text)
{
	return reader->len == strlen(text) &&
		strncasecmp(reader->token, text, reader->len) == 0;
}

/* Goes over the token if it is this one. */
static bool accept(struct sql_reader *reader, enum token_kind kind,
		   const char *text)
{
	if (reader->kind != kind || (text != NULL && !is_text(reader, text)))
		return false;
	read_token(reader);
	return true;
}

static bool accept_symbol(struct sql_reader *reader, const char *symbol)
{
	return accept(reader, TOKEN_SYMBOL, symbol);
}

static bool accept_word(struct sql_reader *reader, const char *word)
{
	return accept(reader, TOKEN_WORD, word);
}

/* What may follow a name, or stand in its place with a meaning of its own. */
static const char *const keywords[] = {
	"all", "and", "as", "binary", "case", "cross", "distinct",
	"distinctrow", "div", "exists", "for", "force", "from", "full",
	"group", "having", "high_priority", "ignore", "in", "inner",
	"interval", "into", "is", "join", "left", "like", "limit", "lock",
	"mod", "natural", "next", "nextval", "not", "null", "offset", "or",
	"order", "outer", "partition", "previous", "procedure", "regexp",
	"right", "rlike", "row", "rownum", "rows", "select", "sql_big_result",
	"sql_buffer_result", "sql_cache", "sql_calc_found_rows",
	"sql_no_cache", "sql_small_result", "straight_join", "union", "use",
	"using", "values", "where", "window", "with", "xor",
};

static bool is_keyword(const struct sql_reader *reader)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++) {
		if (is_text(reader, keywords[i]))
			return true;
	}
	return false;
}

static bool accept_name(struct sql_reader *reader)
{
	if (reader->kind != TOKEN_NAME &&
	    (reader->kind != TOKEN_WORD || is_keyword(reader)))
		return false;
	read_token(reader);
	return true;
}

/* --------------------------------------------------------------- grammar */

/* database.table.column, or less of it */
static bool read_path(struct sql_reader *reader)
{
	if (!accept_name(reader))
		return false;
	while (accept_symbol(reader, ".")) {
		if (!accept_name(reader))
			return false;
	}
	return reader->kind != TOKEN_SYMBOL || *reader->token != '(';
}

static bool read_constant(struct sql_reader *reader)
{
	return accept(reader, TOKEN_LITERAL, NULL) ||
		accept(reader, TOKEN_NUMBER, NULL);
}

static bool read_operator(struct sql_reader *reader)
{
	return accept_symbol(reader, "+") || accept_symbol(reader, "-") ||
		accept_symbol(reader, "*") || accept_symbol(reader, "/") ||
		accept_word(reader, "div");
}

/* Arithmetic, without placeholders. */
static bool read_sum(struct sql_reader *reader)
{
	do {
		if (!read_constant(reader) && !read_path(reader))
			return false;
	} while (read_operator(reader));
	return true;
}

/* The next placeholder stands for this value. */
static bool shape_bind(struct sql_shape *shape, unsigned int value)
{
	if (shape->place_count == SQL_SHAPE_MAX)
		return false;
	shape->places[shape->place_count++] = (unsigned char)shape->bind_count;
	shape->binds[shape->bind_count++] = (unsigned char)value;
	return true;
}

static bool read_bind(struct sql_reader *reader)
{
	return accept(reader, TOKEN_BIND, NULL) &&
		shape_bind(reader->shape, reader->values++);
}

static bool read_part(struct sql_reader *reader)
{
	return read_bind(reader) || read_sum(reader);
}

static bool read_value(struct sql_reader *reader)
{
	if (!accept_word(reader, "concat"))
		return read_part(reader);
	if (!accept_symbol(reader, "("))
		return false;
	do {
		if (!read_part(reader))
			return false;
	} while (accept_symbol(reader, ","));
	return accept_symbol(reader, ")");
}

/* [AS] name */
static bool read_item_name(struct sql_reader *reader)
{
	if (accept_word(reader, "as")) {
		return accept_name(reader) ||
			accept(reader, TOKEN_LITERAL, NULL);
	}
	(void)accept_name(reader);
	return true;
}

/* ? AS name: what the database would give back, and the name it has. */
static bool read_echo(struct sql_reader *reader)
{
	struct sql_shape *shape = reader->shape;
	struct sql_shape_echo *echo = &shape->echoes[shape->echo_count];

	if (shape->echo_count == SQL_SHAPE_MAX ||
	    !accept(reader, TOKEN_BIND, NULL))
		return false;
	(void)accept_word(reader, "as");
	if (reader->kind != TOKEN_WORD || is_keyword(reader))
		return false;
	echo->column = reader->columns;
	echo->value = reader->values++;
	echo->name = strndup(reader->token, reader->len);
	shape->rest.failed = shape->rest.failed || echo->name == NULL;
	shape->echo_count++;
	read_token(reader);
	return true;
}

static void append_span(struct strbuf *text, const char *start,
			const char *end)
{
	strbuf_append_str(text, ", ");
	strbuf_append(text, start, (size_t)(end - start));
}

static bool read_item(struct sql_reader *reader)
{
	const struct sql_reader before = *reader;

	if (!read_echo(reader)) {
		*reader = before;
		if (!read_value(reader) || !read_item_name(reader))
			return false;
		append_span(&reader->shape->rest, before.token, reader->end);
	}
	reader->columns++;
	return true;
}

static bool read_table(struct sql_reader *reader)
{
	if (!read_path(reader))
		return false;
	if (accept_word(reader, "as"))
		return accept_name(reader);
	(void)accept_name(reader);
	return true;
}

static bool read_comparison(struct sql_reader *reader)
{
	size_t i;

	for (i = 0; i < COMPARISON_COUNT; i++) {
		if (accept_symbol(reader, comparisons[i]))
			return true;
	}
	return false;
}

static bool read_condition(struct sql_reader *reader)
{
	const char *start = reader->token, *end;
	bool equal;

	if (!read_path(reader))
		return false;
	end = reader->end;
	equal = reader->kind == TOKEN_SYMBOL && is_text(reader, "=");
	if (!read_comparison(reader))
		return false;
	if (!read_bind(reader))
		return read_constant(reader) || read_path(reader);
	append_span(&reader->shape->keys, start, end);
	reader->shape->key_count++;
	return equal;
}

static bool read_items(struct sql_reader *reader)
{
	if (!accept_word(reader, "select"))
		return false;
	do {
		if (!read_item(reader))
			return false;
	} while (accept_symbol(reader, ","));
	return true;
}

static bool read_conditions(struct sql_reader *reader)
{
	do {
		if (!read_condition(reader))
			return false;
	} while (accept_word(reader, "and"));
	return reader->kind == TOKEN_END && reader->shape->key_count > 0;
}

bool sql_shape_read(const char *text, struct sql_shape *shape_r)
{
	struct sql_reader reader = { .token = text, .shape = shape_r };

	memset(shape_r, 0, sizeof(*shape_r));
	read_token(&reader);
	if (!read_items(&reader))
		return false;
	strbuf_append_c(&shape_r->rest, ' ');
	strbuf_append_str(&shape_r->rest, reader.token);
	return accept_word(&reader, "from") && read_table(&reader) &&
		accept_word(&reader, "where") && read_conditions(&reader);
}

bool sql_shape_trust(const char *text, unsigned int value_count,
		     struct sql_shape *shape_r)
{
	unsigned int value;

	memset(shape_r, 0, sizeof(*shape_r));
	strbuf_append_c(&shape_r->rest, ',');
	strbuf_append_str(&shape_r->rest,
			  sql_skip_gap(text, NULL) + strlen("SELECT"));
	for (value = 0; value < value_count; value++) {
		if (!shape_bind(shape_r, value))
			return false;
	}
	return true;
}

void sql_shape_share(struct sql_shape *shape, const unsigned char *first)
{
	const struct sql_shape before = *shape;
	unsigned int place, bind;
	unsigned char value;

	shape->bind_count = 0;
	for (place = 0; place < shape->place_count; place++) {
		value = first[before.binds[before.places[place]]];
		for (bind = 0; bind < shape->bind_count; bind++) {
			if (shape->binds[bind] == value)
				break;
		}
		shape->places[place] = (unsigned char)bind;
		if (bind == shape->bind_count)
			shape->binds[shape->bind_count++] = value;
	}
}

void sql_shape_free(struct sql_shape *shape)
{
	unsigned int i;

	strbuf_free(&shape->rest);
	strbuf_free(&shape->keys);
	for (i = 0; i < shape->echo_count; i++)
		free(shape->echoes[i].name);
	memset(shape, 0, sizeof(*shape));
}
