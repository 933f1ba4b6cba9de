// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

#define SEC 1000000000ULL

/* Strings up to NULL: flags, then variables. */
struct input {
	const char *flags[12];
	const char *env[CONFIG_WARNINGS_MAX + 4];
};

static int load(struct config *config, const struct input *in, struct config_error *error)
{
	char *argv[ARRAY_SIZE(in->flags)];
	char *env[ARRAY_SIZE(in->env)];
	int argc = 0;

	memcpy(argv, in->flags, sizeof(argv));
	memcpy(env, in->env, sizeof(env));
	while (argv[argc])
		argc++;
	return config_load(config, argc, argv, env, error);
}

#define LOAD(config, ...) load(config, &(struct input){ __VA_ARGS__ }, &error)
#define FLAGS(...) .flags = { __VA_ARGS__ }
#define ENV(...) .env = { __VA_ARGS__ }

static char file_path[64];

static int make_dir(void **state)
{
	static char dir[] = "/tmp/kepler-config-XXXXXX";

	if (!mkdtemp(dir))
		return -1;
	snprintf(file_path, sizeof(file_path), "%s/k.yaml", dir);
	*state = dir;
	return 0;
}

static int remove_dir(void **state)
{
	unlink(file_path);
	return rmdir(*state);
}

static void write_file(const char *text)
{
	FILE *out = fopen(file_path, "w");

	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void test_defaults(void **state)
{
	struct config_error error;
	struct config c;
	char host[256];

	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_int_equal(LOAD(&c, FLAGS(NULL)), 0);
	assert_string_equal(c.config_file, "");
	assert_string_equal(c.web_listen_address, "127.0.0.1:28282");
	assert_string_equal(c.web_telemetry_path, "/metrics");
	assert_string_equal(c.host_sysfs, "/sys");
	assert_string_equal(c.host_procfs, "/proc");
	assert_string_equal(c.node_name, host);
	assert_int_equal(c.monitor_interval_ns, SEC);
	assert_int_equal(c.exporter_schemas, CONFIG_SCHEMA_CLASSIC);
	assert_int_equal(c.exporter_levels,
			 CONFIG_LEVEL_NODE | CONFIG_LEVEL_CONTAINER | CONFIG_LEVEL_VM);
	assert_int_equal(c.exporter_retention_ns, 300 * SEC);
	assert_true(c.exporter_node_label);
	assert_true(c.exporter_irq_counters);
	assert_int_equal(c.exporter_max_series, 1000000);
	assert_int_equal(c.attribution_idle, CONFIG_IDLE_USAGE);
	assert_true(c.activity_bpf);
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	assert_int_equal(c.log_format, LOG_FORMAT_TEXT);
	assert_int_equal(c.warning_count, 0);
}

static void test_flags(void **state)
{
	struct config_error error;
	struct config c;

	assert_int_equal(LOAD(&c, FLAGS("--web.listen-address=:0", "--log.level", "warn",
					"--exporter.node-label=false", "--activity.bpf",
					"--monitor.interval", "500ms", "--monitor.interval=2s")),
			 0);
	assert_string_equal(c.web_listen_address, ":0");
	assert_int_equal(c.log_level, LOG_LEVEL_WARN);
	assert_false(c.exporter_node_label);
	assert_true(c.activity_bpf);
	assert_int_equal(c.monitor_interval_ns, 2 * SEC);
	assert_int_equal(LOAD(&c, FLAGS("--node.name=a=b")), 0);
	assert_string_equal(c.node_name, "a=b");
}

/* flag > environment > file > default, one option at each step. */
static void test_precedence(void **state)
{
	struct config_error error;
	struct config c;
	char flag[96];
	char variable[96];

	write_file("monitor.interval: 2s\nlog.level: error\nweb.telemetry-path: /file\n");
	snprintf(flag, sizeof(flag), "--config.file=%s", file_path);
	snprintf(variable, sizeof(variable), "KEPLER_CONFIG_FILE=%s", file_path);
	assert_int_equal(LOAD(&c, FLAGS(flag, "--monitor.interval=4s"),
			      ENV("KEPLER_MONITOR_INTERVAL=3s", "KEPLER_LOG_LEVEL=debug")),
			 0);
	assert_int_equal(c.monitor_interval_ns, 4 * SEC);
	assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(c.web_telemetry_path, "/file");
	assert_string_equal(c.host_procfs, "/proc");
	assert_string_equal(c.config_file, file_path);
	assert_int_equal(LOAD(&c, ENV(variable, "SAMPLE_PERIOD_SEC=7")), 0);
	assert_int_equal(c.monitor_interval_ns, 7 * SEC);
	assert_int_equal(c.log_level, LOG_LEVEL_ERROR);
	/* The flag names another file than the environment. */
	assert_int_equal(LOAD(&c, FLAGS(flag), ENV("KEPLER_CONFIG_FILE=/nowhere/k.yaml")), 0);
	assert_string_equal(c.web_telemetry_path, "/file");
	assert_int_equal(LOAD(&c, ENV("KEPLER_CONFIG_FILE=/nowhere/k.yaml")), -EINVAL);
	assert_non_null(
		strstr(error.text, "/nowhere/k.yaml: the configuration file cannot be opened"));
}

/* A reload with a bad file: the old configuration is untouched, and the next good file counts. */
static void test_reload(void **state)
{
	struct config_error error;
	struct config before;
	struct config c;
	char flag[96];

	snprintf(flag, sizeof(flag), "--config.file=%s", file_path);
	write_file("log.level: warn\nnode.name: one\n");
	assert_int_equal(LOAD(&c, FLAGS(flag)), 0);
	before = c;
	write_file("node.name: two\nlog.levle: info\n");
	assert_int_equal(LOAD(&c, FLAGS(flag)), -EINVAL);
	assert_memory_equal(&c, &before, sizeof(c));
	assert_non_null(strstr(error.text, ":2: unknown key log.levle; the nearest is log.level"));
	write_file("node.name: three\n");
	assert_int_equal(LOAD(&c, FLAGS(flag)), 0);
	assert_string_equal(c.node_name, "three");
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
}

static void test_classic_names(void **state)
{
	struct config_error error;
	struct config c;

	assert_int_equal(LOAD(&c, ENV("NODE_NAME=n1", "METRIC_PATH=/m", "BIND_ADDRESS=0.0.0.0:8888",
				      "PROC_DIR=/host/proc", "SYS_DIR=/host/sys",
				      "SAMPLE_PERIOD_SEC=3", "EXPOSE_IRQ_COUNTER_METRICS=false")),
			 0);
	assert_string_equal(c.node_name, "n1");
	assert_string_equal(c.web_telemetry_path, "/m");
	assert_string_equal(c.web_listen_address, "0.0.0.0:8888");
	assert_string_equal(c.host_procfs, "/host/proc");
	assert_string_equal(c.host_sysfs, "/host/sys");
	assert_int_equal(c.monitor_interval_ns, 3 * SEC);
	assert_false(c.exporter_irq_counters);
	/* The new name wins, wherever it stands, also over a classic value that is not valid. */
	assert_int_equal(LOAD(&c, ENV("KEPLER_NODE_NAME=n2", "NODE_NAME=n1",
				      "SAMPLE_PERIOD_SEC=often", "KEPLER_MONITOR_INTERVAL=9s")),
			 0);
	assert_string_equal(c.node_name, "n2");
	assert_int_equal(c.monitor_interval_ns, 9 * SEC);
	/* Set to nothing is not set. */
	assert_int_equal(LOAD(&c, ENV("KEPLER_NODE_NAME=", "NODE_NAME=n1",
				      "BIND_ADDRESS=", "KEPLER_LOG_LEVEL=")),
			 0);
	assert_string_equal(c.node_name, "n1");
	assert_string_equal(c.web_listen_address, "127.0.0.1:28282");
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
}

static void test_classic_levels(void **state)
{
	struct config_error error;
	struct config c;
	char flag[96];

	assert_int_equal(LOAD(&c, ENV("ENABLE_PROCESS_METRICS=true")), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_NODE | CONFIG_LEVEL_CONTAINER |
						    CONFIG_LEVEL_PROCESS | CONFIG_LEVEL_VM);
	assert_int_equal(LOAD(&c, ENV("EXPOSE_CONTAINER_METRICS=False", "EXPOSE_VM_METRICS=false")),
			 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_NODE);
	assert_int_equal(LOAD(&c, ENV("ENABLE_PROCESS_METRICS=true", "KEPLER_EXPORTER_LEVELS=vm")),
			 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_VM);
	assert_int_equal(
		LOAD(&c, FLAGS("--exporter.levels=node"), ENV("ENABLE_PROCESS_METRICS=true")), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_NODE);
	write_file("exporter.levels: [container]\n");
	snprintf(flag, sizeof(flag), "--config.file=%s", file_path);
	assert_int_equal(LOAD(&c, FLAGS(flag), ENV("ENABLE_PROCESS_METRICS=true")), 0);
	assert_int_equal(c.exporter_levels, CONFIG_LEVEL_CONTAINER | CONFIG_LEVEL_PROCESS);
	assert_int_equal(LOAD(&c, FLAGS(flag), ENV("EXPOSE_CONTAINER_METRICS=false")), -EINVAL);
	assert_non_null(strstr(error.text, "nothing is left to export"));
}

static void check_error(const struct input *in, const char *const *parts)
{
	struct config_error error;
	struct config c;
	struct config untouched;

	memset(&c, 0x5a, sizeof(c));
	untouched = c;
	assert_int_equal(load(&c, in, &error), -EINVAL);
	assert_memory_equal(&c, &untouched, sizeof(c));
	for (; *parts; parts++)
		if (!strstr(error.text, *parts))
			fail_msg("\"%s\" is not in: %s", *parts, error.text);
}

#define CHECK_ERROR(in, ...) \
	check_error(&(struct input){ in }, (const char *const[]){ __VA_ARGS__, NULL })

static void test_errors(void **state)
{
	CHECK_ERROR(FLAGS("--log.level=loud"), "flag --log.level: \"loud\" is not valid",
		    "expected debug, info, warn or error", "for example: --log.level=debug");
	CHECK_ERROR(FLAGS("--web.listen=:1"), "unknown flag --web.listen;",
		    "the nearest is --web.listen-address");
	CHECK_ERROR(FLAGS("--interval=1s"), "the nearest is --monitor.interval");
	CHECK_ERROR(FLAGS("--log.level"), "flag --log.level: the value is missing");
	CHECK_ERROR(FLAGS("--log.level="), "log.level has no value");
	CHECK_ERROR(FLAGS("--activity.bpf", "false"), "unexpected argument \"false\"");
	CHECK_ERROR(FLAGS("-log.level=info"), "unexpected argument \"-log.level=info\"");
	CHECK_ERROR(FLAGS("--"), "unexpected argument \"--\"");
	CHECK_ERROR(FLAGS("--=x"), "unknown flag --;");
	CHECK_ERROR(FLAGS("--node.name=a\nb"), "\"a?b\" is not valid");
	CHECK_ERROR(ENV("KEPLER_MONITOR_INTERVAL=5"),
		    "environment variable KEPLER_MONITOR_INTERVAL: \"5\" is not valid",
		    "needs a unit", "for example: KEPLER_MONITOR_INTERVAL=1s");
	CHECK_ERROR(ENV("SAMPLE_PERIOD_SEC=3s"), "environment variable SAMPLE_PERIOD_SEC: \"3s\"",
		    "whole seconds", "SAMPLE_PERIOD_SEC=3");
	CHECK_ERROR(ENV("SAMPLE_PERIOD_SEC=0"), "SAMPLE_PERIOD_SEC", "too short");
	CHECK_ERROR(ENV("SAMPLE_PERIOD_SEC=99999"), "SAMPLE_PERIOD_SEC", "too long");
	CHECK_ERROR(ENV("ENABLE_PROCESS_METRICS=maybe"), "ENABLE_PROCESS_METRICS: \"maybe\"",
		    "expected true or false");
	CHECK_ERROR(ENV("METRIC_PATH=metrics"), "environment variable METRIC_PATH",
		    "METRIC_PATH=/metrics");
	CHECK_ERROR(FLAGS("--exporter.schemas=current"), "the schema current is not built yet");
	CHECK_ERROR(FLAGS("--attribution.idle=requests"), "the pods' CPU requests");
	CHECK_ERROR(FLAGS("--config.file=/"), "/: the configuration file is not a regular file");
	CHECK_ERROR(FLAGS("--config.file=/dev/null"), "is not a regular file");
}

/* The longest inputs end in an error of bounded length. */
static void test_long(void **state)
{
	static char flag[5000];
	static char variable[5000];

	memset(flag, 'x', sizeof(flag) - 1);
	memcpy(flag, "--log.level=", strlen("--log.level="));
	CHECK_ERROR(FLAGS(flag), "\"xxxx", "...\" is not valid for log.level");
	memcpy(flag, "--", 2);
	memset(flag + 2, 'x', 20);
	CHECK_ERROR(FLAGS(flag), "unknown flag --xxxx", "...; the nearest is");
	memset(variable, 'Y', sizeof(variable) - 1);
	memcpy(variable, "KEPLER_NODE_NAME=", strlen("KEPLER_NODE_NAME="));
	CHECK_ERROR(ENV(variable), "KEPLER_NODE_NAME", "too long");
}

static void test_warnings(void **state)
{
	struct config_error error;
	struct config c;
	struct input many = { FLAGS(NULL) };

	assert_int_equal(
		LOAD(&c, ENV("KEPLER_SERVICE_HOST=10.0.0.1", "KEPLER_SERVICE_PORT=9102",
			     "KEPLER_SERVICE_PORT_HTTP=9102", "KEPLER_PORT=tcp://10.0.0.1:9102",
			     "KEPLER_PORT_9102_TCP_ADDR=10.0.0.1", "KEPLER=1", "KEPLERX_Y=1",
			     "noequals")),
		0);
	assert_int_equal(c.warning_count, 0);
	assert_int_equal(LOAD(&c, ENV("KEPLER_LOG_LEVLE=debug")), 0);
	assert_int_equal(c.warning_count, 1);
	assert_non_null(strstr(c.warnings[0], "KEPLER_LOG_LEVLE"));
	assert_non_null(strstr(c.warnings[0], "the nearest is KEPLER_LOG_LEVEL"));
	assert_int_equal(c.log_level, LOG_LEVEL_INFO);
	for (size_t i = 0; i < CONFIG_WARNINGS_MAX + 2; i++)
		many.env[i] = "KEPLER_NAMESPACE=kepler";
	assert_int_equal(load(&c, &many, &error), 0);
	assert_int_equal(c.warning_count, CONFIG_WARNINGS_MAX + 2);
	assert_non_null(strstr(c.warnings[CONFIG_WARNINGS_MAX - 1], "KEPLER_NAMESPACE"));
}

/* A pipe that nobody writes to is refused; it must not be waited for. */
static void test_pipe(void **state)
{
	char path[80];
	char flag[96];

	snprintf(path, sizeof(path), "%s/pipe", (const char *)*state);
	snprintf(flag, sizeof(flag), "--config.file=%s", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20); /* ends the test where it does wait */
	CHECK_ERROR(FLAGS(flag), "is not a regular file", "expected a YAML file");
	alarm(0);
	assert_int_equal(unlink(path), 0);
}

static void test_unused(void **state)
{
	static const char *const names[] = { "EXPOSE_CGROUP_METRICS", "EXPOSE_HW_COUNTER_METRICS",
					     "KUBE_CONFIG", "MODEL_SERVER_ENABLE",
					     "EXPOSE_COMPONENT_POWER" };
	struct config_error error;
	struct config c;

	assert_int_equal(
		LOAD(&c, ENV("EXPOSE_CGROUP_METRICS=true", "MODEL_CONFIG=a=b",
			     "EXPOSE_ESTIMATED_IDLE_POWER_METRICS=true", "MODEL_SERVER_ENABLE=1")),
		0);
	assert_int_equal(c.warning_count, 4);
	assert_string_equal(c.warnings[0],
			    "environment variable EXPOSE_CGROUP_METRICS is known but has no effect "
			    "yet (the metrics kepler_container_cgroupfs_...)");
	assert_non_null(strstr(c.warnings[1], "EXPOSE_ESTIMATED_IDLE_POWER_METRICS is known"));
	assert_non_null(strstr(c.warnings[2], "MODEL_SERVER_ENABLE is known"));
	assert_non_null(strstr(c.warnings[3], "MODEL_CONFIG is known"));
	/* What asks for nothing misses nothing. */
	assert_int_equal(LOAD(&c, ENV("EXPOSE_CGROUP_METRICS=False", "ENABLE_API_SERVER=false",
				      "MODEL_CONFIG=", "EXPOSE_COMPONENT_POWER=true")),
			 0);
	assert_int_equal(c.warning_count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct input in = { .env = { NULL } };
		char variable[64];

		snprintf(variable, sizeof(variable), "%s=other", names[i]);
		in.env[0] = variable;
		assert_int_equal(load(&c, &in, &error), 0);
		assert_int_equal(c.warning_count, 1);
		assert_non_null(strstr(c.warnings[0], names[i]));
	}
}

/* The classic exporter's switches of meters, and that a setting of ours wins over them. */
static void test_classic_meters(void **state)
{
	struct config_error error;
	struct config c;

	assert_int_equal(LOAD(&c, ENV("ENABLE_GPU=true", "ENABLE_MSR=false")), 0);
	assert_int_equal(c.meter_gpu.count, 2);
	assert_int_equal(c.meter_cpu.count, 3);
	assert_int_equal(LOAD(&c, ENV("ENABLE_GPU=false", "ENABLE_MSR=true", "ENABLE_QAT=true",
				      "REDFISH_PROBE_INTERVAL_IN_SECONDS=60")),
			 0);
	assert_int_equal(c.meter_gpu.count, 0);
	assert_int_equal(c.meter_cpu.count, 4);
	assert_int_equal(c.meter_cpu.meter[3], CONFIG_METER_RAPL_MSR);
	assert_true(c.meter_qat);
	assert_true(c.redfish_interval_ns == 60 * NSEC_PER_SEC);
	assert_int_equal(LOAD(&c, ENV("ENABLE_MSR=true", "KEPLER_METER_CPU=rapl-msr,hwmon")), 0);
	assert_int_equal(c.meter_cpu.count, 2);
	assert_int_equal(c.meter_cpu.meter[0], CONFIG_METER_RAPL_MSR);
	CHECK_ERROR(ENV("ENABLE_MSR=perhaps"), "ENABLE_MSR", "true or false");
	CHECK_ERROR(FLAGS("--redfish.url=https://root:secret@bmc"), "credentials file",
		    "https://HOST", "\"...@...\"");
	CHECK_ERROR(FLAGS("--redfish.url=root:secret@bmc"), "\"...@...\"");
}

static void test_needs_restart(void **state)
{
	struct config_error error;
	struct config a, b;
	char names[128];

	assert_int_equal(LOAD(&a, FLAGS("--host.sysfs=/a/long/name", "--host.sysfs=/s")), 0);
	assert_int_equal(LOAD(&b, FLAGS("--host.sysfs=/s", "--monitor.interval=9s")), 0);
	config_needs_restart(&a, &b, names, sizeof(names));
	assert_string_equal(names, "");
	assert_int_equal(
		LOAD(&b, FLAGS("--host.sysfs=/t", "--activity.bpf=false",
			       "--exporter.irq-counters=false", "--exporter.max-series=20000")),
		0);
	config_needs_restart(&a, &b, names, sizeof(names));
	assert_string_equal(names,
			    "host.sysfs, activity.bpf, exporter.irq-counters, exporter.max-series");
	config_needs_restart(&a, &b, names, 12);
	assert_string_equal(names, "host.sysfs,");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_flags),
		cmocka_unit_test(test_precedence),    cmocka_unit_test(test_reload),
		cmocka_unit_test(test_classic_names), cmocka_unit_test(test_classic_levels),
		cmocka_unit_test(test_errors),        cmocka_unit_test(test_long),
		cmocka_unit_test(test_warnings),      cmocka_unit_test(test_unused),
		cmocka_unit_test(test_pipe),          cmocka_unit_test(test_classic_meters),
		cmocka_unit_test(test_needs_restart),
	};

	return cmocka_run_group_tests_name("config/config", tests, make_dir, remove_dir);
}
