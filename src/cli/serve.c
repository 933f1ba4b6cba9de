// SPDX-License-Identifier: Apache-2.0
/*
 * kepler serve: the one place that wires rooms together. The main thread ticks; the web server's
 * threads read what it publishes.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>

#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/agent.h"
#include "cli/commands.h"
#include "cli/memory.h"
#include "cli/options.h"
#include "cli/privileges.h"
#include "cli/routes.h"
#include "cli/summary.h"
#include "config/config.h"
#include "meter/cpu_model.h"
#include "serve/address.h"
#include "serve/http.h"

/* The first numbers come after this short tick. */
#define FIRST_TICK_NS (100 * NSEC_PER_MSEC)
/* The tick after which the summary is printed: the first of full length. */
#define SUMMARY_TICK 2
#define TIMER_ACCURACY_US 1000
/* A tick that keeps failing is told of once in so many. */
#define COMPLAIN_TICKS 60

struct serve {
	int argc;
	char **argv;
	struct config config;
	struct sysroot root;
	struct agent *agent;
	struct routes *routes;
	struct http_server *server;
	sd_event *event;
	sd_event_source *timer;
	u64 next_ns;
	u64 ticks;
	u64 failed_ticks;
	char cpu_architecture[64];
	char url[160];
};

static struct agent_options agent_options_of(const struct config *config)
{
	static const enum ledger_idle idle[] = {
		[CONFIG_IDLE_USAGE] = LEDGER_IDLE_USAGE,
		[CONFIG_IDLE_EQUAL] = LEDGER_IDLE_EQUAL,
		[CONFIG_IDLE_NONE] = LEDGER_IDLE_NONE,
	};

	struct agent_options options = {
		.activity = { .bpf = config->activity_bpf,
			      .irq_counters = config->exporter_irq_counters },
		.qat = config->meter_qat,
		.idle = idle[config->attribution_idle],
		.max_series = config->exporter_max_series,
		.retention_ns = config->exporter_retention_ns,
	};

	options_meter(config, &options.meter);
	return options;
}

static u32 exposition_levels(u32 levels)
{
	return (levels & CONFIG_LEVEL_NODE ? EXPOSITION_NODE : 0) |
	       (levels & CONFIG_LEVEL_CONTAINER ? EXPOSITION_CONTAINER : 0) |
	       (levels & CONFIG_LEVEL_PROCESS ? EXPOSITION_PROCESS : 0) |
	       (levels & CONFIG_LEVEL_VM ? EXPOSITION_VM : 0);
}

static struct routes_options routes_options_of(const struct serve *serve)
{
	const struct config *config = &serve->config;
	struct routes_options options = {
		.interval_ns = config->monitor_interval_ns,
		.exposition = {
			.levels = exposition_levels(config->exporter_levels),
			.node_label = config->exporter_node_label,
			.irq_counters = config->exporter_irq_counters,
		},
	};

	snprintf(options.metrics_path, sizeof(options.metrics_path), "%s",
		 config->web_telemetry_path);
	snprintf(options.exposition.node_name, sizeof(options.exposition.node_name), "%s",
		 config->node_name);
	snprintf(options.exposition.cpu_architecture, sizeof(options.exposition.cpu_architecture),
		 "%s", serve->cpu_architecture);
	return options;
}

static void log_warnings(const struct config *config)
{
	for (u32 i = 0; i < config->warning_count && i < CONFIG_WARNINGS_MAX; i++)
		log_warn("%s", config->warnings[i]);
}

static void print_summary(struct serve *serve)
{
	const struct snapshot *snapshot = snapshot_box_get(agent_box(serve->agent));

	if (snapshot)
		summary_print(stdout, snapshot, serve->url, serve->config.web_telemetry_path);
	snapshot_unref(snapshot);
}

