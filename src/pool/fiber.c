/* SPDX-License-Identifier: MIT */
/*
 * Stacks, and the switching between them, which is the C library's. The
 * sanitizers keep books of stacks, and have to be told.
 */
#include "pool/fiber.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#  include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#  include <sanitizer/tsan_interface.h>
#endif

/* OpenSSL runs on it. Of the address space, only what is used of it becomes
   memory. */
#define STACK_SIZE (256 * 1024)

/* One side of a switch, while the other one runs. */
struct side {
	ucontext_t context;
#ifdef __SANITIZE_ADDRESS__
	void *fake_stack;
	const void *stack;
	size_t stack_size;
#endif
#ifdef __SANITIZE_THREAD__
	void *thread;
#endif
};

struct fiber {
	struct side own, caller;
	/* a page that nobody may touch, and the stack */
	char *memory;
	size_t guard_size;
	void (*run)(void *context);
	void *context;
	bool under_way;
};

/* the one that runs */
static __thread struct fiber *current;

static void switch_sides(struct side *from, struct side *to)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack,
				       to->stack_size);
#endif
#ifdef __SANITIZE_THREAD__
	from->thread = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->thread, 0);
#endif
	if (swapcontext(&from->context, &to->context) < 0)
		abort();	/* it has no reason to fail */
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(from->fake_stack, &to->stack,
					&to->stack_size);
#endif
}

/* The bottom of the stack: runs one function after the other. */
static void fiber_main(void)
{
	struct fiber *fiber = current;

#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(NULL, &fiber->caller.stack,
					&fiber->caller.stack_size);
#endif
	for (;;) {
		fiber->run(fiber->context);
		fiber->under_way = false;
		switch_sides(&fiber->own, &fiber->caller);
	}
}

static void fiber_init_side(struct fiber *fiber)
{
	struct side *own = &fiber->own;
	char *stack = fiber->memory + fiber->guard_size;

	if (getcontext(&own->context) < 0)
		abort();	/* as above */
	own->context.uc_stack.ss_sp = stack;
	own->context.uc_stack.ss_size = STACK_SIZE;
	own->context.uc_link = NULL;
	makecontext(&own->context, fiber_main, 0);
#ifdef __SANITIZE_ADDRESS__
	own->stack = stack;
	own->stack_size = STACK_SIZE;
#endif
#ifdef __SANITIZE_THREAD__
	own->thread = __tsan_create_fiber(0);
#endif
}

struct fiber *fiber_new(void)
{
	struct fiber *fiber = calloc(1, sizeof(*fiber));

	if (fiber == NULL)
		return NULL;
	fiber->guard_size = (size_t)sysconf(_SC_PAGESIZE);
	fiber->memory = mmap(NULL, fiber->guard_size + STACK_SIZE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (fiber->memory == MAP_FAILED) {
		free(fiber);
		return NULL;
	}
	if (mprotect(fiber->memory + fiber->guard_size, STACK_SIZE,
		     PROT_READ | PROT_WRITE) < 0) {
		munmap(fiber->memory, fiber->guard_size + STACK_SIZE);
		free(fiber);
		return NULL;
	}
	fiber_init_side(fiber);
	return fiber;
}

void fiber_free(struct fiber **_fiber)
{
	struct fiber *fiber = *_fiber;

	if (fiber == NULL)
		return;
	*_fiber = NULL;
#ifdef __SANITIZE_THREAD__
	__tsan_destroy_fiber(fiber->own.thread);
#endif
	munmap(fiber->memory, fiber->guard_size + STACK_SIZE);
	free(fiber);
}

bool fiber_go_on(struct fiber *fiber)
{
	current = fiber;
	switch_sides(&fiber->caller, &fiber->own);
	current = NULL;
	return fiber->under_way;
}

bool fiber_start(struct fiber *fiber, void (*run)(void *context),
		 void *context)
{
	fiber->run = run;
	fiber->context = context;
	fiber->under_way = true;
	return fiber_go_on(fiber);
}

bool fiber_here(void)
{
	return current != NULL;
}

void fiber_stop(void)
{
	struct fiber *fiber = current;

	switch_sides(&fiber->own, &fiber->caller);
}
