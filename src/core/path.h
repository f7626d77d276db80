/* SPDX-License-Identifier: MIT */
#ifndef PFA_PATH_H
#define PFA_PATH_H

#include "core/strbuf.h"
#include "core/template.h"

#include <stdbool.h>

/*
 * Paths of templates into which values are put, and values that are paths
 * themselves. separators are the bytes that end a component: "/" or, for mail
 * locations, "/:".
 */

/* What a path is made of, as far as a value put into it may not change it. */
struct path_shape {
	unsigned int empty, dot, dotdot;
	/* separators that are no slashes */
	unsigned int colons;
};

/* The shape of what the template gives, taking each variable for something
   harmless. -1: out of memory. */
int path_template_shape(const struct template *tmpl, const char *separators,
			struct path_shape *shape_r);

/* Whether the path has that shape: its values lead nowhere else. */
bool path_follows(const struct path_shape *wanted, const char *path,
		  const char *separators);

/*
 * Appends a relative path from a column without its "." components and without
 * slashes at its end. Returns NULL, or why it cannot be used, with out
 * unchanged: it is empty, absolute, or has a ".." component.
 */
const char *path_append_clean(struct strbuf *out, const char *path);

#endif
