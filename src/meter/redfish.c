// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's own power as its BMC tells it over the network, by Redfish.
 *
 * Interface: HTTPS with JSON (DMTF DSP0266, DSP0268). Of each chassis the first of these that tells
 * anything (redfish_find.h): EnvironmentMetrics, PowerSubsystem with the Metrics of its power
 * supplies, Power.
 * Unit: watts, with a fraction; energy in kWh or joules where the BMC has it (redfish_track.h).
 * Update rate: BMCs smooth over 1 to 5 s and many keep what they tell for up to 30 s; some refuse
 * to be asked more often. A poll every 30 s sees single moments, then: the mean of two of them is
 * taken for the time between. Wrap: none. A counter that was cleared begins a new epoch.
 * Permission: an account on the BMC that may read (role ReadOnly), and its certificate.
 * Known lies: null or 0 W from firmware that has not measured yet; kWh without decimals; counters
 * that stand still; PowerControl members that are parts of the first one; chassis inside of one
 * another that each tell the same power.
 *
 * What fails is asked again, less and less often (redfish_fault.h). A value that could not be read
 * anew keeps the time when it was taken, by which it grows stale.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "meter/meter_ops.h"
#include "meter/redfish_find.h"
#include "meter/redfish_track.h"

/* All requests of one poll together; looking through a slow BMC may take dozens. */
#define POLL_NS (120 * NSEC_PER_SEC)
/* The second poll comes soon, so that there is a first interval. */
#define SOON_NS (5 * NSEC_PER_SEC)
/* A poll belongs to a tick: a little less than the interval, or it would come a tick later. */
#define EARLY_NS (NSEC_PER_SEC / 10)
/* How long a BMC that needs longer than the interval is left alone after a poll. */
#define REST_NS NSEC_PER_SEC
/* Supplies and chassis come and go: what is read is looked for anew after so many polls. */
#define FIND_POLLS 20
/* For so many intervals the last value stands for one that could not be read. */
#define KEEP_PERIODS 3

struct chassis {
	struct redfish_track track;
	enum meter_status status;
	bool known; /* it has been read */
	u64 taken_ns;
};

struct redfish {
	struct redfish_bmc *bmc;
	char origin[REDFISH_ORIGIN_MAX];
	const char *file, *node; /* of the credentials; of the options' owner */
	bool refused;            /* user or password were, at the last poll */
	char only[48];           /* id of the chassis to be read; "" all that count */
	bool insecure;
	u64 interval_ns;
	struct redfish_plan plan;
	bool planned;
	u32 plans, since_plan, good_polls, failures;
	struct chassis chassis[REDFISH_MEMBERS_MAX]; /* as plan.source */
};

/* Where the chassis @id is in @plan, or REDFISH_MEMBERS_MAX. */
static u32 index_of(const struct redfish_plan *plan, const char *id)
{
	for (u32 i = 0; i < plan->sources; i++) {
		if (strcmp(plan->source[i].id, id) == 0)
			return i;
	}
	return REDFISH_MEMBERS_MAX;
}

static bool same_documents(const struct redfish_source *a, const struct redfish_source *b)
{
	if (a->kind != b->kind || a->documents.count != b->documents.count)
		return false;
	for (u32 i = 0; i < a->documents.count; i++) {
		if (!redfish_path_same(&a->documents.path[i], &b->documents.path[i]))
			return false;
	}
	return true;
}

/*
 * Takes a new plan. What is known of a chassis stays, but where it is read elsewhere now, or by
 * more power supplies, it counts anew: another counter has another past.
 */
static void follow_plan(struct redfish *r, const struct redfish_plan *plan)
{
	struct chassis before[REDFISH_MEMBERS_MAX];

	r->plans++;
	memcpy(before, r->chassis, sizeof(before));
	memset(r->chassis, 0, sizeof(r->chassis));
	for (u32 i = 0; i < plan->sources; i++) {
		u32 b = index_of(&r->plan, plan->source[i].id);

		r->chassis[i].track.interval_ns = r->interval_ns;
		/* Never an epoch of a chassis that was there once, went and came back. */
		r->chassis[i].track.epoch = r->plans << 16;
		if (b < REDFISH_MEMBERS_MAX && same_documents(&r->plan.source[b], &plan->source[i]))
			r->chassis[i] = before[b];
	}
	r->plan = *plan;
}

/* Whether a fault may be why a chassis that counted is not in @plan. */
static bool is_doubtful(const struct redfish *r, const struct redfish_plan *plan)
{
	if (!r->planned || plan->hidden.fault == REDFISH_FINE)
		return false;
	for (u32 i = 0; i < r->plan.sources; i++) {
		if (index_of(plan, r->plan.source[i].id) == REDFISH_MEMBERS_MAX)
			return true;
	}
	return false;
}

