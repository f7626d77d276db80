/* SPDX-License-Identifier: MIT */
/*
 * Allocation functions that fail on request. Knows nothing of what is tested.
 */
#include "fail-malloc.h"

#include <stddef.h>

/* names and prototypes are those of ld --wrap */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
char *__real_strdup(const char *str);
char *__real_strndup(const char *str, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);
char *__wrap_strdup(const char *str);
char *__wrap_strndup(const char *str, size_t len);

static unsigned int countdown;
static bool armed, reached;

void fail_malloc_arm(unsigned int nth)
{
	countdown = nth;
	armed = true;
	reached = false;
}

bool fail_malloc_disarm(void)
{
	armed = false;
	return reached;
}

static bool fails_now(void)
{
	if (!armed || countdown == 0 || --countdown > 0)
		return false;
	reached = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *data, size_t size)
{
	return fails_now() ? NULL : __real_realloc(data, size);
}

char *__wrap_strdup(const char *str)
{
	return fails_now() ? NULL : __real_strdup(str);
}

char *__wrap_strndup(const char *str, size_t len)
{
	return fails_now() ? NULL : __real_strndup(str, len);
}
