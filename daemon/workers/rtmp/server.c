#include "workers/rtmp/server.h"

#include <assert.h>
#include <errno.h>

#include "workers/rtmp/amf0.h"

/*
 * What clients do, captured: connect, (releaseStream, FCPublish,) createStream, publish,
 * @setDataFrame, media, FCUnpublish, deleteStream. Rules drawn from it:
 *
 * - An answer carries the transaction id of its command; id 0 (GStreamer's releaseStream) asks for
 *   none.
 * - Flash-era encoders and appliances wait for onFCPublish after FCPublish; nobody minds it.
 * - createStream gives out stream 1 every time: one connection publishes one stream.
 * - Whatever is not known gets an empty _result if it waits for one.
 */

#define STREAM_ID 1

void server_init(struct server *s)
{
	*s = (struct server){ .state = SERVER_STATE_NEW };
	session_init(&s->session, false, SERVER_COMMAND_MESSAGE_MAX, SERVER_OUTPUT_MAX);
}

void server_deinit(struct server *s)
{
	session_deinit(&s->session);
}

int server_input(struct server *s, const void *data, size_t len)
{
	return session_input(&s->session, data, len);
}

static int send_command(struct server *s, uint32_t stream_id, const struct writer *w)
{
	return session_send_amf0(&s->session, SESSION_CHUNK_ID_COMMAND, CHUNK_TYPE_COMMAND,
				 stream_id, w);
}

static void write_info(struct writer *w, const char *level, const char *code, const char *text)
{
	amf0_write_object(w);
	amf0_write_name(w, "level");
	amf0_write_string(w, level);
	amf0_write_name(w, "code");
	amf0_write_string(w, code);
	amf0_write_name(w, "description");
	amf0_write_string(w, text);
}

static int send_status(struct server *s, const char *level, const char *code, const char *text)
{
	uint8_t bytes[SESSION_COMMAND_MAX];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, "onStatus");
	amf0_write_number(&w, 0);
	amf0_write_null(&w);
	write_info(&w, level, code, text);
	amf0_write_object_end(&w);
	return send_command(s, s->stream_id, &w);
}

/* The answer to connect: @name is _result or _error. */
static int send_connect_answer(struct server *s, const char *name, const char *level,
			       const char *code, const char *text)
{
	uint8_t bytes[SESSION_COMMAND_MAX];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, name);
	amf0_write_number(&w, s->transaction);
	amf0_write_object(&w);
	amf0_write_name(&w, "fmsVer"); /* clients read the protocol generation from it */
	amf0_write_string(&w, "FMS/3,0,1,123");
	amf0_write_name(&w, "capabilities");
	amf0_write_number(&w, 31);
	amf0_write_object_end(&w);
	write_info(&w, level, code, text);
	amf0_write_name(&w, "objectEncoding");
	amf0_write_number(&w, 0);
	amf0_write_object_end(&w);
	return send_command(s, 0, &w);
}

/* _result with a stream id, or with null for @id 0. */
static int send_result(struct server *s, double transaction, double id)
{
	uint8_t bytes[64];
	struct writer w = writer_of(bytes, sizeof(bytes));

	if (transaction == 0)
		return 0;
	amf0_write_string(&w, "_result");
	amf0_write_number(&w, transaction);
	amf0_write_null(&w);
	if (id != 0)
		amf0_write_number(&w, id);
	else
		amf0_write_null(&w);
	return send_command(s, 0, &w);
}

static int send_on_fc_publish(struct server *s)
{
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof(bytes));

	amf0_write_string(&w, "onFCPublish");
	amf0_write_number(&w, 0);
	amf0_write_null(&w);
	write_info(&w, "status", "NetStream.Publish.Start", "ready");
	amf0_write_object_end(&w);
	return send_command(s, 0, &w);
}

int server_accept(struct server *s)
{
	int r;

	assert(s->state == SERVER_STATE_ASKED);
	if (s->asked == SERVER_EVENT_CONNECT) {
		s->state = SERVER_STATE_READY;
		r = session_send_window(&s->session, SESSION_WINDOW);
		if (!r)
			r = session_send_peer_bandwidth(&s->session, SESSION_WINDOW);
		if (!r)
			r = session_send_chunk_size(&s->session);
		return r ? r
			 : send_connect_answer(s, "_result", "status",
					       "NetConnection.Connect.Success",
					       "Connection succeeded.");
	}
	s->state = SERVER_STATE_PUBLISH;
	s->session.reader.message_max = SERVER_MEDIA_MESSAGE_MAX;
	r = session_send_stream_begin(&s->session, s->stream_id);
	return r ? r : send_status(s, "status", "NetStream.Publish.Start", "Publishing.");
}

int server_refuse(struct server *s, const char *text)
{
	assert(s->state == SERVER_STATE_ASKED);
	s->state = SERVER_STATE_REFUSED;
	if (s->asked == SERVER_EVENT_CONNECT)
		return send_connect_answer(s, "_error", "error", "NetConnection.Connect.Rejected",
					   text);
	return send_status(s, "error", "NetStream.Publish.BadName", text);
}

static void server_ask(struct server *s, enum server_event_type type, double transaction)
{
	s->asked = type;
	s->transaction = transaction;
	s->state = SERVER_STATE_ASKED;
}

