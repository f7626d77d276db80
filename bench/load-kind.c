/* SPDX-License-Identifier: MIT */
/*
 * What login processes, LMTP and imap ask of auth.
 */
#include "load-kind.h"

#include <err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_FIELDS "service=imap\tsecured\tlip=127.0.0.1\trip=127.0.0.1"
/* Names, passwords and challenges of a benchmark are short. */
#define MESSAGE_SIZE 1024
/* base64 of that, its newline and the NUL */
#define TEXT_SIZE (MESSAGE_SIZE / 3 * 4 + 8)

static void check_fits(int len, size_t size)
{
	if (len < 0 || (size_t)len >= size)
		errx(1, "a message does not fit");
}

/* RFC 4616: nobody to act for, the user, the password. */
static char *rest_plain(const struct load_account *account)
{
	char message[MESSAGE_SIZE], text[TEXT_SIZE], *rest;
	const int len = snprintf(message, sizeof(message), "%c%s%c%s", '\0',
				 account->user, '\0', account->password);

	check_fits(len, sizeof(message));
	EVP_EncodeBlock((unsigned char *)text, (unsigned char *)message, len);
	if (asprintf(&rest, "PLAIN\t" CLIENT_FIELDS "\tresp=%s\n", text) < 0)
		err(1, "requests");
	return rest;
}

static char *rest_cram_md5(const struct load_account *account)
{
	char *rest = strdup("CRAM-MD5\t" CLIENT_FIELDS "\n");

	(void)account;			/* the second request says who */
	if (rest == NULL)
		err(1, "requests");
	return rest;
}

static char *rest_userdb(const struct load_account *account)
{
	char *rest;

	if (asprintf(&rest, "%s\tservice=lmtp\n", account->user) < 0)
		err(1, "requests");
	return rest;
}

/* OpenSSL counts the zeros that the padding stands for. */
static size_t decode(const char *text, unsigned char *data, size_t size)
{
	const size_t len = strlen(text);
	int got;

	if (len / 4 * 3 > size || len == 0)
		errx(1, "a challenge of %zu bytes", len);
	got = EVP_DecodeBlock(data, (const unsigned char *)text, (int)len);
	if (got < 0)
		errx(1, "a challenge that is not base64: %s", text);
	return (size_t)got - (text[len - 1] == '=') - (text[len - 2] == '=');
}

/* RFC 2195: the user and the HMAC of the challenge, in hex digits. */
static void go_on_cram_md5(struct load_lines *lines, unsigned long id,
			   const struct load_account *account,
			   const struct auth_reply *reply)
{
	unsigned char challenge[MESSAGE_SIZE], digest[EVP_MAX_MD_SIZE];
	char message[MESSAGE_SIZE], text[TEXT_SIZE], *end = message;
	unsigned int digest_len, i;
	size_t len;
	int text_len;

	if (reply->challenge == NULL)
		errx(1, "auth sent no challenge");
	len = decode(reply->challenge, challenge, sizeof(challenge));
	HMAC(EVP_md5(), account->password, (int)strlen(account->password),
	     challenge, len, digest, &digest_len);
	check_fits((int)strlen(account->user) + 2 * EVP_MAX_MD_SIZE + 1,
		   sizeof(message));
	end += sprintf(end, "%s ", account->user);
	for (i = 0; i < digest_len; i++)
		end += sprintf(end, "%02x", digest[i]);
	text_len = EVP_EncodeBlock((unsigned char *)text,
				   (unsigned char *)message,
				   (int)(end - message));
	text[text_len] = '\n';
	auth_conn_request(&lines->client, "CONT", id, text,
			  (size_t)text_len + 1);
}

/* What the login process hands over to imap, imap asks for: who is it? */
static void go_on_login(struct load_lines *lines, unsigned long id,
			const struct load_account *account,
			const struct auth_reply *reply)
{
	char rest[AUTH_COOKIE_SIZE + 64];
	const int len = snprintf(rest, sizeof(rest), "%ld\t%lu\t%s\n",
				 (long)lines->client.pid, id,
				 lines->client.cookie);

	(void)account;
	(void)reply;
	auth_conn_request(&lines->master, "REQUEST", id, rest, (size_t)len);
}

static const struct load_kind kinds[] = {
	{ .name = "plain",
	  .client_socket = "auth-client", .mechanism = "PLAIN",
	  .first = "AUTH", .first_rest = rest_plain },
	{ .name = "cram-md5",
	  .client_socket = "auth-client", .mechanism = "CRAM-MD5",
	  .first = "AUTH", .first_rest = rest_cram_md5,
	  .go_on_after = AUTH_CONTINUE, .go_on = go_on_cram_md5 },
	{ .name = "userdb",
	  .master_socket = "auth-userdb",
	  .first = "USER", .first_rest = rest_userdb },
	{ .name = "login",
	  .client_socket = "auth-login", .mechanism = "PLAIN",
	  .master_socket = "auth-master",
	  .first = "AUTH", .first_rest = rest_plain,
	  .go_on_after = AUTH_OK, .go_on = go_on_login },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct load_kind *load_kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

static char *socket_path(const char *base_dir, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", base_dir, name) < 0)
		err(1, "%s", name);
	return path;
}

void load_lines_open(struct load_lines *lines, const struct load_kind *kind,
		     const char *base_dir, unsigned int number)
{
	char *path;

	if (kind->client_socket != NULL) {
		path = socket_path(base_dir, kind->client_socket);
		auth_conn_open_client(&lines->client, path, kind->mechanism,
				      number);
		free(path);
	}
	if (kind->master_socket != NULL) {
		path = socket_path(base_dir, kind->master_socket);
		auth_conn_open_master(&lines->master, path);
		free(path);
	}
}

void load_lines_close(struct load_lines *lines, const struct load_kind *kind)
{
	if (kind->client_socket != NULL)
		auth_conn_close(&lines->client);
	if (kind->master_socket != NULL)
		auth_conn_close(&lines->master);
}

void load_lines_begin(struct load_lines *lines, const struct load_kind *kind,
		      unsigned long id, const struct load_account *account)
{
	auth_conn_request(kind->client_socket != NULL ? &lines->client :
			  &lines->master, kind->first, id, account->rest,
			  account->rest_len);
}