static enum redfish_fault find(struct redfish *r)
{
	_cleanup_free_ struct redfish_plan *plan = malloc(sizeof(*plan));
	enum redfish_fault fault;

	if (!plan)
		return REDFISH_STOPPED;
	fault = redfish_find(r->bmc, r->only, plan);
	if (fault != REDFISH_FINE)
		return fault;
	if (is_doubtful(r, plan)) {
		/* Its parts would be counted in its place: the next poll decides. */
		r->planned = false;
		*redfish_bmc_trouble(r->bmc) = plan->hidden;
		return plan->hidden.fault;
	}
	r->planned = true;
	r->since_plan = 0;
	follow_plan(r, plan);
	return REDFISH_FINE;
}

static void take(struct chassis *c, const struct redfish_source *source)
{
	if (!redfish_track_take(&c->track, &source->value, source->awake_ns)) {
		c->status = METER_ABSENT;
		return;
	}
	c->status = METER_OK;
	c->known = true;
	c->taken_ns = source->taken_ns;
}

/* What a zone tells that was not read: for a while, what it told last. */
static void miss(const struct redfish *r, struct chassis *c, enum redfish_fault fault)
{
	u64 now_ns = clock_boot_ns();
	u64 age_ns = now_ns > c->taken_ns ? now_ns - c->taken_ns : 0;
	enum meter_status status = redfish_fault_status(fault);

	if (status == METER_DENIED || age_ns > KEEP_PERIODS * r->interval_ns)
		c->status = status;
}

/* Fails when there is nothing to be had any more, or nothing at all was. */
static enum redfish_fault read_sources(struct redfish *r, struct redfish_trouble *trouble)
{
	u32 good = 0;

	for (u32 i = 0; i < r->plan.sources; i++) {
		enum redfish_fault fault = redfish_measure(r->bmc, &r->plan.source[i]);

		if (fault == REDFISH_FINE) {
			take(&r->chassis[i], &r->plan.source[i]);
			good++;
			continue;
		}
		miss(r, &r->chassis[i], fault);
		*trouble = *redfish_bmc_trouble(r->bmc);
		if (!redfish_fault_is_local(fault))
			break;
	}
	/* It may tell its power elsewhere now. */
	r->planned = r->planned && good > 0;
	return good > 0 && redfish_fault_is_local(trouble->fault) ? REDFISH_FINE : trouble->fault;
}

/* Reads all sources, or finds them. @trouble: what went wrong last. */
static enum redfish_fault ask(struct redfish *r, struct redfish_trouble *trouble)
{
	enum redfish_fault fault;

	if (r->planned && ++r->since_plan < FIND_POLLS)
		return read_sources(r, trouble);
	fault = find(r);
	if (fault == REDFISH_FINE) {
		/* Finding them has read them. */
		for (u32 i = 0; i < r->plan.sources; i++)
			take(&r->chassis[i], &r->plan.source[i]);
		return REDFISH_FINE;
	}
	*trouble = *redfish_bmc_trouble(r->bmc);
	trouble->fault = fault;
	for (u32 i = 0; i < r->plan.sources; i++)
		miss(r, &r->chassis[i], fault);
	return fault;
}

static u64 next_ns(const struct redfish *r, const struct redfish_trouble *trouble, u64 begin_ns)
{
	u64 now_ns = clock_boot_ns();
	u64 pause_ns = r->good_polls == 1 ? u64_min(SOON_NS, r->interval_ns) : r->interval_ns;

	if (r->failures)
		return now_ns +
		       redfish_fault_wait_ns(trouble, r->failures, r->interval_ns, arc4random());
	return u64_max(begin_ns + pause_ns, now_ns + REST_NS) - EARLY_NS;
}

static const char *telling(const struct redfish_track *track)
{
	return track->counting ? "its energy counter" : "power over time";
}

static void note_counter(const struct chassis *c, const char *id, struct meter_report *report)
{
	if (c->track.distrusted)
		report_note(report, METER_WARNING, "counter",
			    "the energy counter of chassis %s contradicts its power: not used", id);
	else if (c->track.coarse && !c->track.counting)
		report_note(
			report, METER_INFO, "coarse",
			"the energy counter of chassis %s has steps of %.4g kJ, which is more than "
			"is used between two polls: power over time is taken instead",
			id, (double)c->track.step_uj / 1e9);
}

