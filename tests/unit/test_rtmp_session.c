#include "unit/test.h"

#include <errno.h>
#include <string.h>

#include "base/rng.h"
#include "workers/rtmp/amf0.h"
#include "workers/rtmp/client.h"
#include "workers/rtmp/server.h"

/* Our client and our server, joined without a network. */
struct pair {
	struct client client;
	struct server server;
	bool live;
	bool refused;
	size_t step; /* bytes moved at a time; 0: all */
};

static const struct client_config config = { .app = "live",
					     .tc_url = "rtmp://h/live",
					     .name = "k3y?a=1&b=2" };

static void pair_init(struct pair *p)
{
	memset(p, 0, sizeof(*p));
	assert_int_equal(client_init(&p->client, &config), 0);
	server_init(&p->server);
}

static void pair_deinit(struct pair *p)
{
	client_deinit(&p->client);
	server_deinit(&p->server);
}

static size_t piece(const struct pair *p, const struct buffer *b)
{
	size_t max = p->step ? p->step : SESSION_INPUT_MAX;

	return buffer_len(b) < max ? buffer_len(b) : max;
}

/* Moves bytes to the client; true: there were some. */
static bool to_client(struct pair *p)
{
	struct buffer *out = &p->server.session.out;
	enum client_event event;
	size_t n = piece(p, out);

	if (n)
		assert_int_equal(client_input(&p->client, buffer_data(out), n), 0);
	buffer_consume(out, n);
	while (client_next(&p->client, &event) == 1) {
		p->live |= event == CLIENT_EVENT_LIVE;
		p->refused |= event == CLIENT_EVENT_REFUSED;
	}
	return n;
}

/* Moves bytes to the server until an event other than CONNECT, which is accepted. 1: *@e, 0: all is
 * moved, negative: the server gave up. */
static int to_server(struct pair *p, struct server_event *e)
{
	struct buffer *out = &p->client.session.out;

	for (;;) {
		int r = server_next(&p->server, e);
		size_t n;

		if (r == 1 && e->type == SERVER_EVENT_CONNECT) {
			assert_int_equal(server_accept(&p->server), 0);
			continue;
		}
		if (r)
			return r;
		n = piece(p, out);
		if (!n)
			return 0;
		assert_int_equal(server_input(&p->server, buffer_data(out), n), 0);
		buffer_consume(out, n);
	}
}

/* Up to the publish command, which is not answered yet. */
static void connect_pair(struct pair *p)
{
	struct server_event e;

	for (int i = 0; i < 20000; i++) {
		int r;

		(void)to_client(p);
		r = to_server(p, &e);
		assert_true(r >= 0);
		if (r == 1) {
			assert_int_equal(e.type, SERVER_EVENT_PUBLISH);
			return;
		}
	}
	fail_msg("no publish command");
}

static void go_live(struct pair *p)
{
	connect_pair(p);
	assert_int_equal(server_accept(&p->server), 0);
	while (to_client(p))
		;
	assert_true(p->live);
}

static void a_client_publishes_to_a_server(void **state)
{
	static const size_t steps[] = { 0, 1, 7, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint8_t picture[10000];
		struct server_event e;
		struct pair p;

		pair_init(&p);
		p.step = steps[i];
		go_live(&p);
		assert_string_equal(p.server.app, "live");
		assert_string_equal(p.server.name, config.name);
		memset(picture, 0x17, sizeof(picture));
		assert_int_equal(
			client_send(&p.client, CHUNK_TYPE_VIDEO, 40, picture, sizeof(picture)), 0);
		assert_int_equal(client_send(&p.client, CHUNK_TYPE_AUDIO, 41, "\xaf\1xy", 4), 0);
		assert_int_equal(to_server(&p, &e), 1);
		assert_int_equal(e.type, SERVER_EVENT_VIDEO);
		assert_int_equal(e.message.timestamp, 40);
		assert_int_equal(e.message.len, sizeof(picture));
		assert_memory_equal(e.message.data, picture, sizeof(picture));
		assert_int_equal(to_server(&p, &e), 1);
		assert_int_equal(e.type, SERVER_EVENT_AUDIO);
		assert_memory_equal(e.message.data, "\xaf\1xy", 4);
		assert_int_equal(client_goodbye(&p.client), 0);
		assert_int_equal(to_server(&p, &e), 1);
		assert_int_equal(e.type, SERVER_EVENT_UNPUBLISH);
		assert_int_equal(to_server(&p, &e), 0);
		pair_deinit(&p);
	}
}

