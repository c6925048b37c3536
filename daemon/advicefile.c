#include "advicefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"

#define SUFFIX_SOCKET ".sock"
#define SUFFIX_ADVICE ".advice"

void advicefile_init(struct advicefile *file, const char *control)
{
	size_t len = strlen(control), cut = strlen(SUFFIX_SOCKET);

	if (len > cut && !strcmp(control + len - cut, SUFFIX_SOCKET))
		len -= cut;
	*file = (struct advicefile){ 0 };
	(void)snprintf(file->path, sizeof(file->path), "%.*s%s", (int)len, control, SUFFIX_ADVICE);
	(void)unlink(file->path);
}

void advicefile_deinit(struct advicefile *file)
{
	if (file->bps)
		(void)unlink(file->path);
	file->bps = 0;
}

/* 0 or -errno. */
static int replace(const char *path, const char *text)
{
	char fresh[ADVICEFILE_PATH_MAX + 8];
	size_t len = strlen(text);
	ssize_t n;
	int fd, r = 0;

	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	(void)unlink(fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0 || (size_t)n != len)
		r = n < 0 ? -errno : -ENOSPC;
	(void)close(fd);
	if (!r && rename(fresh, path) < 0)
		r = -errno;
	if (r)
		(void)unlink(fresh);
	return r;
}

void advicefile_write(struct advicefile *file, uint64_t bps)
{
	char text[40];
	int r;

	if (bps == file->bps)
		return;
	(void)snprintf(text, sizeof(text), "bitrate %" PRIu64 "\n", bps);
	r = replace(file->path, text);
	if (!r)
		file->bps = bps;
	if (r && r != file->error)
		log_warning("%s: cannot be written: %s; OBS does not follow the bitrate",
			    file->path, strerror(-r));
	file->error = r;
}
