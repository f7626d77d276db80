/* SPDX-License-Identifier: MIT */
#ifndef FAKE_MYSQL_CONN_H
#define FAKE_MYSQL_CONN_H

#include "pool/mysql-conn.h"

/*
 * mysql-conn.h without a server: each host has a behaviour that a test sets.
 * Linked in place of mysql-conn.c.
 */
struct fake_host {
	/* result of connecting, running, opening and reading */
	enum mysql_conn_result connect, run, stream;
	/* of this many further runs only, then they succeed; 0: always */
	unsigned int run_times;
	/* no end of connecting or running comes before the deadline */
	bool connect_hangs, run_hangs;
	bool at_once;			/* runs never stop */
	/* milliseconds that what begins now will take */
	unsigned int latency;
	/* connections of an earlier one are lost */
	unsigned int generation;
	bool wide_fails;		/* statements in a wide form do */
	bool wide_overflows;		/* these have more rows than fit */
	unsigned int stream_rows;	/* rows a stream has in all */
	/* what the columns of every row are; NULL: one column with the first
	   bound value. A value of NULL is SQL's NULL. */
	unsigned int column_count, row_count;
	const char *const *names, *const *values;
	/* how many characters each column takes */
	unsigned long width;
	/* statements change rows, so many, and have no columns */
	bool changes;
	unsigned int affected;
	enum db_error_kind error_kind;
	const char *error_text;		/* NULL: "run failed" and the like */
	unsigned int connects, runs;	/* calls so far */
};

#define FAKE_HOSTS 3
extern struct fake_host fake_hosts[FAKE_HOSTS];	/* by port - 1 */
/* connections that exist, and calls of mysql_conn_interrupt() */
extern unsigned int fake_conns, fake_interrupts;
/* the text and the values ("a|b|") of the last statement that ran */
extern char fake_last_text[1024], fake_last_values[1024];

/* Runs may be on a fiber; they stop at their start, as if to read, or to write
   first. */
extern bool fake_can_stop, fake_writes;

void fake_mysql_conn_init(void);
/* The descriptor of the nth connection made, from 0. */
int fake_mysql_conn_fd(unsigned int n);

#endif
