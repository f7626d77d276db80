/* SPDX-License-Identifier: MIT */
#ifndef LOAD_KIND_H
#define LOAD_KIND_H

/*
 * The kinds of load: what is asked of auth on which sockets, and what follows
 * an answer that is not the last one. Used by auth-load.c, which does not look
 * into requests. A new kind is a row of the table in load-kind.c.
 */
#include "auth-conn.h"
#include "load-accounts.h"

/* The connections of one client: those that its kind has need of. */
struct load_lines {
	struct auth_conn client, master;
};

struct load_kind {
	const char *name;
	/* Sockets below Dovecot's base_dir; NULL: not needed. */
	const char *client_socket, *master_socket;
	const char *mechanism;		/* that the client asks for */
	/* The request's rest behind its id, allocated. It goes to the client's
	   socket, or the master's if that is the only one. */
	load_request_rest *first_rest;
	const char *first;		/* its command */
	/* The verdict that has to be followed by a second request, and what
	   sends that; NULL if the first reply is the last. */
	enum auth_verdict go_on_after;
	void (*go_on)(struct load_lines *lines, unsigned long id,
		      const struct load_account *account,
		      const struct auth_reply *reply);
};

/* NULL if there is none of that name. */
const struct load_kind *load_kind_find(const char *name);

/* The number makes this client differ from the others. */
void load_lines_open(struct load_lines *lines, const struct load_kind *kind,
		     const char *base_dir, unsigned int number);
void load_lines_close(struct load_lines *lines, const struct load_kind *kind);
/* Queues the first request. */
void load_lines_begin(struct load_lines *lines, const struct load_kind *kind,
		      unsigned long id, const struct load_account *account);

#endif
