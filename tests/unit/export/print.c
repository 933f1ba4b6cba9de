// SPDX-License-Identifier: Apache-2.0
/* Prints the exposition of a synthetic snapshot: print text|openmetrics|markdown [processes]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/exposition.h"
#include "fixture.h"

int main(int argc, char **argv)
{
	static struct exposition exposition;
	static char buf[EXPOSITION_LINE_MAX * 2];
	struct exposition_options options = {
		.levels =
			EXPOSITION_NODE | EXPOSITION_CONTAINER | EXPOSITION_PROCESS | EXPOSITION_VM,
		.node_label = true,
		.irq_counters = true,
		.node_name = "node-1",
		.cpu_architecture = "Skylake",
		.http_cut = { { "connection_limit", 0 }, { "header_timeout", 1 } },
	};
	struct snapshot *snapshot;
	size_t len;

	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "markdown") == 0) {
		metrics_print_markdown(stdout);
		return 0;
	}
	if (strcmp(argv[1], "openmetrics") == 0)
		options.format = EXPOSITION_OPENMETRICS;
	snapshot = argc > 2 ? fixture_big((u32)atoi(argv[2])) : fixture_small();
	exposition_init(&exposition, snapshot, &options);
	while ((len = exposition_read(&exposition, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, len, stdout);
	fixture_free(snapshot);
	return 0;
}
