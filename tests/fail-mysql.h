/* SPDX-License-Identifier: MIT */
#ifndef FAIL_MYSQL_H
#define FAIL_MYSQL_H

#include <stdbool.h>

/*
 * Lets the nth call of the MySQL client library from now on fail, counted from
 * 1, and no other: it is not made, and its caller gets what the library gives
 * in that case. A program that uses it is linked with fail_mysql_ldflags of
 * Makefile.am.
 */
void fail_mysql_arm(unsigned int nth);
/* Returns the name of the function that failed; NULL if there were not that
   many calls. */
const char *fail_mysql_disarm(void);

#endif
