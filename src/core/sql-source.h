/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_SOURCE_H
#define PFA_SQL_SOURCE_H

#include "core/errbuf.h"
#include "core/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct sql_written;

/*
 * A query as it was written: its smallest pieces, and errors that name a place
 * in it. Only for the files that read SQL.
 */
struct sql_source {
	const char *query;
	/* what it was made of, if that is not how it was written */
	const struct sql_written *written;
	const char *p;		/* how far it was read */
	struct errbuf *error;
};

/* Fills in the error, at being a place in the query. Returns -1. */
int sql_source_error(const struct sql_source *src, const char *at,
		     const char *reason);
int sql_source_no_memory(const struct sql_source *src);

/* Checks the variable at p by itself, so that an error names its place.
   Returns 1, 0 if the text ends before the variable's key (Dovecot expands
   that to nothing), or -1. */
int sql_source_check_variable(const struct sql_source *src, const char *p,
			      size_t *span_r);

bool sql_is_percent_sign(const char *p);
bool sql_is_quote(char c);
/* p points at a quote, of a literal or of a name. Returns what follows the
   closing one. */
const char *sql_skip_quoted(const char *p);
/* Of keywords, numbers and names without quotes. */
bool sql_is_word_char(char c);

/* Whether a comment starts at p, one that is left out. */
bool sql_starts_comment(const char *p);
/* Version comments and optimizer hints: the length of what opens them, 0 if
   none starts at p. */
size_t sql_conditional_comment_start(const char *p);

/* Goes over blanks and comments; stops at a comment without end. The text,
   if given, gets a space for each comment, as it separates words. */
const char *sql_skip_gap(const char *p, struct strbuf *text);

#endif
