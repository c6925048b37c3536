#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "workers/rtmp/client.h"
#include "workers/rtmp/server.h"

/*
 * Input: a byte whose lowest bit says who is attacked (0: our server, 1: our client), then what
 * the peer sends after a proper handshake. Whoever asks may publish. Output and state stay inside
 * their bounds.
 */

static void attack_server(const uint8_t *data, size_t size)
{
	static const uint8_t hello[1 + 2 * HANDSHAKE_SIZE] = { HANDSHAKE_VERSION };
	struct server s;
	struct server_event e;
	int r;

	server_init(&s);
	FUZZ_CHECK(!server_input(&s, hello, sizeof(hello)));
	FUZZ_CHECK(server_next(&s, &e) == 0 && session_is_open(&s.session));
	r = server_input(&s, data, size);
	while (!r && (r = server_next(&s, &e)) > 0) {
		r = 0;
		if (s.state == SERVER_STATE_ASKED) {
			FUZZ_CHECK(memchr(s.name, 0, sizeof(s.name)));
			r = s.name[0] == 'r' ? server_refuse(&s, "no") : server_accept(&s);
		} else if (e.type == SERVER_EVENT_VIDEO || e.type == SERVER_EVENT_AUDIO) {
			FUZZ_CHECK(s.state == SERVER_STATE_PUBLISH);
		}
	}
	FUZZ_CHECK(r >= 0 || s.session.error || r == -ENOBUFS);
	FUZZ_CHECK(buffer_len(&s.session.out) <= SERVER_OUTPUT_MAX);
	server_deinit(&s);
}

static void attack_client(const uint8_t *data, size_t size)
{
	static const struct client_config config = { .app = "app",
						     .tc_url = "rtmp://h/app",
						     .name = "key" };
	static const uint8_t hello[1 + 2 * HANDSHAKE_SIZE] = { HANDSHAKE_VERSION };
	struct client c;
	enum client_event e;

	FUZZ_CHECK(!client_init(&c, &config));
	FUZZ_CHECK(client_next(&c, &e) == 0);
	FUZZ_CHECK(!client_input(&c, hello, sizeof(hello)));
	FUZZ_CHECK(client_next(&c, &e) == 0 && c.state == CLIENT_STATE_CONNECT);
	if (client_input(&c, data, size))
		size = 0;
	while (size && client_next(&c, &e) > 0) {
		FUZZ_CHECK(e == CLIENT_EVENT_LIVE || c.text[0]);
		FUZZ_CHECK(!strstr(c.text, "key") || e == CLIENT_EVENT_LIVE || strlen(c.text) < 97);
		if (e == CLIENT_EVENT_LIVE) {
			FUZZ_CHECK(!client_send(&c, CHUNK_TYPE_VIDEO, 1, "\x17", 1));
			(void)client_goodbye(&c);
		}
	}
	FUZZ_CHECK(buffer_len(&c.session.out) <= CLIENT_OUTPUT_MAX);
	client_deinit(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 60000)
		return 0;
	if (data[0] & 1)
		attack_client(data + 1, size - 1);
	else
		attack_server(data + 1, size - 1);
	return 0;
}
