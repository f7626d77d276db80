/* SPDX-License-Identifier: MIT */
#ifndef AUTH_CONN_H
#define AUTH_CONN_H

/*
 * One connection to Dovecot's auth service, as a login process has it or, to a
 * master's socket, as LMTP and imap have it: the handshake, lines in and out
 * without blocking, and what a reply says. Knows nothing of load and time. What
 * cannot be goes to the standard error and ends the program.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define AUTH_CONN_INPUT_SIZE 65536
#define AUTH_COOKIE_SIZE 64

struct auth_conn {
	int fd;
	bool master;
	pid_t pid;			/* a client's, as auth was told */
	char cookie[AUTH_COOKIE_SIZE];	/* with which masters name it */
	char in[AUTH_CONN_INPUT_SIZE];
	size_t in_pos, in_len;		/* what is not read as lines yet */
	char *out;
	size_t out_pos, out_len, out_size;
};

enum auth_verdict {
	AUTH_OK,
	AUTH_FAIL,			/* or, of a master's, no such user */
	AUTH_CONTINUE,			/* a challenge */
	AUTH_TEMP_FAIL,			/* the server could not tell */
};

/* The texts point into the line; NULL if the reply has none. */
struct auth_reply {
	enum auth_verdict verdict;
	unsigned long id;
	const char *user, *home;
	const char *challenge;		/* base64 */
};

/* Connect, and return when the server has said what it can do. Of the clients
   of one server, each has a number of its own. */
void auth_conn_open_client(struct auth_conn *conn, const char *path,
			   const char *mechanism, unsigned int number);
void auth_conn_open_master(struct auth_conn *conn, const char *path);
void auth_conn_close(struct auth_conn *conn);

/* Queues the command, the id and the rest, which ends with a newline. */
void auth_conn_request(struct auth_conn *conn, const char *command,
		       unsigned long id, const char *rest, size_t rest_len);
/* Sends what the socket takes. */
void auth_conn_flush(struct auth_conn *conn);
/* Whether something is left to be sent. */
bool auth_conn_pending(const struct auth_conn *conn);

/* Reads what is there. */
void auth_conn_read(struct auth_conn *conn);
/* Takes the next reply; its texts live until the next read. */
bool auth_conn_reply(struct auth_conn *conn, struct auth_reply *reply_r);

#endif
