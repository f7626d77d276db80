/* SPDX-License-Identifier: MIT */
/*
 * A growing string whose old content never stays behind in freed memory.
 * realloc() is not used for that reason: it may move the data and leave a
 * copy. Everything in core that builds text calls this; it knows nothing of
 * what the text means.
 */
#include "core/strbuf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STRBUF_MIN_SIZE 64

void wipe_memory(void *data, size_t len)
{
	if (len > 0)
		explicit_bzero(data, len);
}

void wipe_free_str(char *str)
{
	if (str == NULL)
		return;
	wipe_memory(str, strlen(str));
	free(str);
}

/* The first size, doubling from the present one, that holds `need` bytes; 0 if
   there is none. */
static size_t strbuf_next_size(size_t size, size_t need)
{
	if (size < STRBUF_MIN_SIZE)
		size = STRBUF_MIN_SIZE;
	while (size < need) {
		if (size > SIZE_MAX / 2)
			return 0;
		size *= 2;
	}
	return size;
}

static bool strbuf_grow(struct strbuf *buf, size_t need)
{
	size_t size = strbuf_next_size(buf->size, need);
	char *data = size == 0 ? NULL : malloc(size);

	if (data == NULL)
		return false;
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len + 1);
		wipe_memory(buf->data, buf->len);
		free(buf->data);
	}
	buf->data = data;
	buf->size = size;
	return true;
}

void strbuf_append(struct strbuf *buf, const void *data, size_t len)
{
	if (buf->failed)
		return;
	if (len >= SIZE_MAX - buf->len ||
	    (buf->len + len >= buf->size &&
	     !strbuf_grow(buf, buf->len + len + 1))) {
		buf->failed = true;
		return;
	}
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_append_str(struct strbuf *buf, const char *str)
{
	strbuf_append(buf, str, strlen(str));
}

void strbuf_append_c(struct strbuf *buf, char c)
{
	strbuf_append(buf, &c, 1);
}

const char *strbuf_str(const struct strbuf *buf)
{
	if (buf->failed)
		return NULL;
	return buf->data == NULL ? "" : buf->data;
}

char *strbuf_steal(struct strbuf *buf)
{
	char *str;

	/* an empty text is allocated like any other */
	strbuf_append(buf, "", 0);
	if (buf->failed) {
		strbuf_free(buf);
		return NULL;
	}
	str = buf->data;
	*buf = (struct strbuf)STRBUF_INIT;
	return str;
}

void strbuf_reset(struct strbuf *buf)
{
	if (buf->data != NULL) {
		wipe_memory(buf->data, buf->len);
		buf->data[0] = '\0';
	}
	buf->len = 0;
	buf->failed = false;
}

void strbuf_free(struct strbuf *buf)
{
	strbuf_reset(buf);
	free(buf->data);
	*buf = (struct strbuf)STRBUF_INIT;
}
