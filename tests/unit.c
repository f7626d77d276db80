/* SPDX-License-Identifier: MIT */
/*
 * Registers and runs the one suite of a test program.
 */
#include "unit.h"

#include <stdio.h>

void unit_assert_row(bool ok, unsigned int line, const char *name,
		     const char *condition, const char *file)
{
	char text[512];

	snprintf(text, sizeof(text), "row \"%s\": %s", name, condition);
	CU_assertImplementation(ok, line, text, file, "", CU_FALSE);
}

int unit_run(const char *suite, CU_TestInfo *tests)
{
	CU_SuiteInfo suites[] = {
		{ .pName = suite, .pTests = tests },
		CU_SUITE_INFO_NULL,
	};
	unsigned int failures;

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    CU_register_suites(suites) != CUE_SUCCESS)
		return 2;
	CU_basic_set_mode(CU_BRM_NORMAL);
	CU_basic_run_tests();
	failures = CU_get_number_of_failures();
	CU_cleanup_registry();
	return failures > 0 ? 1 : 0;
}
