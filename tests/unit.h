/* SPDX-License-Identifier: MIT */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/Basic.h>

#include <stdbool.h>

/*
 * What every unit test program needs around CUnit: tables whose rows have
 * names, and a main() whose exit status tells.
 */
#define N_ROWS(table) (sizeof(table) / sizeof((table)[0]))
#define TEST(function) { #function, function }

/* Like CU_ASSERT, naming the row of a table in the report. */
#define UNIT_ASSERT_ROW(name, condition) \
	unit_assert_row(condition, __LINE__, name, #condition, __FILE__)

void unit_assert_row(bool ok, unsigned int line, const char *name,
		     const char *condition, const char *file);

/* Runs the tests and returns the exit status of main(). */
int unit_run(const char *suite, CU_TestInfo *tests);

#endif
