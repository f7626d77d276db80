/* SPDX-License-Identifier: MIT */
#ifndef LOOP_H
#define LOOP_H

#include "pool/dbpool.h"

/* Dovecot's ioloop as the pool's loop. */
extern const struct dbpool_loop dovecot_loop;

#endif
