#include "workers/record/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "workers/record/cut.h"

#define NAMES_MAX 1000 /* of one second, before we give up */

void segment_init(struct segment *segment)
{
	*segment = (struct segment){ .directory = -1, .fd = -1 };
}

static int name_make(char *name, const char *prefix, uint64_t unix_usec, unsigned number)
{
	time_t seconds = (time_t)(unix_usec / USEC_PER_SEC);
	struct tm tm;
	char stamp[32], suffix[16] = "";
	int n;

	if (!gmtime_r(&seconds, &tm) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm))
		return -EINVAL;
	if (number > 1)
		(void)snprintf(suffix, sizeof(suffix), "-%u", number);
	n = snprintf(name, SEGMENT_NAME_MAX, "%s-%s%s", prefix, stamp, suffix);
	return n < 0 || n >= SEGMENT_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* 0: ours alone; 1: the name is taken; -errno. */
static int part_create(int directory, const char *name, int *ret_fd)
{
	char part[SEGMENT_NAME_MAX + 16], final[SEGMENT_NAME_MAX + 16];
	struct stat st;
	int fd;

	(void)snprintf(part, sizeof(part), "%s" SEGMENT_PART, name);
	(void)snprintf(final, sizeof(final), "%s" SEGMENT_SUFFIX, name);
	fd = openat(directory, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return errno == EEXIST ? 1 : -errno;
	/* Another recorder that cleans up after a crash may have been quicker with the lock, and
	 * may have removed the empty file. A file system without locks has no such recorder. */
	if ((flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) || fstat(fd, &st) ||
	    !st.st_nlink) {
		(void)close(fd);
		return 1;
	}
	/* Looked for only now: whoever finished that name did it before we could create ours. */
	if (!faccessat(directory, final, F_OK, 0)) {
		(void)unlinkat(directory, part, 0);
		(void)close(fd);
		return 1;
	}
	*ret_fd = fd;
	return 0;
}

int segment_open(struct segment *segment, int directory, const char *prefix, uint64_t unix_usec)
{
	int r = 1;

	for (unsigned number = 1; r > 0 && number < NAMES_MAX; number++) {
		r = name_make(segment->name, prefix, unix_usec, number);
		if (!r)
			r = part_create(directory, segment->name, &segment->fd);
	}
	if (r)
		return r < 0 ? r : -EEXIST;
	segment->digest = EVP_MD_CTX_new();
	if (!segment->digest || !EVP_DigestInit_ex(segment->digest, EVP_sha256(), NULL)) {
		EVP_MD_CTX_free(segment->digest);
		segment->digest = NULL;
		(void)close(segment->fd);
		segment->fd = -1;
		return -ENOMEM;
	}
	segment->directory = directory;
	segment->bytes = 0;
	segment->unix_usec = unix_usec;
	/* The entry of the directory has to survive as well. */
	(void)fsync(directory);
	return 0;
}

int segment_append(struct segment *segment, const uint8_t *data, size_t len, size_t *ret_taken)
{
	size_t taken = 0;
	int r = 0;

	while (taken < len) {
		ssize_t n = write(segment->fd, data + taken, len - taken);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : -EIO;
			break;
		}
		taken += (size_t)n;
	}
	if (r) {
		taken -= taken % CUT_PACKET;
		(void)!ftruncate(segment->fd, (off_t)(segment->bytes + taken));
		(void)lseek(segment->fd, (off_t)(segment->bytes + taken), SEEK_SET);
	}
	(void)EVP_DigestUpdate(segment->digest, data, taken);
	segment->bytes += taken;
	*ret_taken = taken;
	return r;
}

int segment_sync(struct segment *segment)
{
	return fdatasync(segment->fd) ? -errno : 0;
}

static void digest_text(EVP_MD_CTX *digest, char *text)
{
	unsigned char value[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	(void)EVP_DigestFinal_ex(digest, value, &length);
	for (unsigned i = 0; i < length && i < 32; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", value[i]);
}

int segment_close(struct segment *segment, uint64_t unix_usec, struct segment_entry *ret_entry)
{
	char part[SEGMENT_NAME_MAX + 16];
	struct segment_entry entry = {
		.unix_usec = segment->unix_usec,
		.duration_usec =
			unix_usec > segment->unix_usec ? unix_usec - segment->unix_usec : 0,
		.bytes = segment->bytes,
	};
	int r = segment->bytes ? segment_sync(segment) : 0;

	(void)snprintf(part, sizeof(part), "%s" SEGMENT_PART, segment->name);
	(void)snprintf(entry.file, sizeof(entry.file), "%s" SEGMENT_SUFFIX, segment->name);
	digest_text(segment->digest, entry.sha256);
	if (!segment->bytes) {
		(void)unlinkat(segment->directory, part, 0);
		r = 1;
	} else if (!r && renameat(segment->directory, part, segment->directory, entry.file)) {
		r = -errno;
	}
	if (!r && fsync(segment->directory))
		r = -errno;
	EVP_MD_CTX_free(segment->digest);
	(void)close(segment->fd);
	segment_init(segment);
	if (!r)
		*ret_entry = entry;
	return r;
}
