// SPDX-License-Identifier: Apache-2.0
/*
 * A scrape holds a reference to the snapshot for as long as its response takes, which the server
 * bounds; everything else is answered whole, at once.
 */
#include "cli/routes.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sysroot.h"
#include "export/gzip.h"
#include "export/top.h"
#include "kepler_revision.h"
#include "serve/host.h"
#include "web/assets.h"

/* Before the first tick the sampler may take this long to start. */
#define START_MAX_NS (30 * NSEC_PER_SEC)
#define STUCK_MIN_NS (10 * NSEC_PER_SEC)
#define ROUTES_MAX 8

/* A file of the page, and what says to whom it is offered. */
struct page_file {
	struct routes *routes;
	const struct web_asset *asset;
};

struct routes {
	struct snapshot_box *box;
	struct http_server *_Atomic server;
	pthread_mutex_t lock; /* guards options */
	struct routes_options options;
	u64 start_ns;
	char metrics_path[128];
	struct page_file file[WEB_ASSETS];
	struct http_route table[ROUTES_MAX];
	u32 count;
};

/* A scrape on its way. */
struct scrape {
	const struct snapshot *snapshot;
	struct exposition exposition;
	struct gzip_stream *gzip; /* NULL: plain text, through the buffer */
	size_t at, len;           /* what is left of the buffer */
	char buf[];               /* only without gzip */
};

#define SCRAPE_BUF (32 * 1024)

static struct routes_options options_of(struct routes *routes)
{
	struct routes_options options;

	pthread_mutex_lock(&routes->lock);
	options = routes->options;
	pthread_mutex_unlock(&routes->lock);
	return options;
}

static void scrape_close(void *state)
{
	struct scrape *scrape = state;

	gzip_stream_free(scrape->gzip);
	snapshot_unref(scrape->snapshot);
	free(scrape);
}

static size_t scrape_fill(void *ctx, char *buf, size_t size)
{
	struct scrape *scrape = ctx;

	return exposition_read(&scrape->exposition, buf, size);
}

static ssize_t scrape_read(void *state, char *buf, size_t max)
{
	struct scrape *scrape = state;
	size_t len;

	if (scrape->gzip)
		return gzip_stream_read(scrape->gzip, buf, max);
	if (scrape->at == scrape->len) {
		scrape->at = 0;
		scrape->len = exposition_read(&scrape->exposition, scrape->buf, SCRAPE_BUF);
	}
	len = u64_min(max, scrape->len - scrape->at);
	memcpy(buf, scrape->buf + scrape->at, len);
	scrape->at += len;
	return (ssize_t)len;
}

static struct scrape *scrape_new(bool gzip)
{
	struct scrape *scrape = malloc(sizeof(*scrape) + (gzip ? 0 : SCRAPE_BUF));

	if (!scrape)
		return NULL;
	scrape->snapshot = NULL;
	scrape->at = 0;
	scrape->len = 0;
	scrape->gzip = NULL;
	if (gzip) {
		scrape->gzip = gzip_stream_new(scrape_fill, scrape);
		if (!scrape->gzip) {
			free(scrape);
			return NULL;
		}
	}
	return scrape;
}

static int open_metrics(void *ctx, const struct http_request *request, struct http_body *body)
{
	struct routes *routes = ctx;
	struct routes_options options = options_of(routes);
	const struct snapshot *snapshot = snapshot_box_get(routes->box);
	struct http_server *server = routes->server;
	struct scrape *scrape;

	if (!snapshot)
		return -EAGAIN;
	scrape = scrape_new(request->gzip && !request->head);
	if (!scrape) {
		snapshot_unref(snapshot);
		return -ENOMEM;
	}
	options.exposition.format = request->openmetrics ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
	for (u32 i = 0; server && i < HTTP_CUT_REASONS; i++)
		options.exposition.http_cut[i].value =
			http_server_cuts(server, i, &options.exposition.http_cut[i].label);
	scrape->snapshot = snapshot;
	exposition_init(&scrape->exposition, snapshot, &options.exposition);
	*body = (struct http_body){
		.kind = HTTP_BODY_STREAM,
		.content_type = exposition_content_type(options.exposition.format),
		.gzip = request->gzip,
		.varies = true,
		.read = scrape_read,
		.close = scrape_close,
		.state = scrape,
	};
	return 0;
}

/* Answers a request that came by somebody else's name. */
static int refuse_host(struct http_body *body, const char *node_name)
{
	char *text = NULL;
	int len = asprintf(
		&text,
		"This page is for who asks by an IP address, by localhost or by the node's name, "
		"%s (node.name): by other names a web page from elsewhere could read it.\n",
		node_name);

	if (len < 0)
		return -ENOMEM;
	body->kind = HTTP_BODY_HEAP;
	body->status = 421;
	body->content_type = "text/plain; charset=utf-8";
	body->data = text;
	body->size = (size_t)len;
	return 0;
}

