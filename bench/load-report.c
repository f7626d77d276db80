/* SPDX-License-Identifier: MIT */
/*
 * Percentiles are the values of real requests (nearest rank), not estimates.
 */
#include "load-report.h"

#include <err.h>
#include <stdlib.h>

static bool measured(const struct load_result *result, uint64_t when)
{
	return when >= result->measure_from && when < result->measure_to;
}

static int compare(const void *a, const void *b)
{
	const uint64_t left = *(const uint64_t *)a;
	const uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

/* Nanoseconds of those requests of the class that count, in order. */
static size_t latencies(const struct load_result *result,
			unsigned int class_index, uint64_t *list)
{
	const struct load_request *request = result->requests;
	const struct load_request *end = request + result->count;
	size_t count = 0;

	for (; request < end; request++) {
		if (request->account->class_index == class_index &&
		    measured(result, request->start))
			list[count++] = request->end - request->start;
	}
	qsort(list, count, sizeof(*list), compare);
	return count;
}

static double per_second(const struct load_result *result,
			 unsigned int class_index)
{
	const struct load_request *request = result->requests;
	const struct load_request *end = request + result->count;
	size_t count = 0;

	for (; request < end; request++)
		count += request->account->class_index == class_index &&
			measured(result, request->end);
	return (double)count * 1e9 /
		(double)(result->measure_to - result->measure_from);
}

/* The least value that so many per cent do not exceed, in microseconds. */
static double percentile(const uint64_t *list, size_t count,
			 unsigned int percent)
{
	const size_t rank = (count * percent + 99) / 100;

	return (double)list[rank - 1] / 1e3;
}

static void report_class(const struct load_result *result,
			 unsigned int class_index, uint64_t *list, FILE *out)
{
	const char *name = result->accounts->classes[class_index].name;
	const size_t count = latencies(result, class_index, list);

	if (count == 0)
		errx(1, "no request of class %s in the time measured", name);
	fprintf(out, "\"%s\": {\"count\": %zu, \"per_second\": %.1f, "
		"\"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}", name,
		count, per_second(result, class_index),
		percentile(list, count, 50), percentile(list, count, 99),
		percentile(list, count, 100));
}

void load_report(const struct load_result *result, FILE *out)
{
	uint64_t *list = malloc(result->count * sizeof(*list));
	unsigned int i;

	if (list == NULL)
		err(1, "report");
	fprintf(out, "{\"requests\": %zu, \"wrong\": %zu, \"temp_fail\": %zu, "
		"\"classes\": {", result->count, result->wrong,
		result->temp_fail);
	for (i = 0; i < result->accounts->class_count; i++) {
		if (i > 0)
			fputs(", ", out);
		report_class(result, i, list, out);
	}
	fputs("}}\n", out);
	free(list);
}
