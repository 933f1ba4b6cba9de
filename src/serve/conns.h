// SPDX-License-Identifier: Apache-2.0
/*
 * The server's connections and how long each may take. Whoever does not get on is cut with
 * shutdown(2), so that the web server sees an ordinary end: whole header within a time, whole
 * response within a time, and when there is no room the one that has waited longest makes it.
 */
#pragma once

#include <stdatomic.h>

#include "base/types.h"

enum conn_cut {
	CONN_CUT_LIMIT,    /* too many connections: the oldest without a complete request */
	CONN_CUT_HEADER,   /* the request did not arrive in time */
	CONN_CUT_RESPONSE, /* the response was not read in time */
	CONN_CUT_STREAM,   /* too many responses at once: the one longest without progress */
	CONN_CUT_MAX,
};

struct conn_limits {
	u32 connections; /* at once */
	u32 streams;     /* streamed responses at once */
	u64 header_ns;   /* from the first byte of a connection to the end of the header */
	u64 response_ns; /* for a whole response */
	u64 idle_ns;     /* between two requests */
	u64 stall_ns;    /* without progress for so long: may be cut for somebody else */
};

struct conn;
struct conns;

/* Starts the thread that keeps the times. Returns 0 or a negative errno. */
int conns_new(struct conns **conns, const struct conn_limits *limits);

/* Call when no connection is left. Takes NULL. */
struct conns *conns_free(struct conns *conns);

/* A new connection; NULL: out of memory, or no room can be made (the caller closes it). */
struct conn *conns_add(struct conns *conns, int fd);

/* The connection is about to be closed. Takes NULL. */
void conns_remove(struct conns *conns, struct conn *conn);

/* The first line of a request has arrived. */
void conns_request(struct conns *conns, struct conn *conn);

/* The response begins. False: @stream, and there are too many already. */
bool conns_respond(struct conns *conns, struct conn *conn, bool stream);

/* Some of the response was taken by the client. */
void conns_progress(struct conn *conn);

/* The response is done; the next request may come. */
void conns_idle(struct conns *conns, struct conn *conn);

/* How many were cut for each reason so far. */
void conns_cuts(struct conns *conns, u64 cuts[CONN_CUT_MAX]);

/* How many there are now. */
u32 conns_count(struct conns *conns);
