/* SPDX-License-Identifier: MIT */
/*
 * Batches: the lookups that wait go out together, as many as one execution of
 * the statement's widest form answers, and each gets its own rows back. Nothing
 * waits for a batch to fill: a connection that is free takes what is there.
 */
#include "pool/dbpool-private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ----------------------------------------------------------- collecting */

void dbpool_batch_free(struct dbpool_batch *batch)
{
	unsigned int i;

	if (batch == NULL)
		return;
	for (i = 0; i < batch->slot_count; i++)
		db_query_free(&batch->queries[i]);
	free(batch);
}

bool dbpool_attempt_leave(struct dbpool_attempt *attempt)
{
	struct dbpool_batch *batch = attempt->batch;

	if (batch == NULL)
		return false;
	LIST_REMOVE(batch->slots[attempt->slot], attempt);
	attempt->batch = NULL;
	return --batch->lookup_count == 0;
}

void dbpool_batch_cut(struct dbpool_batch *batch)
{
	batch->conn->cut = true;
	mysql_conn_interrupt(batch->conn->db);
}

static void batch_join(struct dbpool_batch *batch, unsigned int slot,
		       struct dbpool_lookup *lookup)
{
	struct dbpool_attempt *attempt =
		&lookup->attempts[lookup->attempts[0].batch == NULL ? 0 : 1];

	assert(attempt->batch == NULL);
	dbpool_lookup_unwait(lookup);
	attempt->lookup = lookup;
	attempt->batch = batch;
	attempt->slot = slot;
	LIST_PREPEND(batch->slots[slot], attempt);
	batch->lookup_count++;
}

/* Its slot; the one behind the last if it asks what nobody asks yet. */
static unsigned int batch_find(const struct dbpool_batch *batch,
			       const struct dbpool_lookup *lookup)
{
	unsigned int i;

	for (i = 0; i < batch->slot_count; i++) {
		if (db_query_equals(batch->queries[i], lookup->query))
			break;
	}
	return i;
}

static unsigned int batch_room(const struct dbpool *pool,
			       const struct dbpool_lookup *lookup)
{
	const struct db_statement *form = lookup->query->statement;
	unsigned int room = 1;

	if (lookup->alone || pool->plain_until[form->id] > pool->loop.now())
		return 1;
	for (; form != NULL && form->queries <= pool->set.max_batch;
	     form = form->wider)
		room = form->queries;
	return room;
}

/* The narrowest form that is wide enough. */
static const struct db_statement *
batch_form(const struct dbpool_batch *batch)
{
	const struct db_statement *form = batch->queries[0]->statement;

	while (form->queries < batch->slot_count)
		form = form->wider;
	return form;
}

/* Joins the batch if it can go with it. */
static bool batch_take(struct dbpool_batch *batch, unsigned int room,
		       struct dbpool_lookup *lookup)
{
	const unsigned int slot = batch_find(batch, lookup);

	if (slot >= room)
		return false;
	if (slot == batch->slot_count) {
		batch->queries[slot] = db_query_use(lookup->query);
		batch->slot_count++;
	}
	batch_join(batch, slot, lookup);
	return true;
}

/* Lookups that cannot go with a batch, for each one that it has room for.
   Behind them may be more that ask the same as one of it, but a long queue is
   not to be walked to its end for each batch. */
#define PASSED_OVER_MAX 8

/* Takes the first lookup and those that can go with it. */
static void batch_fill(struct dbpool_batch *batch,
		       struct dbpool_lookup *lookup)
{
	struct dbpool *pool = batch->pool;
	const struct db_statement *statement = lookup->query->statement;
	const bool alone = lookup->alone;
	const unsigned int room = batch_room(pool, lookup);
	unsigned int left = room * PASSED_OVER_MAX;
	struct dbpool_lookup *next;

	for (; lookup != NULL && left > 0; lookup = next) {
		next = dbpool_lookup_next(pool, batch->host, lookup);
		if (lookup->query->statement != statement ||
		    lookup->alone != alone ||
		    !batch_take(batch, room, lookup))
			left--;
	}
}

