/* SPDX-License-Identifier: MIT */
#ifndef PFA_SCHEMA_H
#define PFA_SCHEMA_H

#include "core/errbuf.h"
#include "core/pfa-conf.h"

/*
 * The queries of a configuration, as text for sql_template_compile(). Drop-in:
 * the administrator's own. Named: built from the schema, with the columns that
 * account.c reads. Names of tables and columns are free text, so they stand in
 * backticks; two columns are never compared without an explicit collation, as
 * upgraded databases hold several (error 1267).
 */
struct schema_queries {
	char *passdb;	/* one row: the account with its password */
	char *userdb;	/* one row: the account */
	/* Whose mailbox a name without one is, in the columns of enum
	   schema_redirect; NULL: nobody asks for that. */
	char *redirect;
	/* What else opens a mailbox, in the columns of enum schema_secret, %r
	   being the client's address; NULL: nobody asks for that. */
	char *secrets;
	unsigned int secrets_max;	/* rows at most */
	char *iterate;	/* one column, "user" (drop-in: as stock takes it) */
};

/* The columns of the named form's answers. A query has those it needs, in this
   order. */
enum schema_column {
	SCHEMA_COLUMN_USER,
	SCHEMA_COLUMN_PASSWORD,		/* passdb only */
	SCHEMA_COLUMN_QUOTA,
	SCHEMA_COLUMN_ACTIVE,
	/* NULL: this PostfixAdmin has no such column yet */
	SCHEMA_COLUMN_SMTP_ACTIVE,
	SCHEMA_COLUMN_DOMAIN_ACTIVE,	/* NULL: the domain has no row */
	SCHEMA_COLUMN_BACKUPMX,		/* NULL: the domain has no row */
	/* passdb only: whether the day that is written there has come, and
	   whether passwords of the domain expire at all; NULL as above */
	SCHEMA_COLUMN_PAST_EXPIRY,
	SCHEMA_COLUMN_DOMAIN_EXPIRES,
	/* passdb only: whether there is a TOTP secret; NULL as above */
	SCHEMA_COLUMN_TOTP,

	SCHEMA_COLUMN_COUNT
};

/* The name the column has in the answer, whatever the table calls it. */
extern const char *const schema_column_names[SCHEMA_COLUMN_COUNT];

/* The columns of a redirection. A row has either two, the others are NULL:
   the name asked for as it stands in the table, and what it stands for. */
enum schema_redirect {
	SCHEMA_REDIRECT_ALIAS_DOMAIN,
	SCHEMA_REDIRECT_TARGET_DOMAIN,
	SCHEMA_REDIRECT_ADDRESS,
	SCHEMA_REDIRECT_GOTO,

	SCHEMA_REDIRECT_COUNT
};
extern const char *const schema_redirect_names[SCHEMA_REDIRECT_COUNT];

/* A row is an app password with its description, or says that the address is
   excepted from TOTP. */
enum schema_secret {
	SCHEMA_SECRET_PASSWORD,
	SCHEMA_SECRET_DESCRIPTION,
	SCHEMA_SECRET_EXCEPTED,

	SCHEMA_SECRET_COUNT
};
extern const char *const schema_secret_names[SCHEMA_SECRET_COUNT];

/* Returns 0, or -1 with error filled in. */
int schema_build(const struct pfa_conf *conf, struct schema_queries *queries_r,
		 struct errbuf *error);
void schema_queries_free(struct schema_queries *queries);

/*
 * The statement that replaces a password, and where it does that, as names
 * stand in SQL. Bound to it are the new password, the user, and the SHA-256 of
 * the old one in hex: what somebody has changed in the meantime stays. A digest
 * tells more apart than the column's collation does, and a server that logs
 * what is bound logs no clear text.
 */
struct schema_rehash {
	char *update;
	char *table, *column;
};
#define SCHEMA_REHASH_BINDS 3

/* The statement that records so many last logins, each with the user and how
   many seconds ago it was bound; and the table, as it stands in SQL. malloc()ed.
   Returns 0, or -1 with error filled in. */
int schema_last_login_build(const struct pfa_conf *conf, unsigned int rows,
			    char **insert_r, char **table_r,
			    struct errbuf *error);

/* Named form. Returns 0, or -1 with error filled in. */
int schema_rehash_build(const struct pfa_conf *conf,
			struct schema_rehash *rehash_r, struct errbuf *error);
void schema_rehash_free(struct schema_rehash *rehash);

#endif