static void after_tick(struct serve *serve, int r)
{
	serve->ticks++;
	if (r < 0 && serve->failed_ticks++ % COMPLAIN_TICKS == 0)
		log_warn("a tick was not complete: %s; what it missed comes with the next",
			 strerror(-r));
	if (r == 0)
		serve->failed_ticks = 0;
	if (serve->ticks == 1)
		sd_notify(0, "READY=1");
	if (serve->ticks == SUMMARY_TICK)
		print_summary(serve);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct serve *serve = ctx;
	u64 now_ns;

	after_tick(serve, agent_tick(serve->agent));
	serve->next_ns += serve->config.monitor_interval_ns;
	now_ns = clock_boot_ns();
	/* after a suspend, or a tick longer than the interval, begin anew instead of running behind
	 */
	if (serve->next_ns <= now_ns)
		serve->next_ns = now_ns + serve->config.monitor_interval_ns;
	sd_event_source_set_time(source, serve->next_ns / NSEC_PER_USEC);
	return 0;
}

static int on_ring(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct serve *serve = ctx;

	agent_drain(serve->agent);
	return 0;
}

static int on_end(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct serve *serve = ctx;

	log_info("%s: ending after %llu ticks", strsignal((int)info->ssi_signo),
		 (unsigned long long)serve->ticks);
	return sd_event_exit(serve->event, 0);
}

static void start_timer(struct serve *serve, u64 after_ns)
{
	serve->next_ns = clock_boot_ns() + after_ns;
	sd_event_source_set_time(serve->timer, serve->next_ns / NSEC_PER_USEC);
}

static void warn_fixed(const struct config *before, const struct config *now)
{
	char names[256];

	config_needs_restart(before, now, names, sizeof(names));
	if (names[0])
		log_warn("%s: changes with a restart only", names);
}

/* Of a changed configuration: the rest keeps the values it has. */
static void apply(struct serve *serve, const struct config *fresh)
{
	struct config *config = &serve->config;
	struct agent_options agent;
	struct routes_options routes;

	warn_fixed(config, fresh);
	if (config->monitor_interval_ns != fresh->monitor_interval_ns)
		start_timer(serve, fresh->monitor_interval_ns);
	config->monitor_interval_ns = fresh->monitor_interval_ns;
	config->exporter_levels = fresh->exporter_levels;
	config->exporter_retention_ns = fresh->exporter_retention_ns;
	config->exporter_node_label = fresh->exporter_node_label;
	config->attribution_idle = fresh->attribution_idle;
	config->log_level = fresh->log_level;
	config->log_format = fresh->log_format;
	memcpy(config->node_name, fresh->node_name, sizeof(config->node_name));
	log_setup(config->log_level, config->log_format);
	agent = agent_options_of(config);
	routes = routes_options_of(serve);
	agent_reconfigure(serve->agent, &agent);
	routes_set_options(serve->routes, &routes);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct serve *serve = ctx;
	struct config_error error;
	struct config fresh;
	int r = config_load(&fresh, serve->argc, serve->argv, environ, &error);

	agent_set_reload_result(serve->agent, r == 0);
	if (r < 0) {
		log_error("the configuration was not reloaded and stays as it was: %s", error.text);
		return 0;
	}
	apply(serve, &fresh);
	log_info("the configuration was reloaded");
	return 0;
}

static int open_agent(struct serve *serve)
{
	struct agent_options options = agent_options_of(&serve->config);
	const char *what;
	int r = options_root(&serve->config, &serve->root, &what);

	if (r < 0) {
		log_error(
			"can't open %s: %s; set host.procfs and host.sysfs to where they are mounted",
			what, strerror(-r));
		return r;
	}
	snprintf(serve->cpu_architecture, sizeof(serve->cpu_architecture), "%s",
		 cpu_model_read(&serve->root)->name);
	r = agent_new(&serve->root, &options, &serve->agent, &what);
	if (r == 0) {
		what = "take the first look at the processes";
		r = agent_start(serve->agent);
	}
	if (r < 0)
		log_error("can't %s: %s", what, strerror(-r));
	return r;
}

static bool is_low_port(const char *address)
{
	const char *colon = strrchr(address, ':');
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;

	return port > 0 && port < 1024;
}

static u64 wanted_capabilities(const struct serve *serve)
{
	u64 wanted = agent_capabilities(serve->agent);

	if (is_low_port(serve->config.web_listen_address))
		wanted |= 1ULL << CAP_NET_BIND_SERVICE;
	return wanted;
}

