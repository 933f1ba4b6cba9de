// SPDX-License-Identifier: Apache-2.0
#include "serve/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/log.h"
#include "serve/address.h"
#include "serve/conns.h"
#include "serve/negotiate.h"

#define THREADS 2
#define SERVE_NICE 5
/*
 * Room for one request's header, then for a piece of the response. Above 32 KiB libmicrohttpd maps
 * it instead of taking it from the heap: a closed connection gives all of it back.
 */
#define CONNECTION_MEMORY (36 * 1024)
#define STREAM_PIECE (32 * 1024)
/* Connections that are cut already, but not closed yet. */
#define CONNECTIONS_SPARE 256
/* Files that the rest of the program has open. */
#define FILES_SPARE 384

static_assert(HTTP_CUT_REASONS == CONN_CUT_MAX, "the header names all reasons");

struct http_server {
	struct MHD_Daemon *daemon;
	struct conns *conns;
	const struct http_route *routes;
	u32 route_count;
	u16 port;
};

/* A streamed body on its way. */
struct reply {
	struct http_body body;
	struct conn *conn;
};

static struct conn *conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = cls;
	const union MHD_ConnectionInfo *info;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		conns_remove(server->conns, *context);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = conns_add(server->conns, info->connect_fd);
	if (!*context)
		shutdown(info->connect_fd, SHUT_RDWR);
}

/* Serving waits for metering: the server's threads step back behind everybody else, the sampler
 * first. */
static void step_back(void)
{
	static _Thread_local bool done;

	if (!done)
		setpriority(PRIO_PROCESS, (id_t)gettid(), SERVE_NICE);
	done = true;
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct http_server *server = cls;
	struct conn *conn = conn_of(connection);

	step_back();
	if (conn)
		conns_request(server->conns, conn);
	return NULL;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *server = cls;
	struct conn *conn = conn_of(connection);

	if (conn)
		conns_idle(server->conns, conn);
}

static ssize_t read_stream(void *cls, uint64_t position, char *buf, size_t max)
{
	struct reply *reply = cls;
	ssize_t len;

	conns_progress(reply->conn);
	len = reply->body.read(reply->body.state, buf, max);
	return len > 0    ? len
	       : len == 0 ? MHD_CONTENT_READER_END_OF_STREAM
			  : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void close_stream(void *cls)
{
	struct reply *reply = cls;

	if (reply->body.close)
		reply->body.close(reply->body.state);
	free(reply);
}

static struct MHD_Response *stream_response(const struct http_body *body, struct conn *conn)
{
	struct reply *reply = malloc(sizeof(*reply));
	struct MHD_Response *response = NULL;

	if (reply) {
		*reply = (struct reply){ .body = *body, .conn = conn };
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE,
							     read_stream, reply, close_stream);
	}
	if (!response) {
		free(reply);
		body->close(body->state);
	}
	return response;
}

static struct MHD_Response *body_response(const struct http_body *body, struct conn *conn)
{
	struct MHD_Response *response;
	void *data;

	if (body->kind == HTTP_BODY_STREAM)
		return stream_response(body, conn);
	data = (void *)(uintptr_t)body->data; /* the library writes to neither kind */
	response = MHD_create_response_from_buffer(
		body->size, data,
		body->kind == HTTP_BODY_HEAP ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!response && body->kind == HTTP_BODY_HEAP)
		free(data);
	return response;
}

/* Everything is from this server only, and is what it says it is. */
static void add_headers(struct MHD_Response *response, const struct http_body *body)
{
	MHD_add_response_header(response, "Content-Type", body->content_type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(
		response, "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cache-Control",
				body->immutable ? "no-cache" : "no-store");
	if (body->gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	if (body->varies)
		MHD_add_response_header(response, "Vary", "Accept, Accept-Encoding");
}

static enum MHD_Result queue(struct MHD_Connection *connection, u32 status,
			     const struct http_body *body, bool head)
{
	struct MHD_Response *response = body_response(body, conn_of(connection));
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	/* The library ends a chunked body even where HEAD has none, unless there are no chunks. */
	if (head && body->kind == HTTP_BODY_STREAM)
		MHD_set_response_options(response, MHD_RF_HTTP_VERSION_1_0_ONLY, MHD_RO_END);
	add_headers(response, body);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "1");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* A short answer in words. */
static enum MHD_Result queue_text(struct MHD_Connection *connection, u32 status, const char *text)
{
	struct http_body body = {
		.kind = HTTP_BODY_STATIC,
		.content_type = "text/plain; charset=utf-8",
		.data = text,
		.size = strlen(text),
	};

	return queue(connection, status, &body, false);
}

static const struct http_route *find_route(const struct http_server *server, const char *path)
{
	for (u32 i = 0; i < server->route_count; i++) {
		if (strcmp(server->routes[i].path, path) == 0)
			return &server->routes[i];
	}
	return NULL;
}

static enum MHD_Result open_route(const struct http_route *route, struct MHD_Connection *connection,
				  bool head)
{
	struct http_request request = {
		.gzip = negotiate_gzip(MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								   "Accept-Encoding")),
		.openmetrics = negotiate_openmetrics(
			MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept")),
		.head = head,
		.host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
		.connection = connection,
	};
	struct http_body body = { 0 };
	int r = route->open(route->ctx, &request, &body);

	if (r == -EAGAIN)
		return queue_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "not ready yet, try again soon\n");
	if (r < 0)
		return queue_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return queue(connection, body.status ? body.status : MHD_HTTP_OK, &body, head);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **context)
{
	static char seen;
	struct http_server *server = cls;
	struct conn *conn = conn_of(connection);
	const struct http_route *route = find_route(server, url);
	bool head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	bool known = head || strcmp(method, MHD_HTTP_METHOD_GET) == 0;

	if (!conn || *upload_size > 0)
		return MHD_NO;
	if (known && !*context) { /* only an answer at the second call keeps the connection */
		*context = &seen;
		return MHD_YES;
	}
	if (!conns_respond(server->conns, conn, route && route->stream))
		return queue_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "too many scrapes at once, try again soon\n");
	if (!route)
		return queue_text(connection, MHD_HTTP_NOT_FOUND, "not found\n");
	if (!known)
		return queue_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "only GET and HEAD are allowed here\n");
	return open_route(route, connection, head);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *format,
							 va_list args)
{
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("http: %s", line);
}