static void note_chassis(const struct redfish *r, u32 index, struct meter_report *report)
{
	const struct redfish_source *source = &r->plan.source[index];
	const struct chassis *c = &r->chassis[index];
	struct meter_note *note;

	report_note(report, METER_INFO, "chosen", "chassis %s: %s, %s%s", source->id,
		    redfish_kind_name(source->kind), telling(&c->track),
		    source->value.others ? "; the other members of PowerControl are parts of it"
					 : "");
	note_counter(c, source->id, report);
	if (source->shared) {
		note = report_note(
			report, METER_WARNING, "shared",
			"chassis %s holds several computers: its power is not this one's alone",
			source->id);
		report_remedy(note, "name this computer's own chassis in the credentials file: "
				    "chassis: ID");
	}
}

static void note_plan(const struct redfish *r, struct meter_report *report)
{
	const struct redfish_plan *plan = &r->plan;
	struct meter_note *note;

	if (plan->inside[0])
		report_note(report, METER_INFO, "left-out",
			    "left out, since they are inside of one that counts, or around it: "
			    "chassis %s",
			    plan->inside);
	if (plan->without[0])
		report_note(report, METER_INFO, "no-power", "chassis that tell no power: %s",
			    plan->without);
	if (!plan->unread)
		return;
	note = report_note(report, METER_WARNING, "too-many",
			   "the BMC has %u chassis: %u of them were not looked at", plan->chassis,
			   plan->unread);
	report_remedy(note, "name the right one in the credentials file: chassis: ID");
}

static void note_access(const struct redfish *r, struct meter_report *report)
{
	struct meter_note *note;

	if (redfish_bmc_is_basic(r->bmc))
		report_note(report, METER_INFO, "basic",
			    "the BMC refuses sessions: the password goes with every request");
	if (!r->insecure)
		return;
	note = report_note(report, METER_WARNING, "insecure",
			   "%s is not verified: who sits between reads the password", r->origin);
	report_remedy(note, "name the PEM file of its issuer in redfish.ca-file, and leave "
			    "redfish.insecure");
}

static void describe(const struct redfish *r, const struct redfish_trouble *trouble,
		     struct meter_report *report)
{
	note_access(r, report);
	if (r->planned) {
		report_found(report, "%s, every %llu s:", r->origin,
			     (unsigned long long)(r->interval_ns / NSEC_PER_SEC));
		for (u32 i = 0; i < r->plan.sources; i++) {
			report_append(report, "%s chassis %s by %s", i ? "," : "",
				      r->plan.source[i].id,
				      redfish_kind_name(r->plan.source[i].kind));
			note_chassis(r, i, report);
		}
		note_plan(r, report);
	}
	if (trouble->fault != REDFISH_FINE)
		redfish_fault_describe(trouble, r->origin, report);
}

/* Ids of 16 characters and more are cut; two that are alike then are numbered. */
static void name_zone(const struct redfish *r, u32 index, struct meter_zone *zone)
{
	const char *id = r->plan.source[index].id;

	snprintf(zone->name, sizeof(zone->name), "chassis %.38s", id);
	snprintf(zone->package, sizeof(zone->package), "%.*s", (int)sizeof(zone->package) - 1, id);
	for (u32 i = 0; i < index; i++) {
		if (strncmp(r->plan.source[i].id, id, sizeof(zone->package) - 1) == 0)
			snprintf(zone->package, sizeof(zone->package), "%.27s~%u", id, index % 100);
	}
}

static void tell_zones(const struct redfish *r, struct meter_sample *sample)
{
	for (u32 i = 0; i < r->plan.sources; i++) {
		const struct chassis *c = &r->chassis[i];
		struct meter_zone zone = {
			.domain = DOMAIN_PLATFORM,
			.quality = QUALITY_MEASURED,
			.period_ns = r->interval_ns,
		};
		struct sample_zone *told;

		name_zone(r, i, &zone);
		told = c->known ? sample_add(sample, &zone) : NULL;
		if (!told)
			continue;
		told->status = c->status;
		told->value_uj = c->track.energy_uj;
		told->taken_ns = c->taken_ns;
		told->epoch = c->track.epoch;
	}
}

/* A password that was refused may have been changed in the file since that was read. */
static void read_credentials_again(struct redfish *r)
{
	struct redfish_credentials fresh = { 0 };
	struct meter_report unheard;

	report_begin(&unheard);
	if (r->file[0] && redfish_credentials_load(r->file, r->node, &fresh, &unheard) == 0)
		redfish_bmc_login_as(r->bmc, &fresh);
	redfish_credentials_wipe(&fresh);
}