static void a_refusal_reaches_the_client_in_words(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	connect_pair(&p);
	assert_int_equal(server_refuse(&p.server, "The stream key is wrong."), 0);
	while (to_client(&p))
		;
	assert_true(p.refused && !p.live);
	assert_string_equal(p.client.text, "NetStream.Publish.BadName: The stream key is wrong.");
	pair_deinit(&p);
}

static void a_server_that_repeats_the_key_is_not_quoted(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	connect_pair(&p);
	assert_int_equal(server_refuse(&p.server, "no stream k3y?a=1&b=2 here"), 0);
	while (to_client(&p))
		;
	assert_true(p.refused);
	assert_string_equal(p.client.text, "NetStream.Publish.BadName");
	pair_deinit(&p);
}

static void nor_is_one_that_repeats_the_key_without_its_parameters(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p);
	connect_pair(&p);
	assert_int_equal(server_refuse(&p.server, "no stream k3y here"), 0);
	while (to_client(&p))
		;
	assert_true(p.refused);
	assert_null(strstr(p.client.text, "k3y"));
	pair_deinit(&p);
}

static void metadata_is_unwrapped(void **state)
{
	static const uint8_t data[] = "\2\0\x0d@setDataFrame\2\0\x0aonMetaData\5";
	struct server_event e;
	struct pair p;

	(void)state;
	pair_init(&p);
	go_live(&p);
	assert_int_equal(client_send(&p.client, CHUNK_TYPE_DATA, 0, data, sizeof(data) - 1), 0);
	assert_int_equal(to_server(&p, &e), 1);
	assert_int_equal(e.type, SERVER_EVENT_METADATA);
	assert_int_equal(e.message.len, 14);
	assert_memory_equal(e.message.data, "\2\0\x0aonMetaData\5", 14);
	pair_deinit(&p);
}

static void pings_are_answered_and_bytes_acknowledged(void **state)
{
	static uint8_t big[1000000];
	uint64_t acked;
	struct server_event e;
	struct pair p;

	(void)state;
	pair_init(&p);
	go_live(&p);
	assert_int_equal(session_send_ping(&p.server.session, 4711), 0);
	while (to_client(&p))
		;
	assert_int_equal(p.client.session.pings, 1);
	acked = p.server.session.acked;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(client_send(&p.client, CHUNK_TYPE_VIDEO, 0, big, sizeof(big)), 0);
		while (to_server(&p, &e) > 0)
			;
	}
	assert_true(p.server.session.acked - acked >= 3 * sizeof(big));
	assert_true(p.server.session.received - p.server.session.acked < SESSION_WINDOW);
	pair_deinit(&p);
}

/* The commands of GStreamer and of librtmp: transaction id 0, chunks of 128, nothing announced. */
static void commands_without_a_transaction_get_no_answer(void **state)
{
	uint8_t bytes[256];
	struct writer w = writer_of(bytes, sizeof(bytes));
	struct server_event e;
	struct pair p;
	size_t before;

	(void)state;
	pair_init(&p);
	go_live(&p);
	before = buffer_len(&p.server.session.out);
	amf0_write_string(&w, "releaseStream");
	amf0_write_number(&w, 0);
	amf0_write_null(&w);
	amf0_write_string(&w, "x");
	assert_int_equal(session_send_amf0(&p.client.session, SESSION_CHUNK_ID_COMMAND,
					   CHUNK_TYPE_COMMAND, 0, &w),
			 0);
	assert_int_equal(to_server(&p, &e), 0);
	assert_int_equal(buffer_len(&p.server.session.out), before);
	pair_deinit(&p);
}