const char *http_request_argument(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* Enough files for the connections, as far as the hard limit allows; returns how many connections
 * that is. */
static u32 raise_file_limit(u32 connections)
{
	rlim_t wanted = connections + CONNECTIONS_SPARE + FILES_SPARE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return connections;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return connections;
	return limit.rlim_cur / 4 < connections ? (u32)limit.rlim_cur / 4 : connections;
}

static int start_daemon(struct http_server *server, int fd, u32 connections)
{
	sigset_t all, old;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	server->daemon =
		MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0,
				 NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log,
				 NULL, /* first: it takes the other's errors */
				 MHD_OPTION_LISTEN_SOCKET, fd,                       /**/
				 MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)THREADS, /**/
				 /* per thread; the table keeps the real limit */
				 MHD_OPTION_CONNECTION_LIMIT,
				 (unsigned int)(THREADS * (connections + CONNECTIONS_SPARE)),
				 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, /**/
				 MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,           /**/
				 MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,             /**/
				 MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server,          /**/
				 MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return server->daemon ? 0 : -EIO;
}

static struct conn_limits limits_of(const struct http_options *options)
{
	return (struct conn_limits){
		.connections =
			raise_file_limit(options->connections_max ? options->connections_max : 512),
		.streams = options->streams_max ? options->streams_max : 32,
		.header_ns = options->header_ns ? options->header_ns : 10 * NSEC_PER_SEC,
		.response_ns = options->response_ns ? options->response_ns : 10 * NSEC_PER_SEC,
		.idle_ns = options->idle_ns ? options->idle_ns : 120 * NSEC_PER_SEC,
		.stall_ns = options->stall_ns ? options->stall_ns : NSEC_PER_SEC,
	};
}

static int open_listener(const char *address, char *error, size_t error_size)
{
	struct listen_address parsed;
	int fd;

	if (listen_address_parse(address, &parsed) < 0) {
		snprintf(
			error, error_size,
			"cannot listen on \"%s\": expected ADDRESS:PORT, for example 127.0.0.1:28282, [::1]:28282 "
			"or :28282 for every interface",
			address);
		return -EINVAL;
	}
	fd = listen_address_open(&parsed);
	if (fd < 0)
		snprintf(
			error, error_size, "cannot listen on %s: %s%s", address, strerror(-fd),
			fd == -EADDRINUSE
				? "; end the program that uses it (ss -ltnp shows which), or choose another "
				  "web.listen-address"
			: fd == -EADDRNOTAVAIL
				? "; no interface has that address, choose another web.listen-address"
			: fd == -EACCES
				? "; ports below 1024 need CAP_NET_BIND_SERVICE, choose a higher one"
				: "");
	return fd;
}

/* Which socket @fd is; 0: none. */
static ino_t socket_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/*
 * Like start_daemon(), but closes @fd on failure. The library does so in some cases and not in
 * others, and by now the number may be another file's.
 */
static int start_daemon_or_close(struct http_server *server, int fd, u32 connections)
{
	ino_t mine = socket_of(fd);
	int r = start_daemon(server, fd, connections);

	if (r < 0 && socket_of(fd) == mine)
		close(fd);
	return r;
}

int http_server_new(struct http_server **server, const struct http_options *options, char *error,
		    size_t error_size)
{
	struct conn_limits limits = limits_of(options);
	struct http_server *new = calloc(1, sizeof(*new));
	int fd, r;

	if (!new) {
		snprintf(error, error_size, "cannot start the web server: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	fd = open_listener(options->address, error, error_size);
	if (fd < 0) {
		free(new);
		return fd;
	}
	new->routes = options->routes;
	new->route_count = options->route_count;
	new->port = listen_socket_port(fd);
	r = conns_new(&new->conns, &limits);
	if (r < 0)
		close(fd);
	else
		r = start_daemon_or_close(new, fd, limits.connections);
	if (r < 0) {
		snprintf(error, error_size, "cannot start the web server: %s", strerror(-r));
		http_server_free(new);
		return r;
	}
	*server = new;
	return 0;
}

struct http_server *http_server_free(struct http_server *server)
{
	if (!server)
		return NULL;
	if (server->daemon)
		MHD_stop_daemon(server->daemon);
	conns_free(server->conns);
	free(server);
	return NULL;
}

u16 http_server_port(const struct http_server *server)
{
	return server->port;
}

u64 http_server_cuts(struct http_server *server, u32 index, const char **reason)
{
	static const char *const names[CONN_CUT_MAX] = { "connection_limit", "header_timeout",
							 "response_timeout", "scrape_limit" };
	u64 cuts[CONN_CUT_MAX];

	conns_cuts(server->conns, cuts);
	*reason = names[index];
	return cuts[index];
}

u32 http_server_connections(struct http_server *server)
{
	return conns_count(server->conns);
}
