/* SPDX-License-Identifier: MIT */
#ifndef PFA_STRBUF_H
#define PFA_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A growing string. When memory runs out it keeps what it has, ignores
 * further appends and says so in `failed`; a caller checks once, at the end.
 * Whatever leaves the buffer (growth, reset, free) is wiped, as it may hold
 * a password or a hash.
 */
struct strbuf {
	char *data;	/* NUL-terminated once anything was appended */
	size_t len;	/* without the NUL */
	size_t size;
	bool failed;
};

#define STRBUF_INIT { NULL, 0, 0, false }

void strbuf_append(struct strbuf *buf, const void *data, size_t len);
void strbuf_append_str(struct strbuf *buf, const char *str);
void strbuf_append_c(struct strbuf *buf, char c);

/* The text, never NULL for a buffer that has not failed; borrowed until the
   next change. NULL if memory ran out. */
const char *strbuf_str(const struct strbuf *buf);

/* Hands the text over: malloc()ed, the caller frees it. The buffer is empty
   afterwards. NULL if memory ran out. */
char *strbuf_steal(struct strbuf *buf);

/* Wipes the content; reset keeps the memory for the next use. */
void strbuf_reset(struct strbuf *buf);
void strbuf_free(struct strbuf *buf);

/* Overwrites memory in a way the compiler may not drop. data may be NULL if
   len is 0. */
void wipe_memory(void *data, size_t len);
/* Wipes and frees a malloc()ed string; NULL is fine. */
void wipe_free_str(char *str);

#endif
