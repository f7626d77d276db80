/* SPDX-License-Identifier: MIT */
#ifndef PFA_ACCOUNT_RULE_H
#define PFA_ACCOUNT_RULE_H

#include "core/account.h"
#include "core/pfa-conf.h"

#include <stdbool.h>

/*
 * Who may not log in, and why: the rules of the named form about the row of an
 * account, its password aside. Only for account.c.
 */
struct account_refusal {
	const char *code;	/* one word, for events */
	const char *text;	/* for the log */
	enum account_verdict verdict;
};

/* NULL if whoever asks may have the row. */
const struct account_refusal *
account_rule_check(const struct pfa_conf *conf, enum account_kind kind,
		   const struct account_row *row,
		   const struct account_request *request);

/* The value of a column of the answer; NULL: SQL's, or there is none. */
const char *account_row_value(const struct account_row *row, const char *name);

#endif