/* What a person types to get here, from what the server was told to listen on. */
static void note_url(struct serve *serve)
{
	const char *address = serve->config.web_listen_address;
	const char *colon = strrchr(address, ':');
	int host_len = colon ? (int)(colon - address) : 0;

	snprintf(serve->url, sizeof(serve->url), "http://%.*s:%u", host_len ? host_len : 9,
		 host_len ? address : "localhost", http_server_port(serve->server));
}

static int open_server(struct serve *serve)
{
	struct routes_options options = routes_options_of(serve);
	struct http_options http = {
		.address = serve->config.web_listen_address,
		.streams_max = SNAPSHOT_READERS_MAX,
	};
	char error[512];
	int r;

	serve->routes = routes_new(agent_box(serve->agent), &options);
	if (!serve->routes)
		return -ENOMEM;
	http.routes = routes_table(serve->routes, &http.route_count);
	r = http_server_new(&serve->server, &http, error, sizeof(error));
	if (r < 0) {
		log_error("%s", error);
		return r;
	}
	routes_set_server(serve->routes, serve->server);
	note_url(serve);
	log_info("listening on %s", serve->url);
	return 0;
}

static int open_events(struct serve *serve)
{
	int fd = agent_poll_fd(serve->agent);
	int r = sd_event_default(&serve->event);

	if (r >= 0)
		r = sd_event_add_signal(serve->event, NULL, SIGTERM, on_end, serve);
	if (r >= 0)
		r = sd_event_add_signal(serve->event, NULL, SIGINT, on_end, serve);
	if (r >= 0)
		r = sd_event_add_signal(serve->event, NULL, SIGHUP, on_reload, serve);
	if (r >= 0 && fd >= 0)
		r = sd_event_add_io(serve->event, NULL, fd, EPOLLIN, on_ring, serve);
	serve->next_ns = clock_boot_ns() + FIRST_TICK_NS;
	if (r >= 0)
		r = sd_event_add_time(serve->event, &serve->timer, CLOCK_BOOTTIME,
				      serve->next_ns / NSEC_PER_USEC, TIMER_ACCURACY_US, on_timer,
				      serve);
	if (r >= 0)
		r = sd_event_source_set_enabled(serve->timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_set_watchdog(serve->event, true);
	if (r < 0)
		log_error("can't set up the event loop: %s", strerror(-r));
	return r < 0 ? r : 0;
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void tell_activity(const struct activity *activity)
{
	const char *detail = activity_detail(activity);
	bool bad = strcmp(activity_source(activity), "bpf") != 0 || strstr(detail, "WARNING");

	log_line(bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "activity by %s: %s",
		 activity_source(activity), detail);
}

static int run(struct serve *serve)
{
	int r;

	memory_keep_small();
	block_signals();
	r = open_agent(serve);
	if (r < 0)
		return r;
	tell_activity(agent_activity(serve->agent));
	r = privileges_drop(wanted_capabilities(serve));
	if (r < 0)
		log_warn("privileges could not be dropped: %s", strerror(-r));
	r = open_server(serve);
	if (r == 0)
		r = open_events(serve);
	if (r < 0)
		return r;
	memory_forget_start();
	r = sd_event_loop(serve->event);
	sd_notify(0, "STOPPING=1");
	return r;
}

static void serve_deinit(struct serve *serve)
{
	http_server_free(serve->server);
	routes_free(serve->routes);
	agent_free(serve->agent);
	sd_event_source_unref(serve->timer);
	sd_event_unref(serve->event);
	sysroot_deinit(&serve->root);
}

/* Takes "--check" out of the arguments; the rest are settings. */
static bool take_check(int *argc, char **argv)
{
	bool found = false;
	int kept = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], "--check") == 0)
			found = true;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return found;
}

int command_serve(int argc, char **argv)
{
	struct serve serve = { .argv = argv, .root = SYSROOT_NULL };
	bool check = take_check(&argc, argv);
	struct config_error error;
	int r;

	serve.argc = argc;
	if (config_load(&serve.config, argc, argv, environ, &error) < 0) {
		fprintf(stderr, "kepler: %s\n", error.text);
		return 2;
	}
	log_setup(serve.config.log_level, serve.config.log_format);
	log_warnings(&serve.config);
	if (check) {
		printf("the configuration is valid\n");
		return 0;
	}
	r = run(&serve);
	serve_deinit(&serve);
	return r < 0 ? 1 : 0;
}
