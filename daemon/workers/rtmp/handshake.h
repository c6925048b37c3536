#pragma once

#include <stdbool.h>

#include "workers/rtmp/buffer.h"

/*
 * The opening of an RTMP connection (specification 1.0, section 5.2): one version byte and 1536
 * bytes each way, then each side returns the other's 1536 bytes.
 *
 * The plain form alone: as server an echo, which every encoder accepts, also those that offer the
 * "digest" variant of Flash Player; as client zeros in the version field, which asks for the plain
 * form.
 */
#define HANDSHAKE_SIZE	  1536
#define HANDSHAKE_VERSION 3

enum handshake_state {
	HANDSHAKE_STATE_GREET, /* client: C0 and C1 are to be sent */
	HANDSHAKE_STATE_HELLO, /* waits for the peer's version and 1536 bytes */
	HANDSHAKE_STATE_ECHO,  /* waits for our own bytes to come back */
	HANDSHAKE_STATE_DONE,
};

struct handshake {
	enum handshake_state state;
	bool client;
	uint8_t version; /* the peer's first byte */
};

void handshake_init(struct handshake *h, bool client);
/* One step: takes from @in, adds to @out. 1: go on (again, or done when the state says so), 0: more
 * bytes are needed, -EPROTO: the peer does not speak RTMP (h->version is its first byte),
 * -ENOBUFS. */
int handshake_step(struct handshake *h, struct buffer *in, struct buffer *out);
