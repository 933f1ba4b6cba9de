// SPDX-License-Identifier: Apache-2.0
/*
 * Families come in the order of the table. For one that has rows, all that its lines share is
 * prepared once - the text before the labels, and one suffix per variant (mode, domain) behind them
 * - so that a line is three copies and a number.
 */
#include "export/exposition.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "export/number.h"
#include "export/sample.h"
#include "workload/identity.h"

#define PREFETCH_ROWS 4

const char *exposition_content_type(enum exposition_format format)
{
	return format == EXPOSITION_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

void exposition_init(struct exposition *exposition, const struct snapshot *snapshot,
		     const struct exposition_options *options)
{
	exposition->snapshot = snapshot;
	exposition->options = *options;
	label_escape(exposition->node, sizeof(exposition->node), options->node_name);
	exposition->family = 0;
	exposition->started = false;
	exposition->index = 0;
	exposition->variant = 0;
	exposition->ended = false;
	exposition->series = 0;
}

static bool row_shown(const struct snapshot_row *row)
{
	return row->identity && row->exported && row->identity->labels_len <= EXPOSITION_LABELS_MAX;
}

static bool counts_by_bpf(const struct exposition *exposition)
{
	return strcmp(exposition->snapshot->activity_source, "bpf") == 0;
}

/* Whether the family is wanted and this machine can have it at all. */
static bool family_wanted(const struct exposition *exposition, const struct metric_family *family)
{
	if (family->group <= METRIC_VM && !(exposition->options.levels & 1U << family->group))
		return false;
	switch (family->kind) {
	case METRIC_ENERGY:
		return exposition->snapshot->domain[family->arg].present;
	case METRIC_IRQ:
		return exposition->options.irq_counters && counts_by_bpf(exposition);
	case METRIC_PAGE_CACHE:
		return counts_by_bpf(exposition);
	default:
		return true;
	}
}

static void sample_start(struct sample *sample, const struct exposition *exposition, char *line,
			 size_t size)
{
	*sample = (struct sample){
		.exposition = exposition,
		.family = &metric_families[exposition->family],
		.line = line,
		.size = size,
	};
}

/* Whether the family has a series now: a head without series is only noise. */
static bool family_has_series(const struct exposition *exposition,
			      const struct metric_family *family)
{
	char line[EXPOSITION_LINE_MAX];
	struct sample sample;

	if (family->kind != METRIC_SAMPLED) {
		const struct snapshot_rows *rows = &exposition->snapshot->level[family->level];

		for (u32 i = 0; i < rows->count; i++) {
			if (row_shown(&rows->row[i]))
				return true;
		}
		return false;
	}
	for (u32 i = 0;; i++) {
		sample_start(&sample, exposition, line, sizeof(line));
		switch (family->sample(&sample, i)) {
		case SAMPLE_WRITTEN:
			return true;
		case SAMPLE_DONE:
			return false;
		case SAMPLE_SKIPPED:
			break;
		}
	}
}

/* The domains whose quality decides whether the family's numbers are estimates, as bits. */
static u32 family_domains(const struct metric_family *family)
{
	switch (family->kind) {
	case METRIC_ENERGY:
		return 1U << family->arg;
	case METRIC_TOTAL:
		return 1U << DOMAIN_PACKAGE | 1U << DOMAIN_DRAM | 1U << DOMAIN_GPU |
		       1U << DOMAIN_OTHER;
	case METRIC_NAMESPACE:
		return (1U << DOMAIN_MAX) - 1;
	default:
		return family->sample == sample_node_energy ? 1U << family->arg
		       : family->sample == sample_unattributed ||
				       family->sample == sample_self_joules
			       ? (1U << DOMAIN_MAX) - 1
			       : 0;
	}
}

/* The worst quality of what the family shows. */
static enum power_quality family_quality(const struct exposition *exposition,
					 const struct metric_family *family)
{
	enum power_quality worst = QUALITY_MEASURED;
	u32 domains = family_domains(family);

	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		const struct snapshot_domain *domain = &exposition->snapshot->domain[d];

		if ((domains & 1U << d) && domain->present && domain->quality > worst)
			worst = domain->quality;
	}
	return worst;
}

