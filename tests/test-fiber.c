/* SPDX-License-Identifier: MIT */
/*
 * Functions that stop in the middle, several of them on one thread and on
 * several threads.
 */
#include "pool/fiber.h"
#include "unit.h"

#include <pthread.h>
#include <string.h>

#define FIBERS 3
#define STOPS 100
/* OpenSSL's stack is a small part of that. */
#define DEEP (128 * 1024)

struct counter {
	struct fiber *fiber;
	unsigned int stops, count;
	bool was_here;
};

/* Stops so many times, its state being on its stack. */
static void count_stops(void *context)
{
	struct counter *counter = context;
	unsigned int i;

	for (i = 0; i < counter->stops; i++) {
		counter->was_here = fiber_here();
		fiber_stop();
		counter->count = i + 1;
	}
}

static void test_fiber_runs_to_its_end(void)
{
	struct counter counter = { .fiber = fiber_new() };

	CU_ASSERT_PTR_NOT_NULL_FATAL(counter.fiber);
	CU_ASSERT_FALSE(fiber_start(counter.fiber, count_stops, &counter));
	CU_ASSERT_EQUAL(counter.count, 0);
	fiber_free(&counter.fiber);
	CU_ASSERT_PTR_NULL(counter.fiber);
	fiber_free(&counter.fiber);
}

static void test_fiber_goes_on_where_it_stopped(void)
{
	struct counter counter = { .fiber = fiber_new(), .stops = 2 };

	CU_ASSERT_TRUE(fiber_start(counter.fiber, count_stops, &counter));
	CU_ASSERT_TRUE(counter.was_here);
	CU_ASSERT_FALSE(fiber_here());
	CU_ASSERT_EQUAL(counter.count, 0);
	CU_ASSERT_TRUE(fiber_go_on(counter.fiber));
	CU_ASSERT_EQUAL(counter.count, 1);
	CU_ASSERT_FALSE(fiber_go_on(counter.fiber));
	CU_ASSERT_EQUAL(counter.count, 2);

	/* and once more from the start */
	counter.stops = 1;
	CU_ASSERT_TRUE(fiber_start(counter.fiber, count_stops, &counter));
	CU_ASSERT_FALSE(fiber_go_on(counter.fiber));
	CU_ASSERT_EQUAL(counter.count, 1);
	fiber_free(&counter.fiber);
}

/* In turn; each one keeps its own place. */
static void count_together(struct counter *counters)
{
	unsigned int i, round;

	for (i = 0; i < FIBERS; i++) {
		counters[i].stops = STOPS;
		(void)fiber_start(counters[i].fiber, count_stops,
				  &counters[i]);
	}
	for (round = 1; round <= STOPS; round++) {
		for (i = 0; i < FIBERS; i++)
			(void)fiber_go_on(counters[i].fiber);
	}
}

static void *count_on_thread(void *context)
{
	struct counter *counters = context;
	unsigned int i;

	for (i = 0; i < FIBERS; i++)
		counters[i].fiber = fiber_new();
	count_together(counters);
	for (i = 0; i < FIBERS; i++)
		fiber_free(&counters[i].fiber);
	return NULL;
}

static void test_fiber_many_on_each_thread(void)
{
	struct counter here[FIBERS] = { 0 }, there[FIBERS] = { 0 };
	pthread_t thread;
	unsigned int i;

	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, count_on_thread,
					     there), 0);
	(void)count_on_thread(here);
	(void)pthread_join(thread, NULL);
	for (i = 0; i < FIBERS; i++) {
		CU_ASSERT_EQUAL(here[i].count, STOPS);
		CU_ASSERT_EQUAL(there[i].count, STOPS);
	}
}

static void use_stack(void *context)
{
	char deep[DEEP];

	memset(deep, *(char *)context, sizeof(deep));
	fiber_stop();
	*(char *)context = deep[sizeof(deep) - 1] + deep[0];
}

static void test_fiber_has_room(void)
{
	struct fiber *fiber = fiber_new();
	char value = 21;

	CU_ASSERT_TRUE(fiber_start(fiber, use_stack, &value));
	CU_ASSERT_FALSE(fiber_go_on(fiber));
	CU_ASSERT_EQUAL(value, 42);
	fiber_free(&fiber);
}

static CU_TestInfo tests[] = {
	TEST(test_fiber_runs_to_its_end),
	TEST(test_fiber_goes_on_where_it_stopped),
	TEST(test_fiber_many_on_each_thread),
	TEST(test_fiber_has_room),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	return unit_run("fiber", tests);
}
