#pragma once

/* Makes a key file (mode 0600) that both ends share and prints its fingerprint. The exit status of
 * the program; refuses to overwrite. */
int genkey(const char *file);
