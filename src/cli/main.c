// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "base/types.h"
#include "cli/commands.h"
#include "config/config.h"
#include "export/metrics.h"
#include "kepler_version.h"

struct command {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(int argc, char **argv);
};

static int command_version(int argc, char **argv)
{
	printf("kepler %s\n", KEPLER_VERSION);
	return 0;
}

static int command_metrics_doc(int argc, char **argv)
{
	metrics_print_markdown(stdout);
	return 0;
}

static int command_config_doc(int argc, char **argv)
{
	if (argc > 0 && strcmp(argv[0], "--markdown") == 0)
		config_print_markdown(stdout);
	else
		config_print_yaml(stdout);
	return 0;
}

static int command_help(int argc, char **argv);

static const struct command commands[] = {
	{ "serve", "[--check] [OPTION]...", "meter this machine and serve the numbers; --check only validates", command_serve },
	{ "doctor", "[OPTION]...", "say what can be measured here, how well, and what would change that", command_doctor },
	{ "config", "", "print an example configuration file with every setting", command_config_doc },
	{ "metrics", "", "print the list of metrics as Markdown", command_metrics_doc },
	{ "version", "", "print the version", command_version },
	{ "help", "", "print this help", command_help },
};

static void print_usage(FILE *out)
{
	fprintf(out, "kepler - joules per process, container, pod and machine\n\nusage:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  kepler %-7s %-22s %s\n", commands[i].name, commands[i].arguments, commands[i].help);
}

static int command_help(int argc, char **argv)
{
	print_usage(stdout);
	printf("\noptions of serve and doctor:\n");
	config_print_help(stdout);
	return 0;
}

/* The flag that stands for a command, after the habit of most programs. */
static const char *command_name(const char *argument)
{
	if (strcmp(argument, "--version") == 0 || strcmp(argument, "-V") == 0)
		return "version";
	if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0)
		return "help";
	return argument;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return command_help(0, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(command_name(argv[1]), commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	fprintf(stderr, "kepler: there is no command \"%s\"\n\n", argv[1]);
	print_usage(stderr);
	return 2;
}
