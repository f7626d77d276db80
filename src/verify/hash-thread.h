/* SPDX-License-Identifier: MIT */
#ifndef HASH_THREAD_H
#define HASH_THREAD_H

/*
 * To be called once on each thread that computes hashes: it then runs for as
 * long as before, but in longer slices, which any other thread that wakes up
 * may interrupt. A login that needs no slow hash so does not wait for the end
 * of a slice at each of its steps (loop, pool, database). It is a wish to
 * Linux 6.12 and later; elsewhere nothing changes.
 */
void hash_thread_start(void);

#endif
