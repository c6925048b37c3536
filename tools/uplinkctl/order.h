#pragma once

/*
 * What changes the running bond. Each tells what was done, or what could not be; the exit status of
 * the program. @socket as for client_open().
 */

/* @policy NULL: tells the one in force. */
int order_policy(const char *socket, const char *policy);
/* @value NULL: none. */
int order_uplink(const char *socket, const char *name, const char *action, const char *value);
