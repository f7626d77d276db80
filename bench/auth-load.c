/* SPDX-License-Identifier: MIT */
/*
 * A load of logins on a Dovecot's auth service, for bench/run.py:
 *
 *	auth-load --socket=PATH --accounts=FILE --seconds=S [--warmup=S]
 *		(--outstanding=N | --rate=R) [--connections=N] [--seed=N]
 *		CLASS=SHARE...
 *
 * With --outstanding, N logins are under way all the time: who asks next waits
 * for an answer to the one before (closed loop). With --rate, R logins a second
 * begin whatever the server does, at random times, as independent clients do
 * (open loop). Their latency counts from the time they were due, so that a
 * server that stalls cannot slow the clock that measures it. The seed alone
 * decides who logs in, and when: every server gets the same.
 *
 * Every reply is checked, for verdict and user. The warm-up's latencies do not
 * count. All requests are waited for. See load-report.h for the output,
 * load-accounts.h for the file.
 */
#include "auth-conn.h"
#include "load-accounts.h"
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
	const char *socket, *accounts_file;
	double seconds, warmup;
	double rate;			/* of an open loop; 0: a closed one */
	unsigned int outstanding;	/* of a closed loop */
	unsigned int connections;
	uint64_t seed;
};

struct load {
	struct load_plan plan;
	struct load_accounts accounts;
	struct auth_conn *conns;
	struct pollfd *polls;

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

/* Nanoseconds between two logins of the open loop. Clients that know nothing
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

static void begin_login(struct load *load, uint64_t start)
{
	const unsigned int chance = (unsigned int)
		(random_unit(&load->chance_state) * load->accounts.shares);
	const struct load_account *account =
		load_accounts_pick(&load->accounts, chance);
	const unsigned long id = note_request(load, account, start);

	auth_conn_request(&load->conns[id % load->plan.connections], id,
			  account->request, account->request_len);
}

/* Begins all logins that are due. */
static void begin_logins(struct load *load, uint64_t now)
{
	const size_t count = load->count;

	if (load->plan.rate == 0) {
		while (now < load->measure_to &&
		       load->count - load->answered < load->plan.outstanding)
			begin_login(load, now);
	} else {
		while (load->due <= now && load->due < load->measure_to) {
			begin_login(load, load->due);
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
		[AUTH_TEMP_FAIL] = "FAIL, temporarily",
	};

	if ((*count)++ == 0)
		warnx("%s: %s, who should get %s, got %s (user=%s)", what,
		      account->user, account->right ? "OK" : "FAIL",
		      verdicts[reply->verdict], reply->user);
}

static void check_reply(struct load *load, const struct load_account *account,
			const struct auth_reply *reply)
{
	if (reply->verdict == AUTH_TEMP_FAIL)
		count_bad_reply(&load->temp_fail, "temporary failure", account,
				reply);
	else if (reply->verdict != (account->right ? AUTH_OK : AUTH_FAIL) ||
		 strcmp(reply->user, account->user) != 0)
		count_bad_reply(&load->wrong, "wrong answer", account, reply);
}

static void take_replies(struct load *load, struct auth_conn *conn)
{
	struct load_request *request;
	struct auth_reply reply;
	uint64_t now;

	auth_conn_read(conn);
	now = now_ns();
	while (auth_conn_reply(conn, &reply)) {
		if (reply.id == 0 || reply.id > load->count ||
		    load->requests[reply.id - 1].end != 0)
			errx(1, "a reply to no request: %lu", reply.id);
		request = &load->requests[reply.id - 1];
		request->end = now;
		check_reply(load, request->account, &reply);
		load->answered++;
		load->last_event = now;
	}
}

/* How long poll() may take: until a login is due, the time is over, or the
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

	for (i = 0; i < load->plan.connections; i++) {
		auth_conn_flush(&load->conns[i]);
		load->polls[i].events = POLLIN;
		if (auth_conn_pending(&load->conns[i]))
			load->polls[i].events |= POLLOUT;
	}
	if (ppoll(load->polls, load->plan.connections, &wait, NULL) < 0 &&
	    errno != EINTR)
		err(1, "poll");
	for (i = 0; i < load->plan.connections; i++) {
		if ((load->polls[i].revents & (POLLIN | POLLHUP)) != 0)
			take_replies(load, &load->conns[i]);
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
		begin_logins(load, now);
		if (now >= load->measure_to && load->answered == load->count)
			break;
		exchange(load, now);
	}
}

static void setup(struct load *load)
{
	unsigned int i;

	/* timers of the open loop shall not be joined with others */
	prctl(PR_SET_TIMERSLACK, 1UL);
	load_accounts_read(&load->accounts, load->plan.accounts_file);
	load->chance_state = load->plan.seed;
	load->pace_state = ~load->plan.seed;
	load->size = 1 << 16;
	load->requests = malloc(load->size * sizeof(*load->requests));
	load->conns = calloc(load->plan.connections, sizeof(*load->conns));
	load->polls = calloc(load->plan.connections, sizeof(*load->polls));
	if (load->requests == NULL || load->conns == NULL ||
	    load->polls == NULL)
		err(1, "setup");
	for (i = 0; i < load->plan.connections; i++) {
		auth_conn_open(&load->conns[i], load->plan.socket);
		load->polls[i].fd = load->conns[i].fd;
	}
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
		auth_conn_close(&load->conns[i]);
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
	case 's': plan->socket = optarg; break;
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
	default:
		exit(2); /* getopt has said why */
	}
}

static void parse_arguments(struct load *load, int argc, char *argv[])
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "accounts", required_argument, NULL, 'a' },
		{ "seconds", required_argument, NULL, 'd' },
		{ "warmup", required_argument, NULL, 'w' },
		{ "rate", required_argument, NULL, 'r' },
		{ "outstanding", required_argument, NULL, 'o' },
		{ "connections", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 'x' },
		{ NULL, 0, NULL, 0 }
	};
	struct load_plan *plan = &load->plan;
	int key, i = 0;

	while ((key = getopt_long(argc, argv, "", options, &i)) != -1)
		set_option(plan, options[i].name, (char)key);
	while (optind < argc)
		load_accounts_add_class(&load->accounts, argv[optind++]);
	if (plan->socket == NULL || plan->accounts_file == NULL ||
	    plan->seconds == 0 || load->accounts.class_count == 0 ||
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
