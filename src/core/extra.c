/* SPDX-License-Identifier: MIT */
/*
 * Columns that the administrator names, in templates and in the setting
 * fields. Only reads the configuration; schema.c asks for the columns,
 * account.c puts them where they are wanted.
 */
#include "core/extra.h"
#include "core/strbuf.h"
#include "core/template.h"

#include <stdlib.h>
#include <string.h>

#define VAR_START "%{" EXTRA_PREFIX
#define DOMAIN_PREFIX "domain."

/* What decides who it is and whether the password is right, is no column. */
static const char *const refused_fields[] = {
	"user", "username", "domain", "login_user", "password",
	"password_noscheme", "nopassword", "noauthenticate",
	"userdb_user",
};

size_t extra_column_var(const char *var, const char **answer_r)
{
	if (strncmp(var, VAR_START, strlen(VAR_START)) != 0)
		return 0;
	*answer_r = var + strlen("%{");
	return strcspn(*answer_r, "}");
}

static char *answer_name(const char *text, size_t len)
{
	struct strbuf name = STRBUF_INIT;

	strbuf_append_str(&name, EXTRA_PREFIX);
	strbuf_append(&name, text, len);
	return strbuf_steal(&name);
}

/* The column's index, added if need be; -1: out of memory. */
static int column_find(struct extra *extra, const char *text, size_t len)
{
	struct extra_column *columns, *column;

	for (unsigned int i = 0; i < extra->column_count; i++) {
		if (strncmp(extra->columns[i].text, text, len) == 0 &&
		    extra->columns[i].text[len] == '\0')
			return (int)i;
	}
	columns = realloc(extra->columns, (extra->column_count + 1) *
			  sizeof(*columns));
	if (columns == NULL)
		return -1;
	extra->columns = columns;
	column = &columns[extra->column_count];
	column->answer = answer_name(text, len);
	if (column->answer == NULL)
		return -1;
	column->text = column->answer + strlen(EXTRA_PREFIX);
	column->domain = strncmp(column->text, DOMAIN_PREFIX,
				 strlen(DOMAIN_PREFIX)) == 0;
	column->name = column->text +
		(column->domain ? strlen(DOMAIN_PREFIX) : 0);
	return (int)extra->column_count++;
}

static int column_add(struct extra *extra, const struct pfa_conf *conf,
		      const char *text, size_t len, struct errbuf *error)
{
	const int index = column_find(extra, text, len);

	if (index < 0)
		return errbuf_set(error, "out of memory");
	if (*extra->columns[index].name == '\0') {
		return errbuf_set(error, "the name of a column is missing: "
				  "write one, as in %%{column:maildir}");
	}
	if (extra->columns[index].domain &&
	    conf->schema == PFA_SCHEMA_USERS) {
		return errbuf_set(error, "%.80s: schema = users has no table "
				  "of domains: name a column of users_table",
				  extra->columns[index].text);
	}
	return index;
}

static int scan_template(struct extra *extra, const struct pfa_conf *conf,
			 const char *template, struct errbuf *error)
{
	const char *answer, *p = template;
	size_t len;

	while (p != NULL && (p = strchr(p, '%')) != NULL) {
		len = extra_column_var(p, &answer);
		if (len > 0 && column_add(extra, conf,
					  answer + strlen(EXTRA_PREFIX),
					  len - strlen(EXTRA_PREFIX),
					  error) < 0)
			return -1;
		p += template_var_span(p);
	}
	return 0;
}

static int scan_templates(struct extra *extra, const struct pfa_conf *conf,
			  struct errbuf *error)
{
	const struct {
		const char *setting, *template;
	} templates[] = {
		{ "home", conf->home }, { "mail", conf->mail },
		{ "uid", conf->uid }, { "gid", conf->gid },
	};

	for (size_t i = 0; i < sizeof(templates) / sizeof(*templates); i++) {
		if (scan_template(extra, conf, templates[i].template,
				  error) < 0) {
			error->setting = templates[i].setting;
			return -1;
		}
	}
	return 0;
}

static int check_field(const char *name, size_t len, struct errbuf *error)
{
	for (size_t i = 0; i < sizeof(refused_fields) /
			       sizeof(*refused_fields); i++) {
		if (strncmp(name, refused_fields[i], len) == 0 &&
		    refused_fields[i][len] == '\0') {
			return errbuf_set(error, "%s is no field that a column "
					  "may set: leave it out",
					  refused_fields[i]);
		}
	}
	return 0;
}

static int field_add(struct extra *extra, const struct pfa_conf *conf,
		     const char *word, size_t len, struct errbuf *error)
{
	const char *equals = memchr(word, '=', len);
	struct extra_field *fields;
	size_t name_len;
	int column;

	if (equals == NULL || equals == word || equals + 1 == word + len) {
		return errbuf_set(error, "\"%.*s\" is no field = column: write "
				  "one such as allow_nets=x_allow_nets",
				  len > 80 ? 80 : (int)len, word);
	}
	name_len = (size_t)(equals - word);
	if (check_field(word, name_len, error) < 0)
		return -1;
	column = column_add(extra, conf, equals + 1, len - name_len - 1,
			    error);
	if (column < 0)
		return -1;
	fields = realloc(extra->fields, (extra->field_count + 1) *
			 sizeof(*fields));
	if (fields == NULL)
		return errbuf_set(error, "out of memory");
	extra->fields = fields;
	fields[extra->field_count].column = (unsigned int)column;
	fields[extra->field_count].name = strndup(word, name_len);
	if (fields[extra->field_count].name == NULL)
		return errbuf_set(error, "out of memory");
	extra->field_count++;
	return 0;
}

static int scan_fields(struct extra *extra, const struct pfa_conf *conf,
		       struct errbuf *error)
{
	const char *p = conf->fields == NULL ? "" : conf->fields;
	size_t len;

	for (;; p += len) {
		p += strspn(p, " \t");
		len = strcspn(p, " \t");
		if (len == 0)
			return 0;
		if (field_add(extra, conf, p, len, error) < 0) {
			error->setting = "fields";
			return -1;
		}
	}
}

int extra_new(const struct pfa_conf *conf, struct extra **extra_r,
	      struct errbuf *error)
{
	struct extra *extra = calloc(1, sizeof(*extra));

	*extra_r = NULL;
	if (extra == NULL)
		return errbuf_set(error, "out of memory");
	if (scan_templates(extra, conf, error) < 0 ||
	    scan_fields(extra, conf, error) < 0) {
		extra_free(&extra);
		return -1;
	}
	*extra_r = extra;
	return 0;
}

void extra_free(struct extra **_extra)
{
	struct extra *extra = *_extra;

	if (extra == NULL)
		return;
	*_extra = NULL;
	for (unsigned int i = 0; i < extra->column_count; i++)
		free(extra->columns[i].answer);
	for (unsigned int i = 0; i < extra->field_count; i++)
		free(extra->fields[i].name);
	free(extra->columns);
	free(extra->fields);
	free(extra);
}
