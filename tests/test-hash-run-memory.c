/* SPDX-License-Identifier: MIT */
/*
 * Slow hashes: what is left of a password in memory, what happens when there is
 * none, and threads. Allocations of the module fail by fail-malloc.c; those of
 * libcrypto, mappings, and all that is freed come through here.
 */
#include "verify/hash-run.h"

#include "fail-malloc.h"
#include "unit.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* No eight bytes of it occur twice, or elsewhere. */
#define SECRET "c4nary-Passw0rd_with%some&length=0123456789"
#define PIECE 8

/* -- memory */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *data);
void __wrap_free(void *data);

static atomic_uint secrets_freed;
static unsigned int crypto_countdown;
static bool crypto_failed;

static bool holds_secret(const void *data, size_t size)
{
	for (size_t i = 0; i + PIECE < sizeof(SECRET); i++) {
		if (memmem(data, size, &SECRET[i], PIECE) != NULL)
			return true;
	}
	return false;
}

void __wrap_free(void *data)
{
	if (data != NULL && holds_secret(data, malloc_usable_size(data)))
		atomic_fetch_add(&secrets_freed, 1);
	__real_free(data);
}

/* Zeros, so that no old secret is found in it. */
static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (crypto_countdown > 0 && --crypto_countdown == 0) {
		crypto_failed = true;
		return NULL;
	}
	return __real_calloc(1, size);
}

static void crypto_free(void *data, const char *file, int line)
{
	(void)file;
	(void)line;
	__wrap_free(data);
}

static void *crypto_realloc(void *data, size_t size, const char *file, int line)
{
	void *copy = crypto_malloc(size, file, line);
	const size_t old_size = data == NULL ? 0 : malloc_usable_size(data);

	if (copy == NULL)
		return NULL;
	memcpy(copy, data == NULL ? copy : data,
	       old_size < size ? old_size : size);
	crypto_free(data, file, line);
	return copy;
}

static unsigned int map_countdown;
static bool map_failed;

/* In place of libc's, for libsodium too. The thread sanitizer is not ready when
   this is called for the first time. */
__attribute__((no_sanitize_thread)) void *
mmap(void *address, size_t len, int protection, int flags, int fd,
     off_t offset)
{
	if (map_countdown > 0 && --map_countdown == 0) {
		map_failed = true;
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, address, len, protection, flags, fd,
			       offset);
}

/* -- what the tests share */

