/* SPDX-License-Identifier: MIT */
/*
 * Every rule about accounts: which names can exist, what a row means for the
 * one who asked, and which fields it is answered with. No I/O and no waiting;
 * passwords typed by clients never come here, stored ones leave in struct
 * account only. Called by src/lookup.c for each lookup.
 */
#include "core/account-rule.h"
#include "core/extra.h"
#include "core/path.h"
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 255	/* PostfixAdmin's column */
#define PASSWORD_MAX_LEN 1024
/* What Dovecot 2.3 reads as a number of bytes */
#define QUOTA_MAX "9223372036854775807"

/* The templates of the answer. */
enum answer {
	ANSWER_HOME,
	ANSWER_MAIL,
	ANSWER_UID,
	ANSWER_GID,

	ANSWER_COUNT
};

static const struct answer_def {
	const char *name;
	/* in the passdb's answer, for userdb prefetch */
	const char *passdb_name;
	size_t offset;
	/* what ends a component of the path, NULL: it is none */
	const char *separators;
} answers[ANSWER_COUNT] = {
	[ANSWER_HOME] = { "home", "userdb_home",
			  offsetof(struct pfa_conf, home), "/" },
	/* maildir:/path:INDEX=/path */
	[ANSWER_MAIL] = { "mail", "userdb_mail",
			  offsetof(struct pfa_conf, mail), "/:" },
	[ANSWER_UID] = { "uid", "userdb_uid",
			 offsetof(struct pfa_conf, uid), NULL },
	[ANSWER_GID] = { "gid", "userdb_gid",
			 offsetof(struct pfa_conf, gid), NULL },
};

/* On top come user, password and quota_rule, those of the setting fields, and
   proxy. */
#define FIELD_MAX(rules) \
	(ANSWER_COUNT + 4 + ((rules)->extra == NULL ? 0 : \
			     (rules)->extra->field_count))

struct account_rules {
	const struct pfa_conf *conf;
	struct scheme_hint hint;
	struct template *answers[ANSWER_COUNT];	/* NULL: not set */
	struct path_shape shapes[ANSWER_COUNT];
	struct extra *extra;			/* NULL: drop-in */
};

/*
 * An account in the making. Values are appended to account.text, each with its
 * NUL; as that moves when it grows, they are offsets until the end.
 */
struct account_build {
	const struct account_rules *rules;
	enum account_kind kind;
	const struct account_row *row;
	const struct account_request *request;
	struct account *account;
	size_t *offsets;
	size_t column_offset;
	/* a variable was the request's, not the row's */
	bool of_request;
	/* The row's name in lower case, for the templates: whoever asks in
	   whatever case, and before or after Dovecot knows the row's spelling,
	   the mail is in one place. */
	struct strbuf name;
};

static int rules_compile(struct account_rules *rules, enum answer answer,
			 struct errbuf *error)
{
	const struct answer_def *def = &answers[answer];
	const char *text = *(char *const *)((const char *)rules->conf +
					    def->offset);

	if (text == NULL)
		return 0;
	if (template_compile(text, &rules->answers[answer], error) < 0) {
		error->setting = def->name;
		return -1;
	}
	if (def->separators != NULL &&
	    path_template_shape(rules->answers[answer], def->separators,
				&rules->shapes[answer]) < 0)
		return errbuf_set(error, "out of memory");
	return 0;
}

static int rules_fill(struct account_rules *rules, struct errbuf *error)
{
	const struct pfa_conf *conf = rules->conf;

	if (conf->form != PFA_CONF_NAMED)
		return 0;
	if (conf->encrypt != NULL &&
	    scheme_hint_parse(conf->encrypt, &rules->hint, error) < 0) {
		error->setting = "encrypt";
		return -1;
	}
	if (extra_new(conf, &rules->extra, error) < 0)
		return -1;
	for (int i = 0; i < ANSWER_COUNT; i++) {
		if (rules_compile(rules, i, error) < 0)
			return -1;
	}
	return 0;
}

int account_rules_new(const struct pfa_conf *conf,
		      struct account_rules **rules_r, struct errbuf *error)
{
	struct account_rules *rules = calloc(1, sizeof(*rules));

