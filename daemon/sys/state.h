#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Small files that a program remembers things in over a restart. Their directory is the first of
 *   $STATE_DIRECTORY                           as systemd sets it (StateDirectory= of the unit)
 *   /var/lib/uplinkd                           when it is there and writable
 *   $XDG_STATE_HOME/uplinkd, $HOME/.local/state/uplinkd   made when it is not there
 */
#define STATE_PATH_MAX 512

/* The path of the file @name, whose bytes other than letters, digits, '.' and '-' become '_'.
 * False: there is nowhere to keep it. */
bool state_path(const char *name, char path[STATE_PATH_MAX]);
/* How many bytes of the file were read into @text, which is ended by a zero; 0 also when there is
 * none. A longer file is cut. */
size_t state_read(const char *path, char *text, size_t size);
/* Replaces the file at once and for good: after a power loss it is the old or the new one. Blocks
 * on the disk; may be called in any thread. 0 or -errno. */
int state_write(const char *path, const char *text, size_t len);
