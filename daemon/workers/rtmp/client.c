#include "workers/rtmp/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "workers/rtmp/amf0.h"

/*
 * The transaction ids are fixed, since each command is sent once. The answers to releaseStream and
 * FCPublish are not awaited: many servers know neither and say _error or nothing.
 *
 * "flashVer" begins with FMLE/3.0, which servers take for "an encoder that publishes".
 */

enum transaction {
	TRANSACTION_CONNECT = 1,
	TRANSACTION_RELEASE = 2,
	TRANSACTION_FC_PUBLISH = 3,
	TRANSACTION_CREATE = 4,
	TRANSACTION_PUBLISH = 5,
	TRANSACTION_FC_UNPUBLISH = 6,
	TRANSACTION_DELETE = 7,
};

static int copy_text(char *to, size_t size, const char *from)
{
	int n = snprintf(to, size, "%s", from);

	return n >= 0 && (size_t)n < size ? 0 : -E2BIG;
}

int client_init(struct client *c, const struct client_config *config)
{
	memset(c, 0, sizeof(*c));
	session_init(&c->session, true, CLIENT_MESSAGE_MAX, CLIENT_OUTPUT_MAX);
	if (copy_text(c->app, sizeof(c->app), config->app) ||
	    copy_text(c->tc_url, sizeof(c->tc_url), config->tc_url) ||
	    copy_text(c->name, sizeof(c->name), config->name))
		return -E2BIG;
	return 0;
}

void client_deinit(struct client *c)
{
	session_deinit(&c->session);
	explicit_bzero(c->name, sizeof(c->name));
}

int client_input(struct client *c, const void *data, size_t len)
{
	return session_input(&c->session, data, len);
}

static int send_command(struct client *c, uint32_t stream_id, const struct writer *w)
{
	return session_send_amf0(&c->session, SESSION_CHUNK_ID_COMMAND, CHUNK_TYPE_COMMAND,
				 stream_id, w);
}

static int send_connect(struct client *c)
{
	uint8_t bytes[2 * CLIENT_TEXT_MAX + 512];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, "connect");
	amf0_write_number(&w, TRANSACTION_CONNECT);
	amf0_write_object(&w);
	amf0_write_name(&w, "app");
	amf0_write_string(&w, c->app);
	amf0_write_name(&w, "type");
	amf0_write_string(&w, "nonprivate");
	amf0_write_name(&w, "flashVer");
	amf0_write_string(&w, "FMLE/3.0 (compatible; uplinkd)");
	amf0_write_name(&w, "tcUrl");
	amf0_write_string(&w, c->tc_url);
	amf0_write_object_end(&w);
	return send_command(c, 0, &w);
}

/* A command with null and, unless NULL, a stream name. */
static int send_named(struct client *c, const char *command, double transaction, const char *name)
{
	uint8_t bytes[CLIENT_TEXT_MAX + 128];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, command);
	amf0_write_number(&w, transaction);
	amf0_write_null(&w);
	if (name)
		amf0_write_string(&w, name);
	return send_command(c, 0, &w);
}

static int send_publish(struct client *c)
{
	uint8_t bytes[CLIENT_TEXT_MAX + 128];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, "publish");
	amf0_write_number(&w, TRANSACTION_PUBLISH);
	amf0_write_null(&w);
	amf0_write_string(&w, c->name);
	amf0_write_string(&w, "live");
	return send_command(c, c->stream_id, &w);
}

int client_send(struct client *c, enum chunk_type type, uint32_t timestamp, const void *data,
		size_t len)
{
	struct chunk_message m = { .type = (uint8_t)type,
				   .stream_id = c->stream_id,
				   .timestamp = timestamp,
				   .data = data,
				   .len = len };

	return session_send(&c->session,
			    type == CHUNK_TYPE_VIDEO   ? SESSION_CHUNK_ID_VIDEO
			    : type == CHUNK_TYPE_AUDIO ? SESSION_CHUNK_ID_AUDIO
						       : SESSION_CHUNK_ID_DATA,
			    &m);
}

int client_goodbye(struct client *c)
{
	uint8_t bytes[64];
	struct writer w = writer_of(bytes, sizeof(bytes));
	int r;

	if (c->state != CLIENT_STATE_LIVE)
		return 0;
	c->state = CLIENT_STATE_DONE;
	r = send_named(c, "FCUnpublish", TRANSACTION_FC_UNPUBLISH, c->name);
	if (r)
		return r;
	amf0_write_string(&w, "deleteStream");
	amf0_write_number(&w, TRANSACTION_DELETE);
	amf0_write_null(&w);
	amf0_write_number(&w, c->stream_id);
	return send_command(c, 0, &w);
}

/* The server's code and description, for people. A server may repeat the stream key in them, with
 * or without its parameters, and a key must not be shown: then the code alone is kept. */
