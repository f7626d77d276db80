/* SPDX-License-Identifier: MIT */
#ifndef HASH_THREAD_H
#define HASH_THREAD_H

/*
 * To be called once on each thread that computes hashes: it then gives way to
 * any other thread that wakes up, so that a login that needs no slow hash does
 * not wait for the end of a slice at each of its steps (loop, pool, database).
 * With Linux 6.12 and later that goes by the length of its slices, too, so that
 * it is interrupted at once. Elsewhere than on Linux nothing changes.
 */
void hash_thread_start(void);

#endif
