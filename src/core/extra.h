/* SPDX-License-Identifier: MIT */
#ifndef PFA_EXTRA_H
#define PFA_EXTRA_H

#include "core/errbuf.h"
#include "core/pfa-conf.h"

#include <stddef.h>

/*
 * The columns that a configuration names itself: in templates, as
 * %{column:maildir}, and in the setting fields, as allow_nets=x_allow_nets.
 * One of the domain's row is written domain.x_backend_host.
 */
struct extra_column {
	/* "column:maildir", its name in the answer, where none of schema.h's
	   is like that */
	char *answer;
	const char *text;	/* as written */
	const char *name;	/* the column's, without the table */
	bool domain;
};

struct extra_field {
	char *name;		/* "allow_nets", "userdb_mail" */
	unsigned int column;	/* index */
};

struct extra {
	struct extra_column *columns;	/* each once */
	unsigned int column_count;
	struct extra_field *fields;	/* in the order written */
	unsigned int field_count;
};

/* Named form. Returns 0, or -1 with error filled in. */
int extra_new(const struct pfa_conf *conf, struct extra **extra_r,
	      struct errbuf *error);
/* NULL is fine. */
void extra_free(struct extra **extra);

#define EXTRA_PREFIX "column:"

/* The length of "column:TEXT" in "%{column:TEXT}" at var, which is where
   answer_r points to; 0: this is no such variable. */
size_t extra_column_var(const char *var, const char **answer_r);

#endif