/* Hashes of SECRET, one for each piece of code, as cheap as can be. */
static const struct secret_row {
	const char *name;
	struct hash hash;
	const char *text;
} secret_rows[] = {
	{ "$1$", { .method = HASH_CRYPT },
	  "$1$saltsalt$kKO9SF7zUDvCKd5PyRFE6/" },
	{ "DES", { .method = HASH_CRYPT }, "abkReFJS5HpjM" },
	{ "bcrypt", { .method = HASH_CRYPT },
	  "$2y$04$abcdefghijklmnopqrstuuziJhfskD7F9vvWwNcC8SuOkbOxOTiFO" },
	{ "$5$", { .method = HASH_CRYPT },
	  "$5$rounds=1000$saltsalt$ajzfOsLzFUBiy027KAqsaDfbOX.vquWVo4k6pRBAs"
	  "44" },
	{ "$6$", { .method = HASH_CRYPT },
	  "$6$rounds=1000$saltsalt$D3S/6Rqw4Bw.buSQnrfvUx4.M/clsblKfgbiGRqYZ"
	  "4P7ZclTx6gMnNlEZCqkC4C5DbIABd0xMNJzinUvWtZDf1" },
	{ "yescrypt", { .method = HASH_CRYPT, .memory = 1024 },
	  "$y$j75$saltsalt$wAdEAJ9MAlpykpGDCjwbN79Q/EgGWn1KMgjgsd5J5//" },
	{ "argon2id", { .method = HASH_ARGON2, .id = "$argon2id$", .rounds = 2,
	  .memory = 64, .digest = 51 },
	  "$argon2id$v=19$m=64,t=2,p=1$dbLx4J+939vgxUjWmjWwTA$5aHI5G7uuYNCmx"
	  "F2ltAU1ZCixPdHMSTgXNyrfj2AGVg" },
	{ "argon2id, two lanes", { .method = HASH_ARGON2, .id = "$argon2id$",
	  .rounds = 2, .memory = 64, .digest = 51 },
	  "$argon2id$v=19$m=64,t=2,p=2$TD/rXYd+pJyTol16DV+Yyg$Y0tbpbUZNuxbM5"
	  "xZbZAADBqYpua0jwwRFArqH5JEYXU" },
	{ "PBKDF2", { .method = HASH_PBKDF2, .rounds = 2, .digest = 10 },
	  "$1$salt$2$26d8f31b764b65086732310ee8f84cd530697e0a" },
	{ "SCRAM-SHA-1", { .method = HASH_SCRAM_SHA1, .rounds = 2,
	  .digest = 27 }, "2,c2FsdHNhbHRzYWx0c2FsdA==,"
	  "8bI2eWDFgdA4E/fd3UjroqEyNEo=,NCGkhhKF99Qp5G+3vTYk9lph7kA=" },
	{ "SCRAM-SHA-256", { .method = HASH_SCRAM_SHA256, .rounds = 2,
	  .digest = 27 }, "2,c2FsdHNhbHRzYWx0c2FsdA==,"
	  "fX5wcpK+b6rrp4qf1pJx0/91oXyRUp3QkzpM+Hs7T0w=,"
	  "vT65W8pwHufWQK5lGNYkOxLrywVvI44Lgr1T38BUeHg=" },
	{ "OTP, md4", { .method = HASH_OTP, .id = "md4", .rounds = 3,
	  .digest = 11 }, "md4 3 test 4cc70e2f16ed2ff7" },
	{ "OTP, md5", { .method = HASH_OTP, .id = "md5", .rounds = 3,
	  .digest = 11 }, "md5 3 test c8d4e25f54e31954" },
	{ "OTP, sha1", { .method = HASH_OTP, .id = "sha1", .rounds = 3,
	  .digest = 12 }, "sha1 3 test f84e4f5f5254e120" },
};

static const struct secret_row *secret_row(const char *name)
{
	const struct secret_row *row = secret_rows;

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

/* Hashes to make. */
static const struct hash make_rows[] = {
	{ .method = HASH_CRYPT, .id = "$2y$", .rounds = 4 },
	{ .method = HASH_CRYPT, .id = "$5$", .rounds = 5000 },
	{ .method = HASH_CRYPT, .id = "$6$", .rounds = 1000 },
	{ .method = HASH_ARGON2, .id = "$argon2i$", .rounds = 3, .memory = 64 },
	{ .method = HASH_ARGON2, .id = "$argon2id$", .rounds = 1,
	  .memory = 64 },
	{ .method = HASH_PBKDF2, .rounds = 2 },
	{ .method = HASH_SCRAM_SHA1, .rounds = 2 },
};

static enum hash_verdict run_row(const void *context)
{
	const struct secret_row *row = context;

	return hash_run(&row->hash, row->text, SECRET);
}

static enum hash_verdict make_row(const void *context)
{
	char made[HASH_MADE_MAX];

	return hash_make(context, SECRET, made);
}

/* -- what is left of a password */

static void *run_secret(void *context)
{
	return run_row(context) == HASH_MATCH ? context : NULL;
}

static void *make_secret(void *context)
{
	return make_row(context) == HASH_MATCH ? context : NULL;
}

static void *keep_secret(void *context)
{
	/* so far down that the end of the thread does not get there */
	char volatile copy[16 * 1024];

	for (size_t i = 0; i < sizeof(SECRET); i++)
		copy[i] = ((const char *)context)[i];
	return copy[0] == SECRET[0] ? context : NULL;
}

/* Room for what the thread sanitizer keeps there, too. */
#define STACK_SIZE (2 * 1024 * 1024)

/* Past what sanitizers and valgrind think of a stack that nobody uses. */
static bool stack_holds_secret(const void *stack)
{
	char *copy = __real_malloc(STACK_SIZE);
	const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	bool found;

	CU_ASSERT_EQUAL_FATAL(pread(fd, copy, STACK_SIZE, (off_t)stack),
			      STACK_SIZE);
	close(fd);
	found = holds_secret(copy, STACK_SIZE);
	__real_free(copy);
	return found;
}

/* Runs it on a stack of its own, and looks there. */
static bool leaves_secret_on_stack(void *(*run)(void *), const void *context)
{
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *result = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	bool found;

	CU_ASSERT_FATAL(stack != MAP_FAILED);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK_SIZE);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attr, run,
					     (void *)context), 0);
	pthread_join(thread, &result);
	pthread_attr_destroy(&attr);
	CU_ASSERT_PTR_EQUAL(result, context);
	found = stack_holds_secret(stack);
	munmap(stack, STACK_SIZE);
	return found;
}