static int open_top(void *ctx, const struct http_request *request, struct http_body *body)
{
	struct routes *routes = ctx;
	struct routes_options options = options_of(routes);
	const struct snapshot *snapshot;
	const char *limit = http_request_argument(request, "limit");
	u64 wanted = TOP_LIMIT_DEFAULT;
	char *text = NULL;
	int r;

	if (!host_is_ours(request->host, options.exposition.node_name))
		return refuse_host(body, options.exposition.node_name);
	snapshot = snapshot_box_get(routes->box);
	if (!snapshot)
		return -EAGAIN;
	if (limit && sysroot_parse_u64(limit, &wanted) < 0)
		wanted = TOP_LIMIT_DEFAULT;
	r = top_render(snapshot,
		       &(struct top_options){
			       .limit = (u32)u64_min(wanted, TOP_LIMIT_MAX),
			       .node_name = options.exposition.node_name,
			       .cpu_architecture = options.exposition.cpu_architecture,
		       },
		       &text, &body->size);
	snapshot_unref(snapshot);
	if (r < 0)
		return r;
	body->kind = HTTP_BODY_HEAP;
	body->content_type = "application/json";
	body->data = text;
	return 0;
}

/* An answer to a probe: 200, or 503 and why. */
static int answer_probe(struct http_body *body, const char *failure)
{
	char *text = strdup(failure ? failure : "ok\n");

	if (!text)
		return -ENOMEM;
	body->kind = HTTP_BODY_HEAP;
	body->status = failure ? 503 : 200;
	body->content_type = "text/plain; charset=utf-8";
	body->data = text;
	body->size = strlen(text);
	return 0;
}

/* How long @then is ago on the boot clock. */
static u64 age_ns(u64 then)
{
	u64 now = clock_boot_ns();

	return now > then ? now - then : 0;
}

static int open_ready(void *ctx, const struct http_request *request, struct http_body *body)
{
	struct routes *routes = ctx;
	u64 interval_ns = options_of(routes).interval_ns;
	const struct snapshot *snapshot = snapshot_box_get(routes->box);
	const char *failure = NULL;

	if (!snapshot)
		failure = "not ready: the first tick is not complete\n";
	else if (age_ns(snapshot->boot_ns) > 3 * interval_ns + interval_ns / 2)
		failure = "not ready: three ticks were missed\n";
	snapshot_unref(snapshot);
	return answer_probe(body, failure);
}

static int open_health(void *ctx, const struct http_request *request, struct http_body *body)
{
	struct routes *routes = ctx;
	u64 limit_ns = u64_max(STUCK_MIN_NS, 5 * options_of(routes).interval_ns);
	u64 last_ns = snapshot_box_last_tick_ns(routes->box);
	const char *failure = NULL;

	if (last_ns == 0 && age_ns(routes->start_ns) > START_MAX_NS)
		failure = "unhealthy: the sampler has not begun its first tick\n";
	else if (last_ns != 0 && age_ns(last_ns) > limit_ns)
		failure = "unhealthy: the sampler is stuck\n";
	return answer_probe(body, failure);
}

static int open_asset(void *ctx, const struct http_request *request, struct http_body *body)
{
	const struct page_file *file = ctx;
	const struct web_asset *asset = file->asset;
	struct routes_options options = options_of(file->routes);

	if (!host_is_ours(request->host, options.exposition.node_name))
		return refuse_host(body, options.exposition.node_name);
	body->kind = HTTP_BODY_STATIC;
	body->content_type = asset->content_type;
	body->data = asset->data;
	body->size = asset->size;
	body->immutable = true;
	return 0;
}

static void add_route(struct routes *routes, struct http_route route)
{
	routes->table[routes->count++] = route;
}

static void set_options(struct routes *routes, const struct routes_options *options)
{
	struct exposition_options *exposition = &routes->options.exposition;

	routes->options = *options;
	snprintf(exposition->revision, sizeof(exposition->revision), "%s", KEPLER_REVISION);
}

struct routes *routes_new(struct snapshot_box *box, const struct routes_options *options)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	routes->box = box;
	set_options(routes, options);
	routes->start_ns = clock_boot_ns();
	pthread_mutex_init(&routes->lock, NULL);
	memcpy(routes->metrics_path, options->metrics_path, sizeof(routes->metrics_path));
	routes->metrics_path[sizeof(routes->metrics_path) - 1] = '\0';
	/* first, so that it wins where it is set to a path of ours */
	add_route(routes, (struct http_route){ .path = routes->metrics_path,
					       .open = open_metrics,
					       .ctx = routes,
					       .stream = true });
	add_route(routes,
		  (struct http_route){ .path = "/api/v1/top", .open = open_top, .ctx = routes });
	add_route(routes,
		  (struct http_route){ .path = "/readyz", .open = open_ready, .ctx = routes });
	add_route(routes,
		  (struct http_route){ .path = "/healthz", .open = open_health, .ctx = routes });
	for (u32 i = 0; i < WEB_ASSETS; i++) {
		routes->file[i] = (struct page_file){ routes, &web_assets[i] };
		add_route(routes, (struct http_route){ .path = web_assets[i].path,
						       .open = open_asset,
						       .ctx = &routes->file[i] });
	}
	return routes;
}

struct routes *routes_free(struct routes *routes)
{
	if (routes)
		pthread_mutex_destroy(&routes->lock);
	free(routes);
	return NULL;
}

const struct http_route *routes_table(const struct routes *routes, u32 *count)
{
	*count = routes->count;
	return routes->table;
}

void routes_set_server(struct routes *routes, struct http_server *server)
{
	routes->server = server;
}

void routes_set_options(struct routes *routes, const struct routes_options *options)
{
	pthread_mutex_lock(&routes->lock);
	set_options(routes, options);
	pthread_mutex_unlock(&routes->lock);
}
