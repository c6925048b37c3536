#pragma once

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One file of a recording: PREFIX-YYYYMMDDTHHMMSSZ[-N].ts, with ".part" behind it while it is
 * written (and locked, so that nobody takes it for the remains of a crash). It always consists of
 * whole packets.
 */
#define SEGMENT_NAME_MAX 192
#define SEGMENT_SUFFIX	 ".ts"
#define SEGMENT_PART	 ".ts.part"

struct segment {
	int directory;		     /* borrowed */
	int fd;			     /* -1: none is open */
	char name[SEGMENT_NAME_MAX]; /* without the suffix */
	EVP_MD_CTX *digest;
	uint64_t bytes;
	uint64_t unix_usec; /* when its first byte came */
};

/* What is told of a finished segment: the line of the index (see index.h). */
struct segment_entry {
	char file[SEGMENT_NAME_MAX + 8];
	uint64_t unix_usec;
	uint64_t duration_usec;
	uint64_t bytes;
	char sha256[65];
	int recovered; /* after a crash: the times are those of the file system */
};

void segment_init(struct segment *segment);
/* Creates the file. 0 or -errno. */
int segment_open(struct segment *segment, int directory, const char *prefix, uint64_t unix_usec);
/* Appends whole packets. On failure (-errno) *ret_taken whole packets were kept, and the file
 * ends with them. */
int segment_append(struct segment *segment, const uint8_t *data, size_t len, size_t *ret_taken);
/* What was appended survives a power failure from now on. 0 or -errno. */
int segment_sync(struct segment *segment);
/* Syncs, gives it its final name, closes. 0 with *ret_entry set; 1: it was empty and is removed;
 * -errno: closed, and perhaps without its final name. */
int segment_close(struct segment *segment, uint64_t unix_usec, struct segment_entry *ret_entry);
