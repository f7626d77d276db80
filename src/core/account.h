/* SPDX-License-Identifier: MIT */
#ifndef PFA_ACCOUNT_H
#define PFA_ACCOUNT_H

#include "core/errbuf.h"
#include "core/pfa-conf.h"
#include "core/scheme.h"
#include "core/strbuf.h"
#include "core/template.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * From the rows of a query to a verdict with a reason and the fields of the
 * answer: every rule about accounts, and no I/O.
 */
enum account_kind {
	ACCOUNT_PASSDB,
	ACCOUNT_USERDB,
};

enum account_verdict {
	/* The account may go on: the password, if any, is still unchecked. */
	ACCOUNT_OK,
	/* No such user; also what a client is told about an inactive one, and
	   a row that answers to the name but belongs to another. */
	ACCOUNT_UNKNOWN,
	/* A row that can never log in, as it is: no password in it, or none
	   that any scheme verifies. */
	ACCOUNT_REFUSED,
	/* The rows make no sense (two for one user, no password column), or the
	   name would lead out of the mail directory: an error of the
	   configuration or the data, not of the user. */
	ACCOUNT_FAILED,
};

/* One row, borrowed: values NUL-terminated or NULL for SQL's NULL. */
struct account_row {
	unsigned int count;
	const char *const *names;
	const char *const *values;
	/* how many characters each column can hold; NULL: unknown */
	const unsigned long *widths;
};

struct account_field {
	const char *name;
	const char *value;	/* NULL: SQL's NULL (drop-in passdb only) */
};

/* An app password, ready to be verified. */
struct account_app {
	const char *password;		/* "{SCHEME}..." */
	const char *description;	/* as its user wrote it */
};

struct account {
	enum account_verdict verdict;
	/* For the log, one line, no secrets. NULL with OK, and with UNKNOWN if
	   there is no more to say than that. */
	const char *reason;
	/* The same as one word, for events. NULL with OK. */
	const char *code;
	/* FAILED: the same trouble was reported before and has lasted since.
	   Set by lookup.c, which knows. */
	bool repeated;
	/* The fields in the order to set them, names as Dovecot 2.3's passdb or
	   userdb wants them ("password", "userdb_home"; "home", "quota_rule").
	   Named form: in `text`; drop-in: borrowed from the row. */
	struct account_field *fields;
	unsigned int field_count;
	/* Named form, passdb: "{SCHEME}..." as in the field, but also of a row
	   that may not log in, for taking the same time. NULL: there is none
	   that could be verified. */
	const char *password;
	/* Named form, passdb, OK: the row's name and password as the columns
	   hold them, and the latter's width (0: unknown), for writing a better
	   hash there. */
	const char *user, *stored;
	unsigned long stored_width;
	/* Named form, passdb, OK: the fields say all that the userdb would
	   answer, whenever it is asked: see account_userdb_name(). Not so if a
	   variable went into them that is the request's. */
	bool tells_userdb;
	/* OK, but more has to be asked: see account_add_secrets(). */
	bool wants_secrets;
	bool totp;		/* there is a TOTP secret that counts */
	/* App passwords, of which one is as good as the password. */
	struct account_app *apps;
	unsigned int app_count;
	bool apps_left_out;	/* there were more than are tried */
	/* Why the account's own password is not right, whatever it is; NULL:
	   it may be. Then there is no field of it. */
	const char *password_refused;
	/* owns what was made here */
	struct strbuf text, apps_text;
};

/* The userdb's name for a field of the passdb's answer; NULL: it has none. */
const char *account_userdb_name(const char *passdb_name);

/* struct account.code of whatever no rule has a better word for. */
const char *account_verdict_code(enum account_verdict verdict);

/* Who asks. Valid until the lookup is answered. */
struct account_request {
	const struct template_vars *vars;
	/* "imap", "smtp" ...; NULL: unknown */
	const char *service;
};

/* What else than the user an answer of the named form depends on, besides the
   variables in templates: flags, for keys of caches. */
enum account_depends {
	ACCOUNT_DEPENDS_SERVICE = 0x01,
	ACCOUNT_DEPENDS_ADDRESS = 0x02,
	/* several passwords are right: a cache of one would take the others
	   for wrong */
	ACCOUNT_DEPENDS_PASSWORD = 0x04,
};
unsigned int account_depends(const struct pfa_conf *conf);

/* A rule that is asked for and that the tables of this row's PostfixAdmin are
   too old for: a line for the log; NULL if there is none. passdb only. */
const char *account_rule_missing(const struct pfa_conf *conf,
				 const struct account_row *row);

/* What account_evaluate() needs of a configuration, made once. */
struct account_rules;

/* Returns 0, or -1 with error filled in (a template in home, an unknown
   encrypt ...). conf must outlive the rules. */
int account_rules_new(const struct pfa_conf *conf,
		      struct account_rules **rules_r, struct errbuf *error);
void account_rules_free(struct account_rules **rules);

/*
 * Names that no account can have are unknown users before any SQL: a database
 * with latin1 columns answers them with an error, which would look like
 * trouble with the database. Returns the reason for the log (static text), or
 * NULL if user may be looked up.
 */
const char *account_name_refused(const struct account_rules *rules,
				 const char *user);

/*
 * Looks at the rows of one lookup: row is the first one, NULL if there was
 * none; more says that there were others. In the named form %u, %n and %d in home, mail, uid and gid are taken from the
 * name in the row, which is the canonical one, in lower case. Always fills in
 * account, to be freed with account_free(). In the named form a NULL or empty
 * password is refused here; drop-in, it is a field that Dovecot judges by its
 * own rules (nopassword).
 */
void account_evaluate(const struct account_rules *rules, enum account_kind kind,
		      const struct account_row *row, bool more,
		      const struct account_request *request,
		      struct account *account_r);
void account_free(struct account *account);

/*
 * The rows of schema_queries.secrets for account->user, as far as there are
 * any: app passwords, and whether the address is excepted from TOTP. May make
 * ACCOUNT_REFUSED of the verdict.
 */
void account_add_secrets(const struct account_rules *rules,
			 const struct account_row *rows,
			 unsigned int row_count, struct account *account);

#endif