/* -------------------------------------------------------------- running */

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void conn_run_batch(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	const struct dbpool_batch *batch = conn->batch;
	const uint64_t start = now_us();

	conn->result = mysql_conn_run(conn->db, batch->statement,
				      batch->queries, batch->slot_count,
				      conn->deadline, &conn->rows,
				      &conn->error);
	conn->duration_us = now_us() - start;
}

static void batch_observe(const struct dbpool_conn *conn)
{
	const struct dbpool *pool = conn->pool;
	const struct dbpool_batch *batch = conn->batch;
	const struct dbpool_event event = {
		.kind = DBPOOL_EVENT_QUERY,
		.host = pool->hosts[conn->host].name,
		.statement = batch->queries[0]->statement,
		.lookups = batch->lookup_count,
		.duration_us = conn->duration_us,
		.error = conn->result == MYSQL_CONN_OK ? NULL : &conn->error,
	};

	if (pool->set.observe != NULL)
		pool->set.observe(&event, pool->set.observe_context);
}

/* --------------------------------------------------------------- answers */

/* Which rows are whose, each list in the order of the rows; as row + 1, 0 ends
   a list. */
struct batch_rows {
	const struct db_rows *rows;
	unsigned int first[DB_MAX_QUERIES];	/* of each slot */
	unsigned int *next;			/* behind each row */
	/* room for as many rows as a slot may have */
	char **values;
};

/* Whether each row says whose it is: without that, a lookup whose row it was
   would look like one that has none. */
static bool batch_rows_sort(struct batch_rows *sorted,
			    const struct db_statement *form)
{
	const struct db_rows *rows = sorted->rows;
	unsigned int slot, i = rows->row_count;
	const char *number;

	while (i-- > 0) {
		number = rows->values[(size_t)i * rows->column_count];
		slot = number == NULL ? DB_MAX_QUERIES :
			(unsigned int)atoi(number);
		if (slot >= form->queries)
			return false;
		sorted->next[i] = sorted->first[slot];
		sorted->first[slot] = i + 1;
	}
	return true;
}

/* The rows of one slot, without the number in front. */
static struct db_rows slot_rows(const struct batch_rows *sorted,
				unsigned int slot, unsigned int max_rows)
{
	const struct db_rows *rows = sorted->rows;
	const unsigned int columns = rows->column_count - 1;
	struct db_rows view = {
		.column_count = columns,
		.names = rows->names + 1,
		.widths = rows->widths + 1,
		.values = sorted->values,
	};
	unsigned int row;

	for (row = sorted->first[slot]; row != 0;
	     row = sorted->next[row - 1]) {
		if (view.row_count == max_rows) {
			view.more = true;
			break;
		}
		memcpy(view.values + (size_t)view.row_count * columns,
		       rows->values + (size_t)(row - 1) * rows->column_count +
		       1, columns * sizeof(*view.values));
		view.row_count++;
	}
	return view;
}

static void slot_finish(struct dbpool_batch *batch, unsigned int slot,
			const struct db_rows *rows,
			const struct db_error *error)
{
	while (batch->slots[slot] != NULL)
		dbpool_lookup_finish(batch->slots[slot]->lookup, rows, error);
}

static void slot_failed(struct dbpool_batch *batch, unsigned int slot,
			enum dbpool_failure failure,
			const struct db_error *error)
{
	struct dbpool_lookup *lookup;

	while (batch->slots[slot] != NULL) {
		lookup = batch->slots[slot]->lookup;
		(void)dbpool_attempt_leave(batch->slots[slot]);
		dbpool_lookup_failed(lookup, batch->host, failure, error);
	}
}

/* None of the lookups got an answer. Backwards, as each of them that is to be
   asked again becomes the first one to wait. */
static void batch_failed(struct dbpool_batch *batch,
			 enum dbpool_failure failure,
			 const struct db_error *error)
{
	unsigned int slot = batch->slot_count;

	while (slot-- > 0)
		slot_failed(batch, slot, failure, error);
}

/* The wide form has its rows. If they may be out of order, several are no
   answer, as the first one counts. */
