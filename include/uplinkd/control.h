#pragma once

/*
 * The contract of the control socket, which uplinkctl speaks.
 */
#define UPLINKD_CONTROL_REQUEST_MAX 4096 /* bytes of a request, newline included */