static void redfish_poll(void *priv, const struct meter_poll *when, struct meter_sample *sample)
{
	struct redfish *r = priv;
	struct redfish_trouble trouble = { .fault = REDFISH_FINE };
	enum redfish_fault fault;

	report_begin(&sample->report);
	redfish_bmc_limit(r->bmc, when->stop, clock_read_ns(CLOCK_MONOTONIC) + POLL_NS);
	if (r->refused)
		read_credentials_again(r);
	fault = ask(r, &trouble);
	r->refused = fault == REDFISH_LOGIN;
	r->failures = fault == REDFISH_FINE ? 0 : r->failures + 1;
	r->good_polls += fault == REDFISH_FINE;
	describe(r, &trouble, &sample->report);
	tell_zones(r, sample);
	sample->next_ns = next_ns(r, &trouble, when->now_ns);
}

static void redfish_close(struct meter *meter)
{
	struct redfish *r = meter->priv;

	if (!r)
		return;
	redfish_bmc_free(r->bmc);
	free(r);
	meter->priv = NULL;
}

static void refuse(struct meter_report *report, const char *code, const char *why,
		   const char *remedy)
{
	report->none = METER_ERROR;
	report_found(report, "not measured: %s", why);
	report_remedy(report_note(report, METER_PROBLEM, code, "%s", why), "%s", remedy);
}

/* Settles whom to ask. Returns false with the reason in @report. */
static bool set_origin(struct redfish *r, const char *url, struct meter_report *report)
{
	bool ready = redfish_http_ready();
	int error = url[0] && ready ? redfish_origin(url, r->origin) : 0;

	if (!ready)
		refuse(report, "libcurl", "libcurl is not installed",
		       "apt-get install libcurl3-gnutls, or libcurl of another distribution");
	else if (!url[0])
		refuse(report, "url", "no address of the BMC is known for this node",
		       "set redfish.url, or give the node a url in the credentials file");
	else if (error == -EPERM)
		refuse(report, "url", "the BMC's URL has a user or a password in it",
		       "move them to the credentials file: user: U, password: P");
	else if (error < 0)
		refuse(report, "url", "the BMC's URL is not one",
		       "write it as https://HOST[:PORT]");
	else if (redfish_origin_is_open(r->origin) && !r->insecure)
		refuse(report, "plain-http",
		       "the BMC's URL is http://: the password would be readable on its way",
		       "use https://; redfish.insecure: true allows it nevertheless");
	else
		return true;
	return false;
}

static bool check_ca(const char *ca_file, struct meter_report *report)
{
	char why[160];

	if (!ca_file[0] || access(ca_file, R_OK) == 0)
		return true;
	snprintf(why, sizeof(why), "redfish.ca-file %.80s cannot be read: %.40s", ca_file,
		 strerror(errno));
	refuse(report, "ca-file", why, "name a PEM file that the agent's user may read");
	return false;
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

/* Readies @r with what the options and the file say. Returns 0, or a negative errno with why. */
static int set_up(struct redfish *r, const struct redfish_options *options,
		  struct redfish_credentials *credentials, struct meter_report *report)
{
	const char *file = text_or_empty(options->credentials_file);
	const char *url = text_or_empty(options->url), *ca_file = text_or_empty(options->ca_file);
	int error = 0;

	r->file = file;
	r->node = text_or_empty(options->node_name);
	if (file[0])
		error = redfish_credentials_load(file, r->node, credentials, report);
	if (error < 0)
		return error;
	credentials->insecure = credentials->insecure || options->insecure;
	r->insecure = credentials->insecure;
	r->interval_ns = u64_max(options->interval_ns, NSEC_PER_SEC);
	memcpy(r->only, credentials->chassis, sizeof(r->only));
	if (!set_origin(r, url[0] ? url : credentials->url, report) || !check_ca(ca_file, report))
		return -EINVAL;
	return redfish_bmc_new(r->origin, ca_file, credentials, &r->bmc);
}

static int redfish_open(struct meter *meter, const struct sysroot *root,
			const struct meter_options *all)
{
	const struct redfish_options *options = &all->redfish;
	struct redfish_credentials credentials = { 0 };
	struct redfish *r;
	int error;

	if (!text_or_empty(options->url)[0] && !text_or_empty(options->credentials_file)[0]) {
		report_found(&meter->report,
			     "not configured: set redfish.credentials-file (or --redfish.url)");
		return 0;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	meter->priv = r;
	error = set_up(r, options, &credentials, &meter->report);
	redfish_credentials_wipe(&credentials);
	if (error == 0) {
		report_found(&meter->report, "asking %s", r->origin);
		return 0;
	}
	redfish_close(meter);
	return error == -ENOMEM ? error : 0;
}

const struct meter_ops meter_redfish = {
	.id = METER_REDFISH,
	.name = "redfish",
	.source = "redfish",
	.description = "power of the machine from its BMC by Redfish",
	.open = redfish_open,
	.poll = redfish_poll,
	.close = redfish_close,
};
