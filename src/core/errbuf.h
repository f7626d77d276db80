/* SPDX-License-Identifier: MIT */
#ifndef PFA_ERRBUF_H
#define PFA_ERRBUF_H

/*
 * The text of one error, held by the caller: core code neither logs nor
 * allocates to say what went wrong. The text is one line, names the place
 * and the cure, and never holds a password or a hash.
 */
struct errbuf {
	char text[512];
	/* the setting the error is about, if its place is not in the text yet
	   (a static name); else NULL */
	const char *setting;
};

/* Fills in the text (longer ones are cut), for no setting, and returns -1, so
   that a parser can write: return errbuf_set(error, "..."); */
int errbuf_set(struct errbuf *error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
