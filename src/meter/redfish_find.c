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

/* Machines with many GPUs have a chassis for each of their parts. */
#define CHASSIS_MAX 64

/* One chassis of the BMC while it is looked at. */
struct candidate {
	struct redfish_path path;
	char id[48];
	struct redfish_chassis links;
	bool tells;     /* its power is in the plan */
	bool left_out;  /* a sled in it tells its own */
	bool has_sleds; /* and so more than one computer */
	u32 parent;     /* the candidate that it is in, or CHASSIS_MAX */
	u32 rank;       /* those of lower rank are asked first */
};

struct search {
	struct redfish_bmc *bmc;
	struct redfish_plan *plan;
	u32 count;
	struct candidate candidate[CHASSIS_MAX];
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
static enum redfish_fault list_documents(struct redfish_bmc *bmc,
					 const struct redfish_chassis *links,
					 struct redfish_source *source, enum redfish_kind kind)
{
	_cleanup_json_ json_t *doc = NULL;
	const struct redfish_path *at = kind == REDFISH_ENVIRONMENT ? &links->environment
					: kind == REDFISH_SUPPLIES  ? &links->subsystem
								    : &links->power;
	struct redfish_list *documents = &source->documents;
	struct redfish_path supplies;
	enum redfish_fault fault;

	source->kind = kind;
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
	if (fault != REDFISH_NOTHING && s->plan->hidden.fault == REDFISH_FINE)
		s->plan->hidden = *redfish_bmc_trouble(s->bmc);
}

/* Tries the sources of a chassis in their order. Fails when the BMC is not to be asked any more. */
static enum redfish_fault try_sources(struct search *s, struct candidate *c)
{
	struct redfish_source *source = &s->plan->source[s->plan->sources];

	for (u32 kind = 0; kind < REDFISH_KINDS && !c->tells; kind++) {
		enum redfish_fault fault = list_documents(s->bmc, &c->links, source, kind);

		if (fault == REDFISH_FINE)
			fault = redfish_measure(s->bmc, source);
		c->tells = fault == REDFISH_FINE;
		if (!c->tells && !redfish_fault_is_local(fault))
			return fault;
		if (!c->tells)
			remember(s, fault);
	}
	if (!c->tells)
		return REDFISH_FINE;
	memcpy(source->id, c->id, sizeof(source->id));
	source->shared = c->links.systems > 1 || c->has_sleds;
	s->plan->sources++;
	return REDFISH_FINE;
}

static enum redfish_fault read_links(struct search *s, struct candidate *c)
{
	_cleanup_json_ json_t *doc = NULL;
	enum redfish_fault fault = redfish_bmc_get(s->bmc, &c->path, &doc);

	c->parent = CHASSIS_MAX;
	if (fault == REDFISH_FINE) {
		redfish_read_chassis(doc, &c->links);
		return REDFISH_FINE;
	}
	remember(s, fault);
	return redfish_fault_is_local(fault) ? REDFISH_FINE : fault;
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
static void find_parent(struct search *s, struct candidate *c)
{
	for (u32 p = 0; p < s->count; p++) {
		const struct candidate *other = &s->candidate[p];

		if (c != other && (redfish_path_same(&c->links.contained_by, &other->path) ||
				   names(&other->links.contains, &c->path)))
			c->parent = p;
	}
}

/* The next chassis around @c, or NULL. Steps are counted: they may claim to be inside of one
 * another. */
static struct candidate *around(struct search *s, const struct candidate *c, u32 *steps)
{
	return c->parent < s->count && (*steps)++ < s->count ? &s->candidate[c->parent] : NULL;
}

/* Sleds are asked before all else, and what is outside before what is inside. */
static void rank(struct search *s, struct candidate *c)
{
	u32 steps = 0;

	for (struct candidate *at = around(s, c, &steps); at; at = around(s, at, &steps))
		at->has_sleds = at->has_sleds || c->links.sled;
	c->rank = steps + (c->links.sled ? 0 : CHASSIS_MAX + 1);
}

static void leave_out_around(struct search *s, const struct candidate *c)
{
	u32 steps = 0;

	for (struct candidate *at = around(s, c, &steps); at; at = around(s, at, &steps))
		at->left_out = true;
}

static bool is_inside(struct search *s, const struct candidate *c)
{
	u32 steps = 0;

	for (struct candidate *at = around(s, c, &steps); at; at = around(s, at, &steps)) {
		if (at->tells)
			return true;
	}
	return false;
}

static void add_name(char *names_text, size_t size, const char *name)
{
	size_t len = strlen(names_text);

	snprintf(names_text + len, size - len, "%s%s", len ? ", " : "", name);
}

static enum redfish_fault look_at(struct search *s, struct candidate *c)
{
	struct redfish_plan *plan = s->plan;
	enum redfish_fault fault;

