/* SPDX-License-Identifier: MIT */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

/*
 * What came of the requests: latencies and rates of each class, as one line of
 * JSON.
 */
#include "load-accounts.h"

#include <stdint.h>
#include <stdio.h>

struct load_request {
	const struct load_account *account;
	uint64_t start, end;		/* ns; start as it was intended */
	bool going_on;			/* the first reply was not the last */
};

struct load_result {
	const struct load_accounts *accounts;
	const struct load_request *requests;
	size_t count;			/* all of them were answered */
	size_t wrong, temp_fail;	/* not as they should have been */
	/* What counts: requests that start, and for rates, that end from the
	   one time up to the other. */
	uint64_t measure_from, measure_to;
};

void load_report(const struct load_result *result, FILE *out);

#endif
