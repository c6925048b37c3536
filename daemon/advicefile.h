#pragma once

#include <stdint.h>

/*
 * The advice as a file, for programs that poll it, such as the script inside OBS: one line
 * "bitrate N", bits per second of the picture, replaced as a whole with each change. It lies beside
 * the control socket: send.sock and send.advice. Readable to the group, like the socket.
 */
#define ADVICEFILE_PATH_MAX 160

struct advicefile {
	char path[ADVICEFILE_PATH_MAX];
	uint64_t bps; /* in the file; 0: there is none */
	int error;    /* of the last attempt, told once */
};

/* @control: the path of the control socket. Removes what an earlier process has left there. */
void advicefile_init(struct advicefile *file, const char *control);
/* Removes it: without uplinkd there is no advice. */
void advicefile_deinit(struct advicefile *file);
void advicefile_write(struct advicefile *file, uint64_t bps);
