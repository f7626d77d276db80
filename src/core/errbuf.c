/* SPDX-License-Identifier: MIT */
/*
 * Formats the one-line texts that core modules hand up instead of logging.
 * Owns nothing: the buffer is the caller's. Knows neither where a text will
 * be logged nor what it is about.
 */
#include "core/errbuf.h"

#include <stdarg.h>
#include <stdio.h>

/* What is quoted in a text comes from files: a newline in it would fake a log
   line of its own. */
static void replace_control_chars(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f)
			*text = ' ';
	}
}

int errbuf_set(struct errbuf *error, const char *format, ...)
{
	va_list args;
	int ret;

	va_start(args, format);
	ret = vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	if (ret < 0)
		error->text[0] = '\0';
	replace_control_chars(error->text);
	error->setting = NULL;
	return -1;
}
