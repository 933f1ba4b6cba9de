// SPDX-License-Identifier: Apache-2.0
/*
 * What the web server offers: the table of paths, each answered from the last published snapshot.
 * Metrics and probes are for everybody; the page and its figures only for who asks by an address,
 * by localhost or by the node's name.
 */
#pragma once

#include "base/types.h"
#include "export/exposition.h"
#include "ledger/snapshot.h"
#include "serve/http.h"

struct routes_options {
	char metrics_path[128];               /* web.telemetry-path */
	u64 interval_ns;                      /* monitor.interval */
	struct exposition_options exposition; /* format, revision and http_cut are filled in */
};

struct routes;

/* Answers from @box, which must outlive the routes. NULL: out of memory. */
struct routes *routes_new(struct snapshot_box *box, const struct routes_options *options);
struct routes *routes_free(struct routes *routes);

/* The table for http_server_new(); lives as long as @routes. */
const struct http_route *routes_table(const struct routes *routes, u32 *count);

/* The server whose cut connections are published; NULL (the start): none. From any thread. */
void routes_set_server(struct routes *routes, struct http_server *server);

/*
 * Takes new options for requests from now on, from any thread. The path of the metrics stays the
 * one the table was made with.
 */
void routes_set_options(struct routes *routes, const struct routes_options *options);
