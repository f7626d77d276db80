/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: an encrypt setting, a newline, and a stored password. Whatever
 * comes out is "{SCHEME}" and the end of what was stored, and is only clear
 * text if encrypt says so or the row itself does.
 */
#include "core/scheme.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_result(const char *result, const char *stored,
			 const struct scheme_hint *hint)
{
	const char *end = strchr(result, '}');
	const size_t stored_len = strlen(stored);
	size_t len;

	if (*result != '{' || end == NULL)
		abort();
	len = strlen(end + 1);
	if (len > stored_len ||
	    strcmp(stored + stored_len - len, end + 1) != 0)
		abort();
	if (strncmp(result, "{PLAIN}", 7) == 0 &&
	    strncmp(stored, "{PLAIN}", 7) != 0 &&
	    (hint->bare == NULL || strcmp(hint->bare, "PLAIN") != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *encrypt = strndup((const char *)data, size);
	struct scheme_hint hint = { NULL, NULL };
	struct strbuf out = STRBUF_INIT;
	struct errbuf error;
	char *stored;

	if (encrypt == NULL)
		return 0;
	stored = strchr(encrypt, '\n');
	if (stored != NULL) {
		*stored++ = '\0';
		if (*encrypt == '\0' ||
		    scheme_hint_parse(encrypt, &hint, &error) == 0) {
			if (scheme_normalize(stored, &hint, &out) == NULL)
				check_result(strbuf_str(&out), stored, &hint);
			else if (out.len != 0)
				abort();
		}
	}
	strbuf_free(&out);
	free(encrypt);
	return 0;
}