static void test_no_secret_stays_behind(void)
{
	char *volatile trap;

	secrets_freed = 0;
	for (size_t i = 0; i < N_ROWS(secret_rows); i++)
		UNIT_ASSERT_ROW(secret_rows[i].name,
			!leaves_secret_on_stack(run_secret, &secret_rows[i]));
	for (size_t i = 0; i < N_ROWS(make_rows); i++)
		CU_ASSERT_FALSE(leaves_secret_on_stack(make_secret,
						       &make_rows[i]));
	CU_ASSERT_EQUAL(secrets_freed, 0);

	/* the traps work; volatile, or the compiler drops the pair */
	CU_ASSERT_TRUE(leaves_secret_on_stack(keep_secret, SECRET));
	trap = strdup(SECRET);
	free(trap);
	CU_ASSERT_EQUAL(secrets_freed, 1);
}

/* -- no memory */

enum allocator {
	OF_THE_MODULE,
	OF_LIBCRYPTO,
	OF_THE_KERNEL,		/* mmap() */
};

/* The nth allocation fails: a right password is never called wrong. False if
   there were fewer. */
static bool run_failing(enum hash_verdict (*run)(const void *),
			const void *row, unsigned int nth,
			enum allocator which)
{
	enum hash_verdict verdict;
	bool failed;

	crypto_failed = map_failed = false;
	fail_malloc_arm(which == OF_THE_MODULE ? nth : 0);
	crypto_countdown = which == OF_LIBCRYPTO ? nth : 0;
	map_countdown = which == OF_THE_KERNEL ? nth : 0;
	verdict = run(row);
	crypto_countdown = map_countdown = 0;
	failed = fail_malloc_disarm() || crypto_failed || map_failed;
	CU_ASSERT_TRUE(verdict == HASH_MATCH ||
		       (failed && verdict == HASH_NO_MEMORY));
	return failed;
}

/* Returns how many there are. */
static unsigned int fail_each(enum hash_verdict (*run)(const void *),
			      const void *row, enum allocator which)
{
	unsigned int nth = 1;

	while (run_failing(run, row, nth, which))
		nth++;
	return nth - 1;
}

