/* SPDX-License-Identifier: MIT */
#ifndef REPLIES_H
#define REPLIES_H

#include "dovecot/authdb-compat.h"

/*
 * Answers come many at a time, and Dovecot writes each reply by itself. Each
 * write may wake the client, which, on a busy machine, then takes the core
 * from auth for the one reply. So what one call from the loop leads to is
 * held back until that returns, and leaves in one write for each client.
 */

/* Around each call from Dovecot's loop into the pool or the hash threads. */
void replies_begin(void);
void replies_end(void);

/* Before Dovecot is told the result of a request: what it replies is held back,
   if this is such a call, and the client has read all that was sent before. */
void replies_hold(const struct auth_request *request);

/* At the end of the last engine. */
void replies_deinit(void);

#endif
