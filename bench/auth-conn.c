/* SPDX-License-Identifier: MIT */
/*
 * The client's side of Dovecot's auth protocol, version 1: only requests that
 * are answered with one line, as AUTH PLAIN with an initial response is.
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

/* "AUTH", a number of 64 bits, two tabs and the NUL */
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

static void handshake(struct auth_conn *conn)
{
	const char *line;
	bool plain = false;

	dprintf(conn->fd, "VERSION\t1\t2\nCPID\t%ld\n", (long)getpid());
	for (;;) {
		while ((line = next_line(conn)) == NULL)
			auth_conn_read(conn);
		if (strcmp(line, "DONE") == 0)
			break;
		if (strncmp(line, "VERSION\t", 8) == 0 &&
		    strncmp(line + 8, "1\t", 2) != 0)
			errx(1, "auth speaks another protocol: %s", line);
		if (strncmp(line, "MECH\tPLAIN\t", 11) == 0)
			plain = true;
	}
	if (!plain)
		errx(1, "auth does not offer PLAIN");
}

void auth_conn_open(struct auth_conn *conn, const char *path)
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
	handshake(conn);
	if (fcntl(conn->fd, F_SETFL, O_NONBLOCK) < 0)
		err(1, "%s", path);
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

void auth_conn_request(struct auth_conn *conn, unsigned long id,
		       const char *rest, size_t rest_len)
{
	char head[REQUEST_HEAD_SIZE];
	const int len = snprintf(head, sizeof(head), "AUTH\t%lu\t", id);

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

static enum auth_verdict parse_kind(const char *kind)
{
	if (strcmp(kind, "OK") == 0)
		return AUTH_OK;
	if (strcmp(kind, "FAIL") == 0)
		return AUTH_FAIL;
	errx(1, "auth answered with %s", kind);
}

bool auth_conn_reply(struct auth_conn *conn, struct auth_reply *reply_r)
{
	char *line = next_line(conn), *field;

	if (line == NULL)
		return false;
	reply_r->user = "";
	reply_r->verdict = parse_kind(next_field(&line));
	field = next_field(&line);
	if (field == NULL)
		errx(1, "auth sent a reply without an id");
	reply_r->id = strtoul(field, NULL, 10);
	while ((field = next_field(&line)) != NULL) {
		if (strncmp(field, "user=", 5) == 0)
			reply_r->user = field + 5;
		else if (strcmp(field, "code=temp_fail") == 0)
			reply_r->verdict = AUTH_TEMP_FAIL;
	}
	return true;
}
