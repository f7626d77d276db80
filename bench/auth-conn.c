/* SPDX-License-Identifier: MIT */
/*
 * The other side of Dovecot's auth protocols, version 1: clients' and masters',
 * as far as one line is answered with one line.
 */
#include "auth-conn.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* the command, a number of 64 bits, two tabs and the NUL */
#define REQUEST_HEAD_SIZE 32

/* Makes room behind what is left, and moves that to the front. */
static void compact(struct auth_conn *conn)
{
	conn->in_len -= conn->in_pos;
	memmove(conn->in, conn->in + conn->in_pos, conn->in_len);
	conn->in_pos = 0;
}

/* The next line without its end, NULL if there is no whole one. */
static char *next_line(struct auth_conn *conn)
{
	char *line = conn->in + conn->in_pos;
	char *end = memchr(line, '\n', conn->in_len - conn->in_pos);

	if (end == NULL)
		return NULL;
	*end = '\0';
	conn->in_pos = (size_t)(end + 1 - conn->in);
	return line;
}

void auth_conn_read(struct auth_conn *conn)
{
	ssize_t got;

	compact(conn);
	if (conn->in_len == sizeof(conn->in))
		errx(1, "auth sent a line that does not end");
	got = read(conn->fd, conn->in + conn->in_len,
		   sizeof(conn->in) - conn->in_len);
	if (got == 0)
		errx(1, "auth hung up");
	if (got < 0 && errno != EAGAIN && errno != EINTR)
		err(1, "reading from auth");
	if (got > 0)
		conn->in_len += (size_t)got;
}

static const char *wait_line(struct auth_conn *conn)
{
	const char *line;

	while ((line = next_line(conn)) == NULL)
		auth_conn_read(conn);
	if (strncmp(line, "VERSION\t", 8) == 0 &&
	    strncmp(line + 8, "1\t", 2) != 0)
		errx(1, "auth speaks another protocol: %s", line);
	return line;
}

static void connect_to(struct auth_conn *conn, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(conn, 0, sizeof(*conn));
	if (strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: too long for a socket", path);
	strcpy(address.sun_path, path);
	conn->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || connect(conn->fd, (struct sockaddr *)&address,
				    sizeof(address)) < 0)
		err(1, "%s", path);
}

static void do_not_block(struct auth_conn *conn, const char *path)
{
	if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) < 0)
		err(1, "%s", path);
}

void auth_conn_open_client(struct auth_conn *conn, const char *path,
			   const char *mechanism, unsigned int number)
{
	const size_t len = strlen(mechanism);
	bool offered = false;
	const char *line;

	connect_to(conn, path);
	/* auth takes a process for one client */
	conn->pid = getpid() + (pid_t)number;
	dprintf(conn->fd, "VERSION\t1\t2\nCPID\t%ld\n", (long)conn->pid);
	while (strcmp(line = wait_line(conn), "DONE") != 0) {
		if (strncmp(line, "MECH\t", 5) == 0 &&
		    strncmp(line + 5, mechanism, len) == 0 &&
		    (line[5 + len] == '\t' || line[5 + len] == '\0'))
			offered = true;
		if (strncmp(line, "COOKIE\t", 7) == 0)
			snprintf(conn->cookie, sizeof(conn->cookie), "%s",
				 line + 7);
	}
	if (!offered)
		errx(1, "auth does not offer %s", mechanism);
	do_not_block(conn, path);
}

void auth_conn_open_master(struct auth_conn *conn, const char *path)
{
	connect_to(conn, path);
	conn->master = true;
	dprintf(conn->fd, "VERSION\t1\t1\n");
	while (strncmp(wait_line(conn), "SPID\t", 5) != 0)
		;
	do_not_block(conn, path);
}

void auth_conn_close(struct auth_conn *conn)
{
	close(conn->fd);
	free(conn->out);
}

static void append(struct auth_conn *conn, const char *data, size_t len)
{
	if (conn->out_len + len > conn->out_size) {
		conn->out_size = 2 * (conn->out_len + len);
		conn->out = realloc(conn->out, conn->out_size);
		if (conn->out == NULL)
			err(1, "requests");
	}
	memcpy(conn->out + conn->out_len, data, len);
	conn->out_len += len;
}

void auth_conn_request(struct auth_conn *conn, const char *command,
		       unsigned long id, const char *rest, size_t rest_len)
{
	char head[REQUEST_HEAD_SIZE];
	const int len = snprintf(head, sizeof(head), "%s\t%lu\t", command,
				 id);

	append(conn, head, (size_t)len);
	append(conn, rest, rest_len);
}

bool auth_conn_pending(const struct auth_conn *conn)
{
	return conn->out_pos < conn->out_len;
}

void auth_conn_flush(struct auth_conn *conn)
{
	ssize_t sent;

	while (auth_conn_pending(conn)) {
		sent = send(conn->fd, conn->out + conn->out_pos,
			    conn->out_len - conn->out_pos, MSG_NOSIGNAL);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0)
			err(1, "writing to auth");
		conn->out_pos += (size_t)sent;
	}
	conn->out_pos = conn->out_len = 0;
}

/* Takes the next field off a line, NULL at its end. */
static char *next_field(char **line)
{
	return *line == NULL ? NULL : strsep(line, "\t");
}

/* What a reply's first word means, and what stands behind its id. */
struct reply_kind {
	const char *word;
	bool master;
	enum auth_verdict verdict;
	enum { FIELDS, USER_FIELDS, CHALLENGE } form;
};

static const struct reply_kind reply_kinds[] = {
	{ "OK", false, AUTH_OK, FIELDS },
	{ "FAIL", false, AUTH_FAIL, FIELDS },
	{ "CONT", false, AUTH_CONTINUE, CHALLENGE },
	{ "USER", true, AUTH_OK, USER_FIELDS },
	{ "NOTFOUND", true, AUTH_FAIL, FIELDS },
	{ "FAIL", true, AUTH_TEMP_FAIL, FIELDS },
};
#define REPLY_KINDS (sizeof(reply_kinds) / sizeof(reply_kinds[0]))

static const struct reply_kind *find_kind(const char *word, bool master)
{
	size_t i;

	for (i = 0; i < REPLY_KINDS; i++) {
		if (reply_kinds[i].master == master &&
		    strcmp(reply_kinds[i].word, word) == 0)
			return &reply_kinds[i];
	}
	errx(1, "auth answered with %s", word);
}

static void parse_field(const char *field, struct auth_reply *reply)
{
	if (strncmp(field, "user=", 5) == 0)
		reply->user = field + 5;
	else if (strncmp(field, "home=", 5) == 0)
		reply->home = field + 5;
	else if (strcmp(field, "code=temp_fail") == 0)
		reply->verdict = AUTH_TEMP_FAIL;
}

bool auth_conn_reply(struct auth_conn *conn, struct auth_reply *reply_r)
{
	char *line = next_line(conn), *field;
	const struct reply_kind *kind;

	if (line == NULL)
		return false;
	kind = find_kind(next_field(&line), conn->master);
	field = next_field(&line);
	if (field == NULL)
		errx(1, "auth sent a reply without an id");
	*reply_r = (struct auth_reply){
		.verdict = kind->verdict, .id = strtoul(field, NULL, 10),
	};
	if (kind->form == CHALLENGE)
		reply_r->challenge = next_field(&line);
	else if (kind->form == USER_FIELDS)
		reply_r->user = next_field(&line);
	while ((field = next_field(&line)) != NULL)
		parse_field(field, reply_r);
	return true;
}