static void test_each_allocation_fails(void)
{
	const struct secret_row *row;
	unsigned int counts[3] = { 0, 0, 0 };

	secrets_freed = 0;
	for (size_t i = 0; i < N_ROWS(secret_rows); i++) {
		row = &secret_rows[i];
		counts[0] += fail_each(run_row, row, OF_THE_MODULE);
		counts[1] += fail_each(run_row, row, OF_LIBCRYPTO);
		/* libsodium's own cannot be told from a wrong password then */
		if (row == secret_row("argon2id, two lanes"))
			counts[2] += run_failing(run_row, row, 1,
						 OF_THE_KERNEL);
		else
			counts[2] += fail_each(run_row, row, OF_THE_KERNEL);
	}
	CU_ASSERT_TRUE(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
	CU_ASSERT_EQUAL(secrets_freed, 0);
}

static void test_each_allocation_fails_when_made(void)
{
	unsigned int counts[3] = { 0, 0, 0 };

	secrets_freed = 0;
	for (size_t i = 0; i < N_ROWS(make_rows); i++) {
		for (size_t which = 0; which < N_ROWS(counts); which++)
			counts[which] += fail_each(make_row, &make_rows[i],
						   which);
	}
	CU_ASSERT_TRUE(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
	CU_ASSERT_EQUAL(secrets_freed, 0);
}

/* A system may forbid digests. */
static void test_digest_that_libcrypto_withholds(void)
{
	const struct secret_row *row;

	CU_ASSERT_EQUAL(EVP_set_default_properties(NULL, "fips=yes"), 1);
	for (size_t i = 0; i < N_ROWS(secret_rows); i++) {
		row = &secret_rows[i];
		UNIT_ASSERT_ROW(row->name, run_row(row) ==
				(strncmp(row->name, "PBKDF2", 6) == 0 ||
				 strncmp(row->name, "SCRAM", 5) == 0 ?
				 HASH_UNUSABLE : HASH_MATCH));
	}
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
	CU_ASSERT_EQUAL(EVP_set_default_properties(NULL, ""), 1);
}

/* Much more than is left in the child. */
static const struct large_row {
	const char *name;
	struct hash hash;
	const char *text;
} large_rows[] = {
	{ "argon2id", { .method = HASH_ARGON2, .id = "$argon2id$",
	  .rounds = 2, .memory = 131072, .digest = 55 },
	  "$argon2id$v=19$m=131072,t=2,p=1$dbLx4J+939vgxUjWmjWwTA$"
	  "5aHI5G7uuYNCmxF2ltAU1ZCixPdHMSTgXNyrfj2AGVg" },
	{ "argon2id, two lanes", { .method = HASH_ARGON2, .id = "$argon2id$",
	  .rounds = 2, .memory = 131072, .digest = 55 },
	  "$argon2id$v=19$m=131072,t=2,p=2$dbLx4J+939vgxUjWmjWwTA$"
	  "5aHI5G7uuYNCmxF2ltAU1ZCixPdHMSTgXNyrfj2AGVg" },
	{ "yescrypt", { .method = HASH_CRYPT, .memory = 131072 },
	  "$y$jCT$saltsalt$0gBD67sgmJgRX3RZ6wHHO7sHimQEWGCWN85o4Twogh2" },
};

static bool limit_memory(size_t more)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;
	struct rlimit limit;

	if (file == NULL || fscanf(file, "%lu", &pages) != 1)
		return false;
	fclose(file);
	limit.rlim_cur = pages * sysconf(_SC_PAGESIZE) + more;
	limit.rlim_max = limit.rlim_cur;
	return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* In a child. Returns the number of what went wrong, 0 if nothing did. */
static int run_large(void)
{
	char made[HASH_MADE_MAX];

	if (!limit_memory(48 * 1024 * 1024))
		return 1;
	for (size_t i = 0; i < N_ROWS(large_rows); i++) {
		if (hash_run(&large_rows[i].hash, large_rows[i].text,
			     SECRET) != HASH_NO_MEMORY)
			return 2 + i;
	}
	if (hash_make(&large_rows[0].hash, SECRET, made) != HASH_NO_MEMORY)
		return 20;
	/* for small ones there is room, and stays */
	for (size_t i = 0; i < 100; i++) {
		if (run_row(secret_row("argon2id, two lanes")) != HASH_MATCH)
			return 21;
	}
	return 0;
}

static void test_no_room_for_large_ones(void)
{
	const pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(run_large());
	CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

/* -- threads */

#define THREADS 8

static void *run_all(void *context)
{
	const struct secret_row *row;
	const size_t first = *(size_t *)context;
	size_t i, *good = context;

	*good = 0;
	for (i = 0; i < N_ROWS(secret_rows); i++) {
		row = &secret_rows[(first + i) % N_ROWS(secret_rows)];
		if (run_row(row) == HASH_MATCH &&
		    hash_run(&row->hash, row->text, "x" SECRET) ==
		    HASH_MISMATCH)
			(*good)++;
	}
	return NULL;
}

static void test_threads_at_once(void)
{
	pthread_t threads[THREADS];
	size_t good[THREADS], i;

	for (i = 0; i < THREADS; i++) {
		good[i] = i;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL,
						     run_all, &good[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(good[i], N_ROWS(secret_rows));
	}
}

/* What is left on a stack is most when functions are called for the first
   time, so that comes first. */
static CU_TestInfo tests[] = {
	TEST(test_no_secret_stays_behind),
	TEST(test_each_allocation_fails),
	TEST(test_each_allocation_fails_when_made),
	TEST(test_digest_that_libcrypto_withholds),
	TEST(test_no_room_for_large_ones),
	TEST(test_threads_at_once),
	CU_TEST_INFO_NULL,
};

int main(void)
{
	/* before libcrypto allocates anything */
	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
				     crypto_free) != 1 || hash_run_init() < 0)
		return 2;
	return unit_run("hash-run-memory", tests);
}