static size_t write_head(const struct exposition *exposition, const struct metric_family *family,
			 char *buf, size_t size)
{
	enum power_quality quality = family_quality(exposition, family);
	size_t name_len = strlen(family->name);
	int len;

	/* OpenMetrics names a family of counters without the suffix of its samples. */
	if (exposition->options.format == EXPOSITION_OPENMETRICS && family->type == METRIC_COUNTER)
		name_len -= strlen("_total");
	len = snprintf(
		buf, size, "# HELP %.*s %s%s%s%s\n# TYPE %.*s %s\n", (int)name_len, family->name,
		family->help,
		quality == QUALITY_MEASURED ? "" : " Estimated on this machine (quality ",
		quality == QUALITY_MEASURED ? "" : quality_name(quality),
		quality == QUALITY_MEASURED ? "" : "; kepler_estimate_error_ratio has the error).",
		(int)name_len, family->name, metric_type_name(family->type));
	return (size_t)len;
}

__attribute__((format(printf, 2, 3))) static void add_variant(struct exposition *exposition,
							      const char *format, ...)
{
	struct exposition_variant *variant = &exposition->variant_of[exposition->variants++];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(variant->suffix, sizeof(variant->suffix), format, args);
	va_end(args);
	variant->suffix_len = (u32)len;
}

static void prepare_namespace(struct exposition *exposition)
{
	for (u32 d = 0; d < DOMAIN_MAX; d++) {
		if (!exposition->snapshot->domain[d].present)
			continue;
		for (u32 mode = 0; mode < MODE_MAX; mode++) {
			exposition->variant_of[exposition->variants].domain = d;
			exposition->variant_of[exposition->variants].mode = mode;
			add_variant(exposition, ",domain=\"%s\",mode=\"%s\"} ", domain_name(d),
				    mode_name(mode));
		}
	}
}

/* What all lines of a family with rows share. */
static void prepare_rows(struct exposition *exposition, const struct metric_family *family)
{
	const char *source = exposition->snapshot->activity_source;
	char node[EXPOSITION_NODE_MAX + 16] = "";

	exposition->variants = 0;
	exposition->prefix_len =
		(u32)snprintf(exposition->prefix, sizeof(exposition->prefix), "%s{", family->name);
	if (exposition->options.node_label)
		snprintf(node, sizeof(node), ",node=\"%s\"", exposition->node);
	if (family->kind == METRIC_NAMESPACE) {
		prepare_namespace(exposition);
		return;
	}
	if (family->kind != METRIC_ENERGY && family->kind != METRIC_TOTAL) {
		add_variant(exposition, ",source=\"%s\"%s} ", source, node);
		return;
	}
	for (u32 mode = 0; mode < MODE_MAX; mode++) {
		struct exposition_variant *variant = &exposition->variant_of[exposition->variants];

		variant->domain = family->arg;
		variant->mode = mode;
		if (family->kind == METRIC_TOTAL)
			add_variant(exposition, ",mode=\"%s\"%s} ", mode_name(mode), node);
		else
			add_variant(exposition, ",mode=\"%s\",source=\"%s\"%s} ", mode_name(mode),
				    exposition->snapshot->domain[family->arg].source, node);
	}
}

static inline char *put(char *out, const char *text, size_t len)
{
	memcpy(out, text, len);
	return out + len;
}

static inline char *put_value(char *out, const struct metric_family *family,
			      const struct account *account,
			      const struct exposition_variant *variant)
{
	switch (family->kind) {
	case METRIC_ENERGY:
	case METRIC_NAMESPACE:
		return number_put_fixed(out, account->energy_uj[variant->mode][variant->domain], 6);
	case METRIC_TOTAL:
		return number_put_fixed(out, account_total_uj(account, variant->mode), 6);
	case METRIC_CPU_MS:
		return number_put_u64(out, account->counter[family->arg] / NSEC_PER_MSEC);
	case METRIC_CPU_US:
		return number_put_u64(out, account->counter[family->arg] / NSEC_PER_USEC);
	default:
		return number_put_u64(out, account->counter[family->arg]);
	}
}

