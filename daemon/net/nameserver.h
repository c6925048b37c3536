#pragma once

#include "bond/bond.h"
#include "net/uplink.h"
#include "sys/loop.h"

/*
 * Does a name server answer over one given uplink? The resolver of the system asks by whichever way
 * is the best; a phone without credit or a captive portal shows only when it is asked over that
 * very interface. One small question a minute, with two repetitions.
 */
#define NAMESERVER_QUESTION_MAX 288

/* A question for the addresses (type A) of @host. Its length; 0: the name is none. */
size_t nameserver_question(const char *host, uint16_t id,
			   uint8_t out[static NAMESERVER_QUESTION_MAX]);
/* It is an answer to the question of this id: addresses, or that there is no such name. */
bool nameserver_is_answer(const uint8_t *data, size_t len, uint16_t id);
/* The name server of an interface of this family, as the network services know it, else the first
 * one of resolv.conf that is not of this machine. @root: "" or a tree like /. False: not known. */
bool nameserver_find(const char *root, int index, int family, struct bond_address *ret_server);

enum nameserver_state {
	NAMESERVER_NOT_ASKED,
	NAMESERVER_ANSWERED,
	NAMESERVER_SILENT,
};

struct nameserver {
	struct loop *loop;
	struct loop_timer timer;
	struct loop_io io;
	int fd; /* -1: no question is out */
	uint16_t id;
	unsigned tries;
	usec_t next; /* question at the earliest */
	struct bond_address local, server;
	char host[256];
	enum nameserver_state state;
};

void nameserver_init(struct nameserver *server, struct loop *loop);
void nameserver_deinit(struct nameserver *server);
/* To be called now and then: asks when it is time to. @host "": there is nothing to ask for. An
 * uplink that is closed, or has another address than before, begins anew. */
void nameserver_tick(struct nameserver *server, const struct uplink *uplink, const char *host);
