/* SPDX-License-Identifier: MIT */
/*
 * The queue in front of the threads that compute hashes. Those that need little
 * memory go to the threads at once, which take them in order; those that need
 * much (argon2) wait here until there is room, as an allocation that fails is
 * a login that fails.
 */
#include "verify/verify.h"
#include "verify/hash-run.h"
#include "verify/hash-thread.h"
#include "verify/memo.h"
#include "verify/usual.h"

#include "pool/jobs.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct verify_job {
	struct job job;
	struct verify *verify;
	struct verify_job *next;	/* of verify->held */
	verify_callback_t *callback;
	void *context;
	bool dummy;
	bool memorable;
	unsigned char mac[MEMO_MAC_SIZE];

	/* the thread's, until it is done */
	struct hash hash;
	char *text;			/* NULL: make one */
	char *plain;
	enum hash_verdict verdict;
	bool skipped;
	char made[HASH_MADE_MAX];
};

struct verify {
	struct verify_settings set;
	const struct dbpool_loop *loop;
	struct jobs *jobs;
	void *jobs_watch;
	struct memo *memo;		/* NULL: off */
	struct usual *usual;

	unsigned int job_count;		/* with the threads, or held */
	unsigned int memory_used;	/* KiB, of those with the threads */
	struct verify_job *held, **held_tail;
	/* read by the threads: what has not begun need not begin */
	atomic_bool stopping;
};

static const struct {
	enum verify_result result;
	const char *reason;
} verdicts[] = {
	[HASH_MATCH] = { VERIFY_MATCH, NULL },
	[HASH_MISMATCH] = { VERIFY_MISMATCH, NULL },
	[HASH_UNUSABLE] = { VERIFY_UNUSABLE, "its stored password is of a "
		"method, or has a salt, that the system's libraries do not "
		"take: have the user set a new password" },
	[HASH_NO_MEMORY] = { VERIFY_FAILED, "out of memory for verifying the "
		"password: raise vsz_limit of service auth, or lower "
		"verify_memory" },
};

static unsigned int default_threads(void)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores > 0 ? (unsigned int)cores : 1;
}

static void verify_jobs_readable(void *context)
{
	struct verify *verify = context;

	jobs_dispatch(verify->jobs);
}

struct verify *verify_new(const struct verify_settings *settings,
			  const struct dbpool_loop *loop)
{
	struct verify *verify = calloc(1, sizeof(*verify));

	if (verify == NULL || hash_run_init() < 0) {
		free(verify);
		return NULL;
	}
	verify->set = *settings;
	verify->set.usual = NULL;
	if (verify->set.threads == 0)
		verify->set.threads = default_threads();
	verify->loop = loop;
	verify->held_tail = &verify->held;
	verify->usual = usual_new();
	if (settings->memo_ms > 0)
		verify->memo = memo_new();
	verify->jobs = jobs_new(verify->set.threads, hash_thread_start,
				 NULL);
	if (verify->jobs == NULL || verify->usual == NULL ||
	    (settings->memo_ms > 0 && verify->memo == NULL)) {
		verify_free(&verify);
		return NULL;
	}
	if (settings->usual != NULL)
		usual_expect(verify->usual, settings->usual);
	verify->jobs_watch = loop->watch_fd(jobs_fd(verify->jobs), false,
					    verify_jobs_readable, verify);
	return verify;
}

static void verify_job_free(struct verify_job *job)
{
	if (job->text != NULL)
		explicit_bzero(job->text, strlen(job->text));
	if (job->plain != NULL)
		explicit_bzero(job->plain, strlen(job->plain));
	free(job->text);
	free(job->plain);
	explicit_bzero(job, sizeof(*job));
	free(job);
}

/* The job is freed first: a callback may start another one. */
static void verify_job_finish(struct verify_job *job, enum verify_result result,
			      const char *reason)
{
	verify_callback_t *callback = job->callback;
	void *context = job->context;
	char made[HASH_MADE_MAX];

	memcpy(made, job->made, sizeof(made));
	if (job->dummy && result != VERIFY_FAILED)
		result = VERIFY_MISMATCH;
	verify_job_free(job);
	callback(result, made[0] == '\0' ? NULL : made, reason, context);
	explicit_bzero(made, sizeof(made));
}

static void verify_run(struct job *_job)
{
	struct verify_job *job = (struct verify_job *)_job;

	job->skipped = atomic_load_explicit(&job->verify->stopping,
					    memory_order_relaxed);
	if (job->skipped)
		return;
	job->verdict = job->text == NULL ?
		hash_make(&job->hash, job->plain, job->made) :
		hash_run(&job->hash, job->text, job->plain);
}

static void verify_release_held(struct verify *verify);

static void verify_done(struct job *_job)
{
	struct verify_job *job = (struct verify_job *)_job;
	struct verify *verify = job->verify;
	const uint64_t now = verify->loop->now();

	verify->job_count--;
	verify->memory_used -= job->hash.memory;
	verify_release_held(verify);
	if (job->skipped) {
		verify_job_finish(job, VERIFY_FAILED,
				  "The authentication process is ending");
		return;
	}
	if (job->verdict == HASH_MATCH && job->memorable)
		memo_put(verify->memo, job->mac, now + verify->set.memo_ms);
	verify_job_finish(job, verdicts[job->verdict].result,
			  verdicts[job->verdict].reason);
}

static void verify_submit(struct verify_job *job)
{
	struct verify *verify = job->verify;

	verify->memory_used += job->hash.memory;
	if (jobs_submit(verify->jobs, &job->job))
		return;
	verify->memory_used -= job->hash.memory;
	verify->job_count--;
	verify_job_finish(job, VERIFY_FAILED, "no thread could be started for "
			  "verifying the password: raise vsz_limit or "
			  "process_limit of service auth");
}