static void batch_answer_sorted(struct dbpool_batch *batch,
				const struct batch_rows *sorted)
{
	const struct db_statement *form = batch->statement;
	struct db_error error;
	unsigned int slot;

	db_error_set(&error, "Several rows, in any order");
	for (slot = 0; slot < batch->slot_count; slot++) {
		const struct db_rows view = slot_rows(sorted, slot,
						      form->max_rows);

		if (view.row_count > 1 && form->reorders)
			slot_failed(batch, slot, DBPOOL_FAILURE_SHARED,
				    &error);
		else
			slot_finish(batch, slot, &view, NULL);
	}
}

/* Why a server has no wide form may be over soon, as with a table that was
   locked; to ask again costs little. */
#define PLAIN_MS (60 * 1000)

static void batch_has_no_form(struct dbpool_batch *batch,
			      const struct db_error *error)
{
	struct dbpool *pool = batch->pool;
	const unsigned int id = batch->queries[0]->statement->id;
	const uint64_t now = pool->loop.now();

	if (pool->plain_until[id] <= now) {
		dbpool_log(pool, DBPOOL_LOG_DEBUG, "lookups are not answered "
			   "together for a minute: %s", error->text);
	}
	pool->plain_until[id] = now + PLAIN_MS;
}

/* An error of a statement that several lookups share may be one lookup's fault,
   or the wide form's: alone, each gets what it deserves. */
static void batch_statement_failed(struct dbpool_batch *batch,
				   const struct db_error *error)
{
	const struct db_statement *plain = batch->queries[0]->statement;
	enum dbpool_failure failure = DBPOOL_FAILURE_STATEMENT;

	if (error->kind == DB_ERROR_WIDE)
		batch_has_no_form(batch, error);
	if (error->kind == DB_ERROR_AGAIN)
		failure = DBPOOL_FAILURE_LOST;
	else if (batch->statement != plain)
		failure = DBPOOL_FAILURE_SHARED;
	batch_failed(batch, failure, error);
}

static void batch_answer_wide(struct dbpool_batch *batch,
			      const struct db_rows *rows)
{
	const struct db_statement *form = batch->statement;
	struct batch_rows sorted = {
		.rows = rows,
		.next = calloc(rows->row_count + 1, sizeof(*sorted.next)),
		.values = calloc((size_t)form->max_rows * rows->column_count +
				 1, sizeof(*sorted.values)),
	};
	struct db_error error;

	if (sorted.next == NULL || sorted.values == NULL) {
		db_error_set(&error, "Out of memory");
		batch_failed(batch, DBPOOL_FAILURE_STATEMENT, &error);
	} else if (rows->more || !batch_rows_sort(&sorted, form)) {
		/* or somebody has so many rows that others may lack theirs */
		db_error_set(&error, "The server sent a row of no lookup");
		batch_failed(batch, DBPOOL_FAILURE_SHARED, &error);
	} else {
		batch_answer_sorted(batch, &sorted);
	}
	free(sorted.next);
	free(sorted.values);
}

static void batch_answer(struct dbpool_batch *batch,
			 const struct db_rows *rows)
{
	if (batch->statement->plain == NULL)
		slot_finish(batch, 0, rows, NULL);
	else
		batch_answer_wide(batch, rows);
}

/* What the loss of a connection says of its host. The host has failed if it
   left everybody waiting, says that it cannot serve, or never did on this
   connection. */
static enum dbpool_failure
conn_lost(struct dbpool_conn *conn, struct db_error *error)
{
	struct dbpool *pool = conn->pool;
	/* it met what a sister of it has met */
	const bool known = conn->connecting_since <
		pool->hosts[conn->host].lost_at;

	if (!known)
		pool->hosts[conn->host].lost_at = ++pool->order;
	if (conn->cut || pool->loop.now() >= conn->deadline) {
		db_error_set(error, "no answer to a query within %u ms",
			     pool->set.lookup_timeout_ms);
		dbpool_host_failed(pool, conn->host, error);
	} else if ((!conn->proved && !known) || error->kind == DB_ERROR_BUSY ||
		   error->kind == DB_ERROR_READ_ONLY) {
		dbpool_host_failed(pool, conn->host, error);
	} else {
		dbpool_host_doubt(pool, conn->host);
	}
	return known ? DBPOOL_FAILURE_KNOWN : DBPOOL_FAILURE_LOST;
}

