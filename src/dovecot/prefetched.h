/* SPDX-License-Identifier: MIT */
#ifndef PREFETCHED_H
#define PREFETCHED_H

#include "core/account.h"

/*
 * One row for each login: in the named form the passdb's row tells all that the
 * userdb is asked next, for the same request (master's REQUEST). It is kept
 * until then, so that this takes no second query, also without "userdb {
 * driver = prefetch }". In the drop-in form the two queries are the
 * administrator's, and may differ.
 */
struct auth_request;
struct authdb_engine;

/* The passdb has an account; copied as far as the userdb may need it. */
void prefetched_keep(struct auth_request *request,
		     const struct authdb_engine *engine,
		     const struct account *account);
/* What the userdb would find for the request's user; NULL: not known, as with a
   request without a login, or one for another user than the passdb's. It lives
   as long as the request. */
const struct account *prefetched_find(const struct auth_request *request,
				      const struct authdb_engine *engine);

#endif
