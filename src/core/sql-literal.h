/* SPDX-License-Identifier: MIT */
#ifndef PFA_SQL_LITERAL_H
#define PFA_SQL_LITERAL_H

#include "core/sql-source.h"
#include "core/strbuf.h"

#include <stdbool.h>

/*
 * Adjacent string literals, which MySQL joins into one value. Only for
 * sql-template.c, which keeps or binds them.
 */
struct sql_literals {
	const char *start;
	struct strbuf kept;	/* as the server shall read them */
	struct strbuf content;	/* what they stand for, in template syntax */
	const char *nul;	/* a \0, where the content would end early */
	bool variables;
};

/* Reads them from src->p on, up to the last one's end. Returns 0, or -1 with
   error filled in. To be freed in both cases. */
int sql_literals_scan(struct sql_source *src, struct sql_literals *lits_r);
void sql_literals_free(struct sql_literals *lits);

#endif