static void strangers_are_known_by_their_first_byte(void **state)
{
	static const struct {
		const char *bytes;
		const char *error;
	} rows[] = {
		{ "GET / HTTP/1.1\r\n", "speaks HTTP, not RTMP" },
		{ "\x16\3\1", "speaks TLS (rtmps://), plain rtmp:// is expected here" },
		{ "\6", "wants encrypted RTMP (rtmpe://), which is not supported" },
		{ "SSH-2.0", "does not speak RTMP" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct server_event e;
		struct server s;

		server_init(&s);
		assert_int_equal(server_input(&s, rows[i].bytes, strlen(rows[i].bytes)), 0);
		assert_int_equal(server_next(&s, &e), -EPROTO);
		assert_string_equal(s.session.error, rows[i].error);
		server_deinit(&s);
	}
}

static void media_and_long_messages_before_publish_are_not_taken(void **state)
{
	uint8_t bytes[12] = "\3\0\0\0\x02\0\0\x14\0\0\0\0"; /* a command of 128 kB */
	struct server_event e;
	struct server s;

	(void)state;
	server_init(&s);
	assert_int_equal(server_input(&s, "\3", 1), 0);
	for (int i = 0; i < 2; i++) {
		uint8_t block[HANDSHAKE_SIZE] = { 0 };

		assert_int_equal(server_input(&s, block, sizeof(block)), 0);
	}
	assert_int_equal(server_next(&s, &e), 0);
	assert_int_equal(server_input(&s, "\4\0\0\0\0\0\1\x08\1\0\0\0a", 13), 0);
	assert_int_equal(server_next(&s, &e), 0);
	assert_int_equal(s.ignored, 1);
	assert_int_equal(server_input(&s, bytes, sizeof(bytes)), 0);
	assert_int_equal(server_next(&s, &e), -EPROTO);
	assert_string_equal(s.session.error, "a message is longer than allowed");
	server_deinit(&s);
}

static void a_peer_that_pings_and_never_reads_is_dropped(void **state)
{
	uint8_t ping[18] = "\2\0\0\0\0\0\6\4\0\0\0\0\0\6\0\0\0\1";
	struct server_event e;
	struct pair p;
	int r = 0;

	(void)state;
	pair_init(&p);
	go_live(&p);
	for (int i = 0; i < 10000 && !r; i++) {
		assert_int_equal(server_input(&p.server, ping, sizeof(ping)), 0);
		r = server_next(&p.server, &e);
		assert_true(buffer_len(&p.server.session.out) <= SERVER_OUTPUT_MAX);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_string_equal(p.server.session.error, "it does not read what it is sent");
	pair_deinit(&p);
}

static void garbage_ends_a_session_and_nothing_else(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct rng rng = rng_of(seed);
		struct pair p;
		struct server_event e;
		int r = 0;

		pair_init(&p);
		go_live(&p);
		for (int i = 0; i < 20 && r >= 0; i++) {
			uint8_t bytes[500];

			for (size_t k = 0; k < sizeof(bytes); k++)
				bytes[k] = (uint8_t)(rng_chance(&rng, 300000) ? rng_below(&rng, 8)
									      : rng_u64(&rng));
			r = server_input(&p.server, bytes, sizeof(bytes));
			while (!r && (r = server_next(&p.server, &e)) > 0) {
				if (p.server.state == SERVER_STATE_ASKED)
					r = server_accept(&p.server);
				else
					r = 0;
			}
			assert_true(r >= 0 || p.server.session.error);
		}
		pair_deinit(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_publishes_to_a_server),
		cmocka_unit_test(a_refusal_reaches_the_client_in_words),
		cmocka_unit_test(a_server_that_repeats_the_key_is_not_quoted),
		cmocka_unit_test(nor_is_one_that_repeats_the_key_without_its_parameters),
		cmocka_unit_test(metadata_is_unwrapped),
		cmocka_unit_test(pings_are_answered_and_bytes_acknowledged),
		cmocka_unit_test(commands_without_a_transaction_get_no_answer),
		cmocka_unit_test(strangers_are_known_by_their_first_byte),
		cmocka_unit_test(media_and_long_messages_before_publish_are_not_taken),
		cmocka_unit_test(a_peer_that_pings_and_never_reads_is_dropped),
		cmocka_unit_test(garbage_ends_a_session_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
