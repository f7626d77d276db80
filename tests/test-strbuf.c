/* SPDX-License-Identifier: MIT */
/*
 * Growing strings and error texts. free() is led here (ld --wrap), to look for
 * secrets in what is given back; malloc(), too, to have no secrets in it
 * before.
 */
#include "core/errbuf.h"
#include "core/strbuf.h"
#include "unit.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "pa$$word"

void __real_free(void *data);
void *__wrap_malloc(size_t size);
void __wrap_free(void *data);

static unsigned int frees, secrets_freed;

static bool holds_secret(const void *data, size_t size)
{
	return memmem(data, size, SECRET, strlen(SECRET)) != NULL;
}

void *__wrap_malloc(size_t size)
{
	return calloc(1, size);
}

void __wrap_free(void *data)
{
	if (data != NULL) {
		frees++;
		if (holds_secret(data, malloc_usable_size(data)))
			secrets_freed++;
	}
	__real_free(data);
}

static void test_strbuf_is_empty_at_first(void)
{
	struct strbuf buf = STRBUF_INIT;
	char *str;

	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "");
	str = strbuf_steal(&buf);
	CU_ASSERT_PTR_NOT_NULL_FATAL(str);
	CU_ASSERT_STRING_EQUAL(str, "");
	free(str);
	strbuf_append_str(&buf, "");
	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "");
	strbuf_append(&buf, NULL, 0);
	CU_ASSERT_EQUAL(buf.len, 0);
	strbuf_free(&buf);
	strbuf_free(&buf);
}

static void test_strbuf_grows(void)
{
	struct strbuf buf = STRBUF_INIT;
	unsigned int i;

	/* each length once, around every size of the buffer */
	for (i = 0; i < 1000; i++) {
		CU_ASSERT_EQUAL(buf.len, i);
		CU_ASSERT_EQUAL(strlen(strbuf_str(&buf)), i);
		strbuf_append_c(&buf, (char)('a' + i % 26));
	}
	for (i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(strbuf_str(&buf)[i], (char)('a' + i % 26));
	strbuf_free(&buf);
}

static void test_strbuf_takes_nul_bytes(void)
{
	struct strbuf buf = STRBUF_INIT;

	strbuf_append(&buf, "a\0b", 3);
	strbuf_append_c(&buf, '\0');
	strbuf_append_str(&buf, "c");
	CU_ASSERT_EQUAL(buf.len, 5);
	CU_ASSERT_EQUAL(memcmp(strbuf_str(&buf), "a\0b\0c", 6), 0);
	strbuf_free(&buf);
}

static void test_strbuf_refuses_absurd_lengths(void)
{
	struct strbuf buf = STRBUF_INIT;

	strbuf_append_str(&buf, "kept");
	strbuf_append(&buf, "x", (size_t)-1);
	CU_ASSERT_TRUE(buf.failed);
	CU_ASSERT_PTR_NULL(strbuf_str(&buf));
	strbuf_append_str(&buf, "ignored");
	CU_ASSERT_EQUAL(buf.len, 4);
	CU_ASSERT_STRING_EQUAL(buf.data, "kept");
	CU_ASSERT_PTR_NULL(strbuf_steal(&buf));

	/* as good as new */
	strbuf_append(&buf, "x", (size_t)-3);
	CU_ASSERT_TRUE(buf.failed);
	strbuf_reset(&buf);
	strbuf_append_str(&buf, "again");
	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "again");
	strbuf_free(&buf);
}

static void test_strbuf_hands_over(void)
{
	struct strbuf buf = STRBUF_INIT;
	char *str;

	strbuf_append_str(&buf, "first");
	str = strbuf_steal(&buf);
	strbuf_append_str(&buf, "second");
	CU_ASSERT_STRING_EQUAL(str, "first");
	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "second");
	free(str);
	strbuf_free(&buf);
}

static void test_strbuf_reset_wipes_and_keeps_the_memory(void)
{
	struct strbuf buf = STRBUF_INIT;
	char *data;

	strbuf_append_str(&buf, SECRET SECRET);
	data = buf.data;
	CU_ASSERT_TRUE(holds_secret(data, buf.size));
	strbuf_reset(&buf);
	CU_ASSERT_FALSE(holds_secret(data, buf.size));
	CU_ASSERT_STRING_EQUAL(strbuf_str(&buf), "");
	CU_ASSERT_EQUAL(buf.len, 0);
	strbuf_append_str(&buf, "x");
	CU_ASSERT_PTR_EQUAL(buf.data, data);
	CU_ASSERT_STRING_EQUAL(data, "x");
	strbuf_free(&buf);
}

static void test_strbuf_never_frees_a_secret(void)
{
	struct strbuf buf = STRBUF_INIT;
	char *volatile trap;
	unsigned int i;
	char *str;

	frees = secrets_freed = 0;
	for (i = 0; i < 100; i++)
		strbuf_append_str(&buf, SECRET);
	/* it has grown a few times */
	CU_ASSERT_TRUE(frees > 2);
	CU_ASSERT_EQUAL(secrets_freed, 0);
	str = strbuf_steal(&buf);
	wipe_free_str(str);
	CU_ASSERT_EQUAL(secrets_freed, 0);
	strbuf_append_str(&buf, SECRET);
	strbuf_free(&buf);
	CU_ASSERT_EQUAL(secrets_freed, 0);
	wipe_free_str(NULL);

	/* the trap works; volatile, or the compiler drops the pair */
	trap = strdup(SECRET);
	free(trap);
	CU_ASSERT_EQUAL(secrets_freed, 1);
}

static void test_wipe_memory(void)
{
	char data[] = "xx" SECRET "xx";

	wipe_memory(data + 2, strlen(SECRET));
	CU_ASSERT_EQUAL(memcmp(data, "xx\0\0\0\0\0\0\0\0xx", sizeof(data)), 0);
	wipe_memory(NULL, 0);
}

static void test_errbuf_is_one_line(void)
{
	struct errbuf error;

	CU_ASSERT_EQUAL(errbuf_set(&error, "a %s\tb%c", "x\r\ny", 0x7f), -1);
	CU_ASSERT_STRING_EQUAL(error.text, "a x  y b ");
	CU_ASSERT_EQUAL(errbuf_set(&error, "%s", "\xc3\xa4"), -1);
	CU_ASSERT_STRING_EQUAL(error.text, "\xc3\xa4");
}

static void test_errbuf_cuts(void)
{
	struct errbuf error;

	CU_ASSERT_EQUAL(errbuf_set(&error, "%2000d", 1), -1);
	CU_ASSERT_EQUAL(strlen(error.text), sizeof(error.text) - 1);
}

static CU_TestInfo tests[] = {
	TEST(test_strbuf_is_empty_at_first),
	TEST(test_strbuf_grows),
	TEST(test_strbuf_takes_nul_bytes),
	TEST(test_strbuf_refuses_absurd_lengths),
	TEST(test_strbuf_hands_over),
	TEST(test_strbuf_reset_wipes_and_keeps_the_memory),
	TEST(test_strbuf_never_frees_a_secret),
	TEST(test_wipe_memory),
	TEST(test_errbuf_is_one_line),
	TEST(test_errbuf_cuts),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("strbuf", tests);
}