	if (c->left_out || is_inside(s, c)) {
		add_name(plan->inside, sizeof(plan->inside), c->id);
		return REDFISH_FINE;
	}
	if (plan->sources == REDFISH_MEMBERS_MAX) {
		plan->unread++;
		return REDFISH_FINE;
	}
	fault = try_sources(s, c);
	if (c->tells && c->links.sled)
		leave_out_around(s, c);
	else if (!c->tells)
		add_name(plan->without, sizeof(plan->without), c->id);
	return fault;
}

static void take_members(struct search *s, const json_t *collection, const char *only)
{
	struct redfish_plan *plan = s->plan;
	struct redfish_path path;

	for (u32 i = 0; redfish_read_member(collection, i, &path); i++) {
		struct candidate *c = &s->candidate[s->count];
		char id[sizeof(c->id)];

		plan->chassis++;
		redfish_path_id(&path, id, sizeof(id));
		if (only[0] && strcmp(id, only) != 0)
			continue;
		if (!id[0] || s->count == CHASSIS_MAX) {
			plan->unread++;
			continue;
		}
		c->path = path;
		memcpy(c->id, id, sizeof(id));
		s->count++;
	}
}

static enum redfish_fault look_at_all(struct search *s)
{
	enum redfish_fault fault = REDFISH_FINE;

	for (u32 i = 0; i < s->count && fault == REDFISH_FINE; i++)
		fault = read_links(s, &s->candidate[i]);
	for (u32 i = 0; i < s->count; i++)
		find_parent(s, &s->candidate[i]);
	for (u32 i = 0; i < s->count; i++)
		rank(s, &s->candidate[i]);
	for (u32 at = 0; at <= 2 * CHASSIS_MAX + 1; at++) {
		for (u32 i = 0; i < s->count && fault == REDFISH_FINE; i++) {
			if (s->candidate[i].rank == at)
				fault = look_at(s, &s->candidate[i]);
		}
	}
	return fault;
}

static enum redfish_fault nothing_found(struct search *s, const char *only,
					const struct redfish_path *collection)
{
	struct redfish_trouble *trouble = redfish_bmc_trouble(s->bmc);

	if (s->plan->hidden.fault != REDFISH_FINE) {
		*trouble = s->plan->hidden;
		return trouble->fault;
	}
	*trouble = (struct redfish_trouble){ .fault = REDFISH_NOTHING, .path = *collection };
	if (only[0] && !s->count)
		snprintf(trouble->text, sizeof(trouble->text), "there is no chassis %s", only);
	else
		snprintf(trouble->text, sizeof(trouble->text), "of chassis %.100s",
			 s->plan->without);
	return REDFISH_NOTHING;
}

enum redfish_fault redfish_find(struct redfish_bmc *bmc, const char *only,
				struct redfish_plan *plan)
{
	_cleanup_free_ struct search *s = calloc(1, sizeof(*s));
	_cleanup_json_ json_t *collection = NULL;
	struct redfish_root root;
	enum redfish_fault fault;

	memset(plan, 0, sizeof(*plan));
	if (!s)
		return REDFISH_STOPPED;
	s->bmc = bmc;
	s->plan = plan;
	fault = redfish_bmc_root(bmc, &root);
	if (fault == REDFISH_FINE)
		fault = redfish_bmc_get(bmc, &root.chassis, &collection);
	if (fault != REDFISH_FINE)
		return fault;
	take_members(s, collection, only);
	fault = look_at_all(s);
	if (fault == REDFISH_FINE && !plan->sources)
		fault = nothing_found(s, only, &root.chassis);
	return fault;
}
