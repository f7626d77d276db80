/* SPDX-License-Identifier: MIT */
#ifndef FAIL_MALLOC_H
#define FAIL_MALLOC_H

#include <stdbool.h>

/*
 * Lets the nth allocation from now on fail, counted from 1, and no other. A
 * program that uses it is linked with FAIL_MALLOC_LDFLAGS of Makefile.am,
 * which lead malloc(), calloc(), realloc(), strdup() and strndup() of the
 * linked objects, but not of shared libraries, here.
 */
void fail_malloc_arm(unsigned int nth);
/* Returns whether the allocation was reached, hence failed. */
bool fail_malloc_disarm(void);

#endif
