/* SPDX-License-Identifier: MIT */
/*
 * The fields of an account for Dovecot 2.4, which has other names for the mail
 * location and the quota, and lets the administrator make fields of the
 * columns. In the forms with queries, a column is a field as it is.
 */
#include "dovecot/authdb-compat.h"
#include "dovecot/authdb-engine.h"

#include "auth-fields.h"
#include "safe-memset.h"
#include "settings.h"
#include "auth-settings.h"

#define USERDB_PREFIX "userdb_"
#define QUOTA_RULE "*:bytes="

struct fields_24 {
	struct auth_request *request;
	/* for passdb_fields { x = %{postfixadmin:column} } */
	struct auth_fields *columns;
	void (*set)(struct fields_24 *fields, const char *name,
		    const char *value);
	const char *default_scheme;
	bool import;
};

/* What follows the path of a mail location (2.3, src/lib-storage/
   mailbox-list.c), and its setting now. */
static const struct {
	const char *key;
	const char *setting;
} location_keys[] = {
	{ "INBOX", "mail_inbox_path" },
	{ "INDEX", "mail_index_path" },
	{ "INDEXPVT", "mail_index_private_path" },
	{ "INDEXCACHE", "mail_cache_path" },
	{ "CONTROL", "mail_control_path" },
	{ "ALT", "mail_alt_path" },
	{ "VOLATILEDIR", "mail_volatile_path" },
	{ "LAYOUT", "mailbox_list_layout" },
	{ "SUBSCRIPTIONS", "mailbox_subscriptions_filename" },
	{ "DIRNAME", "mailbox_directory_name" },
	{ "MAILBOXDIR", "mailbox_root_directory_name" },
	{ "LISTINDEX", "mailbox_list_index_prefix" },
};

static void fields_add(struct fields_24 *fields, const char *prefix,
		       const char *name, const char *value)
{
	name = t_strconcat(prefix, name, NULL);
	/* core would make "yes" of NULL */
	if (value != NULL)
		auth_fields_add(fields->columns, name, value, 0);
	if (fields->import)
		fields->set(fields, name, value);
}

static void fields_add_location(struct fields_24 *fields, const char *prefix,
				const char *key, const char *value)
{
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(location_keys); i++) {
		if (strcmp(location_keys[i].key, key) == 0) {
			fields_add(fields, prefix, location_keys[i].setting,
				   value);
			return;
		}
	}
	e_error(authdb_event(fields->request), "mail: there is no setting of "
		"Dovecot 2.4 for %s: set what it stands for in Dovecot's "
		"configuration", key);
}

/* "maildir:~/Maildir:INDEX=/var/index" */
static void fields_add_mail(struct fields_24 *fields, const char *prefix,
			    const char *location)
{
	const char *const *parts = t_strsplit(location, ":");
	const char *value;

	if (*parts[0] != '/' && *parts[0] != '~' && parts[1] != NULL)
		fields_add(fields, prefix, "mail_driver", *parts++);
	fields_add(fields, prefix, "mail_path", *parts++);
	for (; *parts != NULL; parts++) {
		value = strchr(*parts, '=');
		fields_add_location(fields, prefix,
				    value == NULL ? *parts :
				    t_strdup_until(*parts, value),
				    value == NULL ? "" : value + 1);
	}
}

/* A field of the named form, by the name it has in 2.3. */
static void fields_add_named(struct fields_24 *fields, const char *name,
			     const char *value)
{
	const char *prefix = "", *field = name;

	if (strncmp(name, USERDB_PREFIX, strlen(USERDB_PREFIX)) == 0) {
		prefix = USERDB_PREFIX;
		field += strlen(USERDB_PREFIX);
	}
	if (strcmp(field, "mail") == 0)
		fields_add_mail(fields, prefix, value);
	else if (strcmp(field, "quota_rule") == 0 &&
		 strncmp(value, QUOTA_RULE, strlen(QUOTA_RULE)) == 0)
		fields_add(fields, prefix, "quota_storage_size",
			   t_strconcat(value + strlen(QUOTA_RULE), "B", NULL));
	else
		fields_add(fields, "", name, value);
}

static void fields_add_account(struct fields_24 *fields,
			       const struct account *account,
			       enum pfa_conf_form form)
{
	unsigned int i;

	fields->columns = auth_fields_init(fields->request->pool);
	for (i = 0; i < account->field_count; i++) T_BEGIN {
		if (form == PFA_CONF_NAMED)
			fields_add_named(fields, account->fields[i].name,
					 account->fields[i].value);
		else
			fields_add(fields, "", account->fields[i].name,
				   account->fields[i].value);
	} T_END;
}

/* The password among the columns is a copy in the request's pool, which core
   does not wipe. */
static void fields_forget(struct fields_24 *fields)
{
	static const char *const names[] = { "password", "password_noscheme" };
	const char *value;
	unsigned int i;

	for (i = 0; i < N_ELEMENTS(names); i++) {
		value = auth_fields_find(fields->columns, names[i]);
		if (value != NULL)
			safe_memset((char *)value, 0, strlen(value));
	}
}

static void fields_set_passdb(struct fields_24 *fields, const char *name,
			      const char *value)
{
	if (value == NULL)
		auth_request_set_null_field(fields->request, name);
	else
		auth_request_set_field(fields->request, name, value,
				       fields->default_scheme);
}

static void fields_set_userdb(struct fields_24 *fields, const char *name,
			      const char *value)
{
	auth_request_set_userdb_field(fields->request, name, value);
}

/* %{postfixadmin:column} */
static int fields_column(const char *name, const char **value_r, void *context,
			 const char **error_r)
{
	const struct fields_24 *fields = context;

	*value_r = auth_fields_find(fields->columns, name);
	if (*value_r != NULL)
		return 0;
	*error_r = t_strdup_printf("No such field '%s'", name);
	return -1;
}

static const struct var_expand_provider fields_provider[] = {
	{ .key = AUTHDB_NAME, .func = fields_column },
	{ NULL, NULL }
};

int compat_set_passdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form)
{
	struct fields_24 fields = {
		.request = request,
		.set = fields_set_passdb,
		.default_scheme =
			request->passdb->passdb->default_pass_scheme,
		.import = request->passdb->set->fields_import_all,
	};
	int ret;

	fields_add_account(&fields, account, form);
	ret = auth_request_set_passdb_fields_ex(request, &fields,
						fields.default_scheme,
						fields_provider);
	fields_forget(&fields);
	return ret;
}

int compat_set_userdb_fields(struct auth_request *request,
			     const struct account *account,
			     enum pfa_conf_form form)
{
	struct fields_24 fields = {
		.request = request,
		.set = fields_set_userdb,
		.import = request->userdb->set->fields_import_all,
	};

	fields_add_account(&fields, account, form);
	return auth_request_set_userdb_fields_ex(request, &fields,
						 fields_provider);
}
