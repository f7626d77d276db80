/* SPDX-License-Identifier: MIT */
/*
 * A load of requests on a Dovecot's auth service, for bench/run.py:
 *
 *	auth-load --base-dir=PATH --kind=KIND --accounts=FILE --seconds=S
 *		[--warmup=S] (--outstanding=N | --rate=R) [--connections=N]
 *		[--seed=N] [--first=N] CLASS=SHARE...
 *
 * PATH is Dovecot's base_dir, below which its sockets are. The kinds:
 *
 *	plain		AUTH PLAIN
 *	cram-md5	AUTH CRAM-MD5, with challenge and response
 *	userdb		USER, as LMTP asks who a recipient is
 *	login		AUTH PLAIN by the login process, then REQUEST by imap
 *
 * With --outstanding, N requests are under way all the time: who asks next
 * waits for an answer to the one before (closed loop). With --rate, R requests
 * a second begin whatever the server does, at random times, as independent
 * clients do (open loop). Their latency counts from the time they were due, so
 * that a server that stalls cannot slow the clock that measures it. Seed and
 * first alone decide who asks, and when: every server gets the same.
 *
 * Every reply is checked, for verdict, user and home. The warm-up's latencies
 * do not count. All requests are waited for. See load-report.h for the output,
 * load-accounts.h for the file.
 */
#include "auth-conn.h"
#include "load-accounts.h"
#include "load-kind.h"
#include "load-report.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define NS_PER_S 1e9
/* A server that does not answer for so long will not. */
#define SILENCE_MAX_NS (30 * 1000000000ULL)

/* What is to be done. */
struct load_plan {
	const char *base_dir, *accounts_file;
	const struct load_kind *kind;
	double seconds, warmup;
	double rate;			/* of an open loop; 0: a closed one */
	unsigned int outstanding;	/* of a closed loop */
	unsigned int connections;
	uint64_t seed;
	size_t first;			/* account of each class */
};

struct load {
	struct load_plan plan;
	struct load_accounts accounts;
	struct load_lines *lines;
	/* Every connection of the lines, and what is polled of it. */
	struct auth_conn **conns;
	struct pollfd *polls;
	unsigned int conn_count;

	/* Each by itself, so that the pace does not depend on who logs in. */
	uint64_t chance_state, pace_state;

