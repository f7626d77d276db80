/* SPDX-License-Identifier: MIT */
#ifndef PFA_ACCOUNT_REDIRECT_H
#define PFA_ACCOUNT_REDIRECT_H

#include "core/account.h"
#include "core/strbuf.h"

/*
 * Whose mailbox a name is that has none: that of the same name in the target
 * of an alias domain, or the one that an alias points at. One hop, never two.
 * rows are those of schema_queries.redirect for the name.
 *
 * Returns whether there is such an address, in target; if not, reason_r is why,
 * for the log, or NULL if there is no more to say than that.
 */
bool account_redirect(const struct account_row *rows, unsigned int row_count,
		      const char *user, struct strbuf *target,
		      const char **reason_r);

#endif
