// SPDX-License-Identifier: Apache-2.0
/*
 * The meter of BMCs on its own, for check_redfish.py: told on standard input when to poll, it says
 * what it got, one JSON object per line.
 *
 *	redfish_poller [url=U] [file=F] [node=N] [ca=F] [insecure] [interval=MS] [library=NAME]
 *
 *	poll		one poll, whether it is due or not
 *	run MS		polls when they are due, for so long
 *	stop MS		in so long a time, whatever is under way is told to stop
 */
#include <dlfcn.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "meter/meter_ops.h"

static struct meter_slots slots;
static struct meter_sample sample;
static struct slow_stop stop;
static const char *library; /* the only one that there is, "" none; NULL: what the machine has */

void *__wrap_dlopen(const char *name, int flags);
void *__real_dlopen(const char *name, int flags);

void *__wrap_dlopen(const char *name, int flags)
{
	return !library || strcmp(library, name) == 0 ? __real_dlopen(name, flags) : NULL;
}

static void take_option(struct redfish_options *options, const char *arg)
{
	const char *value = strchr(arg, '=');

	value = value ? value + 1 : "";
	if (strncmp(arg, "url=", 4) == 0)
		options->url = value;
	if (strncmp(arg, "file=", 5) == 0)
		options->credentials_file = value;
	if (strncmp(arg, "node=", 5) == 0)
		options->node_name = value;
	if (strncmp(arg, "ca=", 3) == 0)
		options->ca_file = value;
	if (strncmp(arg, "library=", 8) == 0)
		library = value;
	if (strcmp(arg, "insecure") == 0)
		options->insecure = true;
	if (strncmp(arg, "interval=", 9) == 0)
		options->interval_ns = strtoull(value, NULL, 10) * NSEC_PER_MSEC;
}

static u64 resident_kb(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (!file || fscanf(file, "%*u %lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (u64)sysconf(_SC_PAGESIZE) / 1024;
}

static json_t *notes_of(const struct meter_report *report)
{
	json_t *list = json_array();

	for (u32 i = 0; i < report->notes; i++) {
		const struct meter_note *note = &report->note[i];

		json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:s}", "severity",
						      (int)note->severity, "code", note->code,
						      "text", note->text, "remedy", note->remedy));
	}
	return list;
}

static json_t *zones_of(void)
{
	json_t *list = json_array();

	for (u32 i = 0; i < sample.zones; i++) {
		const struct sample_zone *z = &sample.zone[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "domain",
				  domain_name(z->zone.domain), "package", z->zone.package, "name",
				  z->zone.name, "status", meter_status_name(z->status), "uj",
				  (json_int_t)z->value_uj, "taken_ns", (json_int_t)z->taken_ns,
				  "epoch", (json_int_t)z->epoch, "period_ns",
				  (json_int_t)z->zone.period_ns));
	}
	return list;
}

static void say(json_t *doc, const struct meter_report *report)
{
	json_object_set_new(doc, "found", json_string(report->found));
	json_object_set_new(doc, "none", json_string(meter_status_name(report->none)));
	json_object_set_new(doc, "notes", notes_of(report));
	json_object_set_new(doc, "resident_kb", json_integer((json_int_t)resident_kb()));
	json_dumpf(doc, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(doc);
}

static void poll_once(void *priv)
{
	struct meter_poll when = { .now_ns = clock_boot_ns(),
				   .awake_ns = clock_read_ns(CLOCK_MONOTONIC),
				   .stop = &stop };
	json_t *doc = json_object();
	u64 end_ns;

	memset(&sample, 0, sizeof(sample));
	meter_redfish.poll(priv, &when, &sample);
	end_ns = clock_boot_ns();
	json_object_set_new(doc, "zones", zones_of());
	json_object_set_new(doc, "took_ms",
			    json_integer((json_int_t)((end_ns - when.now_ns) / NSEC_PER_MSEC)));
	json_object_set_new(doc, "next_ms",
			    json_integer(((json_int_t)sample.next_ns - (json_int_t)end_ns) /
					 (json_int_t)NSEC_PER_MSEC));
	say(doc, &sample.report);
}

static void run(void *priv, u64 ms)
{
	u64 end_ns = clock_boot_ns() + ms * NSEC_PER_MSEC;

	while (clock_boot_ns() < end_ns) {
		if (clock_boot_ns() >= sample.next_ns)
			poll_once(priv);
		poll(NULL, 0, 10);
	}
	puts("{\"done\": true}");
	fflush(stdout);
}

static void *stop_later(void *arg)
{
	u64 one = 1;

	poll(NULL, 0, (int)(intptr_t)arg);
	if (write(stop.fd, &one, sizeof(one)) < 0)
		abort();
	return NULL;
}

static void obey(void *priv, const char *line)
{
	u64 ms = strtoull(line + strcspn(line, " "), NULL, 10);
	pthread_t thread;

	if (strncmp(line, "poll", 4) == 0)
		poll_once(priv);
	if (strncmp(line, "run", 3) == 0)
		run(priv, ms);
	if (strncmp(line, "stop", 4) == 0 &&
	    pthread_create(&thread, NULL, stop_later, (void *)(intptr_t)ms) == 0)
		pthread_detach(thread);
}

int main(int argc, char **argv)
{
	struct meter_options options = meter_options_default();
	struct meter meter = { .ops = &meter_redfish, .slots = &slots };
	char line[64];

	options.redfish.interval_ns = 30 * NSEC_PER_SEC;
	for (int i = 1; i < argc; i++)
		take_option(&options.redfish, argv[i]);
	stop.fd = eventfd(0, EFD_CLOEXEC);
	report_begin(&meter.report);
	if (meter_redfish.open(&meter, NULL, &options) < 0)
		return 2;
	say(json_pack("{s:b}", "open", meter.priv != NULL), &meter.report);
	while (meter.priv && fgets(line, sizeof(line), stdin))
		obey(meter.priv, line);
	meter_redfish.close(&meter);
	close(stop.fd);
	return 0;
}