	struct load_request *requests;	/* the id is the index plus one */
	size_t count, size, answered;
	size_t wrong, temp_fail;
	uint64_t due;			/* the next one of an open loop */
	uint64_t measure_from, measure_to;
	uint64_t last_event;		/* request or reply */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* splitmix64, for 0 <= x < 1 */
static double random_unit(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

/* Nanoseconds between two requests of the open loop. Clients that know nothing
   of each other come at intervals that are distributed exponentially. */
static uint64_t next_gap(struct load *load)
{
	const double chance = random_unit(&load->pace_state);

	return (uint64_t)(-log1p(-chance) * NS_PER_S / load->plan.rate);
}

/* Notes a new request and returns its id. */
static unsigned long note_request(struct load *load,
				  const struct load_account *account,
				  uint64_t start)
{
	if (load->count == load->size) {
		load->size *= 2;
		load->requests = realloc(load->requests, load->size *
					 sizeof(*load->requests));
		if (load->requests == NULL)
			err(1, "requests");
	}
	load->requests[load->count++] = (struct load_request){
		.account = account, .start = start,
	};
	return load->count;
}

/* Whose connections a request uses. */
static struct load_lines *line_of(struct load *load, unsigned long id)
{
	return &load->lines[id % load->plan.connections];
}

static void begin_request(struct load *load, uint64_t start)
{
	const unsigned int chance = (unsigned int)
		(random_unit(&load->chance_state) * load->accounts.shares);
	const struct load_account *account =
		load_accounts_pick(&load->accounts, chance);
	const unsigned long id = note_request(load, account, start);

	load_lines_begin(line_of(load, id), load->plan.kind, id, account);
}

/* Begins all requests that are due. */
static void begin_requests(struct load *load, uint64_t now)
{
	const size_t count = load->count;

	if (load->plan.rate == 0) {
		while (now < load->measure_to &&
		       load->count - load->answered < load->plan.outstanding)
			begin_request(load, now);
	} else {
		while (load->due <= now && load->due < load->measure_to) {
			begin_request(load, load->due);
			load->due += next_gap(load);
		}
	}
	if (load->count > count)
		load->last_event = now;
}

/* Counts a reply that is not what it should be; the first one of a kind is
   shown. */
static void count_bad_reply(size_t *count, const char *what,
			    const struct load_account *account,
			    const struct auth_reply *reply)
{
	static const char *const verdicts[] = {
		[AUTH_OK] = "OK", [AUTH_FAIL] = "FAIL",
		[AUTH_CONTINUE] = "a challenge",
		[AUTH_TEMP_FAIL] = "FAIL, temporarily",
	};

	if ((*count)++ == 0)
		warnx("%s: %s, who should get %s, got %s (user=%s home=%s)",
		      what, account->user, account->right ? "OK" : "FAIL",
		      verdicts[reply->verdict],
		      reply->user == NULL ? "" : reply->user,
		      reply->home == NULL ? "" : reply->home);
}

static bool same(const char *got, const char *expected)
{
	return got != NULL && strcmp(got, expected) == 0;
}

/* Whether the last reply to a request is the one that it should get. */
static bool right_reply(const struct load_kind *kind,
			const struct load_request *request,
			const struct auth_reply *reply, bool from_master)
{
	const struct load_account *account = request->account;

	if (reply->verdict != (account->right ? AUTH_OK : AUTH_FAIL))
		return false;
	if (from_master && !account->right)
		return true; /* it says no more than that */
	if (!same(reply->user, account->user))
		return false;
	if (!account->right)
		return true;
	return (kind->go_on == NULL || request->going_on) &&
		(!from_master || same(reply->home, account->home));
}

static void check_reply(struct load *load, const struct load_request *request,
			const struct auth_reply *reply, bool from_master)
{
	if (reply->verdict == AUTH_TEMP_FAIL)
		count_bad_reply(&load->temp_fail, "temporary failure",
				request->account, reply);
	else if (!right_reply(load->plan.kind, request, reply, from_master))
		count_bad_reply(&load->wrong, "wrong answer", request->account,
				reply);
}

/* The request that a reply belongs to. */
static struct load_request *
find_request(struct load *load, const struct auth_reply *reply)
{
	if (reply->id == 0 || reply->id > load->count ||
	    load->requests[reply->id - 1].end != 0)
		errx(1, "a reply to no request: %lu", reply->id);
	return &load->requests[reply->id - 1];
}

static void take_replies(struct load *load, struct auth_conn *conn)
{
	const struct load_kind *kind = load->plan.kind;
	struct load_request *request;
	struct auth_reply reply;
	uint64_t now;

	auth_conn_read(conn);
	now = now_ns();
	while (auth_conn_reply(conn, &reply)) {
		load->last_event = now;
		request = find_request(load, &reply);
		if (kind->go_on != NULL && !request->going_on &&
		    reply.verdict == kind->go_on_after) {
			request->going_on = true;
			kind->go_on(line_of(load, reply.id), reply.id,
				    request->account, &reply);
			continue;
		}
		request->end = now;
		check_reply(load, request, &reply, conn->master);
		load->answered++;
	}
}

/* How long poll() may take: until a request is due, the time is over, or the
   server has to be given up. */
static struct timespec patience(const struct load *load, uint64_t now)
{
	uint64_t until = now < load->measure_to ? load->measure_to :
		now + SILENCE_MAX_NS, wait;

	if (load->plan.rate != 0 && load->due < load->measure_to)
		until = load->due;
	wait = until > now ? until - now : 0;
	return (struct timespec){
		.tv_sec = (time_t)(wait / 1000000000ULL),
		.tv_nsec = (long)(wait % 1000000000ULL),
	};
}

/* Sends, waits until something is to be done, and reads. */
static void exchange(struct load *load, uint64_t now)
{
	const struct timespec wait = patience(load, now);
	unsigned int i;

	for (i = 0; i < load->conn_count; i++) {
		auth_conn_flush(load->conns[i]);
		load->polls[i].events = POLLIN;
		if (auth_conn_pending(load->conns[i]))
			load->polls[i].events |= POLLOUT;
	}
	if (ppoll(load->polls, load->conn_count, &wait, NULL) < 0 &&
	    errno != EINTR)
		err(1, "poll");
	for (i = 0; i < load->conn_count; i++) {
		if ((load->polls[i].revents & (POLLIN | POLLHUP)) != 0)
			take_replies(load, load->conns[i]);
	}
	if (load->answered < load->count &&
	    now_ns() > load->last_event + SILENCE_MAX_NS)
		errx(1, "auth leaves %zu requests unanswered",
		     load->count - load->answered);
}

static void run(struct load *load)
{
	const uint64_t start = now_ns();
	uint64_t now;

	load->measure_from = start + (uint64_t)(load->plan.warmup * NS_PER_S);
	load->measure_to = load->measure_from +
		(uint64_t)(load->plan.seconds * NS_PER_S);
	load->due = load->last_event = start;
	for (;;) {
		now = now_ns();
		begin_requests(load, now);
		if (now >= load->measure_to && load->answered == load->count)
			break;
		exchange(load, now);
	}
}

static void watch(struct load *load, struct auth_conn *conn)
{
	load->polls[load->conn_count].fd = conn->fd;
	load->conns[load->conn_count++] = conn;
}

static void open_lines(struct load *load)
{
	const struct load_kind *kind = load->plan.kind;
	const unsigned int count = load->plan.connections;
	unsigned int i;

	load->lines = calloc(count, sizeof(*load->lines));
	load->conns = calloc(2 * count, sizeof(*load->conns));
	load->polls = calloc(2 * count, sizeof(*load->polls));
	if (load->lines == NULL || load->conns == NULL || load->polls == NULL)
		err(1, "connections");
	for (i = 0; i < count; i++) {
		load_lines_open(&load->lines[i], kind, load->plan.base_dir, i);
		if (kind->client_socket != NULL)
			watch(load, &load->lines[i].client);
		if (kind->master_socket != NULL)
			watch(load, &load->lines[i].master);
	}
}

static void setup(struct load *load)
{
	/* timers of the open loop shall not be joined with others */
	prctl(PR_SET_TIMERSLACK, 1UL);
	load_accounts_read(&load->accounts, load->plan.accounts_file,
			   load->plan.kind->first_rest, load->plan.first);
	load->chance_state = load->plan.seed;
	load->pace_state = ~load->plan.seed;
	load->size = 1 << 16;
	load->requests = malloc(load->size * sizeof(*load->requests));
	if (load->requests == NULL)
		err(1, "requests");
	open_lines(load);
}

static void report(const struct load *load)
{
	const struct load_result result = {
		.accounts = &load->accounts,
		.requests = load->requests, .count = load->count,
		.wrong = load->wrong, .temp_fail = load->temp_fail,
		.measure_from = load->measure_from,
		.measure_to = load->measure_to,
	};

	load_report(&result, stdout);
}

static void teardown(struct load *load)
{
	unsigned int i;

	for (i = 0; i < load->plan.connections; i++)
		load_lines_close(&load->lines[i], load->plan.kind);
	free(load->lines);
	free(load->conns);
	free(load->polls);
	free(load->requests);
	load_accounts_free(&load->accounts);
}

/* A number within limits, or the end. */
static double number(const char *option, const char *text, double least,
		     double most)
{
	char *end;
	const double value = strtod(text, &end);

	if (*text == '\0' || *end != '\0' || !(value >= least && value <= most))
		errx(2, "--%s=%s: not from %g to %g", option, text, least,
		     most);
	return value;
}

static void set_option(struct load_plan *plan, const char *name, char key)
{
	switch (key) {
	case 'b': plan->base_dir = optarg; break;
	case 'k': plan->kind = load_kind_find(optarg); break;
	case 'a': plan->accounts_file = optarg; break;
	case 'd': plan->seconds = number(name, optarg, 0.01, 3600); break;
	case 'w': plan->warmup = number(name, optarg, 0, 3600); break;
	case 'r': plan->rate = number(name, optarg, 0.1, 1e6); break;
	case 'o':
		plan->outstanding = (unsigned int)number(name, optarg, 1, 1e5);
		break;
	case 'c':
		plan->connections = (unsigned int)number(name, optarg, 1, 500);
		break;
	case 'x':
		plan->seed = (uint64_t)number(name, optarg, 0, 1e9);
		break;
	case 'f':
		plan->first = (size_t)number(name, optarg, 0, 1e9);
		break;
	default:
		exit(2); /* getopt has said why */
	}
}

static void parse_arguments(struct load *load, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "base-dir", required_argument, NULL, 'b' },
		{ "kind", required_argument, NULL, 'k' },
		{ "accounts", required_argument, NULL, 'a' },
		{ "seconds", required_argument, NULL, 'd' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "rate", required_argument, NULL, 'r' },
		{ "outstanding", required_argument, NULL, 'o' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 'x' },
		{ "first", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 }
	};
	struct load_plan *plan = &load->plan;
	int key, i = 0;

	while ((key = getopt_long(argc, argv, "", options, &i)) != -1)
		set_option(plan, options[i].name, (char)key);
	while (optind < argc)
		load_accounts_add_class(&load->accounts, argv[optind++]);
	if (plan->base_dir == NULL || plan->kind == NULL ||
	    plan->accounts_file == NULL || plan->seconds == 0 ||
	    load->accounts.class_count == 0 ||
	    (plan->rate == 0) == (plan->outstanding == 0))
		errx(2, "usage: see the head of bench/auth-load.c");
}

int main(int argc, char *argv[])
{
	struct load load = { .plan = { .connections = 1 } };

	parse_arguments(&load, argc, argv);
	setup(&load);
	run(&load);
	report(&load);
	teardown(&load);
	return 0;
}
