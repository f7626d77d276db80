/* SPDX-License-Identifier: MIT */
/*
 * How the scheduler should treat threads that do nothing but compute. Called
 * by verify.c through jobs.h.
 */
#include "verify/hash-thread.h"

#ifdef __linux__
#  include <sched.h>
#  include <stdint.h>
#  include <sys/syscall.h>
#  include <unistd.h>

/* The longest that the scheduler grants. */
#define SLICE_NS (100 * 1000 * 1000)
/* Behind those who have less to do: a tenth of a core is left for a hash where
   all of it is wanted by others, and all of it where not. */
#define NICER 10
#define NICEST 19

/* Of the kernel's struct sched_attr, the first version, which all kernels
   accept; the header that has it defines what <sched.h> does, too. */
struct slice_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	/* of a normal thread: its slice (Linux 6.12, "sched/eevdf: Allow
	   sched_setattr() to set a custom slice"); ignored before that */
	uint64_t runtime;
	uint64_t deadline, period;
};

void hash_thread_start(void)
{
	struct slice_attr attr = { .size = sizeof(attr) };

	/* any other policy stays as it is */
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.runtime = SLICE_NS;
	attr.nice = attr.nice + NICER < NICEST ? attr.nice + NICER : NICEST;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
#else
void hash_thread_start(void)
{
}
#endif