/* The arguments of connect: one object. */
static bool on_connect(struct server *s, struct cursor *c, double transaction)
{
	struct amf0_value object;

	if (s->state != SERVER_STATE_NEW || !amf0_read(c, &object))
		return false;
	amf0_find_text(&object, "app", s->app, sizeof(s->app));
	amf0_find_text(&object, "flashVer", s->agent, sizeof(s->agent));
	server_ask(s, SERVER_EVENT_CONNECT, transaction);
	return true;
}

/* The arguments of publish: null, name, type ("live", "record" and "append" are all live here). */
static bool on_publish(struct server *s, struct cursor *c, double transaction, uint32_t stream_id)
{
	struct amf0_value null, name;

	if (s->state != SERVER_STATE_READY || !amf0_read(c, &null) || !amf0_read(c, &name) ||
	    name.type != AMF0_TYPE_STRING || name.text.len >= sizeof(s->name))
		return false;
	amf0_string_copy(&name, s->name, sizeof(s->name));
	s->stream_id = stream_id ? stream_id : STREAM_ID;
	server_ask(s, SERVER_EVENT_PUBLISH, transaction);
	return true;
}

static int on_play(struct server *s, struct server_event *ret_event)
{
	int r = send_status(s, "error", "NetStream.Play.StreamNotFound",
			    "This is an ingest; nothing can be played here.");

	s->state = SERVER_STATE_REFUSED;
	ret_event->type = SERVER_EVENT_PLAY;
	return r ? r : 1;
}

/* 1: *@ret_event is set, 0: nothing to tell, negative: the output is full. */
static int on_command(struct server *s, const struct chunk_message *m, struct cursor *c,
		      struct server_event *ret_event)
{
	struct amf0_value name, transaction;
	double id;

	if (!amf0_read(c, &name) || name.type != AMF0_TYPE_STRING || !amf0_read(c, &transaction)) {
		s->ignored++;
		return 0;
	}
	id = transaction.type == AMF0_TYPE_NUMBER ? transaction.number : 0;
	if (amf0_text_is(name.text, "connect")) {
		ret_event->type = SERVER_EVENT_CONNECT;
		return on_connect(s, c, id);
	}
	if (s->state != SERVER_STATE_READY && s->state != SERVER_STATE_PUBLISH) {
		s->ignored++;
		return 0;
	}
	if (amf0_text_is(name.text, "publish")) {
		ret_event->type = SERVER_EVENT_PUBLISH;
		return on_publish(s, c, id, m->stream_id);
	}
	if (amf0_text_is(name.text, "createStream"))
		return send_result(s, id, STREAM_ID);
	if (amf0_text_is(name.text, "FCPublish")) {
		int r = send_result(s, id, 0);

		return r ? r : send_on_fc_publish(s);
	}
	if (amf0_text_is(name.text, "play"))
		return on_play(s, ret_event);
	if (amf0_text_is(name.text, "FCUnpublish") || amf0_text_is(name.text, "deleteStream") ||
	    amf0_text_is(name.text, "closeStream")) {
		int r = send_result(s, id, 0);

		if (r || s->state != SERVER_STATE_PUBLISH)
			return r;
		s->state = SERVER_STATE_READY;
		ret_event->type = SERVER_EVENT_UNPUBLISH;
		return 1;
	}
	return send_result(s, id, 0);
}

/* Flash wraps metadata into @setDataFrame; some clients send onMetaData bare. */
static void unwrap_data(struct chunk_message *m, struct cursor c)
{
	struct amf0_value name;

	if (amf0_read(&c, &name) && name.type == AMF0_TYPE_STRING &&
	    amf0_text_is(name.text, "@setDataFrame")) {
		m->len = cursor_left(&c);
		m->data = c.next;
	}
}

/* 1: *@ret_event is set, 0: nothing to tell, negative: the output is full. */
static int on_message(struct server *s, const struct chunk_message *m,
		      struct server_event *ret_event)
{
	struct cursor c = cursor_of(m->data, m->len);

	ret_event->message = *m;
	switch (m->type) {
	case CHUNK_TYPE_COMMAND_AMF3: /* an AMF3 envelope with AMF0 inside */
	case CHUNK_TYPE_COMMAND:
		if (m->type == CHUNK_TYPE_COMMAND_AMF3)
			(void)cursor_u8(&c);
		return on_command(s, m, &c, ret_event);
	case CHUNK_TYPE_AUDIO:
		ret_event->type = SERVER_EVENT_AUDIO;
		break;
	case CHUNK_TYPE_VIDEO:
		ret_event->type = SERVER_EVENT_VIDEO;
		break;
	case CHUNK_TYPE_DATA_AMF3:
	case CHUNK_TYPE_DATA:
		if (m->type == CHUNK_TYPE_DATA_AMF3)
			(void)cursor_u8(&c);
		ret_event->type = SERVER_EVENT_METADATA;
		unwrap_data(&ret_event->message, c);
		break;
	default:
		s->ignored++;
		return 0;
	}
	if (s->state == SERVER_STATE_PUBLISH)
		return 1;
	s->ignored++;
	return 0;
}

int server_next(struct server *s, struct server_event *ret_event)
{
	struct chunk_message m;
	int r;

	assert(s->state != SERVER_STATE_ASKED);
	for (;;) {
		if (s->state == SERVER_STATE_REFUSED)
			return 0;
		r = session_next(&s->session, &m);
		if (r <= 0)
			return r;
		r = on_message(s, &m, ret_event);
		if (r < 0)
			s->session.error = "it does not read what it is sent";
		if (r)
			return r;
	}
}
