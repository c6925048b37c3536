#include "workers/record/recovery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/log.h"
#include "workers/record/cut.h"
#include "workers/record/index.h"

#define HASH_BLOCK (1 << 18)
#define FOUND_MAX  10000 /* more are left for the next start */

struct recovery {
	int directory;
	const char *prefix;
	struct supervisor *supervisor;
	char (*found)[SEGMENT_NAME_MAX]; /* without suffix; those with a part first or later */
	bool *is_part;
	size_t count;
	atomic_bool quit;
	pthread_t thread;
};

/* The name without suffix of a file of ours. */
static bool name_match(const char *file, const char *prefix, const char *suffix, char *ret_name)
{
	size_t length = strlen(file), p = strlen(prefix), s = strlen(suffix);

	if (length <= p + 1 + s || length - s >= SEGMENT_NAME_MAX || strncmp(file, prefix, p) ||
	    file[p] != '-' || file[p + 1] < '0' || file[p + 1] > '9' ||
	    strcmp(file + length - s, suffix))
		return false;
	memcpy(ret_name, file, length - s);
	ret_name[length - s] = '\0';
	return true;
}

static void stock_add(struct recovery *recovery, const struct index_names *known, const char *file)
{
	char name[SEGMENT_NAME_MAX];
	bool part = name_match(file, recovery->prefix, SEGMENT_PART, name);

	if (!part &&
	    (!name_match(file, recovery->prefix, SEGMENT_SUFFIX, name) || index_has(known, file)))
		return;
	if (recovery->count == FOUND_MAX)
		return;
	memcpy(recovery->found[recovery->count], name, sizeof(name));
	recovery->is_part[recovery->count++] = part;
}

static int stock_take(struct recovery *recovery)
{
	struct index_names known;
	struct dirent *entry;
	int fd, r = index_read(recovery->directory, recovery->prefix, &known);
	DIR *directory;

	if (r)
		return r;
	fd = openat(recovery->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
	}
	while (directory && (entry = readdir(directory)))
		stock_add(recovery, &known, entry->d_name);
	if (directory)
		(void)closedir(directory);
	index_names_clear(&known);
	return r;
}

/* SHA-256 of the whole file. 0, -ECANCELED or another -errno. */
static int file_hash(struct recovery *recovery, int fd, char *ret_text)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	uint8_t *block = malloc(HASH_BLOCK);
	ssize_t n = 0;
	int r = 0;

	if (!digest || !block || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		r = -ENOMEM;
	while (!r && (n = read(fd, block, HASH_BLOCK)) > 0) {
		(void)EVP_DigestUpdate(digest, block, (size_t)n);
		if (atomic_load(&recovery->quit))
			r = -ECANCELED;
	}
	if (!r && n < 0)
		r = -errno;
	if (!r && EVP_DigestFinal_ex(digest, value, &length))
		for (unsigned i = 0; i < 32; i++)
			(void)snprintf(ret_text + 2 * i, 3, "%02x", value[i]);
	EVP_MD_CTX_free(digest);
	free(block);
	return r;
}

/* The time in the name; of the file system when there is none. */
static uint64_t name_time(const char *stamp, const struct stat *st)
{
	struct tm tm = { 0 };

	if (strptime(stamp, "%Y%m%dT%H%M%SZ", &tm))
		return (uint64_t)timegm(&tm) * USEC_PER_SEC;
	return (uint64_t)st->st_mtime * USEC_PER_SEC;
}

/* 0 with the entry set, 1: nothing to keep, -errno. */
static int part_recover(struct recovery *recovery, const char *name, bool is_part,
			struct segment_entry *entry)
{
	char file[SEGMENT_NAME_MAX + 16];
	uint64_t end;
	struct stat st;
	int r = 0;
	int fd;

	(void)snprintf(file, sizeof(file), "%s%s", name, is_part ? SEGMENT_PART : SEGMENT_SUFFIX);
	(void)snprintf(entry->file, sizeof(entry->file), "%s" SEGMENT_SUFFIX, name);
	fd = openat(recovery->directory, file, (is_part ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (is_part && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
		(void)close(fd);
		return 1; /* somebody records into it right now */
	}
	if (fstat(fd, &st))
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = 1;
	entry->bytes = (uint64_t)st.st_size - (uint64_t)st.st_size % CUT_PACKET;
	entry->unix_usec = name_time(name + strlen(recovery->prefix) + 1, &st);
	end = (uint64_t)st.st_mtime * USEC_PER_SEC;
	entry->duration_usec = end > entry->unix_usec ? end - entry->unix_usec : 0;
	entry->recovered = 1;
	if (!r && is_part && !entry->bytes)
		r = unlinkat(recovery->directory, file, 0) ? -errno : 1;
	if (!r && is_part && (ftruncate(fd, (off_t)entry->bytes) || fsync(fd)))
		r = -errno;
	if (!r)
		r = file_hash(recovery, fd, entry->sha256);
	if (!r && is_part &&
	    (renameat(recovery->directory, file, recovery->directory, entry->file) ||
	     fsync(recovery->directory)))
		r = -errno;
	(void)close(fd);
	return r;
}

static void *recover(void *data)
{
	struct recovery *recovery = data;

	for (size_t i = 0; i < recovery->count && !atomic_load(&recovery->quit); i++) {
		struct segment_entry entry = { 0 };
		int r = part_recover(recovery, recovery->found[i], recovery->is_part[i], &entry);
		json_t *line;

		if (!r)
			r = index_append(recovery->directory, recovery->prefix, &entry);
		if (r == -ECANCELED)
			break;
		if (r < 0)
			log_warning("%s, left by an earlier recorder: cannot be taken over: %s",
				    recovery->found[i], strerror(-r));
		if (r)
			continue;
		log_info("%s, left by an earlier recorder: taken over with %llu bytes", entry.file,
			 (unsigned long long)entry.bytes);
		line = index_line(&entry);
		if (line)
			(void)json_object_set_new(line, "event", json_string("segment"));
		supervisor_send(recovery->supervisor, line);
	}
	return NULL;
}

struct recovery *recovery_new(int directory, const char *prefix, struct supervisor *supervisor)
{
	struct recovery *recovery = calloc(1, sizeof(*recovery));
	int r = -ENOMEM;

	if (recovery) {
		recovery->directory = directory;
		recovery->prefix = prefix;
		recovery->supervisor = supervisor;
		recovery->found = calloc(FOUND_MAX, sizeof(*recovery->found));
		recovery->is_part = calloc(FOUND_MAX, sizeof(*recovery->is_part));
		if (recovery->found && recovery->is_part)
			r = stock_take(recovery);
	}
	if (!r && recovery->count)
		r = -pthread_create(&recovery->thread, NULL, recover, recovery);
	if (!r && recovery->count)
		return recovery;
	if (r)
		log_warning("cannot look for the remains of an earlier recorder: %s", strerror(-r));
	if (recovery) {
		free(recovery->found);
		free(recovery->is_part);
	}
	free(recovery);
	return NULL;
}

struct recovery *recovery_free(struct recovery *recovery)
{
	if (!recovery)
		return NULL;
	atomic_store(&recovery->quit, true);
	(void)pthread_join(recovery->thread, NULL);
	free(recovery->found);
	free(recovery->is_part);
	free(recovery);
	return NULL;
}