static void keep_text(struct client *c, const struct amf0_value *info)
{
	char code[96], description[SESSION_TEXT_MAX], key[sizeof(c->name)];
	const char *separator = "";

	amf0_find_text(info, "code", code, sizeof(code));
	amf0_find_text(info, "description", description, sizeof(description));
	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(c->name, "?"), c->name);
	if (key[0] && strstr(description, key))
		description[0] = '\0';
	explicit_bzero(key, sizeof(key));
	if (code[0] && description[0])
		separator = ": ";
	(void)snprintf(c->text, sizeof(c->text), "%s%s%.140s", code, separator, description);
	if (!c->text[0])
		(void)snprintf(c->text, sizeof(c->text), "no reason given");
}

static int client_end(struct client *c, const struct amf0_value *info, enum client_event *ret_event)
{
	keep_text(c, info);
	*ret_event = c->state == CLIENT_STATE_LIVE ? CLIENT_EVENT_ENDED : CLIENT_EVENT_REFUSED;
	return 1;
}

static int on_result(struct client *c, double transaction, const struct amf0_value *result)
{
	int r = 0;

	if (c->state == CLIENT_STATE_CONNECT && transaction == TRANSACTION_CONNECT) {
		c->state = CLIENT_STATE_CREATE;
		r = send_named(c, "releaseStream", TRANSACTION_RELEASE, c->name);
		if (!r)
			r = send_named(c, "FCPublish", TRANSACTION_FC_PUBLISH, c->name);
		if (!r)
			r = send_named(c, "createStream", TRANSACTION_CREATE, NULL);
	} else if (c->state == CLIENT_STATE_CREATE && transaction == TRANSACTION_CREATE) {
		double id = result->type == AMF0_TYPE_NUMBER ? result->number : 1;

		c->stream_id = id >= 0 && id <= UINT32_MAX ? (uint32_t)id : 1;
		c->state = CLIENT_STATE_PUBLISH;
		r = send_publish(c);
	}
	return r;
}

static int on_status(struct client *c, const struct amf0_value *info, enum client_event *ret_event)
{
	char level[16], code[96];

	amf0_find_text(info, "level", level, sizeof(level));
	amf0_find_text(info, "code", code, sizeof(code));
	if (!strcmp(level, "error") || !strcmp(code, "NetStream.Publish.BadName") ||
	    !strcmp(code, "NetStream.Publish.Denied") ||
	    !strcmp(code, "NetConnection.Connect.Closed"))
		return client_end(c, info, ret_event);
	if (c->state != CLIENT_STATE_PUBLISH || strcmp(code, "NetStream.Publish.Start") != 0)
		return 0;
	c->state = CLIENT_STATE_LIVE;
	*ret_event = CLIENT_EVENT_LIVE;
	return 1;
}

/* 1: *@ret_event is set, 0: nothing to tell, negative: the output is full. */
static int on_command(struct client *c, const struct chunk_message *m, enum client_event *ret_event)
{
	struct cursor in = cursor_of(m->data, m->len);
	struct amf0_value name, transaction, object, info = { 0 };
	double id;

	if (m->type == CHUNK_TYPE_COMMAND_AMF3)
		(void)cursor_u8(&in);
	if (!amf0_read(&in, &name) || name.type != AMF0_TYPE_STRING ||
	    !amf0_read(&in, &transaction))
		return 0;
	if (amf0_read(&in, &object))
		(void)amf0_read(&in, &info);
	id = transaction.type == AMF0_TYPE_NUMBER ? transaction.number : 0;
	if (amf0_text_is(name.text, "_result"))
		return on_result(c, id, &info);
	if (amf0_text_is(name.text, "_error")) {
		if (id == TRANSACTION_RELEASE || id == TRANSACTION_FC_PUBLISH)
			return 0;
		return client_end(c, &info, ret_event);
	}
	if (amf0_text_is(name.text, "onStatus"))
		return on_status(c, &info, ret_event);
	if (amf0_text_is(name.text, "close"))
		return client_end(c, &info, ret_event);
	return 0;
}

/* Without waiting for the server's settings: what is large comes later. */
static int client_begin(struct client *c)
{
	int r = session_send_chunk_size(&c->session);

	c->state = CLIENT_STATE_CONNECT;
	return r ? r : send_connect(c);
}

int client_next(struct client *c, enum client_event *ret_event)
{
	struct chunk_message m;
	int r;

	for (;;) {
		r = session_next(&c->session, &m);
		if (r < 0)
			return r;
		if (c->state == CLIENT_STATE_HANDSHAKE && session_is_open(&c->session)) {
			int b = client_begin(c);

			if (b < 0)
				return b;
		}
		if (!r)
			return 0;
		if (m.type != CHUNK_TYPE_COMMAND && m.type != CHUNK_TYPE_COMMAND_AMF3)
			continue;
		r = on_command(c, &m, ret_event);
		if (r < 0)
			c->session.error = "it does not read what it is sent";
		if (r)
			return r;
	}
}