/* The identities lie all over the heap: have the labels on their way before they are needed. */
static inline void prefetch_labels(const struct snapshot_rows *rows, u32 index)
{
	const struct identity *identity;

	if (index >= rows->count)
		return;
	identity = rows->row[index].identity;
	if (!identity)
		return;
	__builtin_prefetch(identity->labels - 2);
	__builtin_prefetch(identity->labels + 62);
	__builtin_prefetch(identity->labels + 126);
}

/* Writes lines of the current family until it ends (*done) or @buf is full; returns the end of the
 * text. */
static char *write_rows(struct exposition *exposition, const struct metric_family *family,
			char *buf, char *end, bool *done)
{
	const struct snapshot_rows *rows = &exposition->snapshot->level[family->level];

	for (; exposition->index < rows->count; exposition->index++) {
		const struct snapshot_row *row = &rows->row[exposition->index];
		const struct identity *identity = row->identity;

		prefetch_labels(rows, exposition->index + PREFETCH_ROWS);
		if (!row_shown(row))
			continue;
		for (; exposition->variant < exposition->variants; exposition->variant++) {
			const struct exposition_variant *variant =
				&exposition->variant_of[exposition->variant];
			u32 comma =
				identity->labels_len == 0; /* then the suffix's own comma goes */

			if ((size_t)(end - buf) < exposition->prefix_len + identity->labels_len +
							  variant->suffix_len + NUMBER_MAX + 1)
				return buf;
			buf = put(buf, exposition->prefix, exposition->prefix_len);
			buf = put(buf, identity->labels, identity->labels_len);
			buf = put(buf, variant->suffix + comma, variant->suffix_len - comma);
			buf = put_value(buf, family, &row->account, variant);
			*buf++ = '\n';
			exposition->series++;
		}
		exposition->variant = 0;
	}
	*done = true;
	return buf;
}

/* The same for a family of samples. */
static char *write_samples(struct exposition *exposition, const struct metric_family *family,
			   char *buf, char *end, bool *done)
{
	while (end - buf >= EXPOSITION_LINE_MAX) {
		struct sample sample;
		enum sample_result result;

		sample_start(&sample, exposition, buf, EXPOSITION_LINE_MAX);
		result = family->sample(&sample, exposition->index);
		if (result == SAMPLE_DONE) {
			*done = true;
			return buf;
		}
		exposition->index++;
		if (result == SAMPLE_WRITTEN) {
			buf += sample.len;
			exposition->series++;
		}
	}
	return buf;
}

static void next_family(struct exposition *exposition)
{
	exposition->family++;
	exposition->started = false;
	exposition->index = 0;
	exposition->variant = 0;
}

/* Goes on with the current family; false: @buf is full. */
static bool write_family(struct exposition *exposition, char **buf, char *end)
{
	const struct metric_family *family = &metric_families[exposition->family];
	bool done = false;

	if (!exposition->started) {
		if (!family_wanted(exposition, family) || !family_has_series(exposition, family)) {
			next_family(exposition);
			return true;
		}
		if (end - *buf < EXPOSITION_LINE_MAX)
			return false;
		*buf += write_head(exposition, family, *buf, EXPOSITION_LINE_MAX);
		if (family->kind != METRIC_SAMPLED)
			prepare_rows(exposition, family);
		exposition->started = true;
	}
	if (family->kind == METRIC_SAMPLED)
		*buf = write_samples(exposition, family, *buf, end, &done);
	else
		*buf = write_rows(exposition, family, *buf, end, &done);
	if (done)
		next_family(exposition);
	return done;
}

size_t exposition_read(struct exposition *exposition, char *buf, size_t size)
{
	char *at = buf;
	char *end = buf + size;

	while (exposition->family < metric_families_count) {
		if (!write_family(exposition, &at, end))
			return (size_t)(at - buf);
	}
	if (!exposition->ended && exposition->options.format == EXPOSITION_OPENMETRICS) {
		static const char eof[] = "# EOF\n";

		if ((size_t)(end - at) < sizeof(eof))
			return (size_t)(at - buf);
		at = put(at, eof, sizeof(eof) - 1);
	}
	exposition->ended = true;
	return (size_t)(at - buf);
}
