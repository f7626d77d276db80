/* SPDX-License-Identifier: MIT */
/*
 * Line numbers of settings. It reads no values: what follows "=" may be a
 * password. Lines that continue a value are noted too if they look like a
 * setting, which no lookup by a setting's name finds before the real one.
 */
#include "core/conf-lines.h"

#include <stdlib.h>
#include <string.h>

#define CONF_LINES_NAME_SIZE 32

struct conf_line {
	char name[CONF_LINES_NAME_SIZE];
	unsigned int number;
};

struct conf_lines {
	unsigned int count;
	struct conf_line list[];
};

static size_t count_lines(const char *text, size_t len)
{
	size_t i, count = 1;

	for (i = 0; i < len; i++)
		count += text[i] == '\n';
	return count;
}

/* The length of the name that a line sets, 0 if it sets none; *start_r is
   where it begins. */
static size_t line_name(const char *line, size_t len, size_t *start_r)
{
	size_t start = 0, end, p;

	while (start < len && (line[start] == ' ' || line[start] == '\t'))
		start++;
	end = start;
	while (end < len && ((line[end] >= 'a' && line[end] <= 'z') ||
			     line[end] == '_'))
		end++;
	p = end;
	while (p < len && (line[p] == ' ' || line[p] == '\t'))
		p++;
	*start_r = start;
	return p < len && line[p] == '=' ? end - start : 0;
}

struct conf_lines *conf_lines_scan(const char *text, size_t len)
{
	struct conf_lines *lines = calloc(1, sizeof(*lines) +
		count_lines(text, len) * sizeof(lines->list[0]));
	unsigned int number = 0;
	size_t pos, line_len, name_len, start;
	const char *newline;

	for (pos = 0; lines != NULL && pos < len; pos += line_len + 1) {
		newline = memchr(text + pos, '\n', len - pos);
		line_len = newline == NULL ? len - pos :
			(size_t)(newline - (text + pos));
		number++;
		name_len = line_name(text + pos, line_len, &start);
		if (name_len == 0 || name_len >= CONF_LINES_NAME_SIZE)
			continue;
		memcpy(lines->list[lines->count].name, text + pos + start,
		       name_len);
		lines->list[lines->count++].number = number;
	}
	return lines;
}

void conf_lines_free(struct conf_lines **lines)
{
	free(*lines);
	*lines = NULL;
}

unsigned int conf_lines_find(const struct conf_lines *lines, const char *name)
{
	unsigned int i;

	if (lines == NULL || name == NULL)
		return 0;
	for (i = 0; i < lines->count; i++) {
		if (strcmp(lines->list[i].name, name) == 0)
			return lines->list[i].number;
	}
	return 0;
}
