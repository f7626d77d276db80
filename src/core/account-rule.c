/* SPDX-License-Identifier: MIT */
/*
 * Who may not log in, and why: one row of a table for each rule, in the order
 * in which they are looked at. Knows no SQL and makes no answer. Called by
 * account.c.
 */
#include "core/account-rule.h"
#include "core/schema.h"

#include <string.h>
#include <strings.h>

struct rule_input {
	const struct pfa_conf *conf;
	const struct account_row *row;
	const struct account_request *request;
	bool passdb;
	/* what is asked for is sending mail, and smtp_active counts */
	bool sending;
};

const char *account_row_value(const struct account_row *row, const char *name)
{
	for (unsigned int i = 0; i < row->count; i++) {
		if (strcmp(row->names[i], name) == 0)
			return row->values[i];
	}
	return NULL;
}

static const char *value(const struct rule_input *in,
			 enum schema_column column)
{
	return account_row_value(in->row, schema_column_names[column]);
}

/* PostfixAdmin compares all of its flags like that. */
static bool is_set(const struct rule_input *in, enum schema_column column)
{
	const char *flag = value(in, column);

	return flag != NULL && strcmp(flag, "1") == 0;
}

/* Whether one of the words, blanks between them, is the one. */
static bool words_hold(const char *words, const char *word)
{
	const size_t len = strlen(word);

	while (*words != '\0') {
		words += strspn(words, " \t");
		const size_t span = strcspn(words, " \t");

		if (span > 0 && span == len &&
		    strncasecmp(words, word, len) == 0)
			return true;
		words += span;
	}
	return false;
}

/* A PostfixAdmin without the column never switched anybody's SMTP off. */
static bool is_sending(const struct rule_input *in)
{
	return in->conf->smtp_active != PFA_SMTP_IGNORE &&
		in->request->service != NULL &&
		words_hold(in->conf->smtp_services, in->request->service) &&
		value(in, SCHEMA_COLUMN_SMTP_ACTIVE) != NULL;
}

/* collations also take other letters and trailing blanks for equal */
static bool other_name(const struct rule_input *in)
{
	const char *user = value(in, SCHEMA_COLUMN_USER);

	return user == NULL ||
		strcasecmp(user, in->request->vars->user) != 0;
}

static bool inactive(const struct rule_input *in)
{
	if (in->sending && in->conf->smtp_active == PFA_SMTP_INDEPENDENT)
		return false;
	return !is_set(in, SCHEMA_COLUMN_ACTIVE);
}

static bool domain_missing(const struct rule_input *in)
{
	return in->conf->domain_active &&
		value(in, SCHEMA_COLUMN_DOMAIN_ACTIVE) == NULL;
}

static bool domain_inactive(const struct rule_input *in)
{
	return in->conf->domain_active &&
		!is_set(in, SCHEMA_COLUMN_DOMAIN_ACTIVE);
}

/* A domain without a row is none that is relayed. */
static bool domain_relayed(const struct rule_input *in)
{
	const char *flag = value(in, SCHEMA_COLUMN_BACKUPMX);

	return !in->conf->backupmx_login && flag != NULL &&
		strcmp(flag, "0") != 0;
}

static bool smtp_off(const struct rule_input *in)
{
	return in->sending && !is_set(in, SCHEMA_COLUMN_SMTP_ACTIVE);
}

/* PostfixAdmin writes a day that has passed where none was meant: 2000-01-01
   in old rows, today in domains of 0 days. */
static bool expired(const struct rule_input *in)
{
	return in->passdb && in->conf->password_expiry &&
		is_set(in, SCHEMA_COLUMN_PAST_EXPIRY) &&
		is_set(in, SCHEMA_COLUMN_DOMAIN_EXPIRES);
}

/* The first two of these verdicts let Dovecot say that there is no such user;
   whoever was refused for this one login is known. */
static const struct rule {
	bool (*refuses)(const struct rule_input *in);
	bool every_schema;
	struct account_refusal refusal;
} rules[] = {
	{ other_name, true,
	  { "unknown", "the row found has another name", ACCOUNT_UNKNOWN } },
	{ inactive, false,
	  { "mailbox_inactive", "mailbox is inactive", ACCOUNT_UNKNOWN } },
	{ domain_missing, false,
	  { "domain_missing", "its domain is not in the domain table "
	    "(domain_active = no lets it in)", ACCOUNT_UNKNOWN } },
	{ domain_inactive, false,
	  { "domain_inactive", "domain is inactive", ACCOUNT_UNKNOWN } },
	{ domain_relayed, false,
	  { "domain_relayed", "domain is relayed (backupmx)",
	    ACCOUNT_UNKNOWN } },
	{ smtp_off, false,
	  { "smtp_off", "sending mail is switched off (smtp_active)",
	    ACCOUNT_REFUSED } },
	{ expired, false,
	  { "password_expired", "its password has expired",
	    ACCOUNT_REFUSED } },
};

const struct account_refusal *
account_rule_check(const struct pfa_conf *conf, enum account_kind kind,
		   const struct account_row *row,
		   const struct account_request *request)
{
	struct rule_input in = {
		.conf = conf,
		.row = row,
		.request = request,
		.passdb = kind == ACCOUNT_PASSDB,
	};

	in.sending = is_sending(&in);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		if ((rules[i].every_schema ||
		     conf->schema == PFA_SCHEMA_POSTFIXADMIN) &&
		    rules[i].refuses(&in))
			return &rules[i].refusal;
	}
	return NULL;
}

/* The columns are NOT NULL where there are any. */
const char *account_rule_missing(const struct pfa_conf *conf,
				 const struct account_row *row)
{
	const struct rule_input in = { .conf = conf, .row = row };

	if (conf->form != PFA_CONF_NAMED)
		return NULL;
	if (conf->smtp_active != PFA_SMTP_IGNORE &&
	    value(&in, SCHEMA_COLUMN_SMTP_ACTIVE) == NULL) {
		return "smtp_active refuses nobody: the table of mailboxes "
			"has no column smtp_active before PostfixAdmin 4.0";
	}
	if (conf->password_expiry &&
	    value(&in, SCHEMA_COLUMN_PAST_EXPIRY) == NULL) {
		return "password_expiry refuses nobody: the table of mailboxes "
			"has no column password_expiry before PostfixAdmin "
			"3.3";
	}
	return NULL;
}