	*rules_r = NULL;
	if (rules == NULL)
		return errbuf_set(error, "out of memory");
	rules->conf = conf;
	if (rules_fill(rules, error) < 0) {
		account_rules_free(&rules);
		return -1;
	}
	*rules_r = rules;
	return 0;
}

void account_rules_free(struct account_rules **_rules)
{
	struct account_rules *rules = *_rules;

	if (rules == NULL)
		return;
	*_rules = NULL;
	for (int i = 0; i < ANSWER_COUNT; i++)
		template_free(&rules->answers[i]);
	extra_free(&rules->extra);
	free(rules);
}

/* The first byte of a sequence, how many follow, and the least code point
   such a long one may stand for. Source: RFC 3629. */
static const struct utf8_lead {
	unsigned char mask, lead;
	unsigned int follow;
	unsigned int min;
} utf8_leads[] = {
	{ 0x80, 0x00, 0, 0 },
	{ 0xe0, 0xc0, 1, 0x80 },
	{ 0xf0, 0xe0, 2, 0x800 },
	{ 0xf8, 0xf0, 3, 0x10000 },
};

/* How many bytes the character at str has, 0 if it is not valid. */
static size_t utf8_char_len(const unsigned char *str)
{
	const struct utf8_lead *lead = utf8_leads;
	unsigned int c;

	for (size_t i = 0; (*str & lead->mask) != lead->lead; lead++) {
		if (++i == sizeof(utf8_leads) / sizeof(*utf8_leads))
			return 0;
	}
	c = *str & (unsigned char)~lead->mask;
	for (unsigned int i = 1; i <= lead->follow; i++) {
		if ((str[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (str[i] & 0x3f);
	}
	if (c < lead->min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return 1 + lead->follow;
}

unsigned int account_depends(const struct pfa_conf *conf)
{
	unsigned int depends = 0;

	if (conf->form != PFA_CONF_NAMED)
		return 0;
	if (conf->smtp_active != PFA_SMTP_IGNORE)
		depends |= ACCOUNT_DEPENDS_SERVICE;
	if (conf->totp != PFA_TOTP_IGNORE)
		depends |= ACCOUNT_DEPENDS_ADDRESS;
	if (conf->app_passwords)
		depends |= ACCOUNT_DEPENDS_PASSWORD;
	return depends;
}

static bool is_utf8(const char *str)
{
	const unsigned char *p = (const unsigned char *)str;
	size_t len;

	while (*p != '\0') {
		len = utf8_char_len(p);
		if (len == 0)
			return false;
		p += len;
	}
	return true;
}

static const char *bytes_refused(const char *user)
{
	for (; *user != '\0'; user++) {
		const unsigned char c = *user;

		if (c >= 0x80)
			return "the name holds a byte that is not ASCII";
		if (c < 0x20 || c == 0x7f)
			return "the name holds a control character";
	}
	return NULL;
}

static const char *address_refused(const char *user)
{
	const char *at = strchr(user, '@');

	if (at == NULL)
		return "the name has no @";
	if (at == user)
		return "there is nothing before the @ of the name";
	if (at[1] == '\0')
		return "there is nothing behind the @ of the name";
	/* PostfixAdmin keeps the rights of its superadmins in this row */
	if (strcasecmp(at + 1, "ALL") == 0)
		return "ALL is no mail domain";
	return NULL;
}

const char *account_name_refused(const struct account_rules *rules,
				 const char *user)
{
	const size_t len = strlen(user);
	const char *reason;

	if (rules->conf->form != PFA_CONF_NAMED)
		return is_utf8(user) ? NULL : "the name is not valid UTF-8";
	if (len > NAME_MAX_LEN)
		return "the name is longer than 255 bytes";
	reason = bytes_refused(user);
	if (reason != NULL)
		return reason;
	/* columns compare without trailing blanks */
	if (len > 0 && (user[0] == ' ' || user[len - 1] == ' '))
		return "the name begins or ends with a blank";
	return address_refused(user);
}

/* Where no rule has a better word. */
static const char *const verdict_codes[] = {
	[ACCOUNT_OK] = NULL,
	[ACCOUNT_UNKNOWN] = "unknown",
	[ACCOUNT_REFUSED] = "password_unusable",
	[ACCOUNT_FAILED] = "unavailable",
};

const char *account_verdict_code(enum account_verdict value)
{
	return verdict_codes[value];
}

static void verdict(struct account *account, enum account_verdict value,
		    const char *reason)
{
	account->verdict = value;
	account->reason = reason;
	account->code = account_verdict_code(value);
	account->field_count = 0;
	account->password = NULL;
	strbuf_reset(&account->text);
}

static void verdict_failed(struct account *account, const char *name,
			   const char *text)
{
	const char *reason;

	verdict(account, ACCOUNT_FAILED, "out of memory");
	strbuf_append_str(&account->text, name);
	strbuf_append_str(&account->text, ": ");
	strbuf_append_str(&account->text, text);
	reason = strbuf_str(&account->text);
	if (reason != NULL)
		account->reason = reason;
}

/* -1 if the row has no such column. */
static int row_find(const struct account_row *row, const char *name)
{
	for (unsigned int i = 0; i < row->count; i++) {
		if (strcmp(row->names[i], name) == 0)
			return i;
	}
	return -1;
}

static const char *row_value(const struct account_row *row,
			     enum schema_column column)
{
	return account_row_value(row, schema_column_names[column]);
}

/* the same, the name being the beginning of a text */
static const char *row_value_span(const struct account_row *row,
				  const char *name, size_t len)
{
	for (unsigned int i = 0; i < row->count; i++) {
		if (strncmp(row->names[i], name, len) == 0 &&
		    row->names[i][len] == '\0')
			return row->values[i];
	}
	return NULL;
}

static char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void build_field(struct account_build *build, const char *name,
			size_t offset)
{
	struct account *account = build->account;

	/* the NUL that ends the value */
	strbuf_append_c(&account->text, '\0');
	build->offsets[account->field_count] = offset;
	account->fields[account->field_count++].name = name;
}

static int build_user(struct account_build *build)
{
	const size_t offset = build->account->text.len;
	const char *user = row_value(build->row, SCHEMA_COLUMN_USER);

	strbuf_append_str(&build->account->text, user);
	build_field(build, "user", offset);
	for (; *user != '\0'; user++)
		strbuf_append_c(&build->name, ascii_lower(*user));
	return 0;
}

/* Appends "{SCHEME}..." to the text, or returns why that cannot be. */
static const struct scheme_refusal *
append_password(struct account_build *build)
{
	static const struct scheme_refusal missing = {
		"password_unusable", "it has no password" };
	static const struct scheme_refusal long_one = {
		"password_unusable",
		"its stored password is longer than 1024 bytes" };
	const char *stored = row_value(build->row, SCHEMA_COLUMN_PASSWORD);

	if (stored == NULL)
		return &missing;
	if (strlen(stored) > PASSWORD_MAX_LEN)
		return &long_one;
	return scheme_normalize(stored, &build->rules->hint,
				&build->account->text);
}

static int build_password(struct account_build *build)
{
	struct account *account = build->account;
	const size_t offset = account->text.len;
	const struct scheme_refusal *refusal;

	if (build->kind != ACCOUNT_PASSDB)
		return 0;
	refusal = append_password(build);
	if (refusal != NULL) {
		verdict(account, ACCOUNT_REFUSED, refusal->text);
		account->code = refusal->code;
		return -1;
	}
	build_field(build, "password", offset);
	return 0;
}

/* A variable that core does not know: a column of the row, or Dovecot's. */
struct build_expansion {
	struct account_build *build;
	bool path;
};

static int build_expand(const char *var, struct strbuf *out, void *context,
			struct errbuf *error)
{
	struct build_expansion *expansion = context;
	const struct account_request *request = expansion->build->request;
	const char *answer, *value, *reason;
	const size_t len = extra_column_var(var, &answer);

	if (len == 0) {
		expansion->build->of_request = true;
		return request->vars->expand(var, out, request->vars->context,
					     error);
	}
	value = row_value_span(expansion->build->row, answer, len);
	if (value == NULL)
		value = "";
	reason = *value == '\0' ? "it is empty" :
		expansion->path ? path_append_clean(out, value) : NULL;
	if (reason != NULL) {
		return errbuf_set(error, "the %.*s cannot be used: %s",
				  len > 80 ? 80 : (int)len, answer, reason);
	}
	if (!expansion->path)
		strbuf_append_str(out, value);
	return 0;
}

static int build_answer(struct account_build *build, enum answer answer)
{
	const struct answer_def *def = &answers[answer];
	const struct account_rules *rules = build->rules;
	struct build_expansion expansion = {
		.build = build,
		.path = def->separators != NULL,
	};
	const struct template_vars vars = {
		.user = strbuf_str(&build->name),
		.expand = build_expand,
		.context = &expansion,
	};
	struct account *account = build->account;
	const size_t offset = account->text.len;
	struct errbuf error;

	if (rules->answers[answer] == NULL)
		return 0;
	if (vars.user == NULL) {
		verdict(account, ACCOUNT_FAILED, "out of memory");
		return -1;
	}
	if (template_expand(rules->answers[answer], &vars, &account->text,
			    &error) < 0) {
		verdict_failed(account, def->name, error.text);
		return -1;
	}
	build_field(build, build->kind == ACCOUNT_PASSDB ?
		    def->passdb_name : def->name, offset);
	if (def->separators != NULL && !account->text.failed &&
	    !path_follows(&rules->shapes[answer], account->text.data + offset,
			  def->separators)) {
		verdict_failed(account, def->name, "the name would lead to "
			       "another directory than the template says");
		return -1;
	}
	return 0;
}

static int build_answers(struct account_build *build)
{
	for (int i = 0; i < ANSWER_COUNT; i++) {
		if (build_answer(build, i) < 0)
			return -1;
	}
	return 0;
}

/* Whole numbers only: what else a column may hold, or a negative one, which
   PostfixAdmin writes for "disabled", would lock the user out of the mail. */
static bool quota_usable(const char *quota)
{
	size_t len;

	if (quota == NULL)
		return false;
	len = strlen(quota);
	return len > 0 && strspn(quota, "0123456789") == len &&
		(len < strlen(QUOTA_MAX) ||
		 (len == strlen(QUOTA_MAX) && strcmp(quota, QUOTA_MAX) <= 0));
}

static int build_quota(struct account_build *build)
{
	const char *quota = row_value(build->row, SCHEMA_COLUMN_QUOTA);
	const size_t offset = build->account->text.len;

	if (!build->rules->conf->quota || !quota_usable(quota))
		return 0;
	strbuf_append_str(&build->account->text, "*:bytes=");
	strbuf_append_str(&build->account->text, quota);
	build_field(build, build->kind == ACCOUNT_PASSDB ?
		    "userdb_quota_rule" : "quota_rule", offset);
	return 0;
}

#define USERDB_PREFIX "userdb_"

static void build_value(struct account_build *build, const char *name,
			const char *value)
{
	const size_t offset = build->account->text.len;

	strbuf_append_str(&build->account->text, value);
	build_field(build, name, offset);
}

const char *account_userdb_name(const char *passdb_name)
{
	if (strcmp(passdb_name, "user") == 0)
		return passdb_name;
	return strncmp(passdb_name, USERDB_PREFIX,
		       strlen(USERDB_PREFIX)) == 0 ?
		passdb_name + strlen(USERDB_PREFIX) : NULL;
}

static void build_fields(struct account_build *build)
{
	const struct extra *extra = build->rules->extra;
	const char *name, *value;
	bool host = false, own = false;

	for (unsigned int i = 0; i < extra->field_count; i++) {
		const struct extra_field *field = &extra->fields[i];

		own = own || strcmp(field->name, "proxy") == 0 ||
			strcmp(field->name, "proxy_maybe") == 0 ||
			strcmp(field->name, "nologin") == 0;
		name = build->kind == ACCOUNT_PASSDB ? field->name :
			account_userdb_name(field->name);
		value = account_row_value(build->row,
			extra->columns[field->column].answer);
		if (name == NULL || value == NULL || *value == '\0')
			continue;
		build_value(build, name, value);
		host = host || strcmp(name, "host") == 0;
	}
	/* PostfixAdmin's CUSTOM_FIELDS.md: whoever has a host is proxied to */
	if (host && !own && build->kind == ACCOUNT_PASSDB)
		build_value(build, "proxy", "y");
}

static bool flag_is_set(const char *flag)
{
	return flag != NULL && strcmp(flag, "1") == 0;
}

static void build_column(struct account_build *build)
{
	const struct account_row *row = build->row;
	const int i = row_find(row,
			       schema_column_names[SCHEMA_COLUMN_PASSWORD]);

	build->column_offset = build->account->text.len;
	strbuf_append_str(&build->account->text,
			  row_value(row, SCHEMA_COLUMN_USER));
	strbuf_append_c(&build->account->text, '\0');
	strbuf_append_str(&build->account->text, row->values[i]);
	build->account->stored_width = row->widths == NULL ? 0 :
		row->widths[i];
}

static void build_finish(struct account_build *build)
{
	const bool passdb = build->kind == ACCOUNT_PASSDB;
	struct account *account = build->account;
	const char *text;

	if (passdb)
		build_column(build);
	text = strbuf_str(&account->text);
	if (text == NULL) {
		verdict(account, ACCOUNT_FAILED, "out of memory");
		return;
	}
	for (unsigned int i = 0; i < account->field_count; i++) {
		account->fields[i].value = text + build->offsets[i];
		if (strcmp(account->fields[i].name, "password") == 0)
			account->password = account->fields[i].value;
	}
	account->verdict = ACCOUNT_OK;
	account->reason = NULL;
	if (!passdb)
		return;
	account->user = text + build->column_offset;
	account->stored = account->user + strlen(account->user) + 1;
	account->tells_userdb = !build->of_request;
	account->totp = build->rules->conf->totp == PFA_TOTP_ENFORCE &&
		flag_is_set(row_value(build->row, SCHEMA_COLUMN_TOTP));
	account->wants_secrets = account->totp ||
		build->rules->conf->app_passwords;
}

/* The verdict on a row that must not log in, but whose password costs what it
   costs. */
static void build_refused(struct account_build *build,
			  const struct account_refusal *refusal)
{
	const bool passdb = build->kind == ACCOUNT_PASSDB;
	struct account *account = build->account;

	/* the userdb knows no passwords that could be wrong */
	verdict(account, passdb ? refusal->verdict : ACCOUNT_UNKNOWN,
		refusal->text);
	account->code = refusal->code;
	if (passdb && append_password(build) == NULL)
		account->password = strbuf_str(&account->text);
}

static void evaluate_named(struct account_build *build)
{
	const struct account_refusal *refusal;

	/* NULL equals no name: the database was not asked for this row */
	if (row_value(build->row, SCHEMA_COLUMN_USER) == NULL) {
		verdict(build->account, ACCOUNT_FAILED,
			"the row found has no name");
		return;
	}
	refusal = account_rule_check(build->rules->conf, build->kind,
				     build->row, build->request);
	if (refusal != NULL) {
		build_refused(build, refusal);
		return;
	}
	if (build_user(build) == 0 && build_password(build) == 0 &&
	    build_answers(build) == 0 && build_quota(build) == 0) {
		build_fields(build);
		build_finish(build);
	}
	strbuf_free(&build->name);
}

/* As Dovecot 2.3's passdb-sql.c and userdb-sql.c: each column is a field, but
   a NULL is one in the passdb only. */
static void evaluate_dropin(struct account_build *build)
{
	const struct account_row *row = build->row;
	struct account *account = build->account;

	if (build->kind == ACCOUNT_PASSDB &&
	    row_find(row, "password") < 0 &&
	    row_find(row, "password_noscheme") < 0) {
		verdict(account, ACCOUNT_FAILED, "password_query returns no "
			"column named password: write SELECT ... AS password");
		return;
	}
	for (unsigned int i = 0; i < row->count; i++) {
		if (*row->names[i] == '\0' ||
		    (row->values[i] == NULL && build->kind == ACCOUNT_USERDB))
			continue;
		account->fields[account->field_count++] =
			(struct account_field) {
				.name = row->names[i],
				.value = row->values[i],
			};
	}
	account->verdict = ACCOUNT_OK;
}

void account_evaluate(const struct account_rules *rules, enum account_kind kind,
		      const struct account_row *row, bool more,
		      const struct account_request *request,
		      struct account *account_r)
{
	const bool named = rules->conf->form == PFA_CONF_NAMED;
	struct account_build build = {
		.rules = rules,
		.kind = kind,
		.row = row,
		.request = request,
		.account = account_r,
	};
	unsigned int field_max;

	*account_r = (struct account) { .text = STRBUF_INIT };
	if (row == NULL) {
		verdict(account_r, ACCOUNT_UNKNOWN, NULL);
		return;
	}
	if (more && (named || kind == ACCOUNT_PASSDB)) {
		verdict(account_r, ACCOUNT_FAILED, "the query returned "
			"multiple matches: one user must have one row");
		return;
	}
	field_max = named ? FIELD_MAX(rules) : row->count + 1;
	account_r->fields = calloc(field_max, sizeof(*account_r->fields));
	build.offsets = calloc(field_max, sizeof(*build.offsets));
	if (account_r->fields == NULL || build.offsets == NULL)
		verdict(account_r, ACCOUNT_FAILED, "out of memory");
	else if (named)
		evaluate_named(&build);
	else
		evaluate_dropin(&build);
	free(build.offsets);
}

void account_free(struct account *account)
{
	free(account->fields);
	account->fields = NULL;
	account->field_count = 0;
	free(account->apps);
	account->apps = NULL;
	account->app_count = 0;
	strbuf_free(&account->text);
	strbuf_free(&account->apps_text);
}

/* Appends password and description of each row, NUL behind each, as long as
   fewer than max are there. Returns how many are. */
static unsigned int append_apps(const struct account_rules *rules,
				const struct account_row *rows,
				unsigned int row_count,
				struct account *account)
{
	const unsigned int max = rules->conf->app_passwords_max;
	struct strbuf *text = &account->apps_text;
	const char *stored, *description;
	unsigned int count = 0, found = 0;

	for (unsigned int i = 0; i < row_count; i++) {
		stored = account_row_value(&rows[i],
			schema_secret_names[SCHEMA_SECRET_PASSWORD]);
		description = account_row_value(&rows[i],
			schema_secret_names[SCHEMA_SECRET_DESCRIPTION]);
		if (stored == NULL)
			continue;
		account->apps_left_out = ++found > max;
		if (found > max || strlen(stored) > PASSWORD_MAX_LEN ||
		    scheme_normalize(stored, &rules->hint, text) != NULL)
			continue;
		strbuf_append_c(text, '\0');
		strbuf_append_str(text, description == NULL ? "" :
				  description);
		strbuf_append_c(text, '\0');
		count++;
	}
	return count;
}

static int add_apps(const struct account_rules *rules,
		    const struct account_row *rows, unsigned int row_count,
		    struct account *account)
{
	const unsigned int count =
		append_apps(rules, rows, row_count, account);
	const char *p = strbuf_str(&account->apps_text);

	if (count == 0 && p != NULL)
		return 0;
	account->apps = calloc(count, sizeof(*account->apps));
	if (p == NULL || account->apps == NULL)
		return -1;
	for (unsigned int i = 0; i < count; i++) {
		account->apps[i].password = p;
		p += strlen(p) + 1;
		account->apps[i].description = p;
		p += strlen(p) + 1;
	}
	account->app_count = count;
	return 0;
}

static bool is_excepted(const struct account_row *rows,
			unsigned int row_count)
{
	for (unsigned int i = 0; i < row_count; i++) {
		if (account_row_value(&rows[i], schema_secret_names[
				SCHEMA_SECRET_EXCEPTED]) != NULL)
			return true;
	}
	return false;
}

static void remove_password_field(struct account *account)
{
	unsigned int to = 0;

	for (unsigned int i = 0; i < account->field_count; i++) {
		if (strcmp(account->fields[i].name, "password") != 0)
			account->fields[to++] = account->fields[i];
	}
	account->field_count = to;
}

/* account->password stays, so that the refusal takes its time. */
static void refuse_password(struct account *account)
{
	account->password_refused =
		"it needs an app password, or an address excepted from TOTP";
	remove_password_field(account);
	if (account->app_count > 0)
		return;
	account->verdict = ACCOUNT_REFUSED;
	account->reason = account->password_refused;
	account->code = "app_password_needed";
	account->field_count = 0;
}

void account_add_secrets(const struct account_rules *rules,
			 const struct account_row *rows,
			 unsigned int row_count, struct account *account)
{
	account->wants_secrets = false;
	if (add_apps(rules, rows, row_count, account) < 0) {
		verdict(account, ACCOUNT_FAILED, "out of memory");
		return;
	}
	if (account->totp && !is_excepted(rows, row_count))
		refuse_password(account);
}
