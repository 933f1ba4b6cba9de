// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's web side around a synthetic machine: server PROCESSES [NAME=VALUE...], with the
 * limits of struct http_options as connections, streams, header_ms, response_ms, stall_ms. Prints
 * its port, then answers each line of standard input with one line, and ends with it:
 *
 *   tick SECONDS   publish a snapshot as if SECONDS ago
 *   connections    how many there are
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/routes.h"
#include "fixture.h"
#include "ledger/snapshot_pool.h"
#include "serve/http.h"
#include "workload/identity.h"

static struct snapshot_box box;

/* What the ledger does: the rows of @from in a snapshot that nobody reads. */
static void publish(struct snapshot *from, u64 age_ns)
{
	struct snapshot *to = snapshot_box_take(&box);
	struct snapshot_rows rows[LEVEL_MAX];

	if (!to)
		abort();
	memcpy(rows, to->level, sizeof(rows));
	*to = *from;
	to->refs = 0;
	to->qat = NULL; /* that is @from's own */
	to->qats = to->qat_capacity = 0;
	memcpy(to->level, rows, sizeof(rows));
	for (u32 level = 0; level < LEVEL_MAX; level++) {
		if (snapshot_rows_fit(&to->level[level], from->level[level].count) < 0)
			abort();
		for (u32 i = 0; i < from->level[level].count; i++) {
			struct snapshot_row *row = &to->level[level].row[i];

			identity_unref(row->identity);
			*row = from->level[level].row[i];
			identity_ref(row->identity);
		}
	}
	to->boot_ns = clock_boot_ns() - age_ns;
	to->unix_ns = clock_unix_ns() - age_ns;
	box.last_tick_ns = to->boot_ns;
	snapshot_box_publish(&box, to);
}

static u64 option(int argc, char **argv, const char *name)
{
	size_t len = strlen(name);

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
			return strtoull(argv[i] + len + 1, NULL, 10);
	}
	return 0;
}

static void answer_lines(struct snapshot *machine, struct http_server *server)
{
	char line[128];

	while (fgets(line, sizeof(line), stdin)) {
		double seconds;

		if (sscanf(line, "tick %lf", &seconds) == 1) {
			fixture_tick(machine, NSEC_PER_SEC);
			publish(machine, (u64)(seconds * 1e9));
			printf("done\n");
		} else {
			printf("%u\n", http_server_connections(server));
		}
		fflush(stdout);
	}
}

static struct http_server *start(struct routes *routes, int argc, char **argv)
{
	struct http_options options = {
		.address = "127.0.0.1:0",
		.connections_max = (u32)option(argc, argv, "connections"),
		.streams_max = (u32)option(argc, argv, "streams"),
		.header_ns = option(argc, argv, "header_ms") * NSEC_PER_MSEC,
		.response_ns = option(argc, argv, "response_ms") * NSEC_PER_MSEC,
		.stall_ns = option(argc, argv, "stall_ms") * NSEC_PER_MSEC,
	};
	struct http_server *server = NULL;
	char error[512];

	options.routes = routes_table(routes, &options.route_count);
	if (http_server_new(&server, &options, error, sizeof(error)) < 0) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	routes_set_server(routes, server);
	return server;
}

int main(int argc, char **argv)
{
	struct routes_options options = {
		.metrics_path = "/metrics",
		.interval_ns = NSEC_PER_SEC,
		.exposition = {
			.levels = EXPOSITION_NODE | EXPOSITION_CONTAINER | EXPOSITION_PROCESS |
				  EXPOSITION_VM,
			.node_label = true,
			.irq_counters = true,
			.node_name = "node-1",
			.cpu_architecture = "Skylake",
		},
	};
	u32 processes = argc > 1 ? (u32)atoi(argv[1]) : 0;
	struct snapshot *machine = processes ? fixture_big(processes) : fixture_small();
	struct http_server *server;
	struct routes *routes;

	snapshot_box_init(&box);
	routes = routes_new(&box, &options);
	if (!routes)
		return 1;
	server = start(routes, argc, argv);
	printf("%u\n", http_server_port(server));
	fflush(stdout);
	answer_lines(machine, server);
	http_server_free(server);
	routes_free(routes);
	snapshot_box_deinit(&box);
	fixture_free(machine);
	return 0;
}
