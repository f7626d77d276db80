/* SPDX-License-Identifier: MIT */
/*
 * Where values put into paths may lead: nowhere but where the template says.
 * PostfixAdmin allows slashes and dots before the @, so a name may be "../x",
 * or "." and thereby its whole domain. Two names for one directory, by "a/./b"
 * or "a//b", are no better. A colon would go on in the mail location. Called
 * by account.c.
 */
#include "core/path.h"

#include <string.h>

static void shape_component(struct path_shape *shape, const char *start,
			    size_t len)
{
	if (len == 0)
		shape->empty++;
	else if (len == 1 && *start == '.')
		shape->dot++;
	else if (len == 2 && start[0] == '.' && start[1] == '.')
		shape->dotdot++;
}

static struct path_shape path_shape(const char *path, const char *separators)
{
	struct path_shape shape = { 0, 0, 0, 0 };
	size_t len;

	for (;;) {
		len = strcspn(path, separators);
		shape_component(&shape, path, len);
		path += len;
		if (*path == '\0')
			return shape;
		shape.colons += *path++ != '/';
	}
}

int path_template_shape(const struct template *tmpl, const char *separators,
			struct path_shape *shape_r)
{
	const char *p = template_text(tmpl), *path;
	struct strbuf text = STRBUF_INIT;

	while (*p != '\0') {
		strbuf_append_c(&text, *p == '%' ? 'x' : *p);
		p += *p == '%' ? template_var_span(p) : 1;
	}
	path = strbuf_str(&text);
	if (path != NULL)
		*shape_r = path_shape(path, separators);
	strbuf_free(&text);
	return path != NULL ? 0 : -1;
}

bool path_follows(const struct path_shape *wanted, const char *path,
		  const char *separators)
{
	const struct path_shape shape = path_shape(path, separators);

	return shape.empty <= wanted->empty && shape.dot <= wanted->dot &&
		shape.dotdot <= wanted->dotdot &&
		shape.colons <= wanted->colons;
}

static const char *path_refused(const char *path)
{
	size_t len;

	if (*path == '\0')
		return "it is empty";
	if (*path == '/')
		return "it begins with a slash";
	for (; *path != '\0'; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return "it has a .. in it";
	}
	return NULL;
}

const char *path_append_clean(struct strbuf *out, const char *path)
{
	const char *reason = path_refused(path), *slash = "";
	const size_t before = out->len;
	size_t len;

	if (reason != NULL)
		return reason;
	for (; *path != '\0'; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0 || (len == 1 && *path == '.'))
			continue;
		strbuf_append_str(out, slash);
		strbuf_append(out, path, len);
		slash = "/";
	}
	return out->len > before || out->failed ? NULL :
		"it names no directory";
}
