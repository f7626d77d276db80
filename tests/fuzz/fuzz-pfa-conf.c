/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: both forms of the configuration. The first byte picks: 'n' and
 * all others the named form's file; 'd' the drop-in form, each line being a
 * key, a "=" and its value, as Dovecot's parser would hand them over. Whatever
 * passes the checks must be fit for the queries and rules made of it.
 */
#include "core/account.h"
#include "core/pfa-conf.h"
#include "core/schema.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was parsed must be fit for use. */
static void use(struct pfa_conf *conf)
{
	struct schema_queries queries;
	struct account_rules *rules;
	struct errbuf error;

	if (pfa_conf_check(conf, &error) < 0)
		return;
	if (conf->host_count == 0)
		abort();
	if (schema_build(conf, &queries, &error) == 0)
		schema_queries_free(&queries);
	if (account_rules_new(conf, &rules, &error) == 0)
		account_rules_free(&rules);
}

static void fuzz_named(struct pfa_conf *conf, const char *text, size_t len)
{
	struct errbuf error = { .text = "" };

	(void)pfa_conf_detect(text, len);
	if (pfa_conf_parse(conf, "f", text, len, &error) == 0) {
		use(conf);
		return;
	}
	if (error.text[0] == '\0')
		abort();
}

static void fuzz_dropin(struct pfa_conf *conf, char *text)
{
	struct errbuf error;
	char *line, *value;

	while ((line = strsep(&text, "\n")) != NULL) {
		value = strchr(line, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		error.text[0] = '\0';
		if (pfa_conf_set_dropin(conf, line, value, &error) < 0 &&
		    error.text[0] == '\0')
			abort();
	}
	use(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pfa_conf *conf;
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	conf = pfa_conf_new(*data == 'd' ? PFA_CONF_DROPIN : PFA_CONF_NAMED);
	if (text != NULL && conf != NULL && *data == 'd')
		fuzz_dropin(conf, text);
	else if (conf != NULL)
		fuzz_named(conf, (const char *)data + 1, size - 1);
	pfa_conf_free(&conf);
	free(text);
	return 0;
}
