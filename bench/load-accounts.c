/* SPDX-License-Identifier: MIT */
/*
 * The file of accounts, made into requests before the clock runs.
 */
#include "load-accounts.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_FORMAT "PLAIN\tservice=imap\tsecured\tlip=127.0.0.1\t" \
	"rip=127.0.0.1\tresp=%s\n"

static char *base64(const char *data, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((len + 2) / 3 * 4 + 1), *p = text;
	unsigned int bits;
	size_t i, j;

	if (text == NULL)
		err(1, "accounts");
	for (i = 0; i < len; i += 3) {
		bits = 0;
		for (j = i; j < i + 3; j++)
			bits = bits << 8 |
				(j < len ? (unsigned char)data[j] : 0);
		for (j = 0; j < 4; j++)
			*p++ = i + j > len ? '=' :
				digits[bits >> (18 - 6 * j) & 63];
	}
	*p = '\0';
	return text;
}

/* RFC 4616: nobody to act for, the user, the password. */
static void make_request(struct load_account *account, const char *password)
{
	char *message, *response;
	int len, request_len;

	len = asprintf(&message, "%c%s%c%s", '\0', account->user, '\0',
		       password);
	if (len < 0)
		err(1, "accounts");
	response = base64(message, (size_t)len);
	request_len = asprintf(&account->request, REQUEST_FORMAT, response);
	if (request_len < 0)
		err(1, "accounts");
	account->request_len = (size_t)request_len;
	free(response);
	free(message);
}

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

static void add_account(struct load_accounts *accounts,
			unsigned int class_index, const char *user,
			const char *password, bool right)
{
	struct load_class *class = &accounts->classes[class_index];
	struct load_account *account;

	/* grows at 0, 1, 2, 4, 8 ... */
	if ((class->count & (class->count - 1)) == 0) {
		const size_t size = class->count == 0 ? 1 : 2 * class->count;

		class->accounts = realloc(class->accounts,
					  size * sizeof(*account));
		if (class->accounts == NULL)
			err(1, "accounts");
	}
	account = &class->accounts[class->count++];
	account->user = strdup(user);
	if (account->user == NULL)
		err(1, "accounts");
	account->class_index = class_index;
	account->right = right;
	make_request(account, password);
}

static void add_line(struct load_accounts *accounts, char *line)
{
	const char *name = strsep(&line, "\t");
	const char *user = strsep(&line, "\t");
	const char *password = strsep(&line, "\t");
	const char *verdict = strsep(&line, "\t\n");
	unsigned int class_index;

	if (verdict == NULL ||
	    (strcmp(verdict, "OK") != 0 && strcmp(verdict, "FAIL") != 0))
		errx(1, "accounts: not CLASS, user, password, OK or FAIL");
	class_index = find_class(accounts, name);
	if (class_index < accounts->class_count)
		add_account(accounts, class_index, user, password,
			    strcmp(verdict, "OK") == 0);
}

void load_accounts_read(struct load_accounts *accounts, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	unsigned int i;

	if (file == NULL)
		err(1, "%s", path);
	while (getline(&line, &size, file) > 0)
		add_line(accounts, line);
	if (ferror(file))
		err(1, "%s", path);
	free(line);
	fclose(file);
	for (i = 0; i < accounts->class_count; i++) {
		if (accounts->classes[i].count == 0)
			errx(1, "%s: nobody of class %s", path,
			     accounts->classes[i].name);
	}
}

void load_accounts_free(struct load_accounts *accounts)
{
	struct load_class *class = accounts->classes;
	size_t i;

	for (; class < accounts->classes + accounts->class_count; class++) {
		for (i = 0; i < class->count; i++) {
			free(class->accounts[i].user);
			free(class->accounts[i].request);
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
