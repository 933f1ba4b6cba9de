// SPDX-License-Identifier: Apache-2.0
#include "meter/redfish_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* A counter in larger steps, without a power beside it, stands still for many minutes: 0.01 kWh. */
#define STEP_MAX_UJ (36000 * UJ_PER_J)

static void cleanup_json(json_t **doc)
{
	json_decref(*doc);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

/* One chassis of the BMC while it is looked at. */
struct candidate {
	struct redfish_path path;
	struct redfish_chassis links;
	struct redfish_source source;
	bool tells; /* source is its power */
	u32 parent; /* the candidate that it is in, or REDFISH_MEMBERS_MAX */
};

struct search {
	struct redfish_bmc *bmc;
	u32 count;
	struct candidate candidate[REDFISH_MEMBERS_MAX];
	struct redfish_trouble trouble; /* the first that hid a source */
};

static void (*const readers[REDFISH_KINDS])(const json_t *, struct redfish_value *) = {
	[REDFISH_ENVIRONMENT] = redfish_read_environment,
	[REDFISH_SUPPLIES] = redfish_read_supply,
	[REDFISH_CONTROL] = redfish_read_control,
	[REDFISH_INPUTS] = redfish_read_inputs,
};

const char *redfish_kind_name(enum redfish_kind kind)
{
	static const char *const names[REDFISH_KINDS] = {
		"EnvironmentMetrics",
		"PowerSubsystem/PowerSupplies",
		"PowerControl",
		"PowerSupplies",
	};

	return names[kind];
}

/* Adds what one more document says: of a sum everything must be known. */
static void add_value(struct redfish_value *sum, const struct redfish_value *value, bool first)
{
	sum->has_power = value->has_power && (first || sum->has_power);
	sum->has_energy = value->has_energy && (first || sum->has_energy);
	sum->power_uw += value->power_uw;
	sum->energy_uj += value->energy_uj;
	sum->step_uj = u64_max(sum->step_uj, value->step_uj);
	sum->others += value->others;
}

enum redfish_fault redfish_measure(struct redfish_bmc *bmc, struct redfish_source *source)
{
	struct redfish_value sum = { 0 }, value;
	struct redfish_trouble *trouble;

	for (u32 i = 0; i < source->documents.count; i++) {
		_cleanup_json_ json_t *doc = NULL;
		enum redfish_fault fault = redfish_bmc_get(bmc, &source->documents.path[i], &doc);

		if (fault != REDFISH_FINE)
			return fault;
		readers[source->kind](doc, &value);
		add_value(&sum, &value, i == 0);
	}
	sum.has_power = sum.has_power && sum.power_uw > 0;
	sum.has_energy = sum.has_energy && (sum.has_power || sum.step_uj <= STEP_MAX_UJ);
	if (sum.has_power || sum.has_energy) {
		source->value = sum;
		source->taken_ns = clock_boot_ns();
		source->awake_ns = clock_read_ns(CLOCK_MONOTONIC);
		return REDFISH_FINE;
	}
	trouble = redfish_bmc_trouble(bmc);
	*trouble = (struct redfish_trouble){ .fault = REDFISH_NOTHING };
	if (source->documents.count)
		trouble->path = source->documents.path[0];
	return REDFISH_NOTHING;
}

/* The Metrics of each supply that is in its bay. */
static enum redfish_fault list_supplies(struct redfish_bmc *bmc, const struct redfish_path *at,
					struct redfish_list *metrics)
{
	_cleanup_json_ json_t *doc = NULL;
	struct redfish_list supplies;
	enum redfish_fault fault = redfish_bmc_get(bmc, at, &doc);

	memset(metrics, 0, sizeof(*metrics));
	if (fault != REDFISH_FINE)
		return fault;
	redfish_read_members(doc, &supplies);
	for (u32 i = 0; i < supplies.count; i++) {
		_cleanup_json_ json_t *supply = NULL;

		fault = redfish_bmc_get(bmc, &supplies.path[i], &supply);
		if (fault != REDFISH_FINE)
			return fault;
		if (redfish_read_vacant(supply))
			continue;
		redfish_read_link(supply, "Metrics", &metrics->path[metrics->count]);
		/* A sum without one of them would be wrong. */
		if (!metrics->path[metrics->count++].text[0])
			return REDFISH_NOTHING;
	}
	return supplies.left_out ? REDFISH_NOTHING : REDFISH_FINE;
}

/* Fills in what has to be read for a source of this kind; REDFISH_NOTHING: there is none. */
static enum redfish_fault list_documents(struct redfish_bmc *bmc, struct candidate *c,
					 enum redfish_kind kind)
{
	_cleanup_json_ json_t *doc = NULL;
	const struct redfish_path *at = kind == REDFISH_ENVIRONMENT ? &c->links.environment
					: kind == REDFISH_SUPPLIES  ? &c->links.subsystem
								    : &c->links.power;
	struct redfish_list *documents = &c->source.documents;
	struct redfish_path supplies;
	enum redfish_fault fault;

	c->source.kind = kind;
	memset(documents, 0, sizeof(*documents));
	if (!at->text[0])
		return REDFISH_NOTHING;
	if (kind != REDFISH_SUPPLIES) {
		documents->path[documents->count++] = *at;
		return REDFISH_FINE;
	}
	fault = redfish_bmc_get(bmc, at, &doc);
	if (fault != REDFISH_FINE)
		return fault;
	redfish_read_link(doc, "PowerSupplies", &supplies);
	return supplies.text[0] ? list_supplies(bmc, &supplies, documents) : REDFISH_NOTHING;
}

/* Remembers why something could not be read, should nothing else be found. */
static void remember(struct search *s, enum redfish_fault fault)
{
	if (fault != REDFISH_NOTHING && s->trouble.fault == REDFISH_FINE)
		s->trouble = *redfish_bmc_trouble(s->bmc);
}

/* Tries the sources of a chassis in their order. Fails when the BMC is not to be asked any more. */
static enum redfish_fault try_sources(struct search *s, struct candidate *c)
{
	for (u32 kind = 0; kind < REDFISH_KINDS && !c->tells; kind++) {
		enum redfish_fault fault = list_documents(s->bmc, c, (enum redfish_kind)kind);

		if (fault == REDFISH_FINE)
			fault = redfish_measure(s->bmc, &c->source);
		c->tells = fault == REDFISH_FINE;
		if (!c->tells && !redfish_fault_is_local(fault))
			return fault;
		if (!c->tells)
			remember(s, fault);
	}
	return REDFISH_FINE;
}

static enum redfish_fault look_at(struct search *s, struct candidate *c)
{
	_cleanup_json_ json_t *doc = NULL;
	enum redfish_fault fault = redfish_bmc_get(s->bmc, &c->path, &doc);

	if (fault != REDFISH_FINE) {
		remember(s, fault);
		return redfish_fault_is_local(fault) ? REDFISH_FINE : fault;
	}
	redfish_read_chassis(doc, &c->links);
	c->source.systems = c->links.systems;
	return try_sources(s, c);
}

static bool names(const struct redfish_list *list, const struct redfish_path *path)
{
	for (u32 i = 0; i < list->count; i++) {
		if (redfish_path_same(&list->path[i], path))
			return true;
	}
	return false;
}

/* Either of the two says so, or both. */
static void find_parents(struct search *s)
{
	for (u32 i = 0; i < s->count; i++) {
		struct candidate *c = &s->candidate[i];

		c->parent = REDFISH_MEMBERS_MAX;
		for (u32 p = 0; p < s->count; p++) {
			const struct candidate *other = &s->candidate[p];

			if (p != i && (redfish_path_same(&c->links.contained_by, &other->path) ||
				       names(&other->links.contains, &c->path)))
				c->parent = p;
		}
	}
}

/* Steps are counted: chassis may claim to be inside of one another. */
static bool is_inside(const struct search *s, u32 index)
{
	u32 at = s->candidate[index].parent;

	for (u32 steps = 0; at < s->count && at != index && steps < s->count; steps++) {
		if (s->candidate[at].tells)
			return true;
		at = s->candidate[at].parent;
	}
	return false;
}

static void add_name(char *names_text, size_t size, const char *name)
{
	size_t len = strlen(names_text);

	snprintf(names_text + len, size - len, "%s%s", len ? ", " : "", name);
}

static void choose(const struct search *s, struct redfish_plan *plan)
{
	for (u32 i = 0; i < s->count; i++) {
		const struct candidate *c = &s->candidate[i];

		if (!c->tells)
			add_name(plan->without, sizeof(plan->without), c->source.id);
		else if (is_inside(s, i))
			add_name(plan->inside, sizeof(plan->inside), c->source.id);
		else
			plan->source[plan->sources++] = c->source;
	}
}

static void take_members(struct search *s, const json_t *collection, const char *only,
			 struct redfish_plan *plan)
{
	struct redfish_list members;

	redfish_read_members(collection, &members);
	plan->chassis = members.count + members.left_out;
	plan->unread = members.left_out;
	for (u32 i = 0; i < members.count; i++) {
		struct candidate *c = &s->candidate[s->count];

		c->path = members.path[i];
		redfish_path_id(&c->path, c->source.id, sizeof(c->source.id));
		if (!only[0] || strcmp(c->source.id, only) == 0)
			s->count++;
	}
}

static enum redfish_fault nothing_found(struct search *s, const char *only,
					const struct redfish_path *collection,
					const struct redfish_plan *plan)
{
	struct redfish_trouble *trouble = redfish_bmc_trouble(s->bmc);

	if (s->trouble.fault != REDFISH_FINE) {
		*trouble = s->trouble;
		return trouble->fault;
	}
	*trouble = (struct redfish_trouble){ .fault = REDFISH_NOTHING, .path = *collection };
	if (only[0] && !s->count)
		snprintf(trouble->text, sizeof(trouble->text), "there is no chassis %s", only);
	else
		snprintf(trouble->text, sizeof(trouble->text), "of chassis %.100s", plan->without);
	return REDFISH_NOTHING;
}

enum redfish_fault redfish_find(struct redfish_bmc *bmc, const char *only, struct redfish_plan *out)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	_cleanup_free_ struct redfish_plan *plan = calloc(1, sizeof(*plan));
	_cleanup_json_ json_t *collection = NULL;
	struct redfish_root root;
	enum redfish_fault fault;

	if (!s || !plan)
		return REDFISH_STOPPED;
	s->bmc = bmc;
	fault = redfish_bmc_root(bmc, &root);
	if (fault == REDFISH_FINE)
		fault = redfish_bmc_get(bmc, &root.chassis, &collection);
	if (fault != REDFISH_FINE)
		return fault;
	take_members(s, collection, only, plan);
	for (u32 i = 0; i < s->count && fault == REDFISH_FINE; i++)
		fault = look_at(s, &s->candidate[i]);
	if (fault != REDFISH_FINE)
		return fault;
	find_parents(s);
	choose(s, plan);
	if (!plan->sources)
		return nothing_found(s, only, &root.chassis, plan);
	*out = *plan;
	return REDFISH_FINE;
}
