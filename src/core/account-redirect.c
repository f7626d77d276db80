/* SPDX-License-Identifier: MIT */
/*
 * Alias domains and aliases as names to log in with. Decides on the rows alone;
 * whether the address has a mailbox is found out by looking it up like any
 * other. Called by src/lookup.c.
 */
#include "core/account-redirect.h"
#include "core/account-rule.h"
#include "core/schema.h"

#include <string.h>
#include <strings.h>

static const char *value(const struct account_row *row,
			 enum schema_redirect column)
{
	return account_row_value(row, schema_redirect_names[column]);
}

/* The value of one column in the row whose other column has the name; NULL if
   there is none. Collations take other names for equal. */
static const char *find(const struct account_row *rows,
			unsigned int row_count, enum schema_redirect name,
			const char *wanted, enum schema_redirect column)
{
	const char *found;

	for (unsigned int i = 0; i < row_count; i++) {
		found = value(&rows[i], name);
		if (found != NULL && strcasecmp(found, wanted) == 0)
			return value(&rows[i], column);
	}
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* PostfixAdmin writes a comma between addresses. */
static const char *append_only_address(struct strbuf *target,
				       const char *addresses)
{
	size_t len;

	while (is_blank(*addresses))
		addresses++;
	len = strlen(addresses);
	while (len > 0 && is_blank(addresses[len - 1]))
		len--;
	if (memchr(addresses, ',', len) != NULL)
		return "it is an alias of several addresses";
	strbuf_append(target, addresses, len);
	return NULL;
}

bool account_redirect(const struct account_row *rows, unsigned int row_count,
		      const char *user, struct strbuf *target,
		      const char **reason_r)
{
	const char *const domain = strchr(user, '@') + 1;
	const char *to;

	*reason_r = NULL;
	/* first the address itself, as with Postfix */
	to = find(rows, row_count, SCHEMA_REDIRECT_ADDRESS, user,
		  SCHEMA_REDIRECT_GOTO);
	if (to != NULL) {
		*reason_r = append_only_address(target, to);
		return *reason_r == NULL;
	}
	to = find(rows, row_count, SCHEMA_REDIRECT_ALIAS_DOMAIN, domain,
		  SCHEMA_REDIRECT_TARGET_DOMAIN);
	if (to == NULL)
		return false;
	strbuf_append(target, user, (size_t)(domain - user));
	strbuf_append_str(target, to);
	return true;
}
