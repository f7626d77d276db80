/* SPDX-License-Identifier: MIT */
#ifndef LOAD_ACCOUNTS_H
#define LOAD_ACCOUNTS_H

/*
 * Who logs in: accounts of a file, in classes of which each gets its share of
 * the logins. Used by auth-load.c, which does not look into the file.
 */
#include <stdbool.h>
#include <stddef.h>

#define LOAD_CLASSES_MAX 8

struct load_account {
	char *user, *password, *home;
	char *rest;			/* first request, behind its id */
	size_t rest_len;
	bool right;			/* it exists and this is its password */
	unsigned int class_index;
};

/* Makes the rest of an account's first request, allocated. */
typedef char *load_request_rest(const struct load_account *account);

struct load_class {
	const char *name;
	unsigned int share;
	struct load_account *accounts;
	size_t count, next;
};

struct load_accounts {
	struct load_class classes[LOAD_CLASSES_MAX];
	unsigned int class_count;
	unsigned int shares;		/* their sum */
};

/* Adds a class, from "name=share". */
void load_accounts_add_class(struct load_accounts *accounts, char *text);
/* Reads the file: a line for each account, with class, user, password, home,
   and OK or FAIL as it is to be answered, separated by tabs. Those of other
   classes than the ones added are left out. Requests are made at once, before
   the clock runs. The account numbered first, from 0, is the first one that is
   picked from each class. */
void load_accounts_read(struct load_accounts *accounts, const char *path,
			load_request_rest *make_rest, size_t first);
void load_accounts_free(struct load_accounts *accounts);

/* The next account: chance, of 0 to shares - 1, picks the class, whose
   accounts take turns. */
const struct load_account *
load_accounts_pick(struct load_accounts *accounts, unsigned int chance);

#endif
