// SPDX-License-Identifier: Apache-2.0
/*
 * Where the server listens: HOST:PORT with a numeric IPv4 address, an IPv6 address in brackets, or
 * localhost (127.0.0.1). :PORT means every interface. Port 0 lets the kernel choose.
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/types.h"

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
	bool any; /* :PORT: every interface, IPv6 and IPv4 */
};

/* Returns 0 or -EINVAL; @address is then untouched. */
int listen_address_parse(const char *text, struct listen_address *address);

/*
 * Opens a listening socket, non-blocking and close-on-exec. Returns its fd or a negative errno.
 * Where the machine has no IPv6, :PORT is every IPv4 interface.
 */
int listen_address_open(const struct listen_address *address);

/* The port that the socket listens on, 0 on failure. */
u16 listen_socket_port(int fd);