/* A statement that changes something is another server's business. */
static bool conn_cannot_write(const struct dbpool_conn *conn)
{
	return conn->result == MYSQL_CONN_STATEMENT_FAILED &&
		conn->error.kind == DB_ERROR_READ_ONLY &&
		conn->pool->set.server_count > 1;
}

static void conn_done_batch(struct job *job)
{
	struct dbpool_conn *conn = (struct dbpool_conn *)job;
	struct dbpool *pool = conn->pool;
	struct dbpool_batch *batch = conn->batch;
	struct db_rows *rows = conn->rows;
	struct db_error error = conn->error;
	enum mysql_conn_result result = conn->result;
	enum dbpool_failure failure = DBPOOL_FAILURE_LOST;

	if (pool->freeing)
		return;
	batch_observe(conn);
	conn->batch = NULL;
	conn->rows = NULL;
	if (conn_cannot_write(conn))
		result = MYSQL_CONN_LOST;
	if (result == MYSQL_CONN_LOST) {
		pool->hosts[conn->host].affected += batch->lookup_count;
		failure = conn_lost(conn, &error);
	} else {
		conn->proved = true;
		if (result == MYSQL_CONN_OK)
			dbpool_host_answers(pool, conn->host,
					    batch->queries[0]->statement);
		else
			dbpool_host_answered(pool, conn->host);
	}
	/* the connection may be gone after this */
	if (result == MYSQL_CONN_LOST || conn->doubtful)
		dbpool_conn_close(conn);
	else
		dbpool_conn_idle(conn);

	if (result == MYSQL_CONN_OK)
		batch_answer(batch, rows);
	else if (result == MYSQL_CONN_LOST)
		batch_failed(batch, failure, &error);
	else
		batch_statement_failed(batch, &error);
	dbpool_batch_free(batch);
	db_rows_free(&rows);
}

/* -------------------------------------------------------------- starting */

static void batch_start(struct dbpool_batch *batch, struct dbpool_conn *conn)
{
	struct dbpool *pool = conn->pool;
	struct dbpool_attempt *attempt;
	uint64_t deadline = 0;
	unsigned int slot;

	batch->statement = batch_form(batch);
	for (slot = 0; slot < batch->slot_count; slot++) {
		for (attempt = batch->slots[slot]; attempt != NULL;
		     attempt = attempt->next) {
			if (attempt->lookup->deadline > deadline)
				deadline = attempt->lookup->deadline;
		}
	}
	dbpool_conn_move(conn, CONN_BUSY);
	conn->batch = batch;
	dbpool_hosts_watch(pool);
	dbpool_conn_run(conn, conn_run_batch, conn_done_batch, deadline);
}

/* The idle connection to use next: one to the host that the policy prefers, of
   these the one used last, so that surplus ones grow old and go. NULL if there
   is none, or nothing for it to do. */
static struct dbpool_conn *idle_conn(struct dbpool *pool)
{
	const struct dbpool_policy policy = dbpool_policy(pool);
	struct dbpool_conn *conn, *best = NULL;

	for (conn = pool->conns; conn != NULL; conn = conn->next) {
		if (conn->state != CONN_IDLE ||
		    dbpool_lookup_next(pool, conn->host, NULL) == NULL)
			continue;
		if (best == NULL ||
		    (conn->host == best->host ?
		     conn->idle_since > best->idle_since :
		     dbpool_policy_prefers(&policy, conn->host, best->host)))
			best = conn;
	}
	return best;
}

void dbpool_batches_start(struct dbpool *pool)
{
	struct dbpool_batch *batch;
	struct dbpool_conn *conn;

	while (pool->waiting != NULL && (conn = idle_conn(pool)) != NULL) {
		batch = calloc(1, sizeof(*batch));
		if (batch == NULL)
			return;	/* deadlines go on */
		batch->pool = pool;
		batch->conn = conn;
		batch->host = conn->host;
		batch_fill(batch, dbpool_lookup_next(pool, conn->host, NULL));
		batch_start(batch, conn);
	}
}
