/* SPDX-License-Identifier: MIT */
#ifndef CONF_LINES_H
#define CONF_LINES_H

#include <stddef.h>

/*
 * On which line of a configuration file a setting stands, so that a message
 * can say so long after the file was read. Holds names and numbers only.
 */
struct conf_lines;

/* Notes every line of the form "name = ..." in the text; both forms of
   configuration have it. NULL if memory ran out. */
struct conf_lines *conf_lines_scan(const char *text, size_t len);
void conf_lines_free(struct conf_lines **lines);

/* The first line that sets name, counted from 1; 0 if there is none, or lines
   or name is NULL. */
unsigned int conf_lines_find(const struct conf_lines *lines, const char *name);

#endif
