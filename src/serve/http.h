// SPDX-License-Identifier: Apache-2.0
/*
 * THE DOOR: a small HTTP server with its own two threads. It knows paths, headers, limits and
 * times, and nothing of what is served: that comes from a const table of routes.
 */
#pragma once

#include <sys/types.h>

#include "base/types.h"

struct http_request {
	bool gzip;        /* the client takes gzip */
	bool openmetrics; /* the client wants OpenMetrics rather than plain text */
	bool head;        /* only the header is sent */
	const char *host; /* the header of that name, any text, or NULL. Valid during open() */
	void *connection; /* the server's own */
};

/* The value of the argument ?@name=, or NULL. Valid during open(). */
const char *http_request_argument(const struct http_request *request, const char *name);

enum http_body_kind {
	HTTP_BODY_STATIC, /* @data lives for ever */
	HTTP_BODY_HEAP,   /* @data is from malloc(); the server frees it */
	HTTP_BODY_STREAM, /* read() until it returns 0, then close() */
};

struct http_body {
	enum http_body_kind kind;
	u32 status; /* 200 when 0 */
	const char *content_type;
	bool gzip;      /* the body is gzipped */
	bool varies;    /* it depends on Accept and Accept-Encoding */
	bool immutable; /* the same for the life of the program */
	const void *data;
	size_t size;
	/*
	 * Writes the next 1..@max bytes to @buf; 0: the end, negative: the connection is to be cut.
	 * Called by one thread at a time, not necessarily always the same.
	 */
	ssize_t (*read)(void *state, char *buf, size_t max);
	void (*close)(void *state);
	void *state;
};

struct http_route {
	const char *path;
	/*
	 * Fills in @body, which is zero. Returns 0 or a negative errno (-EAGAIN: 503, else 500).
	 * Called on the server's threads, several at a time.
	 */
	int (*open)(void *ctx, const struct http_request *request, struct http_body *body);
	void *ctx;
	bool stream; /* takes one of the limited places for big responses */
};

struct http_options {
	const char *address;             /* see serve/address.h */
	const struct http_route *routes; /* must outlive the server */
	u32 route_count;
	/* 0: the default */
	u32 connections_max; /* 512 */
	u32 streams_max;     /* 32 */
	u64 header_ns;       /* 10 s */
	u64 response_ns;     /* 10 s */
	u64 idle_ns;         /* 120 s */
	u64 stall_ns;        /* 1 s */
};

struct http_server;

/*
 * Starts to serve. Returns 0, or a negative errno with the reason for a person in @error. Raises
 * the soft limit on open files where the connections need it.
 */
int http_server_new(struct http_server **server, const struct http_options *options, char *error,
		    size_t error_size);

/* Stops at once, responses in progress included. Takes NULL. */
struct http_server *http_server_free(struct http_server *server);

u16 http_server_port(const struct http_server *server);

#define HTTP_CUT_REASONS 4

/* How many connections were cut for reason @index, and the reason's name in *reason. */
u64 http_server_cuts(struct http_server *server, u32 index, const char **reason);

/* Connections open now. */
u32 http_server_connections(struct http_server *server);