static bool verify_has_room(const struct verify *verify,
			    const struct hash *hash)
{
	return verify->memory_used == 0 ||
		(hash->memory <= verify->set.memory &&
		 verify->memory_used <= verify->set.memory - hash->memory);
}

/* In order, so that no small one can keep a large one waiting for ever. */
static void verify_release_held(struct verify *verify)
{
	struct verify_job *job;

	while ((job = verify->held) != NULL &&
	       verify_has_room(verify, &job->hash)) {
		verify->held = job->next;
		if (verify->held == NULL)
			verify->held_tail = &verify->held;
		verify_submit(job);
	}
}

static void verify_enqueue(struct verify_job *job)
{
	struct verify *verify = job->verify;

	verify->job_count++;
	if (job->hash.memory == 0) {
		verify_submit(job);
		return;
	}
	job->next = NULL;
	*verify->held_tail = job;
	verify->held_tail = &job->next;
	verify_release_held(verify);
}

/* NULL, after the callback, if it cannot be. */
static struct verify_job *
verify_job_new(struct verify *verify, const struct hash *hash, const char *text,
	       const char *plain, verify_callback_t *callback, void *context)
{
	struct verify_job *job;

	if (verify->job_count >= verify->set.threads + verify->set.queue) {
		callback(VERIFY_FAILED, NULL, "too many logins wait for their "
			 "slow hashes: raise verify_queue, or verify_threads "
			 "if there are cores", context);
		return NULL;
	}
	job = calloc(1, sizeof(*job));
	if (job != NULL) {
		job->text = text == NULL ? NULL : strdup(text);
		job->plain = strdup(plain);
	}
	if (job == NULL || job->plain == NULL ||
	    (text != NULL && job->text == NULL)) {
		if (job != NULL)
			verify_job_free(job);
		callback(VERIFY_FAILED, NULL, "Out of memory", context);
		return NULL;
	}
	job->job.run = verify_run;
	job->job.done = verify_done;
	job->job.brief = hash_is_brief(hash);
	job->verify = verify;
	job->hash = *hash;
	job->callback = callback;
	job->context = context;
	return job;
}

static bool verify_is_stopped(const struct verify *verify,
			      verify_callback_t *callback, void *context)
{
	if (verify->jobs != NULL)
		return false;
	callback(VERIFY_FAILED, NULL, "The authentication process is ending",
		 context);
	return true;
}

void verify_note_inline(struct verify *verify, const struct hash *hash)
{
	usual_note(verify->usual, hash, "");
}

void verify_start(struct verify *verify, const struct hash *hash,
		  const char *text, const char *plain,
		  verify_callback_t *callback, void *context)
{
	unsigned char mac[MEMO_MAC_SIZE];
	struct verify_job *job;
	bool memorable;

	if (verify_is_stopped(verify, callback, context))
		return;
	usual_note(verify->usual, hash, text);
	memorable = verify->memo != NULL &&
		memo_mac(verify->memo, text, plain, mac);
	if (memorable && memo_has(verify->memo, mac, verify->loop->now())) {
		callback(VERIFY_MATCH, NULL, NULL, context);
		return;
	}
	job = verify_job_new(verify, hash, text, plain, callback, context);
	if (job == NULL)
		return;
	job->memorable = memorable;
	if (memorable)
		memcpy(job->mac, mac, sizeof(mac));
	verify_enqueue(job);
}

void verify_dummy(struct verify *verify, const char *user,
		  const struct hash *hash, const char *text, const char *plain,
		  verify_callback_t *callback, void *context)
{
	const struct usual_sample *sample;
	struct verify_job *job;

	if (verify_is_stopped(verify, callback, context))
		return;
	if (hash == NULL) {
		sample = usual_pick(verify->usual, user);
		hash = sample == NULL ? NULL : &sample->hash;
		text = sample == NULL ? NULL : sample->text;
	}
	if (hash == NULL || hash->method == HASH_INLINE) {
		callback(VERIFY_MISMATCH, NULL, NULL, context);
		return;
	}
	job = verify_job_new(verify, hash, text, plain, callback, context);
	if (job == NULL)
		return;
	job->dummy = true;
	verify_enqueue(job);
}

void verify_make(struct verify *verify, const struct hash *like,
		 const char *plain, verify_callback_t *callback, void *context)
{
	struct verify_job *job;

	if (verify_is_stopped(verify, callback, context))
		return;
	job = verify_job_new(verify, like, NULL, plain, callback, context);
	if (job != NULL)
		verify_enqueue(job);
}

static void verify_fail_held(struct verify *verify)
{
	struct verify_job *job;

	while ((job = verify->held) != NULL) {
		verify->held = job->next;
		verify->job_count--;
		verify_job_finish(job, VERIFY_FAILED,
				  "The authentication process is ending");
	}
	verify->held_tail = &verify->held;
}

void verify_stop(struct verify *verify)
{
	struct jobs *jobs = verify->jobs;

	if (jobs == NULL)
		return;
	atomic_store(&verify->stopping, true);
	/* from here on whatever a callback starts fails */
	verify->jobs = NULL;
	if (verify->jobs_watch != NULL)
		verify->loop->unwatch_fd(verify->jobs_watch);
	verify_fail_held(verify);
	jobs_free(&jobs);
}

void verify_free(struct verify **_verify)
{
	struct verify *verify = *_verify;

	if (verify == NULL)
		return;
	*_verify = NULL;
	verify_stop(verify);
	memo_free(&verify->memo);
	usual_free(&verify->usual);
	free(verify);
}
