/* SPDX-License-Identifier: MIT */
/*
 * The file of accounts, made into requests before the clock runs.
 */
#include "load-accounts.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void load_accounts_add_class(struct load_accounts *accounts, char *text)
{
	char *number = strchr(text, '='), *end;
	struct load_class *class;
	unsigned long share;

	if (number == NULL || number == text)
		errx(2, "%s: should be CLASS=SHARE", text);
	*number++ = '\0';
	share = strtoul(number, &end, 10);
	if (*number == '\0' || *end != '\0' || share == 0 || share > 1000)
		errx(2, "%s=%s: the share is no number of 1 to 1000", text,
		     number);
	if (accounts->class_count == LOAD_CLASSES_MAX)
		errx(2, "more than %d classes", LOAD_CLASSES_MAX);
	class = &accounts->classes[accounts->class_count++];
	class->name = text;
	class->share = (unsigned int)share;
	accounts->shares += class->share;
}

/* The number of a class, class_count if it does not take part. */
static unsigned int find_class(const struct load_accounts *accounts,
			       const char *name)
{
	unsigned int i = 0;

	while (i < accounts->class_count &&
	       strcmp(accounts->classes[i].name, name) != 0)
		i++;
	return i;
}

/* Room for one more; it grows at 0, 1, 2, 4, 8 ... */
static struct load_account *new_account(struct load_class *class)
{
	if ((class->count & (class->count - 1)) == 0) {
		const size_t size = class->count == 0 ? 1 : 2 * class->count;

		class->accounts = realloc(class->accounts,
					  size * sizeof(*class->accounts));
		if (class->accounts == NULL)
			err(1, "accounts");
	}
	return &class->accounts[class->count++];
}

static char *copy(const char *text)
{
	char *own = strdup(text);

	if (own == NULL)
		err(1, "accounts");
	return own;
}

static void add_line(struct load_accounts *accounts, char *line,
		     load_request_rest *make_rest)
{
	const char *name = strsep(&line, "\t");
	const char *user = strsep(&line, "\t");
	const char *password = strsep(&line, "\t");
	const char *home = strsep(&line, "\t");
	const char *verdict = strsep(&line, "\t\n");
	const unsigned int class_index = find_class(accounts, name);
	struct load_account *account;

	if (verdict == NULL ||
	    (strcmp(verdict, "OK") != 0 && strcmp(verdict, "FAIL") != 0))
		errx(1, "accounts: not class, user, password, home, "
		     "OK or FAIL");
	if (class_index == accounts->class_count)
		return;
	account = new_account(&accounts->classes[class_index]);
	*account = (struct load_account){
		.user = copy(user), .password = copy(password),
		.home = copy(home), .right = strcmp(verdict, "OK") == 0,
		.class_index = class_index,
	};
	account->rest = make_rest(account);
	account->rest_len = strlen(account->rest);
}

void load_accounts_read(struct load_accounts *accounts, const char *path,
			load_request_rest *make_rest, size_t first)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned int i;

	if (file == NULL)
		err(1, "%s", path);
	while (getline(&line, &size, file) > 0)
		add_line(accounts, line, make_rest);
	if (ferror(file))
		err(1, "%s", path);
	free(line);
	fclose(file);
	for (i = 0; i < accounts->class_count; i++) {
		if (accounts->classes[i].count == 0)
			errx(1, "%s: nobody of class %s", path,
			     accounts->classes[i].name);
		accounts->classes[i].next = first;
	}
}

void load_accounts_free(struct load_accounts *accounts)
{
	struct load_class *class = accounts->classes;
	size_t i;

	for (; class < accounts->classes + accounts->class_count; class++) {
		for (i = 0; i < class->count; i++) {
			free(class->accounts[i].user);
			free(class->accounts[i].password);
			free(class->accounts[i].home);
			free(class->accounts[i].rest);
		}
		free(class->accounts);
	}
}

const struct load_account *
load_accounts_pick(struct load_accounts *accounts, unsigned int chance)
{
	struct load_class *class = accounts->classes;

	for (; chance >= class->share; class++)
		chance -= class->share;
	return &class->accounts[class->next++ % class->count];
}
