#pragma once

#include <stdbool.h>

/* Lists the network interfaces: which are used, and why the others are not. The exit status of the
 * program. @socket as for client_open(). */
int links(const char *socket, bool json, bool color);
