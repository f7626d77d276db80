/* SPDX-License-Identifier: MIT */
/*
 * Holds back the output of auth's clients, by Dovecot's own means: a corked
 * stream collects what is written to it.
 */
#include "dovecot/replies.h"

#include "array.h"
#include "auth-client-connection.h"
#include "auth-fields.h"
#include "auth-request-handler.h"
#include "auth-request-handler-private.h"
#include "ostream.h"

/* Of a client that has more than 50 KiB to read, Dovecot reads nothing more until
   its stream calls back (auth-client-connection.c: OUTBUF_THROTTLE_SIZE), which
   a corked stream need not do. Held replies never come near that, as a stream
   writes when its buffer is full, unless the client does not read. */
#define UNREAD_SIZE (16 * 1024)

static ARRAY(struct ostream *) held;
static bool holding;

void replies_begin(void)
{
	if (!array_is_created(&held))
		i_array_init(&held, 8);
	holding = TRUE;
}

static void reply_send(struct ostream *output)
{
	/* one reply may be that long */
	if (o_stream_get_buffer_used_size(output) >= UNREAD_SIZE)
		o_stream_set_flush_pending(output, TRUE);
	o_stream_uncork(output);
	o_stream_unref(&output);
}

static void replies_send(void)
{
	struct ostream *output;

	array_foreach_elem(&held, output)
		reply_send(output);
	array_clear(&held);
}

void replies_end(void)
{
	holding = FALSE;
	replies_send();
}

/* NULL if no client waits, or not any more. It is not for a module to look into
   these, but nothing else leads to the stream. Each is taken for what the
   headers say only if a member behind the one that is wanted is where they
   say. */
static struct ostream *reply_output(const struct auth_request *request)
{
	const struct auth_request_handler *handler = request->handler;

	if (handler == NULL || handler->verify_plain_continue_callback !=
	    auth_request_default_verify_plain_continue ||
	    handler->conn->request_handler != handler)
		return NULL;
	return compat_client_output(handler->conn);
}

/* A proxy gets the password that the client has sent. The stream would keep it
   in its buffer. */
static bool reply_has_password(const struct auth_request *request)
{
	return auth_fields_exists(request->fields.extra_fields, "proxy") ||
		auth_fields_exists(request->fields.extra_fields,
				   "proxy_maybe") ||
		auth_fields_exists(request->fields.extra_fields, "pass");
}

void replies_hold(const struct auth_request *request)
{
	struct ostream *output = reply_output(request);
	size_t unread;

	if (!holding || output == NULL)
		return;
	unread = o_stream_get_buffer_used_size(output);
	if (reply_has_password(request) || unread >= UNREAD_SIZE) {
		replies_send();
	} else if (unread == 0 && !o_stream_is_corked(output)) {
		o_stream_ref(output);
		o_stream_cork(output);
		array_push_back(&held, &output);
	}
}

void replies_deinit(void)
{
	if (array_is_created(&held))
		array_free(&held);
}
